import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { readClusterFile } from "../../scripts/supervisor/cluster_file.ts";
import { askSupervisor } from "../../scripts/supervisor/control.ts";
import { findProcess, isRunning } from "../../scripts/supervisor/os_process.ts";
import { ROOT } from "../../scripts/repository.ts";
import { unless, WHY_NOT_LINUX } from "../harness/abilities.ts";
import { type Place, writeClusterToml } from "../harness/cluster_toml.ts";
import { eventually } from "../harness/eventually.ts";
import { binaryUnderTest, type CommandResult, runCommand, runQuartet } from "../harness/processes.ts";

/** Of every cluster here, so that each command may show that it keeps it to itself. */
const SECRET = "f1e2d3c4 correct horse battery";

/** A directory with a `cluster.toml` of two replicas, and `deno task cluster` at work on it. */
class Bench implements AsyncDisposable {
  readonly directory = Deno.makeTempDirSync({ prefix: "quartet-task-" });
  readonly data = join(this.directory, "data");
  readonly config: string;
  readonly places: readonly Place[];
  readonly #children: Deno.ChildProcess[] = [];

  constructor() {
    const { configFile, places } = writeClusterToml(this.directory, { replicas: 2, top: { secret: SECRET } });
    this.config = configFile;
    this.places = places;
  }

  /** Words of `deno task cluster`, as Deno runs them. */
  command(words: readonly string[]): string[] {
    const binary = binaryUnderTest();
    const flags = ["--config", this.config, ...(binary === undefined ? [] : ["--binary", binary])];
    return ["run", "-A", join(ROOT, "scripts/cluster.ts"), ...flags, ...words];
  }

  async task(...words: string[]): Promise<CommandResult> {
    const result = await runCommand(Deno.execPath(), this.command(words));
    assert(!(result.stdout + result.stderr).includes(SECRET), "a secret is never printed");
    return result;
  }

  /** `task` that has to succeed; its stdout. */
  async expect(...words: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.task(...words);
    assertEquals(code, 0, `cluster ${words.join(" ")} ended with exit code ${code}: ${stdout}${stderr}`);
    return stdout;
  }

  /** `deno task cluster` in the foreground, its output growing. */
  async foreground(args = this.command([])): Promise<Foreground> {
    const child = new Deno.Command(Deno.execPath(), {
      args,
      cwd: ROOT,
      env: { NO_COLOR: "1" },
      stdout: "piped",
      stderr: "inherit",
      // A process group of its own, as a terminal makes one.
      detached: true,
    }).spawn();
    this.#children.push(child);
    const foreground = new Foreground(child);
    await eventually(() => foreground.output.includes("Next:"), { withinMs: 20_000, what: "the table" });
    return foreground;
  }

  pidOf(id: string): number {
    const replica = readClusterFile(this.data)?.replicas.find((candidate) => candidate.id === id);
    if (!replica) throw new Error(`cluster.json names no ${id}`);
    return replica.pid;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.task("stop");
    for (const child of this.#children) await child.status;
    await Deno.remove(this.directory, { recursive: true });
  }
}

/** A running command and what it has printed so far. */
class Foreground {
  readonly child: Deno.ChildProcess;
  readonly ended: Promise<void>;
  output = "";

  constructor(child: Deno.ChildProcess) {
    this.child = child;
    this.ended = this.#read(child.stdout);
  }

  async #read(stream: ReadableStream<Uint8Array>): Promise<void> {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) this.output += text;
  }
}

Deno.test("The cluster task runs replicas in the background, breaks them one by one and stops them", async () => {
  await using bench = new Bench();
  const started = await bench.expect("-d");
  assertMatch(started, /id +address +pid +state +data\nr1 .* ready .*\nr2 .* ready /);
  assertStringIncludes(started, `deno task client --config ${bench.config} put 7 hello TWO`);
  const { code, stderr } = await runQuartet(["client", "--config", bench.config, "put", "7", "hello", "TWO"]);
  assertEquals(code, 0, stderr);

  const first = bench.pidOf("r2");
  assertStringIncludes(await bench.expect("kill", "r2"), "r2 was killed (SIGKILL)");
  assertEquals(findProcess(first), undefined);
  assertMatch(await bench.expect("status"), /r2 +\S+ +- +was ended by SIGKILL/);
  assertEquals(await bench.expect("start", "r2"), "r2 is ready\n");
  assertEquals(await bench.expect("start", "r2"), "r2 runs already\n");

  assertStringIncludes(await bench.expect("pause", "r2"), "r2 is paused (SIGSTOP)");
  assertMatch(await bench.expect("status"), /r2 +\S+ +\d+ +paused/);
  assertEquals(await bench.expect("resume", "r2"), "r2 goes on\n");

  const second = bench.pidOf("r2");
  assertEquals(await bench.expect("restart", "r2"), "r2 is ready\n");
  assert(bench.pidOf("r2") !== second);
  assertStringIncludes(await bench.expect("logs", "r2"), "r2 | ");

  assertEquals(await bench.expect("stop", "r1"), "r1 stopped\n");
  for (const verb of ["kill", "pause", "resume"]) {
    const { code, stderr } = await bench.task(verb, "r1");
    assertEquals(code, 1);
    assertEquals(
      stderr,
      `cannot ${verb}: r1 does not run; start it: deno task cluster --config ${bench.config} start r1\n`,
    );
  }
  assertMatch(await bench.expect("status"), /r1 +\S+ +- +stopped/);
  const pid = bench.pidOf("r2");
  assertEquals(await bench.expect("stop"), "r1 does not run\nr2 stopped\n");
  assertEquals(findProcess(pid), undefined);
});

Deno.test("A start is refused while a cluster runs, and clean as well", async () => {
  await using bench = new Bench();
  await bench.expect("-d");
  const again = await bench.task("-d");
  assertEquals(again.code, 1);
  assertMatch(
    again.stderr,
    /a cluster runs here already \(supervisor \d+, .*cluster\.json\); see deno task cluster/,
  );
  const refused = await bench.task("clean");
  assertEquals(refused.code, 1);
  assertStringIncludes(refused.stderr, "nothing was removed: replicas run here; end them first");
  await bench.expect("stop");
  assertStringIncludes(await bench.expect("clean"), `removed ${join(bench.data, "r1")}\n`);
  assertEquals(await bench.expect("clean"), `nothing to remove in ${bench.data}\n`);
});

Deno.test("Ctrl-C in the terminal stops all replicas once, and their logs are shown until then", async () => {
  await using bench = new Bench();
  const foreground = await bench.foreground();
  const replicas = readClusterFile(bench.data)!.replicas;
  assertEquals(replicas.map(({ id }) => id), ["r1", "r2"]);
  await bench.expect("restart", "r2");
  await eventually(() => /^r[12] \| .+/m.test(foreground.output), {
    withinMs: 5000,
    what: "a line of a log",
  });
  // As a terminal does it: to the whole group, and again to the one that `deno task` forwards it to.
  // Ctrl-Z first: who is stopped hears no Ctrl-C, and deno task gives no terminal back.
  Deno.kill(-foreground.child.pid, "SIGTSTP");
  await eventually(() => foreground.output.includes("cluster | Ctrl-Z does not suspend"), {
    withinMs: 10_000,
    what: "word on Ctrl-Z",
  });
  Deno.kill(-foreground.child.pid, "SIGINT");
  foreground.child.kill("SIGINT");
  assertEquals((await foreground.child.status).code, 0);
  await foreground.ended;
  assertStringIncludes(foreground.output, "cluster | r1 stopped, r2 stopped");
  assertEquals(replicas.filter((replica) => isRunning(replica)), []);
  assertEquals(readClusterFile(bench.data), undefined);
});

Deno.test({
  ...unless(WHY_NOT_LINUX, "A cluster in the foreground ends when the deno task that started it is killed"),
  fn: async () => {
    await using bench = new Bench();
    const flags = bench.command([]).slice(3);
    const foreground = await bench.foreground(["task", "cluster", ...flags]);
    const { replicas } = readClusterFile(bench.data)!;
    foreground.child.kill("SIGKILL");
    await eventually(() => replicas.every((replica) => !isRunning(replica)), {
      withinMs: 10_000,
      what: "the replicas end",
    });
    await foreground.ended;
    assertStringIncludes(foreground.output, "the command that started this cluster is gone: stopping");
  },
});

Deno.test("A replica that dies by itself is reported, with the command that starts it again", async () => {
  await using bench = new Bench();
  const foreground = await bench.foreground();
  Deno.kill(bench.pidOf("r2"), "SIGKILL");
  const expected =
    `cluster | r2 was ended by SIGKILL; start it again: deno task cluster --config ${bench.config} start r2`;
  await eventually(() => foreground.output.includes(expected), { withinMs: 5000, what: expected });
  assertEquals(await bench.expect("start", "r2"), "r2 is ready\n");
  await bench.expect("stop");
  await foreground.ended;
});

Deno.test("A taken port is named with its process and the way out", async () => {
  await using bench = new Bench();
  const [, { host, port }] = bench.places as [Place, Place];
  using _listener = Deno.listen({ hostname: host, port });
  const { code, stderr } = await bench.task("-d");
  assertEquals(code, 1);
  assertStringIncludes(stderr, `cannot start: ${host}:${port} of r2 is taken by process ${Deno.pid} (`);
  assertStringIncludes(stderr, `or give r2 another address in ${bench.config}`);
  assertEquals(readClusterFile(bench.data), undefined);
});

Deno.test("A replica that does not become ready ends the start, and its last words are shown", async () => {
  await using bench = new Bench();
  await Deno.mkdir(bench.data, { recursive: true });
  await Deno.writeTextFile(join(bench.data, "r2"), "a file where a directory should be");
  for (const mode of [["-d"], []]) {
    const { code, stderr } = await bench.task(...mode);
    assertEquals(code, 1);
    assertStringIncludes(stderr, "the cluster did not start, all replicas were stopped");
    assertMatch(stderr, /r2 ended with exit code \d+ before it was ready/);
    assertMatch(stderr, / r2 \| .*data\/r2/);
    assertEquals(readClusterFile(bench.data), undefined);
  }
});

Deno.test("Replicas whose supervisor was killed are found and stopped", async () => {
  await using bench = new Bench();
  await bench.expect("-d");
  const { supervisor, replicas } = readClusterFile(bench.data)!;
  Deno.kill(supervisor.pid, "SIGKILL");
  await eventually(() => !isRunning(supervisor), { withinMs: 5000, what: "the supervisor is gone" });
  const again = await bench.task("-d");
  assertEquals(again.code, 1);
  assertMatch(again.stderr, /r1, r2 of an earlier cluster still run, their supervisor \d+ is gone .* stop/);
  const status = await bench.task("status");
  assertEquals(status.code, 1);
  assertStringIncludes(status.stderr, "run on without it");
  assertEquals(replicas.filter((replica) => isRunning(replica)).length, 2);
  assertMatch(await bench.expect("stop"), /^r1 stopped \(process \d+\)\nr2 stopped \(process \d+\)\n$/);
  assertEquals(replicas.filter((replica) => isRunning(replica)), []);
});

Deno.test("A cluster.json that is left over is said to be so, and never ends a process that has an old pid", async () => {
  await using bench = new Bench();
  const bystander = new Deno.Command("sleep", { args: ["60"] }).spawn();
  try {
    await Deno.mkdir(bench.data, { recursive: true });
    const old = { pid: bystander.pid, startMark: "long ago" };
    await Deno.writeTextFile(
      join(bench.data, "cluster.json"),
      JSON.stringify({
        supervisor: old,
        controlPort: 1,
        token: "",
        configFile: bench.config,
        replicas: [{ id: "r1", ...old }],
      }),
    );
    const { code, stderr } = await bench.task("stop");
    assertEquals(code, 1);
    assertStringIncludes(stderr, `supervisor ${bystander.pid} of an earlier one is gone; start one`);
    assertStringIncludes(await bench.expect("-d"), `was left over from supervisor ${bystander.pid}`);
    assert(findProcess(bystander.pid) !== undefined);
  } finally {
    bystander.kill();
    await bystander.status;
  }
});

Deno.test("The control port obeys only who knows the token, and cluster.json is its owner's alone", async () => {
  await using bench = new Bench();
  await bench.expect("-d");
  const file = readClusterFile(bench.data)!;
  const stranger = await askSupervisor({ ...file, token: "guess" }, { verb: "stop", ids: [] });
  assert(!stranger.ok);
  assert((await askSupervisor(file, { verb: "status", ids: [] })).ok);
  if (Deno.build.os !== "windows") {
    const { mode } = await Deno.stat(join(bench.data, "cluster.json"));
    assertEquals((mode ?? 0) & 0o777, 0o600);
  }
});

Deno.test("Words that the cluster task does not know are answered with those it does", async () => {
  await using bench = new Bench();
  const wrong = await bench.task("stauts");
  assertEquals([wrong.code, wrong.stderr], [
    2,
    'unknown word "stauts"; did you mean status? (--help shows all)\n',
  ]);
  const nobody = await bench.task("kill", "r9");
  assertEquals([nobody.code, nobody.stderr], [2, 'no replica "r9"; there are r1, r2\n']);
  assertStringIncludes((await bench.task("kill")).stderr, "kill whom? Name one or more of r1, r2");
  const named = await bench.task("clean", "r2");
  assertEquals(named.code, 2);
  assertStringIncludes(named.stderr, "clean takes no names");
  const file = await bench.task("-d", "--data", join(bench.config, "below"));
  assertEquals(file.code, 1);
  assertStringIncludes(file.stderr, `cannot start: the directory ${bench.config}/below cannot be made: `);
  const idle = await bench.task("status");
  assertEquals([idle.code, idle.stderr], [
    1,
    `no cluster runs in ${bench.data}; start one: deno task cluster --config ${bench.config} -d\n`,
  ]);
});

Deno.test("What cannot be a start is refused with the way out: a file for data, addresses that others reach", async () => {
  await using bench = new Bench();
  const file = await bench.task("--data", bench.config, "status");
  assertEquals([file.code, file.stderr], [2, `--data ${bench.config}: a file; give a directory\n`]);
  const text = await Deno.readTextFile(bench.config);
  const reachable = text.replaceAll(/"127[.\d]+:/g, '"203.0.113.1:').replace(/^secret = .*$/m, "");
  await Deno.writeTextFile(bench.config, reachable);
  const open = await bench.task("-d");
  assertEquals(open.code, 1);
  assertStringIncludes(
    open.stderr,
    "all replicas run on this machine: give them addresses such as 127.0.0.1",
  );
  assert(!open.stderr.includes("--insecure"), open.stderr);
});
