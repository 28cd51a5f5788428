/** The link of `client.ts` over TCP: one connection a replica, made when first needed, and made again when it broke. @module */
import type { Attempt, AttemptEnd, Link } from "../client/client.ts";
import { ConnectError, Connection } from "../client/connection.ts";
import { fail } from "../base/failure.ts";
import type { Failure } from "../protocol/error_codes.ts";

/** Where a replica listens. */
export interface ReplicaAddress {
  readonly id: string;
  readonly host: string;
  readonly port: number;
}

/** Whom the link expects to meet. */
export interface TcpLinkOptions {
  readonly secret?: string;
  /** The cluster that replicas must say they belong to; absent when only an address is known. */
  readonly cluster?: string;
}

/** How much longer than the client a connection waits: the client's own deadline speaks first. */
const GRACE_MS = 1000;

/** Connections to the replicas of one cluster. */
export class TcpLink implements Link {
  readonly #options: TcpLinkOptions;
  readonly #addresses = new Map<string, ReplicaAddress>();
  /** By replica id: open, or being opened. */
  readonly #connections = new Map<string, Promise<Connection>>();

  /** Told when a connection to this replica has ended, by whichever side. */
  onLost: (replica: string) => void = () => {};

  constructor(options: TcpLinkOptions) {
    this.#options = options;
  }

  /** A link to the same cluster, with connections of its own. */
  another(): TcpLink {
    return new TcpLink(this.#options);
  }

  /** Tells where replicas listen. */
  learn(replicas: readonly ReplicaAddress[]): void {
    for (const replica of replicas) this.#addresses.set(replica.id, replica);
  }

  attempt(attempt: Attempt, done: (nowMs: number, end: AttemptEnd) => void): void {
    this.#carry(attempt).then(
      (end) => done(performance.now(), end),
      (cause) => {
        const message = cause instanceof Error ? cause.message : String(cause);
        done(performance.now(), { kind: "answered", result: fail({ code: "internal", message }) });
      },
    );
  }

  close(): void {
    for (const opening of this.#connections.values()) {
      // A connection that never stood needs no closing.
      opening.then((connection) => connection.close(), () => {});
    }
    this.#connections.clear();
  }

  async #carry({ replica, request, connectByMs, deadlineMs }: Attempt): Promise<AttemptEnd> {
    let connection: Connection;
    try {
      connection = await this.#connect(replica, connectByMs - performance.now());
    } catch (cause) {
      this.#connections.delete(replica);
      if (cause instanceof ConnectError) return endOf(cause, this.#addresses.get(replica)!, this.#options);
      throw cause;
    }
    const mismatch = this.#mismatch(replica, connection);
    if (mismatch !== undefined) return { kind: "answered", result: fail(mismatch) };
    const timeoutMs = deadlineMs - performance.now() + GRACE_MS;
    return { kind: "answered", result: await connection.request(request, { timeoutMs }) };
  }

  async #connect(replica: string, timeoutMs: number): Promise<Connection> {
    const known = this.#connections.get(replica);
    if (known !== undefined) {
      const connection = await known;
      if (!connection.isClosed) return connection;
      // Somebody who waited as we did may have replaced it already.
      if (this.#connections.get(replica) !== known) return this.#connect(replica, timeoutMs);
    }
    const { host, port } = this.#addresses.get(replica)!;
    const { secret } = this.#options;
    const opening = Connection.open({
      host,
      port,
      timeoutMs: Math.max(1, Math.round(timeoutMs)),
      ...(secret === undefined ? {} : { secret }),
    });
    this.#connections.set(replica, opening);
    const connection = await opening;
    connection.closed.then(() => this.onLost(replica));
    return connection;
  }

  /** Whether somebody else answers at this address. */
  #mismatch(replica: string, { hello }: Connection): Failure | undefined {
    const { cluster } = this.#options;
    const address = this.#addresses.get(replica)!;
    const at = `${address.host}:${address.port}`;
    if (cluster !== undefined && hello.cluster !== cluster) {
      return {
        code: "wrong_cluster",
        message: `${at} belongs to cluster "${hello.cluster}", and the configuration says "${cluster}"`,
      };
    }
    if (cluster !== undefined && hello.id !== replica) {
      return {
        code: "wrong_cluster",
        message: `${at} is ${hello.id}, and the configuration says ${replica}`,
      };
    }
    return undefined;
  }
}

function endOf(
  error: ConnectError,
  { host, port }: ReplicaAddress,
  { secret, cluster }: TcpLinkOptions,
): AttemptEnd {
  // Why: a refused proof or a wrong protocol is the same everywhere; asking the next replica would hide it.
  if (error.failure !== undefined) {
    const { code, message } = error.failure;
    const isBare = code === "unauthorized" && secret === undefined && cluster === undefined;
    const way = "; an address alone has no secret: add --config FILE, or set QUARTET_SECRET";
    return {
      kind: "answered",
      result: fail(isBare ? { ...error.failure, message: message.split("; ")[0] + way } : error.failure),
    };
  }
  const isNobody = error.message.includes("ConnectionRefused");
  const isSilent = error.message.startsWith("nobody answered");
  return {
    kind: "unreachable",
    // Only what happened: the client asks the question that follows from it.
    reason: isNobody
      ? `nobody listens at ${host}:${port}`
      : `${error.message.split(";")[0]!}${isSilent ? " (paused?)" : ""}`,
  };
}
