/** How long polite requests took in phases of one kind, with and without the moments in which the disk stood still. @module */
import { Histogram } from "../bench/histogram.ts";
import { isExplained, type Span } from "./stalls.ts";

/** Whoever was answered sooner lost nothing to a stall. */
const SLOW_MS = 100;

/** What was measured. */
export interface Times {
  readonly all: Histogram;
  /** Without requests that were slow because the disk stood still. */
  readonly unstalled: Histogram;
}

/** Times of requests. Why slow ones are kept: that the disk stands still is known only when it goes on. */
export class Latencies {
  readonly #quick = new Histogram();
  readonly #slow: (Span & { readonly elapsedMs: number })[] = [];

  /** Adds a request that began then and took so long. */
  add(beganMs: number, elapsedMs: number): void {
    if (elapsedMs < SLOW_MS) this.#quick.add(elapsedMs * 1000);
    else this.#slow.push({ beganMs, endedMs: beganMs + elapsedMs, elapsedMs });
  }

  /** All of them, once it is known when the disk stood still. */
  times(stalls: readonly Span[]): Times {
    const [all, unstalled] = [new Histogram(), new Histogram()];
    all.merge(this.#quick);
    unstalled.merge(this.#quick);
    for (const request of this.#slow) {
      all.add(request.elapsedMs * 1000);
      if (!isExplained(request, stalls)) unstalled.add(request.elapsedMs * 1000);
    }
    return { all, unstalled };
  }
}
