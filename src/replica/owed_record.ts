/**
 * The stored form of an owed record: the coordinator's note, written together with its own copy, of the replicas that
 * a write has not reached yet (HAZARD H8). It goes when all have acknowledged, and becomes hints at the deadline or at
 * the next start. Wire format: only append.
 *
 * ```
 * owed   JSON [keyspace, key, "target target …"] | (u8 10 | record that they are owed)?
 * ```
 * The record is there only where the coordinator holds no copy of the key itself. Why it is not in the JSON: there a byte
 * may take six, and the largest value would not fit a segment of the log.
 * @module
 */
import { type ByteString, decodeText, encodeShortText } from "../base/bytes.ts";
import type { ReplicaId } from "./envelope.ts";

/** Which replicas are owed which key. */
export interface Owed {
  readonly keyspace: string;
  readonly key: ByteString;
  readonly targets: readonly ReplicaId[];
  /** The versions owed, where the coordinator holds no copy of the key itself. */
  readonly record?: Uint8Array;
}

/** Never in JSON without whitespace, so the first one ends it. */
const NEWLINE = 10;

/** Bytes of an owed record. */
export function encodeOwed({ keyspace, key, targets, record }: Owed): Uint8Array {
  const head = encodeShortText(JSON.stringify([keyspace, key, targets.join(" ")]));
  if (!record) return head;
  const bytes = new Uint8Array(head.length + 1 + record.length);
  bytes.set(head);
  bytes[head.length] = NEWLINE;
  bytes.set(record, head.length + 1);
  return bytes;
}

/** The owed record in bytes made by `encodeOwed`. */
export function decodeOwed(bytes: Uint8Array): Owed {
  const newline = bytes.indexOf(NEWLINE);
  const head = newline < 0 ? bytes : bytes.subarray(0, newline);
  const [keyspace, key, targets] = JSON.parse(decodeText(head)) as string[];
  return {
    keyspace: keyspace!,
    key: key as ByteString,
    targets: targets!.split(" "),
    ...(newline < 0 ? {} : { record: bytes.slice(newline + 1) }),
  };
}
