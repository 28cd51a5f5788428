/** What befalls a cluster while clients use it, as far as its replicas tell: who is down, what is broken on purpose, and clocks. @module */
import { encodeDiskLoss, encodeFault } from "../checker/history_encoder.ts";
import type { Status } from "../protocol/reply.ts";
import type { Caller } from "./caller.ts";
import { faultText } from "./fault_table.ts";
import type { HistoryWriter } from "./history_writer.ts";
import { explainSilence } from "./status_verb.ts";
import { pauseFor } from "./stop_signal.ts";
import type { ReplicaAddress } from "./tcp_link.ts";

/** How often each replica is asked. What lasts a shorter time may be missed. */
const INTERVAL_MS = 300;

/** Who says nothing for so long counts as away. */
const SILENCE_MS = 1000;

/** An answer that took longer says too little about the clock. */
const ROUND_TRIP_MS_MAX = 250;

/** What a start may add to how far clocks seem to be apart: stamps begin up to a second ahead, so that none comes twice. */
const RESTART_SPREAD_MS = 1100;

interface Watched {
  /** When it answered last. */
  answeredMs: number;
  epoch: string | undefined;
  /** Since when it does not answer, and why. */
  down: { readonly sinceMs: number; readonly text: string } | undefined;
  /** Since when it says that these are at work in it. */
  readonly faults: Map<string, number>;
  isCalm: boolean;
}

/** Looks at every replica again and again, and writes down what befell it. */
export class ClusterWatch {
  readonly #caller: Caller;
  readonly #history: HistoryWriter;
  readonly #replicas: readonly ReplicaAddress[];
  readonly #watched = new Map<string, Watched>();
  readonly #ended = new AbortController();
  #loops: Promise<unknown> = Promise.resolve();
  /** The wall clocks of replicas minus the history's: bounds of all that were seen. */
  #leastMs = Infinity;
  #greatestMs = -Infinity;
  #restarts = 0;

  constructor(caller: Caller, replicas: readonly ReplicaAddress[], history: HistoryWriter) {
    this.#caller = caller;
    this.#replicas = replicas;
    this.#history = history;
    for (const { id } of replicas) {
      this.#watched.set(id, {
        answeredMs: 0,
        epoch: undefined,
        down: undefined,
        faults: new Map(),
        isCalm: false,
      });
    }
  }

  /** How far stamps of different replicas can be apart without anything being wrong; undefined while no clock was seen. */
  get clockSpreadMs(): number | undefined {
    if (this.#leastMs > this.#greatestMs) return undefined;
    return Math.ceil(this.#greatestMs - this.#leastMs + RESTART_SPREAD_MS * (this.#restarts + 1));
  }

  /** Who does not answer. */
  get down(): string[] {
    return this.#replicas.map(({ id }) => id).filter((id) => this.#watched.get(id)!.down !== undefined);
  }

  /** Asks each replica, and tells who is down, broken, not yet filled, or does not see all others. */
  async disturbed(): Promise<string[]> {
    await this.#lookAtAll();
    return this.#replicas.map(({ id }) => id).filter((id) => !this.#watched.get(id)!.isCalm);
  }

  /** A version that was there before says how far ahead a clock has been. */
  onStamp(wallMs: number): void {
    this.#greatestMs = Math.max(this.#greatestMs, wallMs - this.#history.nowMs());
  }

  /** Asks each replica once, and goes on asking. */
  async start(): Promise<void> {
    await this.#lookAtAll();
    this.#loops = Promise.all(this.#replicas.map((replica) => this.#watch(replica)));
  }

  /** Asks no more, and writes down what has not ended yet. */
  async end(): Promise<void> {
    this.#ended.abort();
    await this.#loops;
    const untilMs = this.#history.nowMs();
    for (const [id, watched] of this.#watched) {
      this.#endDown(id, watched, untilMs, "");
      this.#endFaults(id, watched, untilMs, new Set());
    }
  }

  async #lookAtAll(): Promise<void> {
    await Promise.all(this.#replicas.map((replica) => this.#look(replica)));
  }

  async #watch(replica: ReplicaAddress): Promise<void> {
    const { signal } = this.#ended;
    for (;;) {
      await pauseFor(INTERVAL_MS, signal);
      if (signal.aborted) return;
      await this.#look(replica);
    }
  }

  async #look(replica: ReplicaAddress): Promise<void> {
    const askedMs = this.#history.nowMs();
    const { result: answer } = await this.#caller.ask(replica.id, { op: "status" }, SILENCE_MS);
    const answeredMs = this.#history.nowMs();
    const watched = this.#watched.get(replica.id)!;
    if (answer.ok && answer.value.kind === "status") {
      return this.#onStatus(watched, answer.value.status, askedMs, answeredMs);
    }
    watched.isCalm = false;
    if (watched.down !== undefined || answer.ok) return;
    const { result } = await explainSilence(this.#caller, { replica, result: answer });
    const text = result.ok ? "silent" : result.failure.message;
    watched.down = { sinceMs: askedMs, text: `did not answer: ${text.split(";")[0]}` };
  }

  #onStatus(watched: Watched, status: Status, askedMs: number, answeredMs: number): void {
    const { id, wall_ms, uptime_ms, epoch, faults = [] } = status;
    if (wall_ms !== undefined && answeredMs - askedMs <= ROUND_TRIP_MS_MAX) {
      this.#leastMs = Math.min(this.#leastMs, wall_ms - answeredMs);
      this.#greatestMs = Math.max(this.#greatestMs, wall_ms - askedMs);
    }
    // Who ran when it answered last has been up at least since then.
    const isRestarted = uptime_ms < askedMs - watched.answeredMs;
    if (isRestarted) this.#restarts++;
    if (watched.epoch !== undefined && watched.epoch !== epoch) {
      this.#history.write(encodeDiskLoss({ replica: id, atMs: answeredMs }));
    }
    watched.epoch = epoch;
    watched.answeredMs = answeredMs;
    if (watched.down !== undefined) {
      this.#endDown(id, watched, answeredMs, isRestarted ? ", and started again" : "");
    } else if (isRestarted) {
      const fault = {
        atMs: Math.max(0, answeredMs - uptime_ms),
        replicas: [id],
        text: "started again",
      };
      this.#history.write(encodeFault(fault));
    }
    const texts = new Set(faults.map(faultText));
    for (const text of texts) if (!watched.faults.has(text)) watched.faults.set(text, askedMs);
    this.#endFaults(id, watched, answeredMs, texts);
    watched.isCalm = texts.size === 0 && status.ready && !status.recovering &&
      status.peers.every(({ alive }) => alive);
  }

  #endDown(id: string, watched: Watched, untilMs: number, addition: string): void {
    if (watched.down === undefined) return;
    const { sinceMs, text } = watched.down;
    this.#history.write(encodeFault({ atMs: sinceMs, untilMs, replicas: [id], text: text + addition }));
    watched.down = undefined;
  }

  /** Those that are not among `going` any more are over. */
  #endFaults(id: string, { faults }: Watched, untilMs: number, going: ReadonlySet<string>): void {
    for (const [text, atMs] of faults) {
      if (going.has(text)) continue;
      this.#history.write(encodeFault({ atMs, untilMs, replicas: [id], text }));
      faults.delete(text);
    }
  }
}
