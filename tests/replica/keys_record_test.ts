/** Tests of `src/replica/keys_record.ts`: which files a directory may be used with. @module */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { type ClusterConfig, parseClusterConfig } from "../../src/replica/cluster_config.ts";
import { keysProblem, keysWrite } from "../../src/replica/keys_record.ts";

function configOf(...keyspaces: readonly [name: string, keys: "byte" | "text"][]): ClusterConfig {
  const tables = keyspaces.map(([name, keys]) => [name, { keys }]);
  const parsed = parseClusterConfig({
    cluster: "lab",
    default_keyspace: tables[0]![0],
    replica: [{ id: "r1", address: "127.0.0.1:7411" }],
    keyspace: Object.fromEntries(tables),
  });
  assert(parsed.ok);
  return parsed.value;
}

Deno.test("a new directory may be used with any file, and says which kinds of keys it began with", () => {
  const config = configOf(["main", "byte"], ["words", "text"]);
  assertEquals(keysProblem(undefined, config), undefined);
  const stored = keysWrite(undefined, config)!.value;
  assertEquals(keysProblem(stored, config), undefined);
  assertEquals(keysWrite(stored, config), undefined, "nothing is new");
});

Deno.test("another kind of keys is refused by name, also after the keyspace was left out for a while", () => {
  const first = keysWrite(undefined, configOf(["main", "byte"], ["words", "text"]))!.value;
  const problem = keysProblem(first, configOf(["main", "byte"], ["words", "byte"]));
  assertMatch(problem ?? "", /holds keyspace "words" with text keys, and the file says keys = "byte"; put/);
  const second = keysWrite(first, configOf(["main", "byte"], ["constructor", "text"]))!.value;
  assertMatch(keysProblem(second, configOf(["words", "byte"])) ?? "", /"words" with text keys/);
  assertMatch(keysProblem(second, configOf(["constructor", "byte"])) ?? "", /"constructor" with text keys/);
});
