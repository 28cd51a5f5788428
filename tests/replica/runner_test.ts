/** Tests of `src/replica/runner.ts`: in which order a turn's events, effects and flushes come. @module */
import { assert, assertEquals, assertThrows } from "@std/assert";
import type { ByteString } from "../../src/base/bytes.ts";
import type { Store } from "../../src/ports.ts";
import type { Effect } from "../../src/replica/effect.ts";
import type { Event } from "../../src/replica/event.ts";
import { type Machine, Runner } from "../../src/replica/runner.ts";
import { settle } from "../../src/sim/settle.ts";
import { StoreUnderTest, write as storeWrite } from "../storage/store_under_test.ts";

const NOW = { monotonicMs: 0, wallMs: 0 };
const GET = { kind: "get", key: "k" as ByteString } as const;

/** A runner, the commits of its store, and a line for everything that it does. */
function runnerWith(
  answer: (event: Event) => readonly Effect[],
): { runner: Runner; lines: string[]; commits: { commitCount: number; isCommitting: boolean } } {
  const lines: string[] = [];
  const machine: Machine = {
    step: (_now, event) => {
      lines.push(`step ${event.kind}`);
      return answer(event);
    },
  };
  const commits = { commitCount: 0, isCommitting: false };
  const store: Store = {
    get commitCount() {
      return commits.commitCount;
    },
    get isCommitting() {
      return commits.isCommitting;
    },
    submit: (_command, done) => {
      lines.push("submit");
      done({ kind: "got", value: undefined });
    },
    flush: () => void lines.push("store flush"),
    tick: () => {},
  };
  const runner = new Runner(machine, store, {
    now: () => NOW,
    send: ({ message }) => void lines.push(message.type === "write" ? `send ${message.cause}` : "send"),
    reply: () => void lines.push("reply"),
    flush: () => void lines.push("ports flush"),
    wake: () => void lines.push("wake"),
  });
  return { runner, lines, commits };
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

Deno.test("A runner that stands still lets events gather, and takes them in their order when it goes on", () => {
  const { runner, lines } = runnerWith(() => []);
  runner.pause();
  runner.feed({ kind: "link", peer: "r2", state: "heard" });
  runner.feed({ kind: "messages", from: "r2", messages: [] });
  assertEquals(lines, ["wake"]);
  assertThrows(() => runner.pause());
  runner.resume();
  assertEquals(lines, ["wake", "step link", "step messages", "step tick"]);
  runner.feed({ kind: "tick" });
  assertEquals(lines.length, 5);
});

const write = (cause: "put" | "repair", round = 1): Effect => ({
  kind: "send",
  envelope: {
    to: ["r2"],
    message: {
      type: "write",
      round,
      cause,
      keyspace: "main",
      key: 7,
      versions: [{ stamp: 1, origin: "r1.a", value: "x" }],
    },
  },
});

Deno.test("Runner sends a put's copies at once when the disk is free, and with the commit of the own copy when it is not", () => {
  const { runner, lines, commits } = runnerWith(({ kind }) =>
    kind === "tick" ? [write("put"), write("repair")] : []
  );
  const turn = (): string[] => {
    lines.length = 0;
    runner.feed({ kind: "tick" });
    runner.flush();
    return lines.filter((line) => line.startsWith("send") || line === "ports flush");
  };
  assertEquals(turn(), ["send put", "send repair", "ports flush"]);
  commits.commitCount = 1;
  commits.isCommitting = true;
  assertEquals(turn(), ["send repair", "ports flush"]);
  assertEquals(turn(), ["send repair", "ports flush"], "the same commit is under way");
  commits.commitCount = 2;
  assertEquals(turn(), ["send repair", "send put", "send put", "send put", "ports flush"]);
  assertEquals(turn(), ["send repair", "ports flush"]);
  commits.isCommitting = false;
  runner.flush();
  assertEquals(lines.filter((line) => line === "send put").length, 1, "the commit ended, and no other began");
});

Deno.test("Runner with a real engine: copies of a put that came during a commit leave before the next commit ends", async () => {
  const store = await StoreUnderTest.opened();
  const lines: string[] = [];
  const machine: Machine = {
    step: (_now, event) => {
      if (event.kind === "stored") lines.push(`stored ${event.ticket}`);
      if (event.kind !== "request") return [];
      const { id } = event;
      return [write("put", id), {
        kind: "store",
        ticket: id,
        command: { kind: "apply", writes: [storeWrite(`key ${id}`, "x")] },
      }];
    },
  };
  const runner: Runner = new Runner(machine, store.engine, {
    now: () => NOW,
    send: ({ message }) => void lines.push(message.type === "write" ? `send ${message.round}` : "send"),
    reply: () => {},
    flush: () => {},
    // As the host does it.
    wake: () => queueMicrotask(() => queueMicrotask(() => runner.flush())),
  });
  for (const id of [1, 2, 3]) {
    runner.feed({ kind: "request", id, request: { op: "put", key: id, value: "x" } });
    await settle();
    assert(store.engine.isCommitting, "each but the first finds a commit under way");
    if (id === 2) assertEquals(lines, ["send 1"]);
  }
  await store.time.run();
  assertEquals(lines, ["send 1", "stored 1", "send 2", "send 3", "stored 2", "stored 3"]);
  assert(!store.engine.isCommitting);
});
