/** The imagined network: links between processes that are slow, lossy, repetitive, out of order, cut one way or both. @module */
import type { Random } from "../base/random.ts";
import type { Message, ReplicaId } from "../replica/envelope.ts";
import { roundTripMessages } from "../transport/message_codec.ts";
import type { EventQueue } from "./event_queue.ts";

/** How bad the network is in one run. Times in milliseconds, chances in thousandths. */
export interface NetworkProfile {
  readonly delayMsMax: number;
  readonly lossPerMille: number;
  readonly duplicatePerMille: number;
  /** Chance of a message that comes up to a second late, long after its successors. */
  readonly stragglerPerMille: number;
  readonly lineBytesMax: number;
}

/** What the network does to a process. */
export interface SimEndpoint {
  readonly isUp: boolean;
  /** Grows with each start. */
  readonly life: number;
  onMessages(from: ReplicaId, messages: readonly Message[]): void;
  onLink(peer: ReplicaId, state: "up" | "down"): void;
}

interface Link {
  isUp: boolean;
  /** The lives of both ends when the link came up. */
  fromLife: number;
  toLife: number;
  resetCount: number;
}

const REDIAL_MS_MAX = 800;

/** All links of one cluster. */
export class SimNetwork {
  readonly #queue: EventQueue;
  readonly #random: Random;
  readonly #profile: NetworkProfile;
  readonly #endpoints = new Map<ReplicaId, SimEndpoint>();
  readonly #links = new Map<string, Link>();
  readonly #blocked = new Set<string>();
  #isCalm = false;

  constructor(queue: EventQueue, random: Random, profile: NetworkProfile) {
    this.#queue = queue;
    this.#random = random;
    this.#profile = profile;
  }

  /** Adds a process; it dials all others for ever. */
  join(id: ReplicaId, endpoint: SimEndpoint): void {
    for (const other of this.#endpoints.keys()) {
      this.#dial(id, other);
      this.#dial(other, id);
    }
    this.#endpoints.set(id, endpoint);
  }

  /** Cuts the way from one to another; the way back stays. Standing links learn nothing of it. */
  block(from: ReplicaId, to: ReplicaId): void {
    this.#blocked.add(`${from}>${to}`);
  }

  /** Breaks a standing link between two living processes: what is on its way, either way, is lost with it. */
  reset(from: ReplicaId, to: ReplicaId): void {
    const link = this.#links.get(`${from}>${to}`);
    if (!link?.isUp) return;
    link.isUp = false;
    link.resetCount++;
    this.#endpoints.get(from)!.onLink(to, "down");
  }

  /** Opens all ways. */
  heal(): void {
    this.#blocked.clear();
  }

  /** From now on nothing is lost, repeated or late. */
  calm(): void {
    this.heal();
    this.#isCalm = true;
  }

  /** Carries messages together through the real codec, or loses them. Questions need a standing link. */
  send(
    from: ReplicaId,
    to: ReplicaId,
    messages: readonly Message[],
    { needsLink }: { needsLink: boolean },
  ): void {
    // Answers go back over the connection that the question came on.
    const link = this.#links.get(needsLink ? `${from}>${to}` : `${to}>${from}`);
    if (needsLink && !link?.isUp) return;
    const resetCount = link?.resetCount;
    const profile = this.#profile;
    const copies = this.#isCalm
      ? 1
      : this.#random.chance(profile.lossPerMille)
      ? 0
      : this.#random.chance(profile.duplicatePerMille)
      ? 2
      : 1;
    for (let i = 0; i < copies; i++) {
      const isLate = !this.#isCalm && this.#random.chance(profile.stragglerPerMille);
      const delayMs = 0.05 + this.#random.below(1000) / 1000 * (isLate ? 1000 : profile.delayMsMax);
      const carried = roundTripMessages(messages, profile.lineBytesMax);
      const source = this.#endpoints.get(from)!;
      const target = this.#endpoints.get(to)!;
      const lives = { source: source.life, target: target.life };
      this.#queue.after(delayMs, () => {
        if (link?.resetCount === resetCount) this.#deliver(from, to, lives, carried);
      });
    }
  }

  /** Closes standing links to a process that died, as its kernel would; through a cut nobody hears of it. */
  onDeath(id: ReplicaId): void {
    for (const [name, link] of this.#links) {
      const [from, to] = name.split(">") as [ReplicaId, ReplicaId];
      if (from === id) link.isUp = false;
      if (to !== id || !link.isUp || this.#isCut(from, to)) continue;
      this.#queue.after(1 + this.#random.below(4), () => this.#drop(from, to));
    }
  }

  #deliver(
    from: ReplicaId,
    to: ReplicaId,
    lives: { readonly source: number; readonly target: number },
    messages: readonly Message[],
  ): void {
    const source = this.#endpoints.get(from)!;
    const target = this.#endpoints.get(to)!;
    // What was on its way to a process that died, died with its connection; from one that died, every second message did.
    if (!target.isUp || target.life !== lives.target || this.#blocked.has(`${from}>${to}`)) return;
    if (source.life !== lives.source && this.#random.chance(500)) return;
    target.onMessages(from, messages);
  }

  #dial(from: ReplicaId, to: ReplicaId): void {
    this.#links.set(`${from}>${to}`, { isUp: false, fromLife: 0, toLife: 0, resetCount: 0 });
    const attempt = (): void => {
      this.#attempt(from, to);
      this.#queue.after(20 + this.#random.below(REDIAL_MS_MAX), attempt);
    };
    this.#queue.after(this.#random.below(100), attempt);
  }

  #attempt(from: ReplicaId, to: ReplicaId): void {
    const link = this.#links.get(`${from}>${to}`)!;
    const source = this.#endpoints.get(from)!;
    const target = this.#endpoints.get(to)!;
    if (!source.isUp || this.#isCut(from, to)) return;
    const isStale = link.isUp && (link.toLife !== target.life || !target.isUp);
    if (isStale) this.#drop(from, to);
    if (link.isUp || !target.isUp) return;
    link.isUp = true;
    link.fromLife = source.life;
    link.toLife = target.life;
    source.onLink(to, "up");
  }

  #drop(from: ReplicaId, to: ReplicaId): void {
    const link = this.#links.get(`${from}>${to}`)!;
    const source = this.#endpoints.get(from)!;
    const target = this.#endpoints.get(to)!;
    if (!link.isUp || (link.toLife === target.life && target.isUp)) return;
    link.isUp = false;
    if (source.isUp && source.life === link.fromLife) source.onLink(to, "down");
  }

  #isCut(from: ReplicaId, to: ReplicaId): boolean {
    return this.#blocked.has(`${from}>${to}`) || this.#blocked.has(`${to}>${from}`);
  }
}
