/** Tests of `src/replication/anti_entropy.ts`: with whom to compare copies, when, and how fast. @module */
import { assert, assertEquals } from "@std/assert";
import { AntiEntropy, type PassEnd } from "../../src/replication/anti_entropy.ts";

function pace(options: { readonly keysPerSecond?: number; readonly draw?: () => number } = {}): AntiEntropy {
  return new AntiEntropy({ intervalMs: 1000, keysPerSecond: 1000, draw: () => 0, ...options });
}

/** When the next pass is due after one that ended at 0. */
function pauseAfter(machine: AntiEntropy, end: PassEnd): number {
  machine.onEnded("r2", { end, differing: 0, beganMs: 0 }, 0);
  for (let ms = 0; ms <= 100_000; ms++) if (machine.duePeer(["r2"], ms) !== undefined) return ms;
  return Infinity;
}

Deno.test("Whoever came alive is due at once, whoever is away never, and who has waited longest is first", () => {
  const machine = pace();
  assertEquals(machine.duePeer(["r2", "r3"], 5), undefined);
  machine.onMet("r3", 5);
  machine.onMet("r2", 6);
  assertEquals(machine.duePeer(["r2", "r3"], 5), "r3");
  assertEquals(machine.duePeer(["r2", "r3"], 9), "r3");
  assertEquals(machine.duePeer(["r2"], 9), "r2");
  machine.onLost("r3");
  assertEquals(machine.duePeer(["r2", "r3"], 9), "r2");
});

Deno.test("A pass is repeated after the interval, sooner where it broke off, later and later where it cannot mend", () => {
  const machine = pace();
  machine.onMet("r2", 0);
  assertEquals(pauseAfter(machine, "agreed"), 1000);
  assertEquals(pauseAfter(machine, "failed"), 500);
  assertEquals(pauseAfter(machine, "busy"), 100);
  assertEquals(
    Array.from({ length: 7 }, () => pauseAfter(machine, "unmended")),
    [2000, 4000, 8000, 16_000, 32_000, 32_000, 32_000],
  );
  machine.onMet("r2", 0);
  assertEquals(pauseAfter(machine, "unmended"), 2000, "a new link begins anew");
  assertEquals(pauseAfter(machine, "agreed"), 1000, "and so does a pass that mends all");
});

Deno.test("Pauses are drawn, and never longer than the interval", () => {
  const machine = pace({ draw: () => 0xffff_ffff });
  machine.onMet("r2", 0);
  assertEquals(pauseAfter(machine, "agreed"), 901);
  assertEquals(pauseAfter(machine, "busy"), 199);
});

Deno.test("One peer at a time is served, until it ends, dies or falls silent", () => {
  const machine = pace();
  assert(machine.isFree(0) && machine.admit("r2", 0) && machine.admit("r2", 10));
  assert(!machine.admit("r3", 20) && !machine.isFree(20));
  machine.release("r3");
  assert(!machine.admit("r3", 20), "who is not served cannot end it");
  machine.release("r2");
  assert(machine.admit("r3", 20));
  machine.onLost("r3");
  assert(machine.admit("r4", 20));
  assert(!machine.admit("r2", 3019) && machine.admit("r2", 3020), "silence ends it");
});

Deno.test("Keys move at the pace that is set, whatever the size of a page", () => {
  const machine = pace();
  let moved = 0;
  for (let ms = 0; ms <= 10_000; ms += 10) {
    if (!machine.mayMove(ms)) continue;
    moved += 700;
    machine.onMoved(700);
  }
  assert(moved >= 10_000 && moved <= 11_400, `${moved} keys in ten seconds at 1000 a second`);
});

Deno.test("What is known of a pair counts from the begin of the pass, whoever began it", () => {
  const machine = pace();
  assertEquals(machine.status("r2", 0), { agreedMsAgo: undefined, differed: undefined });
  machine.onPassed("r2", { differing: 3, isAgreed: true, beganMs: 100 });
  assertEquals(machine.status("r2", 150), { agreedMsAgo: 50, differed: 3 });
  machine.onPassed("r2", { differing: 1, isAgreed: false, beganMs: 200 });
  assertEquals(machine.status("r2", 250), { agreedMsAgo: 150, differed: 1 });
  machine.onEnded("r2", { end: "failed", differing: 9, beganMs: 300 }, 300);
  assertEquals(machine.status("r2", 350), { agreedMsAgo: 250, differed: 1 });
});
