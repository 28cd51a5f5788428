/** Time and chance of the real machine. @module */
import type { Entropy, Now } from "../ports.ts";

/** The time now. Monotonic milliseconds count from the start of the process. */
export function denoNow(): Now {
  return { monotonicMs: performance.now(), wallMs: Date.now() };
}

/** Chance from the operating system. */
export class DenoEntropy implements Entropy {
  uint32(): number {
    return crypto.getRandomValues(new Uint32Array(1))[0]!;
  }
}
