/** Tests of `src/transport/outbox.ts`. @module */
import { assert, assertEquals } from "@std/assert";
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
