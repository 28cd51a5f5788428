/** Lets promises settle between two simulated happenings, without waiting. @module */

/**
 * Turns that are asked for at once. Why: between two turns of one batch all promises settle as between any two, and
 * the event loop goes round only once a batch; that is the dear part, ten times what a turn costs.
 */
const BATCH = 32;

/** Who waits for a turn, first come first served: each turn lets one of them go on. */
const waiting: (() => void)[] = [];

/** Turns that were asked for and have not come. Those for which nobody waits pass. */
let dueCount = 0;

/**
 * Resolves when every promise that can settle by itself has settled.
 *
 * Why `setImmediate`: it is the one cheap turn that comes after all microtasks. A `MessageChannel`
 * turn comes among them: it overtakes a chain of more than three awaits, and the run then depends on luck.
 */
export function settle(): Promise<void> {
  return new Promise((resolve) => {
    waiting.push(resolve);
    if (dueCount > 0) return;
    dueCount = BATCH;
    for (let i = 0; i < BATCH; i++) setImmediate(onTurn);
  });
}

function onTurn(): void {
  dueCount--;
  waiting.shift()?.();
}
