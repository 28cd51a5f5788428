/** Tests of `deno task soak`, as a person runs it. @module */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { Shares } from "../../scripts/soak/shares.ts";
import { parseSoakOptions, runFlags } from "../../scripts/soak/soak_options.ts";
import { SoakTally } from "../../scripts/soak/soak_tally.ts";
import { tellBroken } from "../../scripts/soak/told.ts";
import { runCommand } from "../harness/processes.ts";

const SCRIPT = fromFileUrl(new URL("../../scripts/soak.ts", import.meta.url));

const soak = (...args: string[]): ReturnType<typeof runCommand> =>
  runCommand(Deno.execPath(), ["run", "-A", "--no-check", SCRIPT, ...args]);

Deno.test("A soak in which all is well ends with its sum and 0", async () => {
  const { code, stdout } = await soak("--seeds", "3", "--from", "40");
  assertEquals(code, 0, stdout);
  const [sum, passed] = stdout.trimEnd().split("\n").slice(-2);
  assertMatch(
    sum!,
    /^3 seeds in [\d.]+ s \([\d.]+\/s\), [\d.]+ simulated hours, \d+ faults, \d+ of \d+ requests succeeded$/,
  );
  assertEquals(passed, "3 passed, 0 failed");
});

Deno.test("A soak that finds something says with which command it comes again, and ends with 1", async () => {
  const { code, stdout } = await soak("--seeds", "6", "--bug", "skip_read_repair", "--keep", "0");
  assertEquals(code, 1, stdout);
  assertMatch(stdout, /^seed \d: .*\. Rerun: deno task sim \d --planted skip_read_repair$/m);
  assertMatch(stdout.trimEnd().split("\n").at(-1)!, /^\d passed, [1-6] failed$/);
});

Deno.test("Ctrl-C ends a soak with the sum so far", async () => {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", SCRIPT, "--seconds", "600"],
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const reader = child.stderr.pipeThrough(new TextDecoderStream()).getReader();
  let progress = "";
  while (!progress.includes("\n")) progress += (await reader.read()).value ?? "\n";
  assertMatch(progress, /^\d+ seeds, 0 failed, [\d.]+ seeds\/s\n/);
  child.kill("SIGINT");
  const stdout = await new Response(child.stdout).text();
  while (!(await reader.read()).done);
  assertEquals((await child.status).code, 130, stdout);
  const [sum, passed] = stdout.trimEnd().split("\n").slice(-2);
  assertMatch(sum!, /^stopped early: \d+ seeds in /);
  assertMatch(passed!, /^[1-9]\d* passed, 0 failed$/);
});

Deno.test("A run that breaks is told as a failure of its seed", () => {
  const tally = new SoakTally([]);
  tally.add(tellBroken(7, new TypeError("no such thing")));
  assertEquals(tally.summary(1).failed, [
    { seed: 7, wrong: "the run broke: TypeError: no such thing", isBroken: true },
  ]);
});

Deno.test("What a soak does not understand is named, and a share runs what the soak was asked for", async () => {
  const refused = await soak("--seeds", "-1", "--fast");
  assertEquals(refused.code, 64);
  assertMatch(refused.stderr, /^Not understood: .*--seeds/);
  assertMatch(refused.stderr, /--fast/);
  const unknown = parseSoakOptions(["--bug", "none"]);
  assert("wrong" in unknown);
  assertMatch(unknown.wrong, /^--bug none \(one of .*skip_read_repair/);
  const unused = parseSoakOptions(["--planted", "--bug", "forget_owed", "--from", "3", "--json"]);
  assertEquals(unused, { wrong: "--bug with --planted, which takes --from and --json alone" });
  const options = parseSoakOptions(["--seconds", "9", "--from", "3", "--bug", "forget_owed", "--cores", "2"]);
  assert(!("wrong" in options));
  assertEquals(parseSoakOptions(runFlags(options)), options);
});

Deno.test("A soak finds its own script wherever the repository lies", async () => {
  const directory = await Deno.makeTempDir({ prefix: "quartet soak " });
  try {
    const script = join(directory, "share.ts");
    await Deno.writeTextFile(script, "console.log(JSON.stringify({ seed: 7 }));\n");
    const options = parseSoakOptions(["--seeds", "1", "--cores", "1"]);
    assert(!("wrong" in options));
    const seeds: number[] = [];
    const shares = new Shares(
      new URL(`file://${encodeURI(script)}`),
      options,
      ({ seed }) => seeds.push(seed),
    );
    assert(await shares.ended());
    assertEquals(seeds, [7]);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
