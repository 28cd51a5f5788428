/** Ctrl-C for work that takes long: the first ends it well, the second ends it now. @module */

/** Exit code of what a second signal ended. */
export const EXIT_STOPPED = 130;

/** While it is not disposed, SIGINT and SIGTERM come here. */
export class StopSignal implements Disposable {
  /** Aborted by the first signal. */
  readonly stop = new AbortController();
  /** Aborted by the second. */
  readonly leave = new AbortController();
  readonly #names: readonly Deno.Signal[] = Deno.build.os === "windows" ? ["SIGINT"] : ["SIGINT", "SIGTERM"];
  readonly #onSignal: () => void;

  /** `onFirst` is told when the first one came. */
  constructor(onFirst: () => void) {
    this.#onSignal = () => {
      if (this.stop.signal.aborted) return this.leave.abort();
      onFirst();
      this.stop.abort();
    };
    for (const name of this.#names) Deno.addSignalListener(name, this.#onSignal);
  }

  [Symbol.dispose](): void {
    for (const name of this.#names) Deno.removeSignalListener(name, this.#onSignal);
  }
}

/** Resolves after this time, or when the signal comes. */
export function pauseFor(ms: number, signal: AbortSignal): Promise<void> {
  if (ms <= 0 || signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener("abort", end);
  });
}
