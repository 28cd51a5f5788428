/** The meaning of `cluster.toml`: its types, defaults and checks. Pure; reading the file is `cli/config_file.ts`'s business. @module */
import { fail, ok, type Result } from "../base/failure.ts";
import { lineBytesMin, MEMBERS_MAX, VALUE_BYTES_CEILING, VALUE_BYTES_DEFAULT } from "../protocol/limits.ts";
import { type ConfigProblem, type Range, Table } from "./config_table.ts";
import { TOKEN_ORIGINS_MAX } from "../protocol/tokens.ts";
import type { ReplicaId } from "./envelope.ts";
import { type KeyspaceConfig, NAME, parseKeyspace } from "./keyspace_config.ts";
import { stalenessProblem } from "./staleness.ts";

/** Where something listens. */
export interface Place {
  readonly host: string;
  readonly port: number;
}

/** One replica of the cluster, and where peers and clients reach it. */
export interface Member extends Place {
  readonly id: ReplicaId;
  /** Where it answers HTTP; absent: nowhere. */
  readonly http?: Place;
}

/** Numbers that tune a replica. In the file each stands under `[settings]` in snake case. */
export interface Settings {
  /** How long a put or get may wait for its level. */
  readonly requestTimeoutMs: number;
  /** At `ONE` a key is compared with its other copies at most this often. */
  readonly readRepairIntervalMs: number;
  readonly heartbeatIntervalMs: number;
  /** Silence after which a peer counts as dead. */
  readonly failureTimeoutMs: number;
  /** Longest pause between two dials of a peer. */
  readonly redialCapMs: number;
  /** A replica whose clock is further than this ahead of the median of its live peers refuses writes. */
  readonly clockSkewMaxMs: number;
  readonly valueBytesMax: number;
  readonly lineBytesMax: number;
  readonly segmentBytes: number;
  /** Bounds of the hints kept for one peer. */
  readonly hintCountMax: number;
  readonly hintBytesMax: number;
  readonly hintAgeMaxMs: number;
  /** Deliveries to one returning peer per second. */
  readonly hintsPerSecond: number;
  /** Two replicas compare their copies so often. */
  readonly antiEntropyIntervalMs: number;
  /** Keys that one replica exchanges in passes it began, per second. */
  readonly antiEntropyKeysPerSecond: number;
  /** Buckets that are told apart at the finest level of a Merkle tree: a power of two. */
  readonly merkleBuckets: number;
  /** Promises that let tombstones go stay so far behind the slowest clock: later writes are taken however they come. */
  readonly tombstoneGraceMs: number;
  /** Origins that a version says its writer had seen; what is beyond them is forgotten (HAZARD H13). */
  readonly clockEntriesMax: number;
  /** After the last heal and the last write all copies are equal within this, where up to 20,000 keys differ. */
  readonly stalenessBoundMs: number;
}

/** Everything that `cluster.toml` says. */
export interface ClusterConfig {
  readonly cluster: string;
  readonly secret?: string;
  /** The path of a file with the secret, as written; relative to the configuration. */
  readonly secretFile?: string;
  /** Whether clients may break things on purpose. */
  readonly faults: boolean;
  /** In id order. */
  readonly members: readonly Member[];
  readonly keyspaces: ReadonlyMap<string, KeyspaceConfig>;
  readonly defaultKeyspace: string;
  /** What `/kv-store` over HTTP reads and writes; absent: that path does not exist. */
  readonly httpKeyspace?: string;
  readonly settings: Settings;
}

const SETTINGS: Readonly<Record<keyof Settings, Range>> = {
  requestTimeoutMs: { fallback: 2000, min: 10, max: 600_000 },
  readRepairIntervalMs: { fallback: 1000, min: 0, max: 3_600_000 },
  heartbeatIntervalMs: { fallback: 250, min: 10, max: 60_000 },
  failureTimeoutMs: { fallback: 1000, min: 30, max: 600_000 },
  redialCapMs: { fallback: 1000, min: 10, max: 60_000 },
  clockSkewMaxMs: { fallback: 10_000, min: 1, max: 86_400_000 },
  valueBytesMax: { fallback: VALUE_BYTES_DEFAULT, min: 1, max: VALUE_BYTES_CEILING },
  lineBytesMax: {
    fallback: lineBytesMin(VALUE_BYTES_DEFAULT),
    min: 65_536,
    max: lineBytesMin(VALUE_BYTES_CEILING),
  },
  segmentBytes: { fallback: 8 * 1024 * 1024, min: 65_536, max: 1024 * 1024 * 1024 },
  hintCountMax: { fallback: 100_000, min: 0, max: 10_000_000 },
  hintBytesMax: { fallback: 64 * 1024 * 1024, min: 0, max: 16 * 1024 * 1024 * 1024 },
  hintAgeMaxMs: { fallback: 3 * 3_600_000, min: 1000, max: 365 * 86_400_000 },
  hintsPerSecond: { fallback: 5000, min: 1, max: 1_000_000 },
  antiEntropyIntervalMs: { fallback: 2000, min: 10, max: 3_600_000 },
  antiEntropyKeysPerSecond: { fallback: 20_000, min: 1, max: 10_000_000 },
  merkleBuckets: { fallback: 65_536, min: 16, max: 65_536 },
  tombstoneGraceMs: { fallback: 5000, min: 50, max: 30 * 86_400_000 },
  clockEntriesMax: { fallback: 64, min: 2, max: TOKEN_ORIGINS_MAX },
  stalenessBoundMs: { fallback: 10_000, min: 100, max: 86_400_000 },
};

/** Room that a frame of the log needs beside the one value it must be able to hold. */
export const SEGMENT_SLACK_BYTES = 16 * 1024;

/** Bytes of the versions of one key that a replica takes from a peer; with all that may stand beside them they fit a segment. */
export function recordBytesMax(settings: Settings): number {
  return settings.valueBytesMax + SEGMENT_SLACK_BYTES / 2;
}

/**
 * Of these, bytes that one replica fills by itself with versions that stand side by side, in a keyspace with so many copies.
 *
 * Why a share: each of them may do so where it hears nothing of the others, and what they bring together must fit everywhere.
 * One share more is for a replica that has lost its disk, and fills its own a second time.
 */
export function siblingBytesMax(settings: Settings, copies: number): number {
  return Math.floor(recordBytesMax(settings) / (copies + 1));
}

/** Addresses that only this machine can reach. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || host === "[::1]" || /^127(\.\d{1,3}){3}$/.test(host);
}

/** The configuration in a parsed TOML document, or every problem found in it. */
export function parseClusterConfig(document: unknown): Result<ClusterConfig, readonly ConfigProblem[]> {
  const problems: ConfigProblem[] = [];
  const top = new Table(document, "", problems);
  const cluster = top.text("cluster", NAME, "1 to 32 of a–z, 0–9, - and _, not starting with - or _");
  const secret = top.has("secret")
    ? top.text("secret", /^.{16,1024}$/su, "16 to 1024 characters")
    : undefined;
  const secretFile = top.has("secret_file")
    ? top.text("secret_file", /^[^\0]{1,4096}$/s, "the path of a file with the secret")
    : undefined;
  if (secret !== undefined && secretFile !== undefined) {
    top.problem("secret_file", "secret is set as well; keep one of the two");
  }
  const faults = top.boolean("faults", { fallback: false });
  const members = top.tables("replica").map(parseMember);
  members.sort((a, b) => a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
  checkMembers(members, problems);
  const keyspaces = new Map<string, KeyspaceConfig>();
  for (const [name, table] of top.namedTables("keyspace")) {
    keyspaces.set(name, parseKeyspace(name, table, members.length));
  }
  if (keyspaces.size === 0) {
    problems.push({ path: "keyspace", message: "missing: declare at least one [keyspace.NAME]" });
  }
  const defaultKeyspace = top.has("default_keyspace") || keyspaces.size !== 1
    ? top.text("default_keyspace", /./, "the name of a keyspace")
    : [...keyspaces.keys()][0]!;
  if (keyspaces.size > 0 && defaultKeyspace !== "" && !keyspaces.has(defaultKeyspace)) {
    problems.push({
      path: "default_keyspace",
      message: `"${defaultKeyspace}" is not declared; declared: ${[...keyspaces.keys()].join(", ")}`,
    });
  }
  const httpKeyspace = parseHttpKeyspace(top, keyspaces);
  const settings = parseSettings(top.table("settings"), problems);
  // Why not beside others: what is reckoned from a wrong number says nothing.
  checkClockEntries(settings, keyspaces, problems);
  const late = problems.length > 0 ? undefined : stalenessProblem(settings, keyspaces.values());
  if (late !== undefined) problems.push(late);
  top.refuseUnknown([
    "cluster",
    "secret",
    "secret_file",
    "faults",
    "replica",
    "keyspace",
    "default_keyspace",
    "http_keyspace",
    "settings",
  ]);
  if (problems.length > 0) return fail(problems);
  return ok({
    cluster,
    ...(secret === undefined ? {} : { secret }),
    ...(secretFile === undefined ? {} : { secretFile }),
    faults,
    members,
    keyspaces,
    defaultKeyspace,
    ...(httpKeyspace === undefined ? {} : { httpKeyspace }),
    settings,
  });
}

const ADDRESS = /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+):([0-9]{1,5})$/;

function parseMember(table: Table): Member {
  const id = table.text("id", NAME, "1 to 32 of a–z, 0–9, - and _, not starting with - or _");
  const address = parsePlace(table, "address", "127.0.0.1:7411");
  const http = table.has("http") ? parsePlace(table, "http", "127.0.0.1:8411") : undefined;
  table.refuseUnknown(["id", "address", "http"]);
  return { id, ...address, ...(http === undefined ? {} : { http }) };
}

function parsePlace(table: Table, name: string, example: string): Place {
  const text = table.text(name, ADDRESS, `HOST:PORT, such as "${example}"`);
  const [, host = "", port = "0"] = ADDRESS.exec(text) ?? [];
  if (text !== "" && (Number(port) < 1 || Number(port) > 65_535)) {
    table.problem(name, `port ${port} is out of range; allowed: 1 to 65535`);
  }
  return { host: host.replace(/^\[|\]$/g, ""), port: Number(port) };
}

/** Why `items` and then `kv`: they are the keyspaces that such clients expect. */
function parseHttpKeyspace(top: Table, keyspaces: ReadonlyMap<string, KeyspaceConfig>): string | undefined {
  if (!top.has("http_keyspace")) {
    return ["items", "kv"].find((name) => keyspaces.get(name)?.siblings === false);
  }
  const name = top.text("http_keyspace", /./, "the name of a keyspace");
  if (name !== "" && !keyspaces.has(name)) {
    const declared = [...keyspaces.keys()].join(", ");
    top.problem("http_keyspace", `"${name}" is not declared; declared: ${declared}`);
  }
  if (keyspaces.get(name)?.siblings === true) {
    // Why: who writes there names nothing that was read, so that nothing would ever be replaced.
    top.problem("http_keyspace", `"${name}" has siblings, and /kv-store knows no context; take one without`);
  }
  return name;
}

function checkMembers(members: readonly Member[], problems: ConfigProblem[]): void {
  if (members.length === 0) {
    problems.push({ path: "replica", message: "missing: declare at least one [[replica]]" });
  }
  if (members.length > MEMBERS_MAX) {
    problems.push({
      path: "replica",
      message: `${members.length} replicas; at most ${MEMBERS_MAX} are allowed`,
    });
  }
  for (let i = 1; i < members.length; i++) {
    if (members[i]!.id !== "" && members[i]!.id === members[i - 1]!.id) {
      problems.push({
        path: "replica.id",
        message: `"${members[i]!.id}" is declared twice; each id names one replica`,
      });
    }
  }
  const byPlace = new Map<string, string>();
  for (const { id, host, port, http } of members) {
    for (const [name, place] of [["address", { host, port }], ["http", http]] as const) {
      if (place === undefined || place.port === 0) continue;
      const address = placeText(place);
      const other = byPlace.get(address);
      if (other !== undefined) {
        problems.push({
          path: `replica.${name}`,
          message: `"${address}" belongs to both ${other} and ${name === "http" ? `${id} (http)` : id}`,
        });
      }
      byPlace.set(address, name === "http" ? `${id} (http)` : id);
    }
  }
}

/** `HOST:PORT`, brackets around an IPv6 host. */
export function placeText({ host, port }: Place): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}

/** What may stand under `[settings]`. */
export function settingNames(): string[] {
  return Object.keys(SETTINGS).map(snakeCase);
}

function parseSettings(table: Table, problems: ConfigProblem[]): Settings {
  const values: Partial<Record<keyof Settings, number>> = {};
  const names = Object.keys(SETTINGS) as (keyof Settings)[];
  for (const name of names) values[name] = table.integer(snakeCase(name), SETTINGS[name]);
  table.refuseUnknown(settingNames());
  const settings = values as Settings;
  const lineMin = lineBytesMin(settings.valueBytesMax);
  if (!table.has("line_bytes_max")) return checkRelations({ ...settings, lineBytesMax: lineMin }, problems);
  if (settings.lineBytesMax < lineMin) {
    problems.push({
      path: "settings.line_bytes_max",
      message:
        `${settings.lineBytesMax} is too small for value_bytes_max = ${settings.valueBytesMax}; at least ${lineMin}`,
    });
  }
  return checkRelations(settings, problems);
}

function checkRelations(settings: Settings, problems: ConfigProblem[]): Settings {
  if (settings.segmentBytes < settings.valueBytesMax + SEGMENT_SLACK_BYTES) {
    problems.push({
      path: "settings.segment_bytes",
      message:
        `${settings.segmentBytes} cannot hold a value of value_bytes_max = ${settings.valueBytesMax}; ` +
        `at least ${settings.valueBytesMax + SEGMENT_SLACK_BYTES}`,
    });
  }
  if ((settings.merkleBuckets & settings.merkleBuckets - 1) !== 0) {
    problems.push({
      path: "settings.merkle_buckets",
      message: `${settings.merkleBuckets} is not allowed; allowed: a power of two, such as 256 or 65536`,
    });
  }
  if (settings.failureTimeoutMs < 2 * settings.heartbeatIntervalMs) {
    problems.push({
      path: "settings.failure_timeout_ms",
      message: `${settings.failureTimeoutMs} is under two heartbeats; at least ${
        2 * settings.heartbeatIntervalMs
      }`,
    });
  }
  return settings;
}

/** Why one more than copies: what a version replaces may come from each replica of its key, and from one that was there before. */
function checkClockEntries(
  { clockEntriesMax }: Settings,
  keyspaces: ReadonlyMap<string, KeyspaceConfig>,
  problems: ConfigProblem[],
): void {
  for (const { name, siblings, replication } of keyspaces.values()) {
    if (!siblings || clockEntriesMax > replication) continue;
    problems.push({
      path: "settings.clock_entries_max",
      message:
        `${clockEntriesMax} is too small for the ${replication} copies of keyspace ${name}, which has siblings; ` +
        `at least ${replication + 1}`,
    });
  }
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
