/** Tests of `src/replica/runner.ts`: in which order a turn's events, effects and flushes come. @module */
import { assertEquals } from "@std/assert";
import type { ByteString } from "../../src/base/bytes.ts";
import type { Store } from "../../src/ports.ts";
import type { Effect } from "../../src/replica/effect.ts";
import type { Event } from "../../src/replica/event.ts";
import { type Machine, Runner } from "../../src/replica/runner.ts";

const NOW = { monotonicMs: 0, wallMs: 0 };
const GET = { kind: "get", key: "k" as ByteString } as const;

/** A runner, and a line for everything that it does. */
function runnerWith(answer: (event: Event) => readonly Effect[]): { runner: Runner; lines: string[] } {
  const lines: string[] = [];
  const machine: Machine = {
    step: (_now, event) => {
      lines.push(`step ${event.kind}`);
      return answer(event);
    },
  };
  const store: Store = {
    submit: (_command, done) => {
      lines.push("submit");
      done({ kind: "got", value: undefined });
    },
    flush: () => void lines.push("store flush"),
    tick: () => {},
  };
  const runner = new Runner(machine, store, {
    now: () => NOW,
    send: () => void lines.push("send"),
    reply: () => void lines.push("reply"),
    flush: () => void lines.push("ports flush"),
    wake: () => void lines.push("wake"),
  });
  return { runner, lines };
}

Deno.test("Runner carries out all effects of an event before the next one, even one that a store answers at once", () => {
  const { runner, lines } = runnerWith((event) =>
    event.kind === "tick"
      ? [
        { kind: "store", ticket: 1, command: GET },
        { kind: "send", envelope: { to: ["r2"], message: { type: "written", round: 1 } } },
      ]
      : []
  );
  runner.feed({ kind: "tick" });
  assertEquals(lines, ["wake", "step tick", "submit", "send", "step stored"]);
});

Deno.test("Runner asks to be woken once a turn, and at its end lets messages leave before the disk syncs", () => {
  const { runner, lines } = runnerWith(() => []);
  runner.feed({ kind: "tick" });
  runner.feed({ kind: "tick" });
  runner.flush();
  runner.feed({ kind: "tick" });
  assertEquals(lines, ["wake", "step tick", "step tick", "ports flush", "store flush", "wake", "step tick"]);
});
