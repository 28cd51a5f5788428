/** Waiting for a condition, in place of sleeping. @module */

const POLL_MS = 20;

/**
 * Asks `condition` again and again until it gives something other than false or undefined, and resolves to that.
 * Rejects after `withinMs`, naming `what` and the last error that `condition` threw, if it did.
 */
export async function eventually<T>(
  condition: () => T | Promise<T>,
  { withinMs, what }: { readonly withinMs: number; readonly what: string },
): Promise<Exclude<T, false | undefined>> {
  const deadline = performance.now() + withinMs;
  let cause: unknown;
  while (true) {
    try {
      const value = await condition();
      if (value !== false && value !== undefined) return value as Exclude<T, false | undefined>;
      cause = undefined;
    } catch (error) {
      cause = error;
    }
    if (performance.now() > deadline) throw new Error(`not within ${withinMs} ms: ${what}`, { cause });
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}
