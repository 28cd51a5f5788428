/** Tests of `src/cli/secret.ts`: which addresses others can reach. Where a secret may stand is tested on real processes. @module */
import { assertEquals } from "@std/assert";
import { openAddressProblem, openFaultsProblem } from "../../src/cli/secret.ts";
import { parseClusterConfig } from "../../src/replica/cluster_config.ts";

function problemOf(replica: Record<string, string>, more: Record<string, unknown> = {}): string | undefined {
  const parsed = parseClusterConfig({ cluster: "lab", keyspace: { main: {} }, replica: [replica], ...more });
  if (!parsed.ok) throw new TypeError(JSON.stringify(parsed.failure));
  return openFaultsProblem(parsed.value) ?? openAddressProblem(parsed.value);
}

Deno.test("An HTTP address that others can reach needs a secret as any other does", () => {
  const wire = { id: "r1", address: "127.0.0.1:7411" };
  assertEquals(problemOf({ ...wire, http: "127.0.0.1:8411" }), undefined);
  assertEquals(
    problemOf({ ...wire, http: "10.0.0.1:8411" }),
    "others can reach r1 10.0.0.1, and no secret is set",
  );
  assertEquals(
    problemOf({ ...wire, http: "10.0.0.1:8411" }, { faults: true }),
    "faults = true, and others can reach r1 10.0.0.1, and no secret is set: anybody could break the cluster",
  );
  assertEquals(
    problemOf({ id: "r1", address: "10.0.0.1:7411", http: "10.0.0.1:8411" }),
    "others can reach r1 10.0.0.1, and no secret is set",
    "a host is named once",
  );
  assertEquals(problemOf({ ...wire, http: "10.0.0.1:8411" }, { secret: "sixteen characters" }), undefined);
});
