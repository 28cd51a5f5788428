/** Tests of `src/membership/failure_detector.ts`. @module */
import { assertEquals } from "@std/assert";
import { FailureDetector } from "../../src/membership/failure_detector.ts";

function detector(): FailureDetector {
  return new FailureDetector(["r2", "r3"], 1000);
}

Deno.test("Failure detector takes nobody for alive before a link stands", () => {
  const peers = detector();
  assertEquals([peers.isAlive("r2", 0), peers.isLinked("r2"), peers.heardMsAgo("r2", 0)], [
    false,
    false,
    undefined,
  ]);
  peers.onHeard("r2", 10);
  assertEquals(
    [peers.isAlive("r2", 10), peers.heardMsAgo("r2", 15)],
    [false, 5],
    "heard, but cannot be asked",
  );
  peers.onLink("r2", { isUp: true }, 20);
  assertEquals([peers.isAlive("r2", 20), peers.isAlive("r3", 20)], [true, false]);
});

Deno.test("Failure detector gives up a peer exactly at the timeout of silence, and takes it back when it is heard", () => {
  const peers = detector();
  peers.onLink("r2", { isUp: true }, 0);
  assertEquals([peers.isAlive("r2", 999), peers.isAlive("r2", 1000)], [true, false]);
  peers.onHeard("r2", 1500);
  assertEquals([peers.isAlive("r2", 2499), peers.isAlive("r2", 2500)], [true, false]);
});

Deno.test("Failure detector gives up a peer at once when its link breaks, whatever is heard", () => {
  const peers = detector();
  peers.onLink("r2", { isUp: true }, 0);
  peers.onLink("r2", { isUp: false }, 10);
  peers.onHeard("r2", 11);
  assertEquals([peers.isAlive("r2", 11), peers.isLinked("r2")], [false, false]);
});

Deno.test("Failure detector knows no strangers", () => {
  const peers = detector();
  peers.onLink("r9", { isUp: true }, 0);
  peers.onHeard("r9", 0);
  assertEquals([peers.isAlive("r9", 0), peers.heardMsAgo("r9", 0)], [false, undefined]);
});
