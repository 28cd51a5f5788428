/** Lets promises settle between two simulated happenings, without waiting. @module */

/**
 * Resolves when every promise that can settle by itself has settled.
 *
 * Why `setImmediate`: it is the one cheap turn that comes after all microtasks. A `MessageChannel`
 * turn comes among them: it overtakes a chain of more than three awaits, and the run then depends on luck.
 */
export function settle(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
