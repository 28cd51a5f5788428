/** What can happen to a replica. @module */
import type { StoreResult } from "../ports.ts";
import type { Request } from "../protocol/request.ts";
import type { Message, ReplicaId } from "./envelope.ts";

/** Names a client request while it is in flight; the host's business. */
export type RequestId = number;

/** Names a store command while it is in flight. */
export type Ticket = number;

/** The only things that reach a replica. */
export type Event =
  | { readonly kind: "tick" }
  /** What one line from a peer holds. */
  | { readonly kind: "messages"; readonly from: ReplicaId; readonly messages: readonly Message[] }
  | { readonly kind: "request"; readonly id: RequestId; readonly request: Request }
  | { readonly kind: "stored"; readonly ticket: Ticket; readonly result: StoreResult }
  /**
   * What the link layer noticed of the connection that this replica dialled: it stands, it broke, or bytes came in
   * (on any connection with that peer).
   */
  | { readonly kind: "link"; readonly peer: ReplicaId; readonly state: "up" | "down" | "heard" };
