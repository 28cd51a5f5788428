/**
 * Which of the requests that others handed on have come before. A network may repeat a message, and a write that is
 * coordinated twice would be two writes, of which the second may undo what came between them.
 * @module
 */

/** Lives of one peer that are remembered: what was on its way when it died may still come. */
const LIVES_MAX = 4;

/** The rounds of one life of a peer. */
interface Life {
  /** In the order in which they came. */
  readonly seen: Set<number>;
  /** Rounds up to this one are not known any more, and count as seen. */
  below: number;
}

/** What was handed to one replica. */
export class ForwardWindow {
  readonly #roundsMax: number;
  /** By peer, then by the number of its life; the latest life last. */
  readonly #peers = new Map<string, Map<number, Life>>();

  /** `roundsMax`: how many rounds of a life are remembered, and so by how many others one may be overtaken. */
  constructor({ roundsMax }: { readonly roundsMax: number }) {
    this.#roundsMax = roundsMax;
  }

  /** Whether this is certainly the first time that the round comes. From then on it is seen. */
  isFirst(peer: string, { life: number, round }: { readonly life: number; readonly round: number }): boolean {
    const life = this.#lifeOf(peer, number);
    if (round <= life.below || life.seen.has(round)) return false;
    life.seen.add(round);
    if (life.seen.size > this.#roundsMax) {
      const oldest = life.seen.values().next().value!;
      life.seen.delete(oldest);
      life.below = Math.max(life.below, oldest);
    }
    return true;
  }

  #lifeOf(peer: string, number: number): Life {
    let lives = this.#peers.get(peer);
    if (lives === undefined) this.#peers.set(peer, lives = new Map());
    let life = lives.get(number);
    if (life === undefined) {
      lives.set(number, life = { seen: new Set(), below: 0 });
      if (lives.size > LIVES_MAX) lives.delete(lives.keys().next().value!);
    }
    return life;
  }
}
