/**
 * Requests that one replica hands on to another, and what comes back: both in the words of clients, through the parsers
 * that clients' lines go through. Wire format: only append.
 * @module
 */
import { fail, ok } from "../base/failure.ts";
import type { ForwardedMessage, ForwardMessage } from "../replication/messages.ts";
import { type Fields, isCount, isFields } from "./fields.ts";
import { decodeReply, encodeReply } from "./reply_codec.ts";
import { parseKeyRequest } from "./request_codec.ts";

/** The JSON of an answer to a forwarded request. */
export function encodeForwarded({ round, reply }: ForwardedMessage): string {
  return `{"type":"forwarded","round":${round},"reply":${encodeReply(undefined, reply)}}`;
}

/** A request from a peer that does not coordinate it; undefined where it is none, or leaves open what defaults decide. */
export function parseForward(round: number, { life, request: input }: Fields): ForwardMessage | undefined {
  if (!isCount(life) || !isFields(input)) return undefined;
  const request = parseKeyRequest(input);
  if (request?.keyspace === undefined || request.level === undefined) return undefined;
  return { type: "forward", round, life, request };
}

/** What a peer that coordinated says; undefined where it is no answer to a put, get or delete. */
export function parseForwarded(round: number, { reply: input }: Fields): ForwardedMessage | undefined {
  const result = decodeReply(input)?.result;
  if (result === undefined) return undefined;
  if (!result.ok) return { type: "forwarded", round, reply: fail(result.failure) };
  const answer = result.value;
  if (answer.kind !== "written" && answer.kind !== "value") return undefined;
  return { type: "forwarded", round, reply: ok(answer) };
}

/** An answer with a value that has no room in what waits for a peer, in few words. A get changes nothing, so it is definite. */
export function shortForwarded(
  { round, reply }: ForwardedMessage,
  why: string,
): ForwardedMessage | undefined {
  if (!reply.ok || reply.value.kind !== "value") return undefined;
  return { type: "forwarded", round, reply: fail({ code: "overloaded", message: why }) };
}
