/** The imagined network: links between processes that are slow, lossy, repetitive, out of order, cut one way or both. @module */
import type { Random } from "../base/random.ts";
import type { Message, ReplicaId } from "../replica/envelope.ts";
import { carryLine, joinMessages } from "../transport/message_codec.ts";
import type { NetworkProfile } from "./scenario.ts";
import type { SimWorld } from "./sim_world.ts";

/** What the network does to a process. */
export interface SimEndpoint {
  readonly isUp: boolean;
  /** Grows with each start. */
  readonly life: number;
  /** `line` is what was sent, as it stood on the wire. */
  onMessages(from: ReplicaId, messages: readonly Message[], line: string): void;
  onLink(peer: ReplicaId, state: "up" | "down"): void;
}

/** The way from one process to another, and the connection that the one has dialled to the other. */
interface Link {
  readonly from: ReplicaId;
  readonly to: ReplicaId;
  readonly random: Random;
  readonly delayMsMax: number;
  isUp: boolean;
  /** The lives of both ends when the link came up. */
  fromLife: number;
  toLife: number;
  resetCount: number;
  /** Cuts of this way that have not ended. */
  cutCount: number;
  /** How much longer everything takes on this way. */
  slowMs: number;
}

const DELAY_MS_MIN = 0.05;
const REDIAL_MS_MAX = 800;
const STRAGGLER_MS_MAX = 1000;

/** All links of one cluster. */
export class SimNetwork {
  readonly #world: SimWorld;
  readonly #profile: NetworkProfile;
  readonly #lineBytesMax: number;
  readonly #endpoints = new Map<ReplicaId, SimEndpoint>();
  /** By who dials, then by who is dialled. */
  readonly #links = new Map<ReplicaId, Map<ReplicaId, Link>>();
  #isCalm = false;

  constructor(world: SimWorld, profile: NetworkProfile, { lineBytesMax }: { readonly lineBytesMax: number }) {
    this.#world = world;
    this.#profile = profile;
    this.#lineBytesMax = lineBytesMax;
  }

  /** Adds a process; it dials all others for ever. */
  join(id: ReplicaId, endpoint: SimEndpoint): void {
    const index = this.#endpoints.size;
    [...this.#endpoints.keys()].forEach((other, otherIndex) => {
      this.#dial(id, other, this.#delayMsMax(index, otherIndex));
      this.#dial(other, id, this.#delayMsMax(index, otherIndex));
    });
    this.#endpoints.set(id, endpoint);
  }

  /** Cuts the way from one to another; the way back stays. Standing links learn nothing of it. Ended by `unblock`. */
  block(from: ReplicaId, to: ReplicaId): void {
    this.#link(from, to).cutCount++;
  }

  /** Ends one cut. */
  unblock(from: ReplicaId, to: ReplicaId): void {
    const link = this.#link(from, to);
    link.cutCount = Math.max(0, link.cutCount - 1);
  }

  /** Makes the way from one to another slower, or faster again. */
  slow(from: ReplicaId, to: ReplicaId, byMs: number): void {
    const link = this.#link(from, to);
    link.slowMs = Math.max(0, link.slowMs + byMs);
  }

  /** Breaks a standing link between two living processes: what is on its way, either way, is lost with it. */
  reset(from: ReplicaId, to: ReplicaId): void {
    const link = this.#link(from, to);
    if (!link.isUp) return;
    link.isUp = false;
    link.resetCount++;
    this.#endpoints.get(from)!.onLink(to, "down");
  }

  /** Whether a question and its answer pass over this connection as they should. */
  isGood(from: ReplicaId, to: ReplicaId): boolean {
    const link = this.#link(from, to);
    const back = this.#link(to, from);
    return link.isUp && link.toLife === this.#endpoints.get(to)!.life && link.cutCount === 0 &&
      back.cutCount === 0 && link.slowMs === 0 && back.slowMs === 0;
  }

  /** Whether nothing is ever lost or late that is not on a bad way. */
  get isReliable(): boolean {
    return this.#profile.lossPerMille === 0 && this.#profile.stragglerPerMille === 0;
  }

  /** The longest way between any two. */
  get delayMsMax(): number {
    return Math.max(...this.#all().map((link) => link.delayMsMax));
  }

  /** Opens all ways. */
  heal(): void {
    for (const link of this.#all()) {
      link.cutCount = 0;
      link.slowMs = 0;
    }
  }

  /** From now on nothing is lost, repeated or late. */
  calm(): void {
    this.heal();
    this.#isCalm = true;
  }

  /** Carries encoded messages together through the real codec, or loses them. Questions need a standing link. */
  send(
    from: ReplicaId,
    to: ReplicaId,
    encoded: readonly string[],
    { needsLink }: { needsLink: boolean },
  ): void {
    const way = this.#link(from, to);
    // Answers go back over the connection that the question came on.
    const link = needsLink ? way : this.#link(to, from);
    if (needsLink && !link.isUp) return;
    const { resetCount } = link;
    const { random } = way;
    const profile = this.#profile;
    const copies = this.#isCalm
      ? 1
      : random.chance(profile.lossPerMille)
      ? 0
      : random.chance(profile.duplicatePerMille)
      ? 2
      : 1;
    if (copies === 0) return;
    const line = joinMessages(encoded, this.#lineBytesMax);
    const lives = { source: this.#endpoints.get(from)!.life, target: this.#endpoints.get(to)!.life };
    for (let i = 0; i < copies; i++) {
      const isLate = !this.#isCalm && random.chance(profile.stragglerPerMille);
      const spreadMs = isLate ? STRAGGLER_MS_MAX : way.delayMsMax;
      const delayMs = DELAY_MS_MIN + random.below(1000) / 1000 * spreadMs + way.slowMs;
      this.#world.queue.after(delayMs, () => {
        if (link.resetCount === resetCount) this.#deliver(way, lives, line, encoded.length);
      });
    }
  }

  /** Closes standing links to a process that died, as its kernel would; through a cut nobody hears of it. */
  onDeath(id: ReplicaId): void {
    for (const link of this.#all()) {
      if (link.from === id) link.isUp = false;
      if (link.to !== id || !link.isUp || this.#isCut(link)) continue;
      this.#world.queue.after(1 + link.random.below(4), () => this.#drop(link));
    }
  }

  #deliver(
    way: Link,
    lives: { readonly source: number; readonly target: number },
    line: string,
    count: number,
  ): void {
    const source = this.#endpoints.get(way.from)!;
    const target = this.#endpoints.get(way.to)!;
    // What was on its way to a process that died, died with its connection; from one that died, every second message did.
    if (!target.isUp || target.life !== lives.target || way.cutCount > 0) return;
    if (source.life !== lives.source && way.random.chance(500)) return;
    target.onMessages(way.from, carryLine(line, this.#lineBytesMax, count), line);
  }

  #dial(from: ReplicaId, to: ReplicaId, delayMsMax: number): void {
    const link: Link = {
      from,
      to,
      random: this.#world.draw(`link ${from}>${to}`),
      delayMsMax,
      isUp: false,
      fromLife: 0,
      toLife: 0,
      resetCount: 0,
      cutCount: 0,
      slowMs: 0,
    };
    const own = this.#links.get(from);
    if (own) own.set(to, link);
    else this.#links.set(from, new Map([[to, link]]));
    // Why of its own: when the next dial comes must not depend on what was sent.
    const random = this.#world.draw(`dial ${from}>${to}`);
    const attempt = (): void => {
      this.#attempt(link);
      this.#world.queue.after(20 + random.below(REDIAL_MS_MAX), attempt);
    };
    this.#world.queue.after(random.below(100), attempt);
  }

  #attempt(link: Link): void {
    const source = this.#endpoints.get(link.from)!;
    const target = this.#endpoints.get(link.to)!;
    if (!source.isUp || this.#isCut(link)) return;
    const isStale = link.isUp && (link.toLife !== target.life || !target.isUp);
    if (isStale) this.#drop(link);
    if (link.isUp || !target.isUp) return;
    link.isUp = true;
    link.fromLife = source.life;
    link.toLife = target.life;
    source.onLink(link.to, "up");
  }

  #drop(link: Link): void {
    const source = this.#endpoints.get(link.from)!;
    const target = this.#endpoints.get(link.to)!;
    if (!link.isUp || (link.toLife === target.life && target.isUp)) return;
    link.isUp = false;
    if (source.isUp && source.life === link.fromLife) source.onLink(link.to, "down");
  }

  #isCut({ from, to }: Link): boolean {
    return this.#link(from, to).cutCount > 0 || this.#link(to, from).cutCount > 0;
  }

  #all(): Link[] {
    return [...this.#links.values()].flatMap((links) => [...links.values()]);
  }

  #link(from: ReplicaId, to: ReplicaId): Link {
    return this.#links.get(from)!.get(to)!;
  }

  /** The table of latencies: by where both stand. */
  #delayMsMax(a: number, b: number): number {
    const { sites, nearMs, farMs } = this.#profile;
    const siteOf = (index: number): string | undefined => sites[Math.min(index, sites.length - 1)];
    return siteOf(a) === siteOf(b) ? nearMs : farMs;
  }
}
