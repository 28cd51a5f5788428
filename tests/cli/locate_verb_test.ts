import { assert, assertEquals } from "@std/assert";
import pc from "picocolors";
import { keyspaceOf, type PlacementConfig } from "../../src/cli/holders.ts";
import { keyPlaceOf } from "../../src/cli/key_place.ts";
import { type HolderView, levelsText, locationLines, type LocationView } from "../../src/cli/locate_verb.ts";
import type { WireKey } from "../../src/protocol/request.ts";

// deno-lint-ignore no-boolean-literal-for-arguments
const PLAIN = pc.createColors(false);
const MEMBERS = ["r1", "r2", "r3", "r4"].map((id) => ({ id, host: "127.0.0.1", port: 7411 }));

function viewOf(
  placement: Omit<PlacementConfig, "name">,
  key: WireKey,
  holderOf: (id: string) => Omit<HolderView, "id"> = () => ({ state: "up", held: [] }),
): LocationView {
  const keyspace = keyspaceOf({ name: "ks", ...placement }, MEMBERS);
  const place = keyPlaceOf(keyspace, key);
  assert(place.ok);
  return {
    keyspace,
    place: place.value,
    holders: place.value.preference.map((id) => ({ id, ...holderOf(id) })),
  };
}

Deno.test("locate says token, range and replicas of a key, in the order of preference, and what each one holds", () => {
  const version = { stamp: 3584000000000000, origin: "r4.1f", wall_ms: 1, value: "hello" };
  const view = viewOf(
    { keys: "byte", partitioner: "byte-ordered", replication: 3 },
    "200",
    (id) =>
      id === "r4"
        ? { state: "up", held: [version] }
        : id === "r1"
        ? { state: "recovering", held: [] }
        : { state: "down" },
  );
  assertEquals(locationLines(view, PLAIN), [
    "keyspace ks: byte-ordered, 3 copies",
    "key 200: token 200, in the range 192 to 255",
    "replica  place    state       holds",
    'r4       primary  up          "hello" 3584000000000000 r4',
    "r1       copy 2   recovering  -",
    "r2       copy 3   down        ?",
  ]);
  assertEquals(levelsText(view), "1 of 3 count: enough for ONE");
});

Deno.test("locate says the hash and the cell of a key on a ring, and that full copies have no token", () => {
  const ring = viewOf({ keys: "text", partitioner: "consistent-hash", replication: 2 }, "user:1");
  const { token, preference, holders } = ring.place;
  assert(token.kind === "hash");
  assertEquals(
    token.cell,
    parseInt(token.token.slice(0, 4), 16),
    "the cell is the upper 16 bits of the hash",
  );
  assertEquals([token.token.length, [...preference].sort()], [16, [...holders]]);
  assertEquals(
    locationLines(ring, PLAIN)[1],
    `key user:1: token ${token.token}, in cell ${token.cell} of 65536`,
  );
  const all = viewOf(
    { keys: "text", partitioner: "all", replication: 1 },
    "a\nb",
    () => ({ state: "starting" }),
  );
  assertEquals(locationLines(all, PLAIN).slice(0, 2), [
    "keyspace ks: all, 1 copy",
    "key a\\u000ab: no token, the same replicas hold all keys",
  ]);
  assertEquals(levelsText(all), "0 of 1 count: too few for any level");
});

Deno.test("the ranges of byte-ordered keys touch, and each key lies in its own", () => {
  const keyspace = keyspaceOf(
    { name: "ks", keys: "byte", partitioner: "byte-ordered", replication: 2 },
    MEMBERS,
  );
  const ranges = new Set<string>();
  for (let key = 0; key < 256; key++) {
    const place = keyPlaceOf(keyspace, key);
    assert(place.ok && place.value.token.kind === "byte");
    const { first, last } = place.value.token;
    assert(first <= key && key <= last);
    ranges.add(`${first}-${last} ${place.value.preference.join(" ")}`);
  }
  assertEquals([...ranges], ["0-63 r1 r2", "64-127 r2 r3", "128-191 r3 r4", "192-255 r4 r1"]);
});
