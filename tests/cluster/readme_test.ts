import { assertEquals, assertMatch } from "@std/assert";
import { dirname, join } from "@std/path";
import deno from "../../deno.json" with { type: "json" };
import { ROOT } from "../../scripts/repository.ts";
import { unless } from "../harness/abilities.ts";
import { binaryUnderTest } from "../harness/processes.ts";

/** One `$ ` line of the page, and what it says is printed. */
interface Example {
  readonly line: number;
  readonly command: string;
  readonly expected: readonly string[];
}

/** These would run this test again; that they exist is all that is looked at. */
const TESTS = /^deno task (test|ok)$/;

const COMMAND_MS_MAX = 30_000;

function examplesOf(page: string): Example[] {
  const examples: { line: number; command: string; expected: string[] }[] = [];
  let isConsole = false;
  for (const [index, text] of page.split("\n").entries()) {
    if (text.startsWith("```")) isConsole = text === "```console";
    else if (isConsole && text.startsWith("$ ")) {
      examples.push({ line: index + 1, command: text.slice(2), expected: [] });
    } else if (isConsole) examples.at(-1)!.expected.push(text);
  }
  return examples;
}

/** `…` in a line stands for anything within it, a line of nothing else for any lines; runs of spaces for one another. */
function patternOf(expected: readonly string[]): RegExp {
  const lines = expected.map((line) => {
    if (line === "…") return "(?:.*\n)*";
    const parts = spaced(line).split("…").map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&"));
    return `${parts.join(".*")}\n`;
  });
  return new RegExp(`^${lines.join("")}$`);
}

function spaced(text: string): string {
  return text.replaceAll(/ +/g, " ").replaceAll(/ $/gm, "");
}

/** The working tree as a fresh clone would have it, in an empty directory, with a home that holds nothing. */
class Clone implements AsyncDisposable {
  readonly #parent = Deno.makeTempDirSync({ prefix: "quartet-readme-" });
  readonly #directory = join(this.#parent, "quartet");
  /** Where the replicas listen instead of 127.0.0.1: fixed ports there may be somebody's. Only Linux has such hosts. */
  readonly #host: string;
  readonly #env: Record<string, string>;

  constructor(env: Record<string, string>) {
    const [a, b] = crypto.getRandomValues(new Uint8Array(2));
    this.#host = Deno.build.os === "linux" ? `127.${1 + a! % 254}.${b}.1` : "127.0.0.1";
    this.#env = env;
  }

  static async make(): Promise<Clone> {
    const { denoDir } = JSON.parse(await outputOf(Deno.execPath(), ["info", "--json"])) as {
      denoDir: string;
    };
    const clone = new Clone({
      PATH: `${dirname(Deno.execPath())}:${Deno.env.get("PATH") ?? ""}`,
      // Why: packages that are on this machine need not be fetched again.
      DENO_DIR: denoDir,
      NO_COLOR: "1",
    });
    await clone.#fill();
    return clone;
  }

  async #fill(): Promise<void> {
    const files = (await outputOf("git", ["-C", ROOT, "ls-files", "-z"])).split("\0");
    for (const file of files) {
      if (file === "") continue;
      const target = join(this.#directory, file);
      await Deno.mkdir(dirname(target), { recursive: true });
      try {
        await Deno.copyFile(join(ROOT, file), target);
      } catch (error) {
        // Removed in the working tree, and the removal not committed yet.
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      }
    }
    const config = join(this.#directory, "cluster.toml");
    await Deno.writeTextFile(config, (await Deno.readTextFile(config)).replaceAll("127.0.0.1", this.#host));
    await Deno.mkdir(join(this.#parent, "home"));
  }

  get page(): Promise<string> {
    return Deno.readTextFile(join(this.#directory, "README.md"));
  }

  /** What a command prints on both streams, in the words of the page. */
  async run(command: string): Promise<{ readonly code: number; readonly printed: string }> {
    const { code, stdout } = await new Deno.Command("sh", {
      args: ["-c", `{ ${command.replaceAll("127.0.0.1", this.#host)}\n} 2>&1`],
      cwd: this.#directory,
      clearEnv: true,
      env: { ...this.#env, HOME: join(this.#parent, "home") },
      stdin: "null",
      signal: AbortSignal.timeout(COMMAND_MS_MAX),
    }).output();
    const printed = new TextDecoder().decode(stdout)
      // What `deno task` says of itself, and Deno of packages it had to fetch.
      .replaceAll(/^(Task|Download|Initialize) .*\n/gm, "")
      .replaceAll(this.#host, "127.0.0.1");
    return { code, printed: spaced(printed) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.run("deno task cluster stop");
    await Deno.remove(this.#parent, { recursive: true });
  }
}

async function outputOf(command: string, args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(command, { args }).output();
  if (!success) throw new Error(`${command} ${args.join(" ")} failed: ${new TextDecoder().decode(stderr)}`);
  return new TextDecoder().decode(stdout);
}

Deno.test({
  ...unless(
    binaryUnderTest() === undefined ? undefined : "the page is about the sources",
    "Every command of README.md works in a fresh clone, and prints what the page says",
  ),
  async fn(): Promise<void> {
    await using clone = await Clone.make();
    const examples = examplesOf(await clone.page);
    assertEquals(examples.filter(({ command }) => TESTS.test(command)).map(({ command }) => command), [
      "deno task test",
    ]);
    for (const { line, command, expected } of examples) {
      const task = TESTS.exec(command)?.[1];
      if (task !== undefined) {
        assertMatch(deno.tasks[task as "test" | "ok"].command, /^deno run -A scripts\/\w+\.ts$/);
        continue;
      }
      const { code, printed } = await clone.run(command);
      assertMatch(printed, patternOf(expected), `README.md:${line}: $ ${command} prints\n${printed}`);
      assertEquals(code, 0, `README.md:${line}: $ ${command} ends with exit code ${code}`);
    }
  },
});
