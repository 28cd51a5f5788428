/** The client of this process: `client.ts` over TCP, with promises and the real clock. @module */
import { Client, type Outcome } from "../client/client.ts";
import { fail, ok, type Result } from "../base/failure.ts";
import type { Failure } from "../protocol/error_codes.ts";
import type { Request } from "../protocol/request.ts";
import type { ReplicaAddress, TcpLink } from "./tcp_link.ts";

/** How often deadlines are looked at. */
const TICK_MS = 20;

/** What a caller is made of. */
export interface CallerOptions {
  readonly link: TcpLink;
  /** Where to begin: the members of the configuration, or the one address given. */
  readonly replicas: readonly ReplicaAddress[];
  /** Whether `replicas` are all members; otherwise the rest is asked for. */
  readonly areAllMembers: boolean;
  readonly coordinator?: string;
  readonly timeoutMs: number;
  /** What to do where no replica can be reached; absent where nobody knows. */
  readonly wayOut?: string;
}

/** Asks the cluster, one promise a request. */
export class Caller {
  readonly #client: Client;
  readonly #link: TcpLink;
  readonly #replicas: readonly ReplicaAddress[];
  readonly #timeoutMs: number;
  readonly #ticker: ReturnType<typeof setInterval>;
  #members: readonly ReplicaAddress[] | undefined;
  /** What to do where no replica can be reached; undefined where nobody knows. */
  readonly wayOut: string | undefined;

  constructor({ link, replicas, areAllMembers, coordinator, timeoutMs, wayOut }: CallerOptions) {
    this.wayOut = wayOut;
    this.#link = link;
    this.#replicas = replicas;
    this.#timeoutMs = timeoutMs;
    this.#members = areAllMembers ? replicas : undefined;
    link.learn(replicas);
    this.#client = new Client({
      replicas: replicas.map(({ id }) => id),
      ...(coordinator === undefined ? {} : { coordinator }),
      timeoutMs,
      link,
      ...(wayOut === undefined ? {} : { wayOut }),
    });
    this.#ticker = setInterval(() => this.#client.onTick(performance.now()), TICK_MS);
  }

  /** Whom the next request goes to first. */
  get coordinator(): string {
    return this.#client.coordinator;
  }

  /** A caller of the same cluster with connections, and a choice of coordinator, of its own. */
  another(): Caller {
    return new Caller({
      link: this.#link.another(),
      replicas: this.#members ?? this.#replicas,
      areAllMembers: this.#members !== undefined,
      timeoutMs: this.#timeoutMs,
      ...(this.wayOut === undefined ? {} : { wayOut: this.wayOut }),
    });
  }

  /** Has later requests go to this replica first; one that stays asks no other when it is away. */
  turnTo(replica: string, choice: { readonly stays: boolean }): void {
    this.#client.turnTo(replica, choice);
  }

  /** Has some replica coordinate the request. */
  request(request: Request): Promise<Outcome> {
    return new Promise((resolve) => this.#client.request(performance.now(), request, resolve));
  }

  /** Asks this one replica. */
  ask(replica: string, request: Request, timeoutMs?: number): Promise<Outcome> {
    return new Promise((resolve) =>
      this.#client.ask(performance.now(), replica, request, resolve, timeoutMs)
    );
  }

  /** All replicas of the cluster in id order; asks the one known replica for the others where need be. */
  async members(): Promise<Result<readonly ReplicaAddress[], Failure>> {
    if (this.#members !== undefined) return ok(this.#members);
    const { result } = await this.request({ op: "status" });
    if (!result.ok) return result;
    if (result.value.kind !== "status") {
      return fail({ code: "internal", message: `status was answered with ${result.value.kind}` });
    }
    const { id, peers } = result.value.status;
    const { host, port } = this.#replicas[0]!;
    const members = [
      { id, host, port },
      ...peers.map((peer) => ({ id: peer.id, ...addressOf(peer.address) })),
    ];
    members.sort((a, b) => a.id < b.id ? -1 : 1);
    this.#link.learn(members);
    this.#members = members;
    return ok(members);
  }

  /** Has this called when a connection to a replica has ended. */
  watch(onLost: (replica: string) => void): void {
    this.#link.onLost = onLost;
  }

  close(): void {
    this.#link.onLost = () => {};
    clearInterval(this.#ticker);
    this.#link.close();
  }
}

function addressOf(text: string): { host: string; port: number } {
  const colon = text.lastIndexOf(":");
  return { host: text.slice(0, colon).replace(/^\[|\]$/g, ""), port: Number(text.slice(colon + 1)) };
}
