/** A cluster of four replicas for measuring: real processes, real files beside the repository's data, free ports. @module */
import { join } from "@std/path";
import { Connection } from "../../src/client/connection.ts";
import type { Status } from "../../src/protocol/reply.ts";
import { ROOT } from "../repository.ts";
import { type Launch, ReplicaProcess } from "../supervisor/replica_process.ts";
import { endOnSignal } from "./interrupt.ts";
import type { Requests } from "./load_run.ts";
import { freePorts, HOST, type Operation, type Place, type ServerProcess, type System } from "./system.ts";

/** As `main` of the shipped `cluster.toml`, but with keys of text, so that there can be thousands. */
export const KEYSPACE = "bench";
const IDS = ["r1", "r2", "r3", "r4"];
const CONNECT_TIMEOUT_MS = 5000;
const STATUS_TIMEOUT_MS = 5000;
const UP_WITHIN_MS = 20_000;
const LOOK_EVERY_MS = 20;

/** The replicas. Disposing ends them and removes their directory. */
export class BenchCluster implements System {
  readonly name = "quartet";
  readonly places: readonly Place[];
  /** Where the same replicas answer HTTP, in the same order. */
  readonly httpPlaces: readonly Place[];
  readonly #directory: string;
  readonly #replicas: readonly ReplicaProcess[];
  readonly #connections = new Map<string, Connection>();
  // Why: replicas outlive whoever started them, and a Ctrl-C does not reach them.
  readonly #watch = endOnSignal(() => this[Symbol.asyncDispose]());
  #ending: Promise<void> | undefined;

  private constructor(
    directory: string,
    places: { readonly wire: readonly Place[]; readonly http: readonly Place[] },
    binary: string | undefined,
  ) {
    this.#directory = directory;
    this.places = places.wire;
    this.httpPlaces = places.http;
    const launch: Launch = {
      configFile: join(directory, "cluster.toml"),
      dataDirectory: join(directory, "data"),
      ...(binary === undefined ? {} : { binary }),
    };
    this.#replicas = this.places.map(({ id }) => new ReplicaProcess(id, launch));
  }

  /** Makes the directory and the configuration; no replica runs yet. */
  static async make(binary: string | undefined): Promise<BenchCluster> {
    const parent = join(ROOT, "data");
    await Deno.mkdir(parent, { recursive: true, mode: 0o700 });
    const directory = await Deno.makeTempDir({ dir: parent, prefix: "bench-" });
    const ports = freePorts(2 * IDS.length);
    const placesFrom = (first: number): Place[] =>
      IDS.map((id, index) => ({ id, host: HOST, port: ports[first + index]! }));
    const places = { wire: placesFrom(0), http: placesFrom(IDS.length) };
    await Deno.writeTextFile(join(directory, "cluster.toml"), configText(places));
    return new BenchCluster(directory, places, binary);
  }

  /** Makes a cluster and starts all replicas; resolves when each sees all others alive. */
  static async start(binary: string | undefined): Promise<BenchCluster> {
    const cluster = await BenchCluster.make(binary);
    try {
      await Promise.all(cluster.places.map(({ id }) => cluster.startReplica(id)));
      await cluster.#waitUp();
      return cluster;
    } catch (error) {
      await cluster[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Starts one replica; resolves to the milliseconds until it was ready. */
  async startReplica(id: string): Promise<number> {
    const beganMs = performance.now();
    await this.#replica(id).start();
    return performance.now() - beganMs;
  }

  /** Ends one replica as a crash would. */
  async killReplica(id: string): Promise<void> {
    this.#connections.get(id)?.close();
    this.#connections.delete(id);
    await this.#replica(id).kill();
  }

  /** Requires: the replica runs. */
  pid(id: string): number {
    return this.#replica(id).process!.pid;
  }

  get processes(): ServerProcess[] {
    return this.places.map(({ id }) => ({ name: id, pid: this.pid(id) }));
  }

  /** Requests for an operation; gets of a mix are at ONE, its puts at TWO. */
  requestsOf({ op, level }: Operation): Requests {
    return {
      kind: "quartet",
      keyspace: KEYSPACE,
      putLevel: op === "mix" ? "TWO" : level,
      getLevel: op === "mix" ? "ONE" : level,
    };
  }

  /** What a replica says of itself. */
  async status(id: string): Promise<Status> {
    const result = await (await this.#connect(id)).request({ op: "status" }, {
      timeoutMs: STATUS_TIMEOUT_MS,
    });
    if (!result.ok) throw new Error(`status of ${id}: ${result.failure.message}`);
    if (result.value.kind !== "status") throw new Error(`${id} answered status with ${result.value.kind}`);
    return result.value.status;
  }

  /** Syncs that all replicas have made so far. */
  async syncCount(): Promise<number> {
    const all = await Promise.all(this.places.map(({ id }) => this.status(id)));
    return all.reduce((sum, { counters }) => sum + (counters.syncs ?? 0), 0);
  }

  /** Bytes on the disk of one replica's directory. */
  dataBytes(id: string): number {
    const { dataDirectory } = this.#replica(id);
    let bytes = 0;
    for (const { name } of Deno.readDirSync(dataDirectory)) {
      bytes += Deno.statSync(join(dataDirectory, name)).size;
    }
    return bytes;
  }

  /** Removes what a replica holds. Requires: it does not run. */
  async wipe(id: string): Promise<void> {
    await Deno.remove(this.#replica(id).dataDirectory, { recursive: true });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#ending ??= this.#end();
  }

  async #end(): Promise<void> {
    for (const connection of this.#connections.values()) connection.close();
    await Promise.all(this.#replicas.map((replica) => replica.stop()));
    await Deno.remove(this.#directory, { recursive: true });
    this.#watch[Symbol.dispose]();
  }

  async #waitUp(): Promise<void> {
    const deadlineMs = performance.now() + UP_WITHIN_MS;
    for (;;) {
      const all = await Promise.all(this.places.map(({ id }) => this.status(id)));
      if (all.every(({ peers }) => peers.every(({ alive }) => alive))) return;
      if (performance.now() > deadlineMs) {
        throw new Error(`the replicas do not see each other within ${UP_WITHIN_MS / 1000} s`);
      }
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    }
  }

  async #connect(id: string): Promise<Connection> {
    const known = this.#connections.get(id);
    if (known !== undefined && !known.isClosed) return known;
    const { host, port } = this.places.find((place) => place.id === id)!;
    const connection = await Connection.open({ host, port, timeoutMs: CONNECT_TIMEOUT_MS });
    this.#connections.set(id, connection);
    return connection;
  }

  #replica(id: string): ReplicaProcess {
    return this.#replicas.find((replica) => replica.id === id)!;
  }
}

function configText(
  { wire, http }: { readonly wire: readonly Place[]; readonly http: readonly Place[] },
): string {
  const replicas = wire.map(({ id, host, port }, index) =>
    `[[replica]]\nid = "${id}"\naddress = "${host}:${port}"\nhttp = "${host}:${http[index]!.port}"\n`
  );
  const keyspace = `[keyspace.${KEYSPACE}]\nkeys = "text"\nreplication = ${wire.length}\n`;
  return `cluster = "bench"\n${replicas.join("")}${keyspace}`;
}
