import { assertEquals } from "@std/assert";
import { type Account, CollectionProof, type ComparedSpace } from "../../src/replication/collection_proof.ts";

const MAIN: ComparedSpace = { name: "main", pairs: [["r1", "r2"], ["r1", "r3"], ["r2", "r3"]] };

function account(id: string, promise: number, agreed: Record<string, number> = {}): Account {
  return {
    epoch: `e of ${id}`,
    promise,
    isRecovering: false,
    foreign: [],
    agreed: Object.fromEntries(
      Object.entries(agreed).map(([peer, stamp]) => [peer, { epoch: `e of ${peer}`, stamp }]),
    ),
  };
}

/** Three that have promised 90, 80 and 95, and agreed on 80, 70 and 75. */
function three(): CollectionProof {
  const proof = new CollectionProof(["r1", "r2", "r3"]);
  proof.onTold("r1", account("r1", 90, { r2: 80, r3: 70 }));
  proof.onTold("r2", account("r2", 80, { r3: 75 }));
  proof.onTold("r3", account("r3", 95));
  return proof;
}

Deno.test("H14: the floor is the least that any pair has agreed on", () => {
  const proof = three();
  assertEquals([proof.floor(MAIN), proof.heldBackBy(MAIN)], [70, []]);
  proof.onTold("r3", account("r3", 95, { r1: 90, r2: 60 }));
  assertEquals(proof.floor(MAIN), 75, "whoever of a pair began the pass that proves more");
});

Deno.test("H14: a pair that was never compared leaves nothing proved, unless it shares no keys", () => {
  const proof = three();
  proof.onTold("r2", account("r2", 80));
  assertEquals(proof.floor(MAIN), 0);
  assertEquals(proof.floor({ name: "main", pairs: [["r1", "r2"], ["r1", "r3"]] }), 70);
});

Deno.test("H14: who holds no key of a keyspace must have promised all the same", () => {
  const proof = three();
  assertEquals(proof.floor({ name: "main", pairs: [["r1", "r2"]] }), 80);
  proof.onTold("r3", account("r3", 50));
  assertEquals(proof.floor({ name: "main", pairs: [["r1", "r2"]] }), 50);
});

Deno.test("H14: an agreement with a directory that is lost proves nothing", () => {
  const proof = three();
  proof.onTold("r2", { ...account("r2", 80, { r3: 75 }), epoch: "another" });
  assertEquals(proof.floor(MAIN), 0);
});

Deno.test("H14: who is unknown, recovering or holds what is not its own holds the floor back, and is named", () => {
  for (
    const told of [
      undefined,
      { ...account("r3", 95), isRecovering: true },
      { ...account("r3", 95), foreign: ["items", "main"] },
    ]
  ) {
    const proof = three();
    proof.onTold("r3", told);
    assertEquals([proof.floor(MAIN), proof.heldBackBy(MAIN)], [0, ["r3"]]);
  }
  const proof = three();
  proof.onTold("r3", { ...account("r3", 95), foreign: ["items"] });
  assertEquals([proof.floor(MAIN), proof.hasForeign(MAIN)], [70, false]);
});

Deno.test("One replica alone needs nobody's agreement", () => {
  const proof = new CollectionProof(["r1"]);
  const space = { name: "main", pairs: [] };
  assertEquals(proof.floor(space), 0);
  proof.onTold("r1", account("r1", 90));
  assertEquals(proof.floor(space), 90);
});
