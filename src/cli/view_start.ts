/**
 * A replica without a file: the environment says who the members are (`VIEW`), which of them this is (`IPPORT`) and how
 * many hold copies (`K`); or `PORT` alone, where it is the only one. Pure.
 * @module
 */
import { join, resolve } from "@std/path";
import { hash64, hexOf } from "../base/hash64.ts";
import { utf8ByteString } from "../base/bytes.ts";
import { fail, ok, type Result } from "../base/failure.ts";
import { MEMBERS_MAX } from "../protocol/limits.ts";
import { type ClusterConfig, parseClusterConfig, type Place, placeText } from "../replica/cluster_config.ts";

/** What the environment may say, and what it means. */
export const VIEW_ENVIRONMENT: readonly (readonly [name: string, meaning: string])[] = [
  ["VIEW", "HTTP addresses of all members, IP:PORT with commas between; the same for all of them"],
  ["IPPORT", "which of them this is; needed with VIEW, and enough alone"],
  ["K", "how many of them hold copies; all unless set. The others pass requests on"],
  ["PORT", "without VIEW and IPPORT: one replica alone, which answers HTTP at 127.0.0.1:PORT"],
];

/** Where peers and clients of the wire are answered: so far above the HTTP port. */
export const WIRE_PORT_ABOVE_HTTP = 10_000;

const KEYSPACE = "kv";
const CLUSTER = "view";

/** A start that the environment asks for. */
export interface ViewStart {
  readonly config: ClusterConfig;
  readonly id: string;
  readonly dataDirectory: string;
}

/** Whether the environment asks for a start without a file. */
export function hasView(env: ReadonlyMap<string, string>): boolean {
  return ["VIEW", "IPPORT", "PORT"].some((name) => (env.get(name) ?? "") !== "");
}

/** What is to be started, or one sentence that says what is wrong. Requires: `hasView`. */
export function parseView(env: ReadonlyMap<string, string>): Result<ViewStart, string> {
  const view = viewOf(env);
  if (!view.ok) return view;
  const { places, self } = view.value;
  const count = copyCount(env.get("K"), places.length);
  if (!count.ok) return count;
  const id = idOf(self);
  const parsed = parseClusterConfig({
    cluster: CLUSTER,
    default_keyspace: KEYSPACE,
    http_keyspace: KEYSPACE,
    replica: places.map((place) => ({
      id: idOf(place),
      address: placeText({ ...place, port: place.port + WIRE_PORT_ABOVE_HTTP }),
      http: placeText(place),
    })),
    keyspace: {
      [KEYSPACE]: {
        keys: "text",
        partitioner: "all",
        replication: count.value,
        default_level: "ONE",
        coordination: "spread",
      },
    },
  });
  if (!parsed.ok) return fail(`VIEW: ${parsed.failure.map(({ message }) => message).join("; ")}`);
  return ok({ config: parsed.value, id, dataDirectory: resolve(join("data", `${self.host}_${self.port}`)) });
}

function viewOf(
  env: ReadonlyMap<string, string>,
): Result<{ readonly places: readonly Place[]; readonly self: Place }, string> {
  const own = env.get("IPPORT") ?? "";
  const listed = (env.get("VIEW") ?? "").split(",").map((word) => word.trim()).filter((word) => word !== "");
  if (own === "" && listed.length === 0) return aloneAt(env.get("PORT") ?? "");
  if (own === "") {
    return fail("IPPORT is missing: say which address of VIEW this member has, such as IPPORT=" + listed[0]);
  }
  const self = parsePlace("IPPORT", own);
  if (!self.ok) return self;
  const places = new Map<string, Place>();
  for (const word of listed) {
    const place = parsePlace("VIEW", word);
    if (!place.ok) return place;
    places.set(placeText(place.value), place.value);
  }
  if (listed.length === 0) places.set(own, self.value);
  else if (!places.has(placeText(self.value))) {
    return fail(
      `IPPORT=${own} is not in VIEW=${listed.join(",")}; name one of these, or add it on all members`,
    );
  }
  if (places.size > MEMBERS_MAX) {
    return fail(`VIEW has ${places.size} members; at most ${MEMBERS_MAX} are allowed`);
  }
  return ok({ places: [...places.values()], self: self.value });
}

function aloneAt(port: string): Result<{ readonly places: readonly Place[]; readonly self: Place }, string> {
  const self = placeAt("PORT", port, "127.0.0.1", port);
  return self.ok ? ok({ places: [self.value], self: self.value }) : self;
}

function parsePlace(name: string, text: string): Result<Place, string> {
  const [, host, port] = /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+):([^:]*)$/.exec(text) ?? [];
  if (host === undefined || port === undefined) {
    return fail(`${name}: ${JSON.stringify(text)} is no address; write IP:PORT, such as 10.0.0.1:8080`);
  }
  if (/^(0(\.0){0,3}|\[[0:]*:[0:]*\])$/.test(host)) {
    return fail(`${name}: ${text} is no address that others can dial; write that of the member's machine`);
  }
  return placeAt(name, text, host.replace(/^\[|\]$/g, ""), port);
}

function placeAt(name: string, text: string, host: string, port: string): Result<Place, string> {
  const number = /^[0-9]{1,5}$/.test(port) ? Number(port) : NaN;
  const max = 65_535 - WIRE_PORT_ABOVE_HTTP;
  if (number >= 1 && number <= max) return ok({ host, port: number });
  return fail(
    `${name}=${text}: ${
      JSON.stringify(port)
    } is no port for this; allowed: 1 to ${max}, since peers and clients of ` +
      `the wire are answered ${WIRE_PORT_ABOVE_HTTP} above`,
  );
}

/** Fewer members than K are taken: then each of them holds copies. */
function copyCount(text: string | undefined, memberCount: number): Result<number, string> {
  if (text === undefined || text === "") return ok(memberCount);
  const count = /^[0-9]{1,9}$/.test(text) ? Number(text) : 0;
  if (count < 1) return fail(`K=${text} is no number of replicas; allowed: 1 and more`);
  return ok(Math.min(count, memberCount));
}

/**
 * The id of the member at an address; in id order members stand in the order of their addresses, and the first K of them
 * hold copies. Wire format: never change, since data directories and versions carry it.
 *
 * Why zeros in front: `10.0.0.9` comes before `10.0.0.10`, as people read it. Why not counted: who joins a VIEW must not rename others.
 */
export function idOf({ host, port }: Place): string {
  const end = `_${String(port).padStart(5, "0")}`;
  const parts = host.split(".");
  if (parts.length === 4 && parts.every((part) => /^[0-9]{1,3}$/.test(part))) {
    return parts.map((part) => part.padStart(3, "0")).join("-") + end;
  }
  if (/^[a-z0-9]{1,26}$/.test(host)) return host + end;
  const plain = host.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-").replace(/^-/, "").slice(0, 16);
  const hash = hexOf(hash64(utf8ByteString(host.toLowerCase()))).slice(0, 8);
  return `${plain === "" ? "h" : plain}-${hash}${end}`;
}
