/**
 * `deno task compile [--output FILE]`: makes the one binary, `dist/quartet`. First one bundle of our code and the packages it uses, then
 * Deno's base with the bundle behind it. Why the bundle: compiling the sources would embed every locked package.
 * @module
 */
import { dirname, join, resolve } from "@std/path";
import deno from "../deno.json" with { type: "json" };
import { print, printError } from "./print.ts";
import { ROOT } from "./repository.ts";

const decoder = new TextDecoder();

async function run(args: string[], cwd: string): Promise<string | undefined> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args,
    cwd,
    env: { NO_COLOR: "1" },
  }).output();
  return success ? undefined : decoder.decode(stdout) + decoder.decode(stderr);
}

async function compile(output: string): Promise<string | undefined> {
  const scratch = await Deno.makeTempDir({ prefix: "quartet-compile-" });
  try {
    const bundle = join(scratch, "quartet.js");
    const bundled = await run(
      ["bundle", "--quiet", "--platform", "deno", "--output", bundle, "main.ts"],
      ROOT,
    );
    if (bundled !== undefined) return `deno bundle failed:\n${bundled}`;
    // Why in `scratch`: no deno.json and no lock there, so that nothing but the bundle is embedded.
    const compiled = await run(
      ["compile", "--quiet", "-A", "--no-check", "--output", output, bundle],
      scratch,
    );
    if (compiled === undefined) return undefined;
    const base = Deno.env.get("DENORT_BIN");
    if (base !== undefined) {
      return `deno compile failed with the base of DENORT_BIN (${base}); it must be a denort that Deno ` +
        `${Deno.version.deno} accepts:\n${compiled}`;
    }
    if (!compiled.includes("base binary")) return `deno compile failed:\n${compiled}`;
    return `Deno's base for compiled binaries (denort ${Deno.version.deno}) could not be fetched:\n` +
      `${compiled.split("\n").find((line) => line.includes("url (")) ?? compiled}\n` +
      "Way out: set DENORT_BIN to a denort file, such as the one that .ci/denort prints " +
      "(DENORT_BIN=$(.ci/denort) deno task compile), or run from source: deno run -A main.ts";
  } finally {
    await Deno.remove(scratch, { recursive: true });
  }
}

/** Undefined when the binary runs and tells the version of deno.json, else what it said. */
async function checkVersion(binary: string): Promise<string | undefined> {
  const { stdout, stderr } = await new Deno.Command(binary, { args: ["--version"] }).output();
  const said = decoder.decode(stdout) + decoder.decode(stderr);
  return said.includes(deno.version) ? undefined : said;
}

if (import.meta.main) {
  const [flag, file, ...rest] = Deno.args;
  if ((flag !== undefined && flag !== "--output") || (flag && !file) || rest.length > 0) {
    printError(`deno task compile takes --output FILE and nothing else, not "${Deno.args.join(" ")}"`);
    Deno.exit(2);
  }
  const binary = resolve(file ?? join(ROOT, "dist", Deno.build.os === "windows" ? "quartet.exe" : "quartet"));
  await Deno.mkdir(dirname(binary), { recursive: true });
  const begin = performance.now();
  const failure = await compile(binary);
  if (failure !== undefined) {
    printError(`not compiled: ${failure.trimEnd()}`);
    Deno.exit(1);
  }
  const said = await checkVersion(binary);
  if (said !== undefined) {
    printError(`${binary} --version should say ${deno.version}, but said:\n${said}`);
    Deno.exit(1);
  }
  const bytes = await Deno.readFile(binary);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
  print(`${digest}  ${binary}`);
  const megabytes = Math.round(bytes.length / 1e6);
  print(
    `quartet ${deno.version}, ${megabytes} MB, made in ${((performance.now() - begin) / 1000).toFixed(1)} s`,
  );
}
