import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { quartetCommand } from "../../scripts/supervisor/replica_process.ts";
import { hasProgram, unless } from "../harness/abilities.ts";
import { writeClusterToml } from "../harness/cluster_toml.ts";
import { binaryUnderTest, runCommand, runQuartet } from "../harness/processes.ts";
import { KEYS, Terminal } from "../harness/terminal.ts";

/** A directory with `quartet` in it, to stand first on PATH, and a `cluster.toml`. */
class Home implements AsyncDisposable {
  readonly directory = Deno.makeTempDirSync({ prefix: "quartet-completion-" });
  readonly path = `${this.directory}:${Deno.env.get("PATH") ?? ""}`;

  constructor() {
    writeClusterToml(this.directory, { replicas: 3 });
    const [command, args] = quartetCommand(binaryUnderTest(), []);
    const line = [command, ...args].map((word) => `'${word}'`).join(" ");
    Deno.writeTextFileSync(join(this.directory, "quartet"), `#!/bin/sh\nexec ${line} "$@"\n`, {
      mode: 0o755,
    });
  }

  /** The script of a shell, in a file. */
  async script(shell: string): Promise<string> {
    const { code, stdout } = await runQuartet(["client", "completion", shell]);
    assertEquals(code, 0);
    const path = join(this.directory, `completion.${shell}`);
    await Deno.writeTextFile(path, stdout);
    return path;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.directory, { recursive: true });
  }
}

async function shellTest(
  shell: string,
  others: readonly string[],
  body: (home: Home) => Promise<void>,
): Promise<void> {
  const missing: string[] = [];
  for (const program of [shell, ...others]) if (!await hasProgram(program)) missing.push(program);
  const name = `${shell} completes verbs, levels, flags, keyspaces, replicas and files`;
  Deno.test({
    ...unless(missing.length === 0 ? undefined : `there is no ${missing.join(" and no ")} here`, name),
    fn: async () => {
      await using home = new Home();
      await body(home);
    },
  });
}

await shellTest("bash", [], async (home) => {
  const script = await home.script("bash");
  // Each line is what bash makes of a typed one: it takes = for a word of its own.
  const typed = [
    "client pu",
    "client get 7 t",
    "client --coordinator ''",
    "client --keyspace = m",
    "client inspect --d",
    "replica --config cluster.t",
    "replica --id r",
    "client put 7 'two words' o",
  ];
  const lines = typed.map((words) =>
    `COMP_WORDS=(quartet ${words}); COMP_CWORD=$((\${#COMP_WORDS[@]} - 1)); _quartet; echo "\${COMPREPLY[*]}"`
  );
  const text = [`PATH='${home.path}'`, `cd '${home.directory}'`, `source '${script}'`, ...lines].join("\n");
  const { stdout, stderr } = await runCommand("bash", ["--norc", "-c", text]);
  assertEquals(stdout.trimEnd().split("\n"), [
    "put",
    "two three",
    "r1 r2 r3",
    "main",
    "--differs",
    "cluster.toml",
    "r1 r2 r3",
    "one",
  ], stderr);
});

await shellTest("fish", [], async (home) => {
  const script = await home.script("fish");
  const ask = (typed: string): string => `complete -C 'quartet ${typed}'; echo =`;
  const text = [
    `set -x PATH '${home.directory}' $PATH`,
    `cd '${home.directory}'`,
    `source '${script}'`,
    ask("client pu"),
    ask("client get 7 t"),
    ask("client --coordinator r"),
    ask("client --keyspace=m"),
    ask("replica --config clus"),
  ].join("\n");
  const { stdout, stderr } = await runCommand("fish", ["--no-config", "-c", text]);
  const answers = stdout.split("=\n").map((answer) =>
    answer.trimEnd().split("\n").map((line) => line.split("\t")[0])
  );
  assertEquals(
    answers.slice(0, -1),
    [["put"], ["two", "three"], ["r1", "r2", "r3"], ["--keyspace=main"], ["cluster.toml"]],
    stderr,
  );
  assert(stdout.startsWith("put\tstores a value\n"), stdout);
});

await shellTest("zsh", ["script"], async (home) => {
  const script = await home.script("zsh");
  const setup = ["PS1='ready> '", "bindkey -e", "autoload -U compinit", "compinit -u", `source '${script}'`];
  await Deno.writeTextFile(join(home.directory, ".zshrc"), setup.join("\n"));
  await using terminal = Terminal.open("zsh", ["-d", "-i"], {
    env: { PATH: home.path, HOME: home.directory, ZDOTDIR: home.directory },
  });
  await terminal.shows("ready> ");
  await terminal.enter("cd; echo there");
  await terminal.shows("\nthere\n");
  await terminal.shows("ready> ");
  const complete = async (typed: string, completed: string | RegExp): Promise<void> => {
    await terminal.type(`quartet ${typed}`, KEYS.tab);
    await terminal.shows(completed);
    await terminal.type(KEYS.ctrlU);
  };
  await complete("client pu", "quartet client put ");
  await complete("client get 7 q", "quartet client get 7 quorum ");
  await complete("client --keyspace m", "quartet client --keyspace main ");
  await complete("client --keyspace=m", "quartet client --keyspace=main ");
  await complete("replica --config cluster.", "quartet replica --config cluster.toml ");
  await complete("replica --ch", "quartet replica --check ");
  await complete("client --coordinator r", /r1 +r2 +r3/);
});
