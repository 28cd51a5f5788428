/** The session of one client: the token of its last answer goes with its next request, whoever coordinates. Tokens are opaque here. @module */
import type { Result } from "../base/failure.ts";
import type { Failure } from "../protocol/error_codes.ts";
import type { Reply } from "../protocol/reply.ts";
import type { KeyRequest } from "./client_record.ts";

/** What one client has done and seen so far, as replicas told it. */
export class ClientSession {
  /** As a history names it. */
  readonly name: string;
  #token = "";

  constructor(client: number) {
    this.name = `s${client}`;
  }

  /** The request as a part of this session. */
  carried(request: KeyRequest): KeyRequest {
    return { ...request, session: this.#token };
  }

  /** Takes over the token of an answer; a failure without one says nothing, and the session stays where it was. */
  onAnswer(result: Result<Reply, Failure>): void {
    this.#token = sessionToken(result) ?? this.#token;
  }
}

/** The session token that an answer or a refusal carries. */
export function sessionToken(result: Result<Reply, Failure>): string | undefined {
  if (!result.ok) return result.failure.session;
  return "receipt" in result.value ? result.value.receipt.session : undefined;
}
