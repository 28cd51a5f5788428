/** Time and chance of the real machine. @module */
import type { Entropy, Now } from "../ports.ts";

/** The time of this machine. */
export class DenoClock {
  /** What the wall clock is ahead of the machine's, on purpose; behind where it is negative. */
  skewMs = 0;

  /** The time now. Monotonic milliseconds count from the start of the process. */
  now(): Now {
    return { monotonicMs: performance.now(), wallMs: Date.now() + this.skewMs };
  }
}

/** Chance from the operating system. */
export class DenoEntropy implements Entropy {
  uint32(): number {
    return crypto.getRandomValues(new Uint32Array(1))[0]!;
  }
}
