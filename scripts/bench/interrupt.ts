/** What must be ended and removed before a Ctrl-C ends the bench: servers do not hear it, and would stay. @module */

const SIGNALS: readonly Deno.Signal[] = ["SIGINT", "SIGTERM"];
const EXIT_SIGNALLED = 130;

const endings = new Set<() => Promise<void>>();

/** From now on a signal calls `end` before the bench exits; disposing takes that back. */
export function endOnSignal(end: () => Promise<void>): Disposable {
  if (endings.size === 0) { for (const signal of SIGNALS) Deno.addSignalListener(signal, endAll); }
  endings.add(end);
  return {
    [Symbol.dispose](): void {
      endings.delete(end);
      if (endings.size === 0) { for (const signal of SIGNALS) Deno.removeSignalListener(signal, endAll); }
    },
  };
}

function endAll(): void {
  // Whoever cannot end says so itself; the others must be ended all the same.
  void Promise.allSettled([...endings].map((end) => end())).then(() => Deno.exit(EXIT_SIGNALLED));
}
