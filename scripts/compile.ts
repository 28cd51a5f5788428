/**
 * `deno task compile`: makes the one binary, `dist/quartet`; with `--all` or `--target` those of other systems, with
 * their checksums.
 * @module
 */
import { dirname, join, resolve } from "@std/path";
import deno from "../deno.json" with { type: "json" };
import { parseArguments, UsageError } from "../src/cli/arguments.ts";
import { Bundle, CompileError } from "./compile/binary.ts";
import { binaryName, type Target, targetName, targetOf, TARGETS } from "./compile/target.ts";
import { print, printError } from "./print.ts";
import { ROOT } from "./repository.ts";

const HELP = `Makes quartet as one binary that needs nothing else.

  deno task compile                     dist/quartet, for this machine
  deno task compile --output FILE       the same, somewhere else
  deno task compile --target linux-arm64
  deno task compile --all               one for each of: ${TARGETS.map(targetName).join(", ")}

--all and --target write dist/quartet-VERSION-SYSTEM and dist/SHA256SUMS. Deno fetches its base for each system once; a
system whose base cannot be fetched is told of and left out, and the exit code is then 1. DENORT_BIN is the path of a
base for this machine, and is used for no other.`;

/** What is asked for. */
export type Order =
  | { readonly kind: "help" }
  | { readonly kind: "here"; readonly output: string | undefined }
  | { readonly kind: "systems"; readonly targets: readonly Target[] };

/** What a command line asks for. Throws `UsageError`. */
export function parseOrder(args: readonly string[]): Order {
  const { words, flags } = parseArguments(args, {
    output: { value: "FILE", help: "the binary" },
    target: { value: "SYSTEM", help: "another system" },
    all: { help: "all systems" },
    help: { help: "this page", short: "h" },
  });
  if (flags.has("help")) return { kind: "help" };
  if (words.length > 0) {
    throw new UsageError(`deno task compile takes flags only, and "${words[0]}" was given`);
  }
  if (flags.size > 1) {
    throw new UsageError(`--${[...flags.keys()].join(" and --")} do not go together; give one of them`);
  }
  if (flags.has("all")) return { kind: "systems", targets: TARGETS };
  const name = flags.get("target");
  if (name === undefined) return { kind: "here", output: flags.get("output") };
  const target = targetOf(name);
  if (target === undefined) {
    const known = TARGETS.map(targetName).join(", ");
    throw new UsageError(`--target ${name}: no such system; known: ${known}`);
  }
  return { kind: "systems", targets: [target] };
}

async function compileHere(binary: string): Promise<number> {
  await Deno.mkdir(dirname(binary), { recursive: true });
  const begin = performance.now();
  await using bundle = await Bundle.make();
  await bundle.compile(binary);
  const said = await checkVersion(binary);
  if (said !== undefined) {
    printError(`${binary} --version should say ${deno.version}, but said:\n${said}`);
    return 1;
  }
  const { digest, bytes } = await digestOf(binary);
  print(`${digest}  ${binary}`);
  const madeIn = `made in ${((performance.now() - begin) / 1000).toFixed(1)} s`;
  print(`quartet ${deno.version}, ${megabytes(bytes)}, ${madeIn}`);
  return 0;
}

async function compileSystems(targets: readonly Target[]): Promise<number> {
  const directory = join(ROOT, "dist");
  await Deno.mkdir(directory, { recursive: true });
  await using bundle = await Bundle.make();
  const sums: string[] = [];
  const missing: string[] = [];
  for (const target of targets) {
    const name = binaryName(deno.version, target);
    const path = join(directory, name);
    try {
      // Why: what an earlier run left must not pass for what this one made.
      await removeIfThere(path);
      await bundle.compileFor(target, path);
      const said = target.triple === Deno.build.target ? await checkVersion(path) : undefined;
      if (said !== undefined) throw new CompileError(`it does not run: ${said}`);
      const { digest, bytes } = await digestOf(path);
      sums.push(`${digest}  ${name}\n`);
      print(`made     ${name}  ${megabytes(bytes)}`);
    } catch (cause) {
      if (!(cause instanceof CompileError)) throw cause;
      missing.push(targetName(target));
      printError(`missing  ${name}  ${cause.message.trimEnd()}`);
    }
  }
  await Deno.writeTextFile(join(directory, "SHA256SUMS"), sums.join(""));
  print(`${sums.length} of ${targets.length} made; their checksums are in dist/SHA256SUMS`);
  if (missing.length === 0) return 0;
  printError(`not made: ${missing.join(", ")}; run this where Deno's downloads can be reached`);
  return 1;
}

/** Undefined when the binary runs and tells the version of deno.json, else what it said. */
async function checkVersion(binary: string): Promise<string | undefined> {
  const { stdout, stderr } = await new Deno.Command(binary, { args: ["--version"] }).output();
  const decoder = new TextDecoder();
  const said = decoder.decode(stdout) + decoder.decode(stderr);
  return said.includes(deno.version) ? undefined : said;
}

async function removeIfThere(path: string): Promise<void> {
  try {
    await Deno.remove(path);
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotFound)) throw cause;
  }
}

async function digestOf(path: string): Promise<{ digest: string; bytes: number }> {
  const content = await Deno.readFile(path);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", content)).toHex();
  return { digest, bytes: content.length };
}

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1e6)} MB`;
}

async function run(order: Order): Promise<number> {
  switch (order.kind) {
    case "help":
      print(HELP);
      return 0;
    case "systems":
      return await compileSystems(order.targets);
    case "here": {
      const plain = join(ROOT, "dist", Deno.build.os === "windows" ? "quartet.exe" : "quartet");
      return await compileHere(resolve(order.output ?? plain));
    }
  }
}

if (import.meta.main) {
  try {
    Deno.exitCode = await run(parseOrder(Deno.args));
  } catch (error) {
    if (!(error instanceof UsageError || error instanceof CompileError)) throw error;
    printError(error instanceof CompileError ? `not compiled: ${error.message.trimEnd()}` : error.message);
    Deno.exitCode = error instanceof CompileError ? 1 : 2;
  }
}
