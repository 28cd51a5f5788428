/** One path of the API: what it is called, what answers it, and what the description says of it. @module */
import type { Result } from "../base/failure.ts";
import type { Failure } from "../protocol/error_codes.ts";
import type { Reply, Status } from "../protocol/reply.ts";
import type { Request } from "../protocol/request.ts";
import type { ClusterConfig } from "../replica/cluster_config.ts";
import type { ReplicaMetrics } from "../replica/replica.ts";
import type { Answer, Asked } from "./exchange.ts";

/** The replica, as the API sees it. */
export interface Backend {
  readonly config: ClusterConfig;
  readonly selfId: string;
  /** The only way to its data. */
  ask(request: Request): Promise<Result<Reply, Failure>>;
  /** What it says of itself, without being asked. */
  status(): Status;
  metrics(): ReplicaMetrics & HostMetrics;
}

/** What only the host measures. */
export interface HostMetrics {
  readonly httpConnections: number;
  readonly httpRefused: number;
  readonly httpEvicted: number;
  readonly httpDisplaced: number;
  readonly httpInternalErrors: number;
  readonly httpHeldBytes: number;
  /** Connections of clients and peers on the wire. */
  readonly wireConnections: number;
  /** Bytes that wait for each peer. */
  readonly peerQueueBytes: Readonly<Record<string, number>>;
}

/** One method of one path. */
export interface Route {
  readonly method: "GET" | "PUT" | "DELETE";
  /** Parameters in braces, as OpenAPI writes them: `/items/{key}`. */
  readonly path: string;
  /** Whether it answers without the secret: it tells nothing of the data. */
  readonly isOpen?: true;
  /** Its operation in the description. */
  readonly described: Readonly<Record<string, unknown>>;
  /** `parameters` are those of the path, decoded. */
  answer(asked: Asked, parameters: Readonly<Record<string, string>>): Answer | Promise<Answer>;
}
