/** Tests of `src/host/faults.ts`, with time and chance in the test's hand. @module */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Faults } from "../../src/host/faults.ts";
import { FAULT_MS_DEFAULT, FAULTS_MAX } from "../../src/protocol/limits.ts";
import { isSilent } from "../../src/transport/obstruction.ts";

/** Faults of r1 of three, and the world around them. */
class Stage {
  nowMs = 1000;
  drawn = 0;
  changeCount = 0;
  #timers: { readonly atMs: number; readonly wake: () => void }[] = [];
  readonly faults = new Faults({
    selfId: "r1",
    memberIds: ["r1", "r2", "r3"],
    nowMs: () => this.nowMs,
    after: (delayMs, wake) => {
      const timer = { atMs: this.nowMs + delayMs, wake };
      this.#timers.push(timer);
      return () => {
        this.#timers = this.#timers.filter((other) => other !== timer);
      };
    },
    draw: () => this.drawn,
    onChange: () => {
      this.changeCount++;
    },
  });

  get timerCount(): number {
    return this.#timers.length;
  }

  pass(passMs: number): void {
    this.nowMs += passMs;
    const due = this.#timers.filter(({ atMs }) => atMs <= this.nowMs);
    this.#timers = this.#timers.filter((timer) => !due.includes(timer));
    for (const { wake } of due) wake();
  }
}

Deno.test("a replica without faults has nothing in the way of anybody, and no timer", () => {
  const { faults, timerCount } = new Stage();
  assertEquals([faults.obstacleTo("r2"), faults.isPaused, faults.skewMs, faults.list()], [
    undefined,
    false,
    0,
    [],
  ]);
  assertEquals(timerCount, 0);
});

Deno.test("each fault ends at its own end, and tells how long it has left", () => {
  const stage = new Stage();
  const { faults } = stage;
  faults.set({ kind: "skew", skew_ms: -5000 }, 300);
  stage.pass(100);
  faults.set({ kind: "pause" }, 100);
  assertEquals(faults.list(), [
    { kind: "skew", skew_ms: -5000, left_ms: 200 },
    { kind: "pause", left_ms: 100 },
  ]);
  assertEquals([faults.isPaused, faults.skewMs], [true, -5000]);
  stage.pass(99);
  assertEquals([faults.isPaused, faults.skewMs], [true, -5000]);
  stage.pass(1);
  assertEquals([faults.isPaused, faults.skewMs], [false, -5000]);
  stage.pass(100);
  assertEquals([faults.skewMs, faults.list(), stage.timerCount, stage.changeCount], [0, [], 0, 4]);
});

Deno.test("cuts add up, and anything else takes the place of its like", () => {
  const { faults } = new Stage();
  faults.set({ kind: "cut", peers: ["r2"], way: "to" }, 100);
  faults.set({ kind: "cut", peers: ["r2", "r3"], way: "from" }, 100);
  faults.set({ kind: "delay", delay_ms: 50 }, 100);
  faults.set({ kind: "delay", delay_ms: 70 }, 100);
  faults.set({ kind: "cut", peers: ["r2"], way: "to" }, 500);
  assertEquals(faults.list().map(({ kind, left_ms }) => `${kind} ${left_ms}`), [
    "cut 100",
    "delay 100",
    "cut 500",
  ]);
  const [to2, to3] = [faults.obstacleTo("r2")!, faults.obstacleTo("r3")!];
  assertEquals([to2.cutsIn, to2.cutsOut, to2.delayMs], [true, true, 70]);
  assertEquals([to3.cutsIn, to3.cutsOut, to3.delayMs], [true, false, 70]);
  assert(isSilent(to2) && isSilent(to3));
});

Deno.test("a clock that is off stands in nobody's way; a pause and a loss do", () => {
  const stage = new Stage();
  const { faults } = stage;
  faults.set({ kind: "skew", skew_ms: 1 }, 100);
  assertEquals(faults.obstacleTo("r2"), undefined);
  faults.set({ kind: "drop", percent: 20 }, 100);
  const obstacle = faults.obstacleTo("r2")!;
  const lost = [0, 0.19, 0.2, 0.99].map((drawn) => {
    stage.drawn = drawn;
    return obstacle.isLost!();
  });
  assertEquals(lost, [true, true, false, false]);
  assert(!isSilent(obstacle));
  faults.set({ kind: "pause" }, 100);
  assert(faults.obstacleTo("r3")!.holds);
});

Deno.test("heal ends all faults at once", () => {
  const stage = new Stage();
  stage.faults.answer({ op: "fault", action: "set", fault: { kind: "pause" } });
  assertEquals(stage.faults.list(), [{ kind: "pause", left_ms: FAULT_MS_DEFAULT }]);
  const healed = stage.faults.answer({ op: "fault", action: "heal" });
  assertEquals(healed, { ok: true, value: { kind: "faults", replica: "r1", faults: [] } });
  assertEquals([stage.faults.isPaused, stage.timerCount, stage.changeCount], [false, 0, 2]);
});

Deno.test("a cut from nobody's peer, from oneself, or one too many is refused with the way out", () => {
  const { faults } = new Stage();
  for (const peer of ["r1", "r9"]) {
    const refusal = faults.set({ kind: "cut", peers: ["r2", peer], way: "both" }, 100);
    assertEquals([refusal?.code, refusal?.message], [
      "malformed_request",
      `"${peer}" is no peer of r1; peers: r2, r3`,
    ]);
  }
  const ways = ["both", "to", "from"] as const;
  for (let count = 0; count < FAULTS_MAX; count++) {
    const peers = new Array<string>(1 + Math.floor(count / 3)).fill("r2");
    assertEquals(faults.set({ kind: "cut", peers, way: ways[count % 3]! }, 100), undefined);
  }
  const refusal = faults.set({ kind: "pause" }, 100);
  assertEquals(refusal?.code, "overloaded");
  assertStringIncludes(refusal!.message, "heal first");
  assertEquals(faults.list().length, FAULTS_MAX);
});
