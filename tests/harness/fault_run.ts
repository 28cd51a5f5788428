/**
 * Makes things go wrong with real processes for a while: two hands, one for processes and one for the lines between them,
 * each with one fault at a time, drawn from a seed. What is drawn is the same each time; what comes of it is not, because
 * processes keep their own time.
 * @module
 */
import { Random } from "../../src/base/random.ts";
import { eventually } from "./eventually.ts";
import type { RealCluster } from "./real_cluster.ts";
import type { RealFault } from "./real_fault.ts";

/** One fault, how long it lasts, and how long its hand rests then. */
export interface Blow {
  readonly kind: BlowKind;
  readonly fault: RealFault;
  readonly forMs: number;
  readonly restMs: number;
}

/** What a hand does, each as often as it stands here. Why two kills: they are what a write must survive. */
export const HANDS = {
  processes: ["kill", "pause", "kill"],
  lines: ["partition", "isolate", "one_way", "delay", "drop"],
} as const;

/** What a blow is called. */
export type BlowKind = typeof HANDS[keyof typeof HANDS][number];

/** How far a blow may take longer than it was told to: processes must start again. */
const SLACK_MS = 60_000;

/** Long enough for replicas to miss each other, and for puts that only some of them hear of. */
const LAST_BLOW_MS = 3000;

/** All kinds of a hand come before one comes again. */
export function* drawBlows(
  random: Random,
  kinds: readonly BlowKind[],
  ids: readonly string[],
): Generator<Blow, never> {
  for (;;) {
    for (const kind of random.shuffle(kinds)) {
      yield {
        kind,
        fault: drawFault(random, kind, random.shuffle(ids)),
        forMs: random.between(300, kind === "kill" ? 2000 : 3000),
        restMs: random.between(300, 2000),
      };
    }
  }
}

/** `shuffled` are all replicas; the first ones are the victims. */
function drawFault(random: Random, kind: BlowKind, shuffled: readonly string[]): RealFault {
  const [victim, other] = [shuffled[0]!, shuffled[1]!];
  switch (kind) {
    case "kill":
      // Two at a time take a level away, and leave another.
      return { kind, replicas: random.chance(150) ? [victim, other] : [victim] };
    case "pause":
      return { kind, replicas: [victim] };
    case "partition":
      return { kind, replicas: shuffled.slice(0, 2), peers: shuffled.slice(2) };
    case "isolate":
      return { kind: "partition", replicas: [victim] };
    case "one_way":
      return { kind, replicas: [victim], peers: random.chance(500) ? [other] : shuffled.slice(1) };
    case "delay":
      return { kind, replicas: [victim], delayMs: random.pick([5, 50, 300]) };
    case "drop":
      return { kind, replicas: [victim], perMille: random.pick([50, 200, 500]) };
  }
}

/** The two hands, and what they did. */
export class FaultRun {
  readonly #cluster: RealCluster;
  readonly #random: Random;
  /** By kind: how often. */
  readonly counts = new Map<BlowKind, number>();
  /** Processes that were killed. */
  killCount = 0;

  constructor(cluster: RealCluster, seed: number) {
    this.#cluster = cluster;
    this.#random = new Random(seed);
  }

  /** Goes on for so long, and until each kind has come. In the end the cluster is in two, and one is down: heal it. */
  async run(seconds: number): Promise<void> {
    const endMs = performance.now() + seconds * 1000;
    await Promise.all(Object.values(HANDS).map((kinds) => this.#runHand(kinds, endMs)));
    const [victim, ...others] = this.#random.shuffle(this.#cluster.ids);
    this.#count("kill", 1);
    this.#count("partition");
    await this.#cluster.fault({ kind: "kill", replicas: [victim!] });
    await this.#cluster.partition(others.slice(0, 2), others.slice(2));
    await lasting(LAST_BLOW_MS);
  }

  async #runHand(kinds: readonly BlowKind[], endMs: number): Promise<void> {
    const blows = drawBlows(this.#random.fork(), kinds, this.#cluster.ids);
    for (let count = 0; performance.now() < endMs || count < kinds.length; count++) {
      const { kind, fault, forMs, restMs } = blows.next().value;
      this.#count(kind, kind === "kill" ? fault.replicas.length : 0);
      if (kind === "kill") {
        await this.#cluster.fault(fault);
        await lasting(forMs);
        await this.#cluster.restart(...fault.replicas);
      } else {
        await this.#cluster.fault({ ...fault, forMs });
        await lasting(forMs);
      }
      await lasting(restMs);
    }
  }

  #count(kind: BlowKind, killed = 0): void {
    this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1);
    this.killCount += killed;
  }
}

async function lasting(ms: number): Promise<void> {
  const endMs = performance.now() + ms;
  await eventually(() => performance.now() >= endMs, {
    withinMs: ms + SLACK_MS,
    what: `${ms} ms have passed`,
  });
}
