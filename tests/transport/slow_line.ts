/** A slow line between two sockets: what goes through is handed on in small pieces with pauses. @module */

const PIECE_PAUSE_MS = 40;

/** Listens at one port and passes connections on to another. */
export class SlowLine implements AsyncDisposable {
  /** Bytes that go towards the listener in each pause. The way back is quick. */
  bytesPerPiece = 64 * 1024;
  readonly #listener: Deno.TcpListener;
  readonly #ends = new Set<Deno.TcpConn>();
  readonly #tasks: Promise<void>[] = [];

  constructor(port: number, targetPort: number) {
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port });
    this.#tasks.push(this.#accept(targetPort));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const end of this.#ends) close(end);
    await Promise.all(this.#tasks);
  }

  async #accept(targetPort: number): Promise<void> {
    try {
      for await (const near of this.#listener) {
        const far = await Deno.connect({ hostname: "127.0.0.1", port: targetPort });
        this.#ends.add(near).add(far);
        this.#tasks.push(this.#pass(near, far, { isSlow: true }), this.#pass(far, near, { isSlow: false }));
      }
    } catch {
      // The listener was closed, or nobody is at the other end: the line is cut.
    }
  }

  async #pass(source: Deno.TcpConn, target: Deno.TcpConn, { isSlow }: { isSlow: boolean }): Promise<void> {
    const buffer = new Uint8Array(256 * 1024);
    try {
      for (;;) {
        const room = isSlow ? buffer.subarray(0, this.bytesPerPiece) : buffer;
        const count = await source.read(room);
        if (count === null) break;
        for (let rest = room.subarray(0, count); rest.length > 0;) {
          rest = rest.subarray(await target.write(rest));
        }
        if (isSlow) await new Promise((resolve) => setTimeout(resolve, PIECE_PAUSE_MS));
      }
    } catch {
      // Either end is gone, and so the other must go.
    }
    close(source);
    close(target);
  }
}

function close(end: Deno.TcpConn): void {
  try {
    end.closeWrite().catch(() => {});
    end.close();
  } catch {
    // Closed already.
  }
}
