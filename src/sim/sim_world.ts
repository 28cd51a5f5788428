/** What everything in one run has in common: virtual time, named streams of chance, the trace and its hash, and complaints. @module */
import type { PlantedBug } from "../base/planted_bug.ts";
import { crc32 } from "../base/crc32.ts";
import { TraceHash } from "../base/hash.ts";
import { Random } from "../base/random.ts";
import { EventQueue } from "./event_queue.ts";
import { settle } from "./settle.ts";

/** Something that must never happen, noticed while it did. */
export interface Complaint {
  /** One word, the same for every complaint of this kind. */
  readonly kind: string;
  readonly sentence: string;
}

/** Promises settle at least so often, also where nobody used a disk: some part may wait for another part of its own. */
const SETTLE_MS_MAX = 100;

/** The surroundings of one run. */
export class SimWorld {
  readonly queue = new EventQueue();
  readonly seed: number;
  readonly bugs: ReadonlySet<PlantedBug>;
  readonly complaints: Complaint[] = [];
  readonly #hash = new TraceHash();
  #settledMs = 0;
  readonly #onTrace: ((atMs: number, line: string) => void) | undefined;

  constructor(options: {
    readonly seed: number;
    readonly bugs: ReadonlySet<PlantedBug>;
    /** Gets every line of the trace. */
    readonly onTrace?: ((atMs: number, line: string) => void) | undefined;
  }) {
    this.seed = options.seed;
    this.bugs = options.bugs;
    this.#onTrace = options.onTrace;
  }

  /** The stream of chance of one thing of this run. */
  draw(name: string): Random {
    return Random.of(this.seed, name);
  }

  /**
   * Adds a line to the trace, `rest` being its long part if it has one. Why in two parts: nobody listens as a rule, and to
   * join them is a copy.
   */
  trace(line: string, rest = ""): void {
    const { nowMs } = this.queue;
    this.#hash.addWord(Math.round(nowMs * 1000));
    this.#hash.add(line);
    // Why a checksum: zlib is seven times as fast as our own hash, and a run's trace is megabytes.
    this.#hash.addWord(rest === "" ? 0 : crc32(rest));
    this.#onTrace?.(nowMs, rest === "" ? line : line + rest.trimEnd());
  }

  /** Something happened that must never happen. */
  violate(kind: string, sentence: string): void {
    this.trace(`VIOLATED ${sentence}`);
    this.complaints.push({ kind, sentence });
  }

  /** Names everything that was traced. */
  get traceHash(): string {
    return this.#hash.hex();
  }

  /** Lets all happen that happens until a time. */
  async runUntil(endMs: number): Promise<void> {
    while (this.#runNext(endMs)) {
      if (!this.#isToSettle()) continue;
      await settle();
      this.queue.needsSettling = false;
    }
    this.queue.passTo(endMs);
  }

  /** Lets one thing happen, or time pass to `endMs` where nothing happens before. */
  async runNext(endMs: number): Promise<void> {
    if (!this.#runNext(endMs)) this.queue.passTo(endMs);
    if (!this.#isToSettle()) return;
    await settle();
    this.queue.needsSettling = false;
  }

  /** What throws is a bug of whoever it happened to; the run goes on, so that its end can be looked at. */
  #runNext(endMs: number): boolean {
    try {
      return this.queue.runNext(endMs);
    } catch (error) {
      this.violate("throw", `something threw: ${error}`);
      return true;
    }
  }

  /** Whether promises must settle now. What uses a disk meanwhile settles with them: then `needsSettling` is false. */
  #isToSettle(): boolean {
    const { queue } = this;
    if (!queue.needsSettling && queue.nowMs < this.#settledMs + SETTLE_MS_MAX) return false;
    this.#settledMs = queue.nowMs;
    return true;
  }
}
