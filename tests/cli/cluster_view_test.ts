import { assertEquals } from "@std/assert";
import { ok } from "../../src/base/failure.ts";
import type { Caller } from "../../src/cli/caller.ts";
import { askHoldings } from "../../src/cli/cluster_view.ts";
import { KeyHolders } from "../../src/cli/holders.ts";
import type { Held } from "../../src/protocol/reply.ts";

const PLACES = ["r1", "r2", "r3", "r4"].map((id) => ({ id, host: "127.0.0.1", port: 7411 }));

function held(value: string): Held {
  return { key: 7, versions: [{ stamp: 2048, origin: "r1.e1", wall_ms: 1, value }] };
}

/** Replicas that hold this of key 7. */
function caller(values: Readonly<Record<string, string>>): Pick<Caller, "ask"> {
  return {
    ask: (replica) => {
      const entries = values[replica] === undefined ? [] : [held(values[replica])];
      return Promise.resolve({ replica, result: ok({ kind: "held", replica, entries, more: false }) });
    },
  };
}

Deno.test("What a replica holds that is not to hold the key is no copy, and makes no difference", async () => {
  const holders = new KeyHolders(
    { name: "main", keys: "byte", partitioner: "byte-ordered", replication: 2 },
    PLACES,
  );
  const view = await askHoldings(
    caller({ r1: "x", r2: "x", r4: "left behind" }),
    PLACES,
    undefined,
    [],
    holders,
  );
  assertEquals(view.keys.map(({ held, isEqual }) => [[...held.keys()], isEqual]), [[["r1", "r2"], true]]);
  const other = await askHoldings(caller({ r1: "x", r4: "left behind" }), PLACES, undefined, [], holders);
  assertEquals(other.keys.map(({ isEqual }) => isEqual), [false]);
});
