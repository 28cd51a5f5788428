/** How the replicas are while they are attacked: whether they live and answer, and how large they are. @module */
import { usageOf } from "../bench/process_usage.ts";
import type { FuzzCluster } from "./fuzz_cluster.ts";

const RSS_EVERY_MS = 250;
const STATUS_EVERY_MS = 1000;
const COMPLAINTS_MAX = 20;
/** A timer of ours that is so late tells of a machine that has no processor to give. */
const LATE_MS = 200;

/** Watches until it is disposed. */
export class Vitals implements AsyncDisposable {
  readonly complaints: string[] = [];
  readonly #cluster: FuzzCluster;
  readonly #rssBytes = new Map<string, number[]>();
  readonly #rssTimer: ReturnType<typeof setInterval>;
  readonly #watching: Promise<void>;
  #isOver = false;
  #lookedMs = performance.now();
  #lateCount = 0;
  #latestMs = 0;
  #loadMax = 0;

  constructor(cluster: FuzzCluster) {
    this.#cluster = cluster;
    this.#rssTimer = setInterval(() => this.#lookAtSizes(), RSS_EVERY_MS);
    this.#watching = this.#watchStatus();
  }

  /** Forgets the sizes so far: the warm-up is over. */
  forgetSizes(): void {
    this.#rssBytes.clear();
  }

  /** How often this process itself stood still, and for how long at worst: then others did too, whoever was to blame. */
  get standstill(): { readonly count: number; readonly worstMs: number } {
    return { count: this.#lateCount, worstMs: Math.round(this.#latestMs) };
  }

  /** The most processes that wanted to run, over a minute: beyond the number of processors some had to wait. */
  get loadMax(): number {
    return this.#loadMax;
  }

  /** Resident sizes of one replica, one for each look, oldest first. */
  rssBytes(id: string): readonly number[] {
    return this.#rssBytes.get(id) ?? [];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    clearInterval(this.#rssTimer);
    await this.#watching;
  }

  #lookAtSizes(): void {
    const nowMs = performance.now();
    const lateMs = nowMs - this.#lookedMs - RSS_EVERY_MS;
    this.#lookedMs = nowMs;
    if (lateMs > LATE_MS) this.#lateCount++;
    this.#latestMs = Math.max(this.#latestMs, lateMs);
    this.#loadMax = Math.max(this.#loadMax, Deno.loadavg()[0]!);
    for (const id of this.#cluster.ids) {
      const pid = this.#cluster.pid(id);
      if (pid === undefined) continue;
      const sizes = this.#rssBytes.get(id) ?? [];
      this.#rssBytes.set(id, sizes);
      try {
        sizes.push(usageOf(pid).rssBytes);
      } catch (error) {
        // It died a moment ago, which the cluster tells.
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      }
    }
  }

  async #watchStatus(): Promise<void> {
    while (!this.#isOver) {
      await Promise.all(this.#cluster.ids.map(async (id) => {
        try {
          await this.#cluster.status(id);
        } catch (error) {
          if (this.complaints.length < COMPLAINTS_MAX) {
            this.complaints.push(`${new Date().toISOString()} status of ${id}: ${String(error)}`);
          }
        }
      }));
      await new Promise((resolve) => setTimeout(resolve, STATUS_EVERY_MS));
    }
  }
}
