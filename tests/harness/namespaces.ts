/**
 * A cluster whose replicas have network namespaces of their own, on two switches with one cable between them: pulling it
 * is a partition that no code of ours knows of. Linux, and root.
 * @module
 */
import { join } from "@std/path";
import { lastLines } from "../../scripts/supervisor/log_file.ts";
import { quartetCommand } from "../../scripts/supervisor/replica_process.ts";
import { whyNoProgram } from "./abilities.ts";
import { type ClusterOptions, type Place, writeClusterToml } from "./cluster_toml.ts";
import { binaryUnderTest, type CommandResult, runCommand } from "./processes.ts";

const UP_WITHIN = "30s";

/** Why no namespaces can be made here; undefined: they can. */
export async function whyNoNamespaces(): Promise<string | undefined> {
  if (Deno.build.os !== "linux") return "network namespaces are Linux's";
  const missing = await whyNoProgram("ip");
  if (missing !== undefined) return missing;
  const name = `qt${Deno.pid}`;
  const made = await runCommand("ip", ["link", "add", name, "type", "bridge"]);
  if (made.code !== 0) return "only root may make network namespaces";
  await runCommand("ip", ["link", "del", name]);
  const added = await runCommand("ip", ["netns", "add", name]);
  if (added.code !== 0) return "only root may make network namespaces";
  await runCommand("ip", ["netns", "del", name]);
  return undefined;
}

/**
 * Replicas, the first half of them on one switch, the others on the other; whoever tests is at the first one too. Disposing
 * it leaves nothing behind.
 */
export class NamespaceCluster implements AsyncDisposable {
  readonly directory: string;
  readonly #config: string;
  readonly #tag: string;
  readonly #network: string;
  /** Where each replica listens, in id order. */
  readonly places: readonly Place[];
  readonly #running = new Set<Deno.ChildProcess>();
  readonly #undo: string[][] = [];

  private constructor(directory: string, options: ClusterOptions) {
    this.directory = directory;
    // Names of links have at most 15 characters, and other tests run at the same time.
    const drawn = crypto.getRandomValues(new Uint8Array(3));
    this.#tag = `q${[...drawn].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
    const count = options.replicas ?? 4;
    this.#network = `10.${drawn[0]}.${drawn[1]}`;
    const hosts = Array.from({ length: count }, (_, index) => `${this.#network}.${index + 1}`);
    const { configFile, places } = writeClusterToml(directory, { ...options, hosts });
    this.#config = configFile;
    this.places = places;
  }

  /** Lays the cables, starts all replicas, and waits until each sees all others alive. */
  static async start(options: ClusterOptions): Promise<NamespaceCluster> {
    const directory = await Deno.makeTempDir({ prefix: "quartet-test-" });
    const cluster = new NamespaceCluster(directory, options);
    try {
      await cluster.#lay();
      for (const { id } of cluster.places) cluster.#spawn(id);
      const { code, stderr } = await cluster.client("r1", ["wait", "up", "--timeout", UP_WITHIN]);
      if (code !== 0) throw new Error(`the replicas are not up: ${stderr}`);
    } catch (error) {
      const logs = cluster.places.map(({ id }) => cluster.log(id)).join("\n");
      await cluster[Symbol.asyncDispose]();
      throw new Error(`the test's cluster did not start\n${logs}`, { cause: error });
    }
    return cluster;
  }

  /** Runs `quartet client` where this replica is, with text on stdin. */
  async client(id: string, args: readonly string[], input = ""): Promise<CommandResult> {
    const [command, words] = quartetCommand(binaryUnderTest(), ["client", "--config", this.#config, ...args]);
    return await runCommand("ip", ["netns", "exec", this.#namespace(id), command, ...words], input);
  }

  /** Pulls the cable between the two switches. */
  async cut(): Promise<void> {
    await ip("link", "set", `${this.#tag}j`, "down");
  }

  /** Plugs it in again. */
  async heal(): Promise<void> {
    await ip("link", "set", `${this.#tag}j`, "up");
  }

  /** Bytes that have gone through the cable so far, both ways, with all that a network adds to what is sent. */
  async cableBytes(): Promise<number> {
    const directory = `/sys/class/net/${this.#tag}j/statistics`;
    const texts = ["rx_bytes", "tx_bytes"].map((name) => Deno.readTextFile(`${directory}/${name}`));
    return (await Promise.all(texts)).reduce((sum, text) => sum + Number(text), 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const running = [...this.#running];
    for (const replica of running) replica.kill("SIGTERM");
    await Promise.all(running.map((replica) => replica.status));
    for (const args of this.#undo.reverse()) await ip(...args);
    await Deno.remove(this.directory, { recursive: true });
  }

  /** All that a replica has logged. */
  log(id: string): string {
    const path = join(this.directory, `${id}.log`);
    return lastLines(path, 30).map((line) => `  ${id} | ${line}`).join("\n");
  }

  async #lay(): Promise<void> {
    const tag = this.#tag;
    for (const side of ["a", "b"]) {
      await this.#add(["link", "add", tag + side, "type", "bridge"], ["link", "del", tag + side]);
      await ip("link", "set", tag + side, "up");
    }
    await ip("addr", "add", `${this.#network}.254/24`, "dev", `${tag}a`);
    await this.#add(["link", "add", `${tag}j`, "type", "veth", "peer", "name", `${tag}k`], [
      "link",
      "del",
      `${tag}j`,
    ]);
    await ip("link", "set", `${tag}j`, "master", `${tag}a`, "up");
    await ip("link", "set", `${tag}k`, "master", `${tag}b`, "up");
    for (const [index, { id, host }] of this.places.entries()) {
      const [namespace, port] = [this.#namespace(id), `${tag}p${index}`];
      await this.#add(["netns", "add", namespace], ["netns", "del", namespace]);
      // Why removed by name: a namespace that is deleted takes its end of the cable along later, or never.
      await this.#add(["link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", namespace], [
        "link",
        "del",
        port,
      ]);
      await ip("link", "set", port, "master", tag + (index < this.places.length / 2 ? "a" : "b"), "up");
      await ip("-n", namespace, "addr", "add", `${host}/24`, "dev", "eth0");
      await ip("-n", namespace, "link", "set", "eth0", "up");
      await ip("-n", namespace, "link", "set", "lo", "up");
    }
  }

  async #add(args: string[], undo: string[]): Promise<void> {
    await ip(...args);
    this.#undo.push(undo);
  }

  #spawn(id: string): void {
    const data = join(this.directory, id);
    const args = ["replica", "--config", this.#config, "--id", id, "--data", data, "--insecure"];
    const [command, words] = quartetCommand(binaryUnderTest(), args);
    const log = Deno.openSync(join(this.directory, `${id}.log`), { create: true, write: true });
    const child = new Deno.Command("ip", {
      args: ["netns", "exec", this.#namespace(id), command, ...words],
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    void child.stderr.pipeTo(log.writable);
    this.#running.add(child);
    void child.status.then(() => this.#running.delete(child));
  }

  #namespace(id: string): string {
    return `${this.#tag}-${id}`;
  }
}

async function ip(...args: string[]): Promise<void> {
  const { code, stderr } = await runCommand("ip", args);
  if (code !== 0) throw new Error(`ip ${args.join(" ")}: ${stderr.trim()}`);
}
