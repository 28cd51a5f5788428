/** What clients know of keys whose values stand side by side, and name when they write them: the contexts of their last answers. @module */
import type { Result } from "../base/failure.ts";
import { type HistoryVersion, type Operation, touchedVersions } from "../checker/history.ts";
import type { Failure } from "../protocol/error_codes.ts";
import type { Reply } from "../protocol/reply.ts";
import { parseContext } from "../protocol/tokens.ts";
import { covers } from "../versions/version.ts";
import type { KeyRequest } from "./client_record.ts";

/** The context of an answer: as a replica understands it, and as a history tells it. */
interface Known {
  readonly token: string;
  readonly versions: readonly HistoryVersion[];
}

/** A request, and what a history says that it names. */
export interface Named {
  readonly request: KeyRequest;
  readonly context: readonly HistoryVersion[];
}

/** All that one client knows. */
export class ClientContexts {
  readonly #known = new Map<string, Known>();

  /** A put or delete as it is asked: naming what this client knows of the key, or, where it `isBlind` or knows nothing, nothing. */
  name(request: KeyRequest, { isBlind }: { readonly isBlind: boolean }): Named {
    const known = isBlind || request.op === "get" ? undefined : this.#known.get(placeOf(request));
    if (known === undefined) return { request, context: [] };
    return { request: { ...request, context: known.token }, context: known.versions };
  }

  /** Learns from an answer; where the request failed nothing is learnt. */
  onAnswer({ request, context }: Named, operation: Operation, result: Result<Reply, Failure>): void {
    const token = contextToken(result);
    if (operation.outcome !== "ok" || token === undefined) return;
    const versions = request.op === "get"
      ? touchedVersions(operation)
      : afterWrite(context, operation, request, token);
    this.#known.set(placeOf(request), {
      token,
      versions: versions.map(({ stamp, origin }) => ({ stamp, origin })),
    });
  }
}

/** The context that an answer or a refusal carries. */
export function contextToken(result: Result<Reply, Failure>): string | undefined {
  if (!result.ok) return result.failure.context;
  return "receipt" in result.value ? result.value.receipt.context : undefined;
}

/** What the write named, and the write itself, unless its answer does not cover it: then another of its origin stands beside it. */
function afterWrite(
  named: readonly HistoryVersion[],
  { version }: Operation,
  { keyspace, key }: KeyRequest,
  token: string,
): readonly HistoryVersion[] {
  const vector = parseContext(token, keyspace, key);
  return version && covers(vector, version.origin, version.stamp) ? [...named, version] : named;
}

function placeOf({ keyspace, key }: KeyRequest): string {
  return `${keyspace} ${key}`;
}
