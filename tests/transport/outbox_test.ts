/** Tests of `src/transport/outbox.ts`. @module */
import { assert, assertEquals } from "@std/assert";
import {
  PEER_QUEUE_BYTES_MAX,
  PEER_QUEUE_BYTES_SMALL,
  SMALL_VALUE_BYTES,
} from "../../src/protocol/limits.ts";
import { parseMessageLine } from "../../src/transport/message_codec.ts";
import { Outbox } from "../../src/transport/outbox.ts";

const LINE_BYTES_MAX = 70_000;

Deno.test("Plain acknowledgements share messages, however many they are, and arrive one by one in their order", () => {
  for (const count of [1, 2, 1024, 1025, 20_000]) {
    const outbox = new Outbox(LINE_BYTES_MAX);
    const rounds = Array.from({ length: count }, (_, index) => 4_000_000_000_000 + index);
    for (const round of rounds) outbox.pushWritten(round);
    const lines = outbox.take().trimEnd().split("\n");
    const messageCount = lines.reduce((sum, line) => sum + (JSON.parse(line) as unknown[]).length, 0);
    assertEquals(messageCount, Math.ceil(count / 1024));
    const carried = lines.flatMap((line) => {
      assert(line.length <= LINE_BYTES_MAX);
      const { messages, skippedCount } = parseMessageLine(line)!;
      assertEquals(skippedCount, 0);
      return messages;
    });
    assertEquals(carried, rounds.map((round) => ({ type: "written" as const, round })));
  }
});

Deno.test("What was taken counts until it is written, and what is dropped does not", () => {
  const outbox = new Outbox(LINE_BYTES_MAX);
  outbox.pushWritten(7);
  outbox.pushLine("a line");
  const waiting = outbox.chars;
  assert(waiting > 0);
  assertEquals(outbox.take(), 'a line\n[{"type":"written","round":7}]\n');
  assertEquals([outbox.chars, outbox.take()], [waiting, ""]);
  outbox.onWritten();
  assertEquals(outbox.chars, 0);
  outbox.pushWritten(8);
  outbox.drop();
  outbox.pushLine("next");
  assertEquals(outbox.take(), "next\n", "an acknowledgement that was dropped is gone");
});

Deno.test("The last of a queue is for small messages, and an empty one takes whatever comes", () => {
  const outbox = new Outbox(LINE_BYTES_MAX);
  const large = "x".repeat(SMALL_VALUE_BYTES + 1);
  const huge = "x".repeat(PEER_QUEUE_BYTES_MAX + 1);
  assert(!outbox.isTooFull(huge));
  outbox.pushLine("x".repeat(PEER_QUEUE_BYTES_MAX - PEER_QUEUE_BYTES_SMALL - large.length));
  assertEquals([outbox.isTooFull(large), outbox.isTooFull("small"), outbox.isTooFull(huge)], [
    true,
    false,
    true,
  ]);
  outbox.take();
  assert(outbox.isTooFull(large), "what is being written waits too");
  outbox.pushLine("x".repeat(PEER_QUEUE_BYTES_SMALL + large.length));
  assert(outbox.isTooFull("small"));
  outbox.take();
  outbox.onWritten();
  assert(!outbox.isTooFull(large));
});
