/**
 * Who is here: a peer is alive while our link to it stands and something was heard from it lately.
 * Fed by all traffic; it knows nothing of heartbeats, only of bytes heard.
 * @module
 */

interface Peer {
  isLinked: boolean;
  heardMs: number | undefined;
}

/** Verdicts on a fixed set of peers. Times are monotonic milliseconds. */
export class FailureDetector {
  readonly #peers: Map<string, Peer>;
  readonly #timeoutMs: number;

  constructor(peerIds: readonly string[], timeoutMs: number) {
    this.#peers = new Map(peerIds.map((id) => [id, { isLinked: false, heardMs: undefined }]));
    this.#timeoutMs = timeoutMs;
  }

  /** Our link to the peer came to stand, or broke. */
  onLink(id: string, { isUp }: { isUp: boolean }, nowMs: number): void {
    const peer = this.#peers.get(id);
    if (!peer) return;
    peer.isLinked = isUp;
    if (isUp) peer.heardMs = nowMs;
  }

  /** Planted bug `miss_return`: the peer is dead for ever. */
  forget(id: string): void {
    this.#peers.delete(id);
  }

  /** Bytes came from the peer, over whichever connection. */
  onHeard(id: string, nowMs: number): void {
    const peer = this.#peers.get(id);
    if (peer) peer.heardMs = nowMs;
  }

  /** Whether requests to the peer have a good chance to be answered. */
  isAlive(id: string, nowMs: number): boolean {
    const peer = this.#peers.get(id);
    return peer !== undefined && peer.isLinked && peer.heardMs !== undefined &&
      nowMs - peer.heardMs < this.#timeoutMs;
  }

  /** Milliseconds since something was heard, or undefined if never. */
  heardMsAgo(id: string, nowMs: number): number | undefined {
    const heardMs = this.#peers.get(id)?.heardMs;
    return heardMs === undefined ? undefined : nowMs - heardMs;
  }

  /** Whether our link to the peer stands. */
  isLinked(id: string): boolean {
    return this.#peers.get(id)?.isLinked ?? false;
  }
}
