/** Writes a `cluster.toml` for a test: a cluster of its own, at addresses that no other test uses. @module */
import { join } from "@std/path";

type Fields = Readonly<Record<string, string | number | boolean>>;

/** What a test wants of its cluster. */
export interface ClusterOptions {
  /** How many: r1, r2, … Four unless said otherwise. */
  readonly replicas?: number;
  /** Fields of `[keyspace.main]`, over the defaults (byte keys, a copy on every replica, QUORUM). */
  readonly keyspace?: Fields;
  /** Whole tables `[keyspace.NAME]` in place of that one; the first is the default. */
  readonly keyspaces?: Readonly<Record<string, Fields>>;
  /** Fields of `[settings]`. */
  readonly settings?: Fields;
  /** Fields at the top, such as `secret`. */
  readonly top?: Fields;
  /** Whether replicas answer HTTP. */
  readonly http?: boolean;
  /** Where replicas listen, one host for each; otherwise hosts that only this machine can reach are picked. */
  readonly hosts?: readonly string[];
}

/** One replica of a test's cluster. */
export interface Place {
  readonly id: string;
  readonly host: string;
  readonly port: number;
  readonly httpPort: number;
}

/** Writes `cluster.toml` into `directory` and tells where each replica will listen. */
export function writeClusterToml(
  directory: string,
  { replicas = 4, keyspace = {}, keyspaces, settings = {}, top = {}, http = false, hosts }: ClusterOptions =
    {},
): { configFile: string; places: Place[] } {
  const places = hosts?.map(placeAt) ?? pickPlaces(replicas);
  const tables = keyspaces ?? {
    main: { keys: "byte", partitioner: "all", replication: replicas, default_level: "QUORUM", ...keyspace },
  };
  const text = [
    lines({ cluster: "test", default_keyspace: Object.keys(tables)[0] ?? "", ...top }),
    ...places.map(({ id, host, port, httpPort }) =>
      `[[replica]]\n${
        lines({ id, address: `${host}:${port}`, ...(http ? { http: `${host}:${httpPort}` } : {}) })
      }`
    ),
    ...Object.entries(tables).map(([name, table]) => `[keyspace.${name}]\n${lines(table)}`),
    `[settings]\n${lines(settings)}`,
  ].join("\n");
  const configFile = join(directory, "cluster.toml");
  Deno.writeTextFileSync(configFile, text);
  return { configFile, places };
}

/**
 * Addresses nobody else uses.
 *
 * Why a loopback host of its own on Linux: a port found free on 127.0.0.1 may be some connection's when a killed
 * replica comes back for it. Elsewhere only 127.0.0.1 exists.
 */
function pickPlaces(count: number): Place[] {
  const ids = Array.from({ length: count }, (_, index) => `r${index + 1}`);
  if (Deno.build.os === "linux") {
    const [a, b, c] = crypto.getRandomValues(new Uint8Array(3));
    const host = `127.${1 + a! % 254}.${b}.${1 + c! % 254}`;
    return ids.map((_, index) => placeAt(host, index));
  }
  const listeners = [...ids, ...ids].map(() => Deno.listen({ hostname: "127.0.0.1", port: 0 }));
  const ports = listeners.map(({ addr }) => addr.port);
  const places = ids.map((id, index) => ({
    id,
    host: "127.0.0.1",
    port: ports[index]!,
    httpPort: ports[ids.length + index]!,
  }));
  for (const listener of listeners) listener.close();
  return places;
}

function placeAt(host: string, index: number): Place {
  return { id: `r${index + 1}`, host, port: 7411 + index, httpPort: 8411 + index };
}

function lines(fields: Fields): string {
  return Object.entries(fields).map(([name, value]) => `${name} = ${JSON.stringify(value)}\n`).join("");
}
