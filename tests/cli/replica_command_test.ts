import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { quartetCommand } from "../../scripts/supervisor/replica_process.ts";
import { writeClusterToml } from "../harness/cluster_toml.ts";
import { binaryUnderTest, type CommandResult, runQuartet } from "../harness/processes.ts";

/** A directory with the configuration of one replica, and what to run in it. */
interface Ground {
  readonly directory: string;
  readonly configFile: string;
  readonly address: { readonly host: string; readonly port: number };
  run(...flags: string[]): Promise<CommandResult>;
}

async function withGround(use: (ground: Ground) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "quartet-test-" });
  try {
    const { configFile, places } = writeClusterToml(directory, { replicas: 1 });
    const run = (...flags: string[]): Promise<CommandResult> =>
      runQuartet(["replica", "--config", configFile, ...flags]);
    await use({ directory, configFile, address: places[0]!, run });
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** A replica in a process of its own, from its `ready` to its end. */
class Running {
  readonly ready: string;
  readonly #child: Deno.ChildProcess;

  private constructor(child: Deno.ChildProcess, ready: string) {
    this.#child = child;
    this.ready = ready;
  }

  static async start(configFile: string, ...flags: string[]): Promise<Running> {
    const [command, args] = quartetCommand(binaryUnderTest(), [
      "replica",
      "--config",
      configFile,
      "--id",
      "r1",
      ...flags,
    ]);
    const child = new Deno.Command(command, { args: [...args], stdout: "piped", stderr: "null" }).spawn();
    let text = "";
    for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
      text += chunk;
      if (text.includes("\n")) return new Running(child, text);
    }
    throw new Error(`the replica ended before it was ready: ${(await child.status).code}`);
  }

  async end(signal: Deno.Signal): Promise<Deno.CommandStatus> {
    this.#child.kill(signal);
    return await this.#child.status;
  }
}

Deno.test("a replica says when it is ready, serves, and ends with 0 at SIGTERM and at SIGINT", async () => {
  await withGround(async ({ configFile, directory, address: { host, port } }) => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) {
      const replica = await Running.start(configFile);
      assertMatch(
        replica.ready,
        new RegExp(`^ready r1 ${host}:${port} data=${join(directory, "data", "r1")} epoch=[0-9a-f]{8}\n$`),
      );
      const put = await runQuartet(["client", "--config", configFile, "put", "7", signal, "ONE"]);
      assertEquals([put.code, put.stdout], [0, ""]);
      assertMatch(put.stderr, /^ok {2}acked r1 \(ONE of 1\) {2}written .* coordinator r1 {2}\d+\.\d ms\n$/);
      const status = await replica.end(signal);
      assertEquals([status.code, status.signal], [0, null]);
    }
    const replica = await Running.start(configFile);
    const get = await runQuartet(["client", "--connect", `${host}:${port}`, "get", "7"]);
    assertEquals([get.code, get.stdout], [0, "SIGINT\n"]);
    await replica.end("SIGTERM");
  });
});

Deno.test("a directory at work in one replica is refused to a second one, and to --rebuild", async () => {
  await withGround(async ({ configFile, directory, run }) => {
    const replica = await Running.start(configFile);
    for (const flags of [[], ["--rebuild"]]) {
      const { code, stderr } = await run("--id", "r1", ...flags);
      assertEquals(code, 5);
      assertEquals(
        stderr,
        `error: the data directory ${join(directory, "data", "r1")} is in use by another replica; ` +
          "stop that one, or give another with --data\n",
      );
    }
    assertEquals((await replica.end("SIGTERM")).code, 0);
  });
});

Deno.test("a taken port is named with the way out, once, and nothing is left locked", async () => {
  await withGround(async ({ configFile, address: { host, port }, run }) => {
    const taken = Deno.listen({ hostname: host, port });
    const { code, stderr, stdout } = await run("--id", "r1");
    taken.close();
    assertEquals([code, stdout], [5, ""]);
    const lines = stderr.split("\n").filter((line) => line.startsWith("error:"));
    assertEquals(lines, [
      `error: the address ${host}:${port} of r1 is taken; stop the program that listens there, ` +
      `or give r1 another address in ${configFile}`,
    ]);
    const replica = await Running.start(configFile);
    assertEquals((await replica.end("SIGTERM")).code, 0);
  });
});

Deno.test("--rebuild leaves the directory where it is when the port is taken", async () => {
  await withGround(async ({ configFile, directory, address: { host, port }, run }) => {
    await (await Running.start(configFile)).end("SIGTERM");
    const taken = Deno.listen({ hostname: host, port });
    const { code, stderr } = await run("--id", "r1", "--rebuild");
    taken.close();
    assertEquals(code, 5);
    assertStringIncludes(stderr, `error: the address ${host}:${port} of r1 is taken`);
    assertEquals([...Deno.readDirSync(join(directory, "data"))].map(({ name }) => name), ["r1"]);
  });
});

Deno.test("a directory of another replica or cluster is refused", async () => {
  await withGround(async ({ configFile, directory, run }) => {
    const replica = await Running.start(configFile, "--log", join(directory, "r1.log"));
    await replica.end("SIGTERM");
    const text = await Deno.readTextFile(configFile);
    await Deno.writeTextFile(configFile, text.replace('cluster = "test"', 'cluster = "barn"'));
    const other = await run("--id", "r1");
    assertEquals(other.code, 64);
    assertStringIncludes(other.stderr, "belongs to replica r1 of cluster test, not to r1 of barn");
    await Deno.writeTextFile(configFile, text.replace('id = "r1"', 'id = "r9"'));
    const another = await run("--id", "r9", "--data", join(directory, "data", "r1"));
    assertEquals(another.code, 64);
    assertStringIncludes(another.stderr, "belongs to replica r1 of cluster test, not to r9 of test");
  });
});

Deno.test("damaged data ends a start with 9, file and offset; --rebuild sets it aside and starts anew", async () => {
  await withGround(async ({ configFile, directory, run }) => {
    const data = join(directory, "data", "r1");
    await (await Running.start(configFile)).end("SIGTERM");
    for (const name of ["identity", "identity.copy"]) await Deno.writeTextFile(join(data, name), "junk\n");
    const { code, stderr } = await run("--id", "r1");
    assertEquals(code, 9);
    assertMatch(stderr, /error: .*identity is damaged at byte \d+: expected .* --rebuild/);

    const rebuilt = await Running.start(configFile, "--rebuild");
    assertStringIncludes(rebuilt.ready, "ready r1");
    assertEquals((await rebuilt.end("SIGTERM")).code, 0);
    const names = [...Deno.readDirSync(join(directory, "data"))].map(({ name }) => name).sort();
    assertEquals(names.length, 2);
    assertEquals(names[0], "r1");
    assertMatch(names[1]!, /^r1\.\d{4}-\d\d-\d\dT/);
  });
});

Deno.test("flags and file are checked before anything is touched", async () => {
  await withGround(async ({ configFile, directory, run }) => {
    const cases: [string[], string][] = [
      [[], `error: --id is missing; replicas in ${configFile}: r1\n`],
      [["--id", "r9"], `error: --id r9: no such replica; replicas in ${configFile}: r1\n`],
      [["r1"], 'error: quartet replica takes flags only, and "r1" was given\n'],
    ];
    for (const [flags, expected] of cases) {
      const { code, stderr, stdout } = await run(...flags);
      assertEquals([code, stdout, stderr], [64, "", expected]);
    }
    const missing = await runQuartet(["replica", "--config", join(directory, "nope.toml"), "--id", "r1"]);
    assertEquals([missing.code, missing.stderr], [
      64,
      `error: ${join(directory, "nope.toml")}: no such file\n`,
    ]);
    assertEquals([...Deno.readDirSync(directory)].map(({ name }) => name), ["cluster.toml"]);
  });
});

Deno.test("a data directory that cannot be made is the command line's fault", async () => {
  await withGround(async ({ configFile, run }) => {
    for (const path of [configFile, join(configFile, "r1")]) {
      const { code, stderr } = await run("--id", "r1", "--data", path);
      assertEquals(code, 64);
      assertStringIncludes(stderr, `error: the data directory ${path} cannot be made: `);
      assertStringIncludes(stderr, "; give another with --data DIR");
    }
  });
});

Deno.test("addresses that others can reach need a secret or --insecure", async () => {
  await withGround(async ({ configFile, run }) => {
    const text = await Deno.readTextFile(configFile);
    await Deno.writeTextFile(configFile, text.replace(/address = .*/, 'address = "203.0.113.1:7411"'));
    const refused = await run("--id", "r1");
    assertEquals(refused.code, 64);
    assertStringIncludes(refused.stderr, "others can reach r1 203.0.113.1, and no secret is set");
    const checked = await run("--id", "r1", "--check");
    assertStringIncludes(checked.stdout, "others can reach r1 203.0.113.1, and no secret is set");
    const allowed = await run("--id", "r1", "--insecure");
    assertEquals(allowed.code, 64);
    assertStringIncludes(allowed.stderr, "203.0.113.1:7411 of r1 is not one of this machine");
  });
});

Deno.test("on such addresses nothing is broken on purpose without a secret, whoever is trusted", async () => {
  await withGround(async ({ configFile, run }) => {
    const text = await Deno.readTextFile(configFile);
    const open = text.replace(/address = .*/, 'address = "203.0.113.1:7411"');
    await Deno.writeTextFile(configFile, `faults = true\n${open}`);
    const expected = "faults = true, and others can reach r1 203.0.113.1, and no secret is set";
    const refused = await run("--id", "r1", "--insecure");
    assertEquals(refused.code, 64);
    assertStringIncludes(refused.stderr, `${expected}: anybody could break the cluster; set a secret`);
    assertStringIncludes((await run("--id", "r1", "--insecure", "--check")).stdout, expected);
    await Deno.writeTextFile(configFile, `faults = true\nsecret = "sixteen characters"\n${open}`);
    const allowed = await run("--id", "r1");
    assertStringIncludes(allowed.stderr, "203.0.113.1:7411 of r1 is not one of this machine");
  });
});

Deno.test("quartet says what it is, and what it is not asked for", async () => {
  const version = await runQuartet(["--version"]);
  assertMatch(version.stdout, /^quartet \d+\.\d+\.\d+\n$/);
  for (const args of [["--help"], ["replica", "--help"], ["client", "--help"], ["client", "put", "-h"]]) {
    const help = await runQuartet(args);
    assertEquals([help.code, help.stderr], [0, ""]);
    assert(help.stdout.startsWith("quartet"), help.stdout);
  }
  const none = await runQuartet([]);
  assertEquals([none.code, none.stdout], [64, ""]);
  const wrong = await runQuartet(["cilent"]);
  assertEquals(wrong.code, 64);
  assertStringIncludes(wrong.stderr, 'error: unknown subcommand "cilent"; did you mean client?');
  const verb = await runQuartet(["get", "7"]);
  assertStringIncludes(verb.stderr, "get is a verb of the client: quartet client get …");
  assertStringIncludes((await runQuartet(["help", "replica"])).stdout, "--rebuild");
  const page = await runQuartet(["help", "put"]);
  assertEquals([page.code, page.stdout], [64, ""]);
  assertStringIncludes(
    page.stderr,
    'no page of help on "put"; put is a verb of the client: quartet client help put',
  );
});
