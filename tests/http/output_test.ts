/** Tests of `src/http/output.ts` over a socket that takes what it is told to take. @module */
import { assert, assertEquals } from "@std/assert";
import { Output } from "../../src/http/output.ts";

/** Keeps what is written until it is told how that went. */
class FakeSocket {
  readonly writes: { readonly piece: Uint8Array; readonly done: (error?: Error | null) => void }[] = [];
  readonly output: Output;
  takenCount = 0;

  constructor() {
    const write = (piece: unknown, done: unknown): boolean => {
      this.writes.push({ piece: piece as Uint8Array, done: done as (error?: Error | null) => void });
      return true;
    };
    const onTaken = (): void => void this.takenCount++;
    this.output = new Output({ write } as never, { nowMs: () => 0, onTaken });
  }
}

function numbered(count: number, first = 0): Uint8Array {
  return Uint8Array.from({ length: count }, (_, index) => (first + index) % 251);
}

Deno.test("Bytes leave in order, in pieces of at most 64 KiB, one at a time, small ones joined", () => {
  const socket = new FakeSocket();
  const sent = [numbered(10), numbered(200_000, 10), numbered(5, 200_010), numbered(7, 200_015)];
  for (const bytes of sent) socket.output.write(bytes.slice());
  const pieces: Uint8Array[] = [];
  for (let i = 0; i < socket.writes.length; i++) {
    assertEquals(socket.writes.length, i + 1, "one at a time");
    const { piece, done } = socket.writes[i]!;
    assert(piece.length <= 64 * 1024);
    pieces.push(piece);
    done(null);
  }
  assertEquals(pieces.flatMap((piece) => [...piece]), sent.flatMap((bytes) => [...bytes]));
  assertEquals([pieces.length, socket.output.bytes, socket.takenCount], [5, 0, 5]);
});

Deno.test("Of a write that failed nothing is kept, though the socket never forgets it", () => {
  for (const [length, isCleared] of [[10, true], [200_000, true], [10, false], [200_000, false]] as const) {
    const socket = new FakeSocket();
    socket.output.write(numbered(length));
    const { piece, done } = socket.writes[0]!;
    if (isCleared) socket.output.clear();
    done(new Error("broken pipe"));
    assertEquals([piece.length, piece.buffer.byteLength, socket.output.bytes], [0, 0, 0]);
    assertEquals([socket.writes.length, socket.takenCount], [1, 0]);
  }
});
