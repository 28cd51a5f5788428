/**
 * Makes binaries: first one bundle of our code and the packages it uses, then Deno's base of a system with the bundle
 * behind it. Why the bundle: compiling the sources would embed every locked package.
 * @module
 */
import { join } from "@std/path";
import { ROOT } from "../repository.ts";
import { HEAD_BYTES, systemOf, type Target, targetName } from "./target.ts";

const decoder = new TextDecoder();

/** A binary was not made. The message says why, and the way out. */
export class CompileError extends Error {
  override readonly name = "CompileError";
}

/** One bundle, good for any number of binaries. Disposing it removes it. */
export class Bundle implements AsyncDisposable {
  readonly #directory: string;

  private constructor(directory: string) {
    this.#directory = directory;
  }

  /** Throws `CompileError`. */
  static async make(): Promise<Bundle> {
    const bundle = new Bundle(await Deno.makeTempDir({ prefix: "quartet-compile-" }));
    const args = ["bundle", "--quiet", "--platform", "deno", "--output", bundle.#path, "main.ts"];
    const said = await runDeno(args, ROOT, Deno.env.toObject());
    if (said === undefined) return bundle;
    await bundle[Symbol.asyncDispose]();
    throw new CompileError(`deno bundle failed:\n${said}`);
  }

  get #path(): string {
    return join(this.#directory, "quartet.js");
  }

  /** Makes `output` for this machine, with the base of `DENORT_BIN` where that is set. Throws `CompileError`. */
  async compile(output: string): Promise<void> {
    const said = await keepingUnlessMade(output, () => this.#compile(output, [], Deno.env.toObject()));
    if (said === undefined) return;
    const base = Deno.env.get("DENORT_BIN");
    if (base !== undefined) {
      throw new CompileError(
        `deno compile failed with the base of DENORT_BIN (${base}); it must be a denort that Deno ` +
          `${Deno.version.deno} accepts:\n${said}`,
      );
    }
    if (!isBaseMissing(said)) throw new CompileError(`deno compile failed:\n${said}`);
    throw new CompileError(
      `${missingBase(said)}\n` +
        "Way out: set DENORT_BIN to a denort file, such as the one that .ci/denort prints " +
        "(DENORT_BIN=$(.ci/denort) deno task compile), or run from source: deno run -A main.ts",
    );
  }

  /** Makes `output` for a system, this one or another. Throws `CompileError`. */
  async compileFor(target: Target, output: string): Promise<void> {
    if (target.triple === Deno.build.target) return await this.compile(output);
    // Why: a base that is set is one of this machine; Deno would take it for any system, and say nothing.
    const { DENORT_BIN: _, ...env } = Deno.env.toObject();
    const said = await this.#compile(output, ["--target", target.triple], env);
    if (said !== undefined) {
      throw new CompileError(isBaseMissing(said) ? missingBase(said) : `deno compile failed:\n${said}`);
    }
    using file = await Deno.open(output);
    const head = new Uint8Array(HEAD_BYTES);
    const made = systemOf(head.subarray(0, await file.read(head) ?? 0));
    if (made === targetName(target)) return;
    throw new CompileError(`deno compile made a binary for ${made ?? "an unknown system"} instead`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#directory, { recursive: true });
  }

  #compile(output: string, flags: string[], env: Record<string, string>): Promise<string | undefined> {
    const args = ["compile", "--quiet", "-A", "--no-check", ...flags, "--output", output, this.#path];
    // Why in its directory: no deno.json and no lock there, so that nothing but the bundle is embedded.
    return runDeno(args, this.#directory, env);
  }
}

/** Undefined when it went well, else what it said. */
async function runDeno(
  args: string[],
  cwd: string,
  env: Record<string, string>,
): Promise<string | undefined> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args,
    cwd,
    clearEnv: true,
    env: { ...env, NO_COLOR: "1" },
  }).output();
  return success ? undefined : decoder.decode(stdout) + decoder.decode(stderr);
}

/** Makes a file, and has the earlier one stay where `make` says why it could not: Deno removes that first. */
export async function keepingUnlessMade(
  path: string,
  make: () => Promise<string | undefined>,
): Promise<string | undefined> {
  const kept = `${path}.before`;
  await unlessMissing(() => Deno.remove(kept));
  await unlessMissing(() => Deno.link(path, kept));
  const said = await make();
  if (said !== undefined) await unlessMissing(() => Deno.rename(kept, path));
  // Where both are still one file, renaming did nothing.
  await unlessMissing(() => Deno.remove(kept));
  return said;
}

async function unlessMissing(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotFound)) throw cause;
  }
}

function isBaseMissing(said: string): boolean {
  return said.includes("base binary");
}

function missingBase(said: string): string {
  const line = said.split("\n").find((text) => text.includes("url (")) ?? said;
  return `Deno's base for compiled binaries (denort ${Deno.version.deno}) could not be fetched: ${line.trim()}`;
}
