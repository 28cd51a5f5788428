/** The cluster as its replicas tell it, each asked directly: who is there, and what each one holds. @module */
import { PAGE_COUNT_MAX } from "../protocol/limits.ts";
import type { Failure } from "../protocol/error_codes.ts";
import type { Held, Status } from "../protocol/reply.ts";
import type { WireKey } from "../protocol/request.ts";
import { fail, ok, type Result } from "../base/failure.ts";
import { KeyHolders, type PlacementConfig, placementIn } from "./holders.ts";
import { UsageError } from "./arguments.ts";
import type { Caller } from "./caller.ts";
import type { ReplicaAddress } from "./tcp_link.ts";
import type { Call } from "./verb.ts";

/** What one replica answered. */
export interface StatusView {
  readonly replica: ReplicaAddress;
  readonly result: Result<Status, Failure>;
}

/** One key on all replicas asked. */
export interface KeyView {
  readonly key: WireKey;
  /** Those that are to hold a copy of it; undefined where nobody told, and all count. */
  readonly holders?: ReadonlySet<string>;
  /** By replica id; one that did not answer, or is to hold no copy, is absent. */
  readonly held: ReadonlyMap<string, Held["versions"]>;
  /** Whether all that answered hold the same. */
  readonly isEqual: boolean;
}

/** What the replicas asked hold, in key order. */
export interface HoldingsView {
  readonly replicas: readonly string[];
  /** Who is to hold copies; undefined where nobody told, and all count. */
  readonly holders?: KeyHolders;
  readonly failures: ReadonlyMap<string, Failure>;
  readonly keys: readonly KeyView[];
}

const NOTHING: Held["versions"] = [];

/** The replicas named in `ids` (comma-separated), or all. Throws `UsageError` when one is not a member. */
export function pickReplicas(
  members: readonly ReplicaAddress[],
  ids: string | undefined,
): readonly ReplicaAddress[] {
  if (ids === undefined) return members;
  const wanted = ids.split(",").map((id) => id.trim());
  for (const id of wanted) {
    if (!members.some((member) => member.id === id)) {
      const known = members.map((member) => member.id).join(",");
      throw new UsageError(`--replica ${ids}: "${id}" is no replica of this cluster; known: ${known}`);
    }
  }
  return members.filter(({ id }) => wanted.includes(id));
}

/** Asks each replica for its status. */
export function askStatuses(caller: Caller, replicas: readonly ReplicaAddress[]): Promise<StatusView[]> {
  return Promise.all(replicas.map(async (replica): Promise<StatusView> => {
    const { result } = await caller.ask(replica.id, { op: "status" });
    if (!result.ok) return { replica, result };
    if (result.value.kind === "status") return { replica, result: ok(result.value.status) };
    return { replica, result: fail(strangeAnswer(result.value.kind)) };
  }));
}

/**
 * Who is to hold copies of the keyspace. Its placement stands in the file; without one a replica tells it. Undefined where
 * neither does, or no keyspace is named and theirs are placed differently.
 */
export async function findHolders(
  { caller, config }: Pick<Call, "caller" | "config">,
  members: readonly ReplicaAddress[],
  keyspace: string | undefined,
): Promise<KeyHolders | undefined> {
  const placement = config === undefined
    ? placementIn(await askDigest(caller), keyspace)
    : config.keyspaces.get(keyspace ?? config.defaultKeyspace);
  if (placement === undefined || placement.replication > members.length) return undefined;
  return new KeyHolders(placement, members);
}

/** Where the keys of the call's keyspace lie, as its file or a replica tells it; or why nobody can say. */
export async function findPlacement(
  { caller, config, keyspace }: Pick<Call, "caller" | "config" | "keyspace">,
): Promise<Result<PlacementConfig, Failure>> {
  if (config !== undefined) {
    const name = keyspace ?? config.defaultKeyspace;
    const known = config.keyspaces.get(name);
    if (known !== undefined) return ok(known);
    const names = [...config.keyspaces.keys()].join(", ");
    return fail({
      code: "unknown_keyspace",
      message: `no keyspace ${JSON.stringify(name)}; there are: ${names}`,
    });
  }
  const { result } = await caller.request({ op: "status" });
  if (!result.ok) return result;
  if (result.value.kind !== "status") return fail(strangeAnswer(result.value.kind));
  const { digest } = result.value.status;
  const names = Object.keys(digest ?? {}).flatMap((name) =>
    name.startsWith("keyspace.") ? [name.slice("keyspace.".length)] : []
  );
  // Why: a replica tells how its keyspaces are placed, and not which one is the default.
  if (keyspace === undefined && names.length > 1) {
    const message = `which keyspace? say it with --keyspace; there are: ${names.join(", ")}`;
    return fail({ code: "malformed_request", message });
  }
  const placement = placementIn(digest, keyspace);
  if (placement !== undefined) return ok(placement);
  const wanted = keyspace === undefined ? "its keyspace" : `keyspace ${JSON.stringify(keyspace)}`;
  const message = `the replica does not tell how ${wanted} is placed; it has: ${names.join(", ") || "none"}`;
  return fail({ code: "unknown_keyspace", message });
}

async function askDigest(caller: Caller): Promise<Status["digest"]> {
  const { result } = await caller.request({ op: "status" });
  return result.ok && result.value.kind === "status" ? result.value.status.digest : undefined;
}

/**
 * Asks each replica what it holds: of the keys given, or of all keys of the keyspace, page by page. Who is none of the
 * `holders` is not asked: what it may still hold is nobody's copy.
 */
export async function askHoldings(
  caller: Pick<Caller, "ask">,
  replicas: readonly ReplicaAddress[],
  keyspace: string | undefined,
  keys: readonly string[],
  holders?: KeyHolders,
): Promise<HoldingsView> {
  const asked = replicas.filter(({ id }) => holders?.any.has(id) ?? true);
  const failures = new Map<string, Failure>();
  const answers = await Promise.all(asked.map(async ({ id }) => {
    const entries = await askReplica(caller, id, keyspace, keys);
    if (!entries.ok) failures.set(id, entries.failure);
    return { id, entries: entries.ok ? entries.value : [] };
  }));
  const answered = asked.map(({ id }) => id).filter((id) => !failures.has(id));
  const byKey = new Map<WireKey, Map<string, Held["versions"]>>();
  for (const { id, entries } of answers) {
    for (const { key, versions } of entries) {
      const ids = holders?.of(key);
      const held = byKey.get(key) ??
        new Map(answered.filter((other) => ids?.has(other) ?? true).map((other) => [other, NOTHING]));
      byKey.set(key, held);
      if (ids?.has(id) ?? true) held.set(id, versions);
    }
  }
  const views = [...byKey].map(([key, held]): KeyView => {
    const forms = new Set([...held.values()].map((versions) => JSON.stringify(versions)));
    return { key, ...(holders && { holders: holders.of(key) }), held, isEqual: forms.size <= 1 };
  });
  views.sort((a, b) => compareKeys(a.key, b.key));
  return {
    replicas: replicas.map(({ id }) => id),
    ...(holders === undefined ? {} : { holders }),
    failures,
    keys: views,
  };
}

async function askReplica(
  caller: Pick<Caller, "ask">,
  replica: string,
  keyspace: string | undefined,
  keys: readonly string[],
): Promise<Result<Held[], Failure>> {
  const entries: Held[] = [];
  const request = { op: "inspect" as const, ...(keyspace === undefined ? {} : { keyspace }) };
  for (let at = 0; at < keys.length;) {
    const asked = keys.slice(at, at + PAGE_COUNT_MAX);
    const page = await askPage(caller, replica, { ...request, keys: asked });
    if (!page.ok) return page;
    entries.push(...page.value.entries);
    // Where large values fill a line, the answer ends before the last key that was asked for. It never brings none.
    at += page.value.more ? Math.max(1, page.value.entries.length) : asked.length;
  }
  for (let hasMore = keys.length === 0; hasMore;) {
    const last = entries.at(-1);
    const page = await askPage(caller, replica, { ...request, ...(last ? { after: last.key } : {}) });
    if (!page.ok) return page;
    entries.push(...page.value.entries);
    // Why: a page that brings nothing and promises more would be asked for again for ever.
    hasMore = page.value.more && page.value.entries.length > 0;
  }
  return ok(entries);
}

async function askPage(
  caller: Pick<Caller, "ask">,
  replica: string,
  request: { op: "inspect"; keyspace?: string; keys?: readonly string[]; after?: WireKey },
): Promise<Result<{ entries: readonly Held[]; more: boolean }, Failure>> {
  const { result } = await caller.ask(replica, request);
  if (!result.ok) return result;
  return result.value.kind === "held" ? ok(result.value) : fail(strangeAnswer(result.value.kind));
}

function strangeAnswer(kind: string): Failure {
  return { code: "internal", message: `the replica answered with "${kind}", which was not asked for` };
}

function compareKeys(a: WireKey, b: WireKey): number {
  if (typeof a === "number" && typeof b === "number") return a - b;
  return String(a) < String(b) ? -1 : String(a) > String(b) ? 1 : 0;
}
