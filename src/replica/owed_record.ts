/**
 * The stored form of an owed record: the coordinator's note, written together with its own copy, of the replicas that
 * a write has not reached yet (HAZARD H8). It goes when all have acknowledged, and becomes hints at the deadline or at
 * the next start. JSON, because it is small; the versions are not in it where the coordinator holds a copy itself.
 * Wire format: only append.
 * @module
 */
import { bytesOf, byteString, decodeText, encodeText } from "../base/bytes.ts";
import type { ByteString } from "../base/bytes.ts";
import type { ReplicaId } from "./envelope.ts";

/** Which replicas are owed which key. */
export interface Owed {
  readonly keyspace: string;
  readonly key: ByteString;
  readonly targets: readonly ReplicaId[];
  /** The versions owed, where the coordinator holds no copy of the key itself. */
  readonly record?: Uint8Array;
}

/** Bytes of an owed record. */
export function encodeOwed(owed: Owed): Uint8Array {
  const fields = [
    owed.keyspace,
    owed.key,
    owed.targets.join(" "),
    ...(owed.record ? [byteString(owed.record)] : []),
  ];
  return encodeText(JSON.stringify(fields));
}

/** The owed record in bytes made by `encodeOwed`. */
export function decodeOwed(bytes: Uint8Array): Owed {
  const [keyspace, key, targets, record] = JSON.parse(decodeText(bytes)) as string[];
  return {
    keyspace: keyspace!,
    key: key as ByteString,
    targets: targets!.split(" "),
    ...(record === undefined ? {} : { record: bytesOf(record as ByteString) }),
  };
}
