/** What a request's tokens mean to its coordinator, and the tokens that its answer carries. @module */
import { fail, ok, type Result } from "../base/failure.ts";
import { mark } from "../base/mark.ts";
import type { Failure } from "../protocol/error_codes.ts";
import type { Receipt } from "../protocol/reply.ts";
import type { WireKey } from "../protocol/request.ts";
import {
  encodeContext,
  encodeSession,
  parseContext,
  parseSession,
  type Session,
  TOKEN_ORIGINS_MAX,
} from "../protocol/tokens.ts";
import type { Held } from "../versions/resolve.ts";
import type { Stamp } from "../versions/stamp.ts";
import { contextOf, covers, joinVectors, type Vector, type Version } from "../versions/version.ts";

/** The tokens of a request, understood. */
export interface Causal {
  readonly session?: Session;
  readonly context?: Vector;
}

/** The tokens that an answer carries. */
export type CausalAnswer = Pick<Receipt, "session" | "context">;

/** Those of a request without tokens: nearly all are so, and nothing is done for them. */
export const UNTOLD: Causal = {};

/** The same where siblings stay: whoever writes next must be able to name what was read, so every answer has a context. */
export const BLIND: Causal = {};
const NO_TOKENS: CausalAnswer = {};

/** What the tokens of a request name; or why they are none. `stampMax`: no clock of this cluster can have given more. */
export function parseTokens(
  tokens: { readonly session?: string; readonly context?: string; readonly key: WireKey },
  keyspace: string,
  stampMax: Stamp,
): Result<Causal, Failure> {
  const session = tokens.session === undefined ? undefined : parseSession(tokens.session);
  if (tokens.session !== undefined && session === undefined) return fail(strange("session", "a session"));
  const context = tokens.context === undefined
    ? undefined
    : parseContext(tokens.context, keyspace, tokens.key);
  if (tokens.context !== undefined && context === undefined) return fail(strange("context", "this key"));
  const causal = { ...(session && { session }), ...(context && { context }) };
  if (greatestOf(causal) <= stampMax) return ok(causal);
  return fail({
    code: "malformed_request",
    message: `a token names stamp ${greatestOf(causal)}, which no clock of this cluster can have given yet ` +
      `(at most ${stampMax}); take the token of an answer as it came`,
  });
}

/** The greatest stamp that the tokens name: what is written now must exceed it. */
export function greatestOf({ session, context }: Causal): Stamp {
  return Math.max(session?.stamp ?? 0, ...Object.values(context ?? {}));
}

/** What a put's version says of its writer's session; it decides no conflict (HAZARD H11). */
export function depsOf({ session }: Causal): Pick<Version, "deps"> {
  return session === undefined || Object.keys(session.vector).length === 0 ? {} : { deps: session.vector };
}

/** The tokens after a put or delete; `beside` is what stands beside the version on its coordinator's disk. */
export function afterWrite(
  causal: Causal,
  keyspace: string,
  key: WireKey,
  version: Version,
  beside: Held = [],
): CausalAnswer {
  if (causal === UNTOLD) return NO_TOKENS;
  // Why not the version itself where another of its origin stands beside it, or was seen by who wrote what does: a context names
  // all of an origin up to a stamp, so that one would be named too, by a writer who has never seen it nor what it had seen.
  const isAlone = beside.every(({ origin, seen }) =>
    origin !== version.origin && isSeenBy(version, seen?.[version.origin])
  );
  if (!isAlone) mark("causality: what was written is not named, for another of its origin stands beside it");
  const named = isAlone ? contextOf([version]) : version.seen ?? {};
  return answerOf(causal, keyspace, key, { versions: [version], named, stamp: version.stamp });
}

/** Whether a writer had seen all of its own origin up to this stamp. */
function isSeenBy({ origin, seen }: Version, stamp: Stamp | undefined): boolean {
  return stamp === undefined || covers(seen, origin, stamp);
}

/** The tokens after a get: each is greater than the one before, also where nothing new was read. */
export function afterRead(causal: Causal, keyspace: string, key: WireKey, held: Held): CausalAnswer {
  if (causal === UNTOLD) return NO_TOKENS;
  const stamp = Math.max(greatestOf(causal), ...held.map((version) => version.stamp)) + 1;
  return answerOf(causal, keyspace, key, { versions: held, named: contextOf(held), stamp });
}

function answerOf(
  { session }: Causal,
  keyspace: string,
  key: WireKey,
  { versions, named, stamp }: { readonly versions: Held; readonly named: Vector; readonly stamp: Stamp },
): CausalAnswer {
  const context = encodeContext(keyspace, key, cut(named));
  if (session === undefined) return { context };
  // Why what the writers depended on too: whoever has seen a write has seen what it followed from.
  const vector = versions.reduce(
    (joined, { deps }) => joinVectors(joined, deps ?? {}),
    joinVectors(session.vector, contextOf(versions)),
  );
  return { context, session: encodeSession({ stamp, vector: cut(vector) }) };
}

/** The latest entries, as many as a token has room for. */
function cut(vector: Vector): Vector {
  const entries = Object.entries(vector);
  if (entries.length <= TOKEN_ORIGINS_MAX) return vector;
  mark("causality: a token knows too many origins");
  return Object.fromEntries(entries.sort(([, a], [, b]) => b - a).slice(0, TOKEN_ORIGINS_MAX));
}

function strange(field: string, of: string): Failure {
  return {
    code: "malformed_request",
    message:
      `"${field}" is no token of ${of}; allowed: the "${field}" of an answer as it came, or "" to begin with`,
  };
}
