/** Tests of `scripts/lab/`: the files as their own tools read them, and the ssh script with machines that are directories. @module */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { ROOT } from "../../scripts/repository.ts";
import { unless, WHY_NOT_LINUX, whyNoProgram } from "../harness/abilities.ts";
import { writeClusterToml } from "../harness/cluster_toml.ts";
import { type CommandResult, runCommand } from "../harness/processes.ts";

const LAB = join(ROOT, "scripts", "lab");
const SCRIPT = join(LAB, "start_over_ssh");
const SECRET = "correct horse battery staple";

/** Machines as directories: the home of each is `homes/HOST`, and what `ssh` is told to run there runs here. */
const SSH = `#!/usr/bin/env bash
while [[ $1 == -* ]]; do [ "$1" = -o ] && shift; shift; done
host=$1 && mkdir -p "$HOMES/$host" && cd "$HOMES/$host" && exec sh -c "$2"
`;
const SCP = `#!/usr/bin/env bash
while [[ $1 == -* ]]; do [ "$1" = -o ] && shift; shift; done
host=\${2%%]*}
exec cp "$1" "$HOMES/\${host#[}/\${2#*]:}"
`;

/** A cluster of two on such machines, and the script that starts it. */
class Lab implements AsyncDisposable {
  readonly directory = Deno.makeTempDirSync({ prefix: "quartet-test-" });
  readonly config: string;
  readonly hosts: readonly string[];
  readonly #env: Record<string, string>;

  constructor() {
    const { configFile, places } = writeClusterToml(this.directory, {
      replicas: 2,
      top: { secret_file: "secret" },
    });
    // Why: a host of its own for each replica, since each is a machine.
    const [r1, r2] = places.map(({ host, port }) => ({ host, port }));
    const other = r1!.host.replace(/\d+$/, (last) => String(1 + Number(last) % 254));
    const edited = Deno.readTextFileSync(configFile).replace(
      `${r2!.host}:${r2!.port}`,
      `${other}:${r2!.port}`,
    );
    Deno.writeTextFileSync(configFile, edited);
    this.config = configFile;
    this.hosts = [r1!.host, other];
    Deno.writeTextFileSync(join(this.directory, "secret"), `${SECRET}\n`, { mode: 0o600 });
    const bin = join(this.directory, "bin");
    Deno.mkdirSync(bin);
    const quartet = `#!/bin/sh\nexec '${Deno.execPath()}' run -A '${join(ROOT, "main.ts")}' "$@"\n`;
    for (const [name, text] of Object.entries({ ssh: SSH, scp: SCP, quartet })) {
      Deno.writeTextFileSync(join(bin, name), text, { mode: 0o755 });
    }
    this.#env = {
      PATH: `${bin}:${Deno.env.get("PATH")}`,
      HOMES: join(this.directory, "homes"),
      CONFIG: configFile,
      BINARY: join(bin, "quartet"),
    };
  }

  /** The directory of quartet on a machine. */
  home(index: number): string {
    return join(this.directory, "homes", this.hosts[index]!, "quartet");
  }

  run(word: string, env: Record<string, string> = {}): Promise<CommandResult> {
    return runCommand(SCRIPT, [word], "", { ...this.#env, ...env });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.run("stop");
    await Deno.remove(this.directory, { recursive: true });
  }
}

const WHY_NOT = WHY_NOT_LINUX ?? await whyNoProgram("bash", "ps");

Deno.test({
  ...unless(
    WHY_NOT,
    "start_over_ssh copies, checks, starts, shows and stops a cluster on the machines of its file",
  ),
  async fn(): Promise<void> {
    await using lab = new Lab();
    const start = await lab.run("start");
    assertEquals(start.code, 0, start.stdout + start.stderr);
    assertStringIncludes(start.stdout, `== r1 on ${lab.hosts[0]}\n`);
    const place = `${lab.hosts[1]}:7412`;
    assertStringIncludes(start.stdout, `\nFAIL  peer    r2 at ${place}: nobody listens there; start r2`);
    assertMatch(start.stdout, new RegExp(`\nr2 +${place} +ready `));
    for (const index of [0, 1]) {
      const modes = ["", "secret", "cluster.toml", "quartet"].map((name) =>
        Deno.statSync(join(lab.home(index), name)).mode! & 0o777
      );
      assertEquals(modes, [0o700, 0o600, 0o600, 0o755]);
    }
    const pid = await Deno.readTextFile(join(lab.home(0), "r1.pid"));

    const again = await lab.run("start");
    assertEquals(again.code, 0, again.stdout + again.stderr);
    assertStringIncludes(again.stdout, "r1 runs already\n");
    assertEquals(await Deno.readTextFile(join(lab.home(0), "r1.pid")), pid);

    const stop = await lab.run("stop");
    assertEquals([stop.code, stop.stdout], [0, "r1 stopped\nr2 stopped\n"]);
    assertEquals((await lab.run("stop")).stdout, "r1 does not run\nr2 does not run\n");
    assert(Deno.statSync(join(lab.home(0), "data", "r1")).isDirectory, "the data stays");
    for (const text of [start.stdout, again.stdout, await Deno.readTextFile(join(lab.home(0), "r1.log"))]) {
      assert(!text.includes(SECRET), "a secret is never printed");
    }
  },
});

Deno.test({
  ...unless(WHY_NOT, "start_over_ssh starts nothing when a check fails for good, and says what it lacks"),
  async fn(): Promise<void> {
    await using lab = new Lab();
    const good = await Deno.readTextFile(lab.config);
    await Deno.writeTextFile(lab.config, good.replace("replication", "replicatoin"));
    const start = await lab.run("start");
    assertEquals(start.code, 1);
    assertStringIncludes(start.stdout, "unknown key; did you mean replication?");
    assertStringIncludes(start.stderr, "a check failed for good, nothing was started; mend what it says");
    assertEquals([...Deno.readDirSync(lab.home(0))].filter(({ name }) => name.endsWith(".pid")), []);
    const lacking = await lab.run("start", { BINARY: "/nonexistent/quartet" });
    assertMatch(lacking.stderr, /there is no \/nonexistent\/quartet; make it with deno task compile/);
    const unnamed = await lab.run("start", { CONFIG: "/nonexistent/cluster.toml" });
    assertMatch(unnamed.stderr, /there is no \/nonexistent\/cluster.toml; name the file: CONFIG=/);
    assertEquals((await lab.run("dance")).code, 2);
  },
});

Deno.test({
  ...unless(await whyNoProgram("shellcheck"), "the ssh script has nothing that shellcheck warns of"),
  async fn(): Promise<void> {
    const { code, stdout } = await runCommand("shellcheck", [SCRIPT]);
    assertEquals([code, stdout], [0, ""]);
  },
});

Deno.test({
  ...unless(await whyNoProgram("systemd-analyze"), "systemd understands every line of the unit"),
  async fn(): Promise<void> {
    const directory = await Deno.makeTempDir({ prefix: "quartet-test-" });
    try {
      const path = join(directory, "quartet@r1.service");
      await Deno.copyFile(join(LAB, "quartet@.service"), path);
      const { stdout, stderr } = await runCommand("systemd-analyze", ["verify", path]);
      const said = (stdout + stderr).split("\n").filter((line) => line.includes("quartet@"));
      // The binary is not installed here, and that is all there is to say.
      assertEquals(said.filter((line) => !line.includes("/usr/local/bin/quartet is not executable")), []);
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
});

Deno.test("the unit and the container run the binary with flags that it has", async () => {
  const unit = await Deno.readTextFile(join(LAB, "quartet@.service"));
  const container = await Deno.readTextFile(join(LAB, "Containerfile"));
  const start = /^ExecStart=\S+ (.*)$/m.exec(unit)![1]!.split(" ");
  const entry = JSON.parse(/^ENTRYPOINT (.*)$/m.exec(container)![1]!) as string[];
  for (const words of [start, entry.slice(1)]) {
    const args = words.map((word) => word.startsWith("/") ? "/nonexistent" : word.replace("%i", "r1"));
    const { stderr } = await runCommand(Deno.execPath(), ["run", "-A", "main.ts", ...args]);
    assertEquals(stderr, "error: /nonexistent: no such file\n");
  }
});
