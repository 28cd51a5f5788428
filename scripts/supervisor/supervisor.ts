/** The one process that owns the replicas of a cluster on this machine, in the foreground and in the background. @module */
import { join, relative } from "@std/path";
import { formatTable } from "../../src/cli/table.ts";
import { type ClusterConfig, placeText } from "../../src/replica/cluster_config.ts";
import { waitUntilAcquainted } from "./acquaintance.ts";
import { claimClusterFile, type ClusterFile, removeClusterFile, updateClusterFile } from "./cluster_file.ts";
import { type ControlReply, type ControlRequest, ControlServer, drawToken } from "./control.ts";
import { findProcess, pause } from "./os_process.ts";
import { type Launch, ReplicaProcess } from "./replica_process.ts";

/** A cluster that can be started on this machine. */
export interface ClusterSetup {
  readonly launch: Launch;
  readonly config: ClusterConfig;
  /** How a person types a command to this very cluster, such as `deno task cluster --config other.toml`. */
  readonly clusterCommand: string;
  readonly clientCommand: string;
}

/** How long a start waits for replicas that are ready to see each other. */
const ACQUAINTED_WITHIN_MS = 5000;
/** With it a replica whose data is damaged ends. */
const EXIT_DAMAGED = 9;
/** How long the end waits for somebody who still reads an answer. */
const FAREWELL_MS = 500;

/** Starts, watches and ends replicas; answers on the control port. */
export class Supervisor {
  readonly #setup: ClusterSetup;
  readonly #say: (line: string) => void;
  readonly #replicas: ReadonlyMap<string, ReplicaProcess>;
  readonly #token = drawToken();
  readonly #control: ControlServer;
  readonly #finished = Promise.withResolvers<void>();
  #started: Promise<ControlReply> | undefined;
  #stopped: Promise<ControlReply> | undefined;

  private constructor(setup: ClusterSetup, say: (line: string) => void) {
    this.#setup = setup;
    this.#say = say;
    this.#replicas = new Map(setup.config.members.map(({ id }) => [
      id,
      new ReplicaProcess(id, setup.launch, (replica, wasExpected) => {
        this.#save();
        if (!wasExpected) {
          this.#say(`${id} ${replica.ending}; start it again: ${setup.clusterCommand} start ${id}`);
        }
      }),
    ]));
    this.#control = new ControlServer(this.#token, (request) => this.#answer(request));
  }

  /** A supervisor that owns the data directory, or undefined when another one was faster. `say` gets its news. */
  static claim(setup: ClusterSetup, say: (line: string) => void): Supervisor | undefined {
    Deno.mkdirSync(setup.launch.dataDirectory, { recursive: true, mode: 0o700 });
    const supervisor = new Supervisor(setup, say);
    if (claimClusterFile(setup.launch.dataDirectory, supervisor.#file())) return supervisor;
    supervisor.#control.close();
    return undefined;
  }

  /** Resolves when everything has been stopped. */
  get finished(): Promise<void> {
    return this.#finished.promise;
  }

  /** Starts all replicas. When one does not become ready, all are stopped again and the answer says why. */
  start(): Promise<ControlReply> {
    this.#started ??= this.#start([...this.#replicas.values()]).then(async (problems) => {
      if (problems.length === 0) {
        return { ok: true, text: this.table() };
      }
      await this.stop();
      return { ok: false, text: problems.join("\n") };
    });
    return this.#started;
  }

  /** Stops all replicas and then this supervisor. */
  stop(): Promise<ControlReply> {
    this.#stopped ??= this.#stop([...this.#replicas.values()]).then((reply) => {
      removeClusterFile(this.#setup.launch.dataDirectory);
      this.#finished.resolve();
      return reply;
    });
    return this.#stopped;
  }

  /** Sends the answers that are still under way. */
  async close(): Promise<void> {
    await Promise.race([this.#control.close(), pause(FAREWELL_MS)]);
  }

  /** Who runs where. */
  table(): string {
    const { members } = this.#setup.config;
    const hasHttp = members.some(({ http }) => http !== undefined);
    const rows = members.map((member) => {
      const replica = this.#replicas.get(member.id)!;
      const state = replica.state === "ended"
        ? replica.ending
        : replica.state === "idle"
        ? "stopped"
        : replica.state;
      const pid = String(replica.process?.pid ?? "-");
      const http = member.http === undefined ? "-" : placeText(member.http);
      return [
        member.id,
        placeText(member),
        ...(hasHttp ? [http] : []),
        pid,
        state,
        shortPath(replica.dataDirectory),
      ];
    });
    const head = ["id", "address", ...(hasHttp ? ["http"] : []), "pid", "state", "data"];
    return formatTable([head, ...rows]).join("\n");
  }

  async #answer({ verb, ids }: ControlRequest): Promise<ControlReply> {
    const unknown = ids.find((id) => !this.#replicas.has(id));
    if (unknown !== undefined) {
      return {
        ok: false,
        text: `no replica "${unknown}"; there are ${[...this.#replicas.keys()].join(", ")}`,
      };
    }
    const named = ids.map((id) => this.#replicas.get(id)!);
    const chosen = named.length > 0 ? named : [...this.#replicas.values()];
    switch (verb) {
      case "ready":
        return await this.start();
      case "status":
        return { ok: true, text: this.table() };
      case "stop":
        return named.length === 0 ? await this.stop() : await this.#stop(named);
      case "start":
        return await this.#startAgain(chosen);
      case "restart":
        return await this.#restart(chosen);
      case "kill":
        return await this.#each(chosen, "kill", async (replica) => {
          this.#requireRunning(replica);
          await replica.kill();
          return `${replica.id} was killed (SIGKILL); start it again: ${this.#setup.clusterCommand} start ${replica.id}`;
        });
      case "pause":
        return await this.#each(chosen, "pause", async (replica) => {
          this.#requireRunning(replica);
          await replica.pause();
          return `${replica.id} is paused (SIGSTOP); let it go on: ${this.#setup.clusterCommand} resume ${replica.id}`;
        });
      case "resume":
        return await this.#each(chosen, "resume", (replica) => {
          this.#requireRunning(replica);
          replica.resume();
          return `${replica.id} goes on`;
        });
    }
  }

  #requireRunning({ id, process }: ReplicaProcess): void {
    if (!process) throw new Error(`${id} does not run; start it: ${this.#setup.clusterCommand} start ${id}`);
  }

  async #stop(replicas: readonly ReplicaProcess[]): Promise<ControlReply> {
    return await this.#each(replicas, "stop", async (replica) => {
      if (!replica.process) return `${replica.id} does not run`;
      await replica.stop();
      if (replica.state === "idle") return `${replica.id} stopped`;
      throw new Error(
        `${replica.id} ${replica.ending} when it was asked to stop; see ${this.#setup.clusterCommand} logs ${replica.id}`,
      );
    });
  }

  /** One problem for each replica that did not become ready. */
  async #start(replicas: readonly ReplicaProcess[]): Promise<string[]> {
    const starts = replicas.map((replica) => replica.start());
    this.#save();
    const outcomes = await Promise.allSettled(starts);
    const problems = outcomes.flatMap((outcome, index) =>
      outcome.status === "fulfilled" ? [] : [messageOf(outcome.reason) + wayOut(replicas[index]!)]
    );
    if (problems.length === 0) await this.#introduce();
    return problems;
  }

  /** Waits until the ready replicas see each other, so that the next command finds a cluster and not single replicas. */
  async #introduce(): Promise<void> {
    const { members, secret } = this.#setup.config;
    const ready = members.filter(({ id }) => this.#replicas.get(id)!.state === "ready");
    const missing = await waitUntilAcquainted(ready, { secret, withinMs: ACQUAINTED_WITHIN_MS });
    if (missing.length > 0) this.#say(`ready, but ${missing.join(", ")}; the logs may tell why`);
  }

  async #startAgain(replicas: readonly ReplicaProcess[]): Promise<ControlReply> {
    const down = replicas.filter((replica) => !replica.process);
    const up = replicas.filter((replica) => replica.process).map((replica) => `${replica.id} runs already`);
    const problems = await this.#start(down);
    const ready = down.filter((replica) => replica.state === "ready").map((replica) =>
      `${replica.id} is ready`
    );
    return { ok: problems.length === 0, text: [...up, ...ready, ...problems].join("\n") };
  }

  async #restart(replicas: readonly ReplicaProcess[]): Promise<ControlReply> {
    const lines: string[] = [];
    // Why one after the other: the rest of the cluster goes on answering.
    for (const replica of replicas) {
      await replica.stop();
      const { ok, text } = await this.#startAgain([replica]);
      lines.push(text);
      if (!ok) return { ok, text: lines.join("\n") };
    }
    return { ok: true, text: lines.join("\n") };
  }

  async #each(
    replicas: readonly ReplicaProcess[],
    verb: string,
    act: (replica: ReplicaProcess) => string | Promise<string>,
  ): Promise<ControlReply> {
    const outcomes = await Promise.allSettled(replicas.map(async (replica) => await act(replica)));
    const lines = outcomes.map((outcome) =>
      outcome.status === "fulfilled" ? outcome.value : `cannot ${verb}: ${messageOf(outcome.reason)}`
    );
    return { ok: outcomes.every((outcome) => outcome.status === "fulfilled"), text: lines.join("\n") };
  }

  #save(): void {
    if (!this.#stopped) updateClusterFile(this.#setup.launch.dataDirectory, this.#file());
  }

  #file(): ClusterFile {
    return {
      supervisor: findProcess(Deno.pid) ?? { pid: Deno.pid, startMark: "" },
      controlPort: this.#control.port,
      token: this.#token,
      configFile: this.#setup.launch.configFile,
      replicas: [...this.#replicas.values()].flatMap(({ id, process }) =>
        process ? [{ id, ...process }] : []
      ),
    };
  }
}

/** A path as a person here would type it: in quotes where a shell would take it apart. */
export function typedPath(path: string): string {
  const short = shortPath(path);
  return /^[\w./:@%+,=-]+$/.test(short) ? short : `'${short.replaceAll("'", "'\\''")}'`;
}

/** A path as a person here would write it. */
export function shortPath(path: string): string {
  const near = relative(Deno.cwd(), path);
  return near.startsWith("..") ? path : near === "" ? "." : join(near);
}

/** `--rebuild` is a flag of a single replica; here moving its directory does the same. */
function wayOut({ exitCode, dataDirectory }: ReplicaProcess): string {
  if (exitCode !== EXIT_DAMAGED) return "";
  return `\nTo have the others fill it anew: mv ${typedPath(dataDirectory)} ${
    typedPath(`${dataDirectory}.damaged`)
  }, then start again`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
