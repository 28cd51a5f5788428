/** What a get found, as its client hears it. @module */
import { fail, ok, type Result } from "../base/failure.ts";
import type { Failure } from "../protocol/error_codes.ts";
import type { Level } from "../protocol/level.ts";
import type { Receipt, Reply } from "../protocol/reply.ts";
import type { ByteString } from "../base/bytes.ts";
import type { Held } from "../versions/resolve.ts";
import { afterRead, type Causal } from "./causality.ts";
import type { ReplicaId } from "./envelope.ts";
import type { Keyspace } from "./keyspace.ts";
import { shownFirst, siblingsOf } from "./siblings.ts";
import { versionName } from "./version_name.ts";

/** What was asked. */
export interface Asked {
  readonly keyspace: Keyspace;
  readonly key: ByteString;
  readonly level: Level;
  readonly causal: Causal;
}

/** What came of it. */
export interface FoundHeld {
  readonly held: Held;
  readonly required: number;
  readonly answered: readonly ReplicaId[];
  readonly repaired: readonly ReplicaId[];
  readonly maybeStale?: boolean;
}

/** The reply, or `not_found`. */
export function readAnswer(
  { keyspace, key, level, causal }: Asked,
  { held, required, answered, repaired, maybeStale = false }: FoundHeld,
  coordinator: ReplicaId,
): Result<Reply, Failure> {
  const version = shownFirst(held);
  const tokens = {
    ...afterRead(causal, keyspace.name, keyspace.wireKey(key), held),
    ...(maybeStale ? { maybe_stale: true as const } : {}),
  };
  if (version?.value === undefined) {
    return fail({
      code: "not_found",
      message: `key ${JSON.stringify(keyspace.wireKey(key))} ${version ? "was deleted" : "is not there"}`,
      ...(version ? { version: versionName(version) } : {}),
      ...siblingsOf(held),
      required,
      acked: answered,
      coordinator,
      ...tokens,
    });
  }
  const receipt: Receipt = {
    coordinator,
    keyspace: keyspace.name,
    level,
    required,
    copies: keyspace.copies,
    acked: answered,
    owed: [],
    repaired,
    version: versionName(version),
    ...tokens,
  };
  return ok({ kind: "value", value: version.value, ...siblingsOf(held), receipt });
}
