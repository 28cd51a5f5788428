/** What a replica wants done. The runner does it; the replica never waits for it. @module */
import type { Result } from "../base/failure.ts";
import type { StoreCommand } from "../ports.ts";
import type { Failure } from "../protocol/error_codes.ts";
import type { Reply } from "../protocol/reply.ts";
import type { Envelope } from "./envelope.ts";
import type { RequestId, Ticket } from "./event.ts";

/** The only things that leave a replica. */
export type Effect =
  /** Best effort: may be lost, repeated, delayed, reordered. */
  | { readonly kind: "send"; readonly envelope: Envelope }
  /** Exactly one for each request. */
  | { readonly kind: "reply"; readonly id: RequestId; readonly result: Result<Reply, Failure> }
  /** Comes back as `stored` with the same ticket. */
  | { readonly kind: "store"; readonly ticket: Ticket; readonly command: StoreCommand };
