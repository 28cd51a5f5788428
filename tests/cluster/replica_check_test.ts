/** Tests of `quartet replica --check` on real processes: what it finds, and that it leaves everything as it was. @module */
import { assert, assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { ROOT } from "../../scripts/repository.ts";
import { StartError } from "../../scripts/supervisor/replica_process.ts";
import { unless, WHY_NOT_LINUX, whyNoMount } from "../harness/abilities.ts";
import { eventually } from "../harness/eventually.ts";
import { type CommandResult, LocalCluster, runCommand, runQuartet } from "../harness/processes.ts";

const SECRET = "0123456789 correct horse";
/** What an exit code means: the same command may work later; something must be changed; data is damaged. */
const PASSES = 5;
const CHANGE = 64;
const DAMAGED = 9;

function check(cluster: LocalCluster, id: string, ...flags: string[]): Promise<CommandResult> {
  return runQuartet(["replica", "--check", "--config", cluster.config, "--id", id, ...flags]);
}

/** Lines of findings that are not ok. */
function troubles({ stdout }: CommandResult): string[] {
  return stdout.split("\n").filter((line) => /^(warn|FAIL) /.test(line));
}

async function edit(path: string, from: string | RegExp, to: string): Promise<void> {
  const text = await Deno.readTextFile(path);
  const edited = text.replace(from, to);
  assert(edited !== text, `${path} has no ${from}`);
  await Deno.writeTextFile(path, edited);
}

/** All names below a directory, and when each file was written. */
function picture(directory: string): string[] {
  return [...Deno.readDirSync(directory)].flatMap(({ name, isDirectory }) => {
    const path = join(directory, name);
    return isDirectory ? picture(path) : [`${path} ${Deno.statSync(path).mtime?.getTime()}`];
  }).sort();
}

Deno.test("--check finds a port that is taken, and a peer that cannot be reached", async () => {
  await using cluster = await LocalCluster.create({ replicas: 2 });
  const [r1, r2] = cluster.places;
  using _listener = Deno.listen({ hostname: r1!.host, port: r1!.port });
  const result = await check(cluster, "r1");
  assertEquals(result.code, PASSES, result.stdout + result.stderr);
  assertEquals(troubles(result), [
    `FAIL  port    ${r1!.host}:${
      r1!.port
    } is taken; stop the program that listens there (ss -ltnp shows it), ` +
    `or give r1 another address in ${cluster.config}`,
    `FAIL  peer    r2 at ${r2!.host}:${r2!.port}: nobody listens there; start r2 if it does not run; ` +
    "else look at its address in the file, and at the firewall of its machine",
    "warn  clock   no other clock could be asked; check again when another replica runs",
  ]);
  assertStringIncludes(
    result.stdout,
    "\nr1 is not ready to start: 2 findings of 7 are failures, 1 warning\n",
  );
  assertEquals(picture(cluster.directory).length, 1, "nothing but the configuration is there afterwards");
});

Deno.test("--check finds an id that is not in the file, and one of another machine", async () => {
  await using cluster = await LocalCluster.create({ replicas: 2 });
  const unknown = await check(cluster, "r11");
  assertEquals(unknown.code, CHANGE);
  assertEquals(troubles(unknown), [
    `FAIL  id      --id r11: no such replica; did you mean r1? replicas in ${cluster.config}: r1 r2`,
  ]);
  const [r1] = cluster.places;
  await edit(cluster.config, `${r1!.host}:${r1!.port}`, "203.0.113.1:7411");
  const elsewhere = await check(cluster, "r1");
  assertEquals(elsewhere.code, CHANGE);
  assertStringIncludes(
    elsewhere.stdout,
    "FAIL  port    203.0.113.1:7411 of r1 is no address of this machine; start r1 on its own machine, " +
      `or another --id here, or give r1 another address in ${cluster.config}\n`,
  );
  assertMatch(
    elsewhere.stdout,
    /FAIL {2}secret {2}others can reach r1 203\.0\.113\.1, and no secret is set; /,
  );
});

Deno.test("--check finds a clock that is two minutes off, and so does status", async () => {
  await using cluster = await LocalCluster.create({ replicas: 2 });
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "-A", join(ROOT, "tests/harness/shifted_clock.ts"), "replica"],
      ...["--config", cluster.config, "--id", "r2"],
    ],
    env: { QUARTET_TEST_SHIFT_MS: "120000" },
    stdout: "null",
    stderr: "null",
  }).spawn();
  try {
    const result = await eventually(async () => {
      const found = await check(cluster, "r1");
      return found.stdout.includes("r2 at") && !found.stdout.includes("FAIL  peer") ? found : undefined;
    }, { withinMs: 15_000, what: "r2 answers" });
    assertEquals(result.code, PASSES);
    const [trouble, ...others] = troubles(result);
    assertEquals(others, []);
    // On a busy machine the answer itself takes a while, of which nobody knows how much lies before the look at the clock.
    assertMatch(
      trouble!,
      /^FAIL {2}clock {3}the clock of this machine is (1 min 5[89]|2 min [012]) s behind r2, and clock_skew_max_ms is 10000; set the clock of the one that is wrong, for example timedatectl set-ntp true$/,
    );
    await cluster.start("r1");
    await eventually(async () => {
      const { stdout } = await cluster.client("status");
      return stdout.includes("2 min 0 s behind") && stdout.includes("2 min 0 s ahead");
    }, { withinMs: 10_000, what: "status shows both clocks" });
  } finally {
    child.kill("SIGTERM");
    await child.status;
  }
});

Deno.test({
  ...unless(
    // Why: modes mean nothing to root, so root needs a file system that is read-only.
    WHY_NOT_LINUX ?? (Deno.uid() === 0 ? await whyNoMount() : undefined),
    "--check finds a directory that cannot be written, also where it would have to be made",
  ),
  async fn(): Promise<void> {
    await using cluster = await LocalCluster.create({ replicas: 1 });
    const directory = join(cluster.directory, "fixed");
    await Deno.mkdir(directory, { mode: 0o700 });
    const isRoot = Deno.uid() === 0;
    if (isRoot) await runCommand("mount", ["-t", "tmpfs", "-o", "ro,size=64k,mode=700", "tmpfs", directory]);
    else await Deno.chmod(directory, 0o500);
    try {
      for (const data of [directory, join(directory, "deep", "r1")]) {
        const result = await check(cluster, "r1", "--data", data);
        assertEquals(result.code, CHANGE);
        const [trouble] = troubles(result);
        assertMatch(
          trouble!,
          /^FAIL {2}data {4}.*fixed cannot be written: (Read-only file system|Permission denied).*; (mount it read-write|let the user who runs this own it and write there), or give another with --data DIR$/,
        );
      }
    } finally {
      if (isRoot) await runCommand("umount", [directory]);
      else await Deno.chmod(directory, 0o700);
    }
  },
});

Deno.test("--check and a start refuse a path that cannot be looked at, and say so in one line", async () => {
  await using cluster = await LocalCluster.create({ replicas: 1 });
  const directory = join(cluster.directory, "x".repeat(300));
  const checked = await check(cluster, "r1", "--data", directory);
  assertEquals(checked.code, CHANGE);
  assertMatch(troubles(checked)[0]!, /^FAIL {2}data {4}.*x cannot be read: File name too long.*--data DIR$/);
  const start = ["replica", "--config", cluster.config, "--id", "r1", "--data", directory];
  const started = await runQuartet(start);
  assertEquals(started.code, CHANGE);
  assertMatch(
    started.stderr,
    /^error: the data directory .* cannot be made: .*; give another with --data DIR\n$/,
  );
});

Deno.test("--check finds a directory of another cluster, a damaged one, and one that others can look into", async () => {
  await using cluster = await LocalCluster.create({ replicas: 1 });
  await cluster.start("r1");
  await cluster.stop("r1");
  const data = cluster.dataDirectory("r1");
  const before = picture(data);
  const fine = await check(cluster, "r1");
  assertEquals([fine.code, troubles(fine)], [0, []], fine.stdout);
  assertMatch(fine.stdout, /\nok {4}data {4}\S+ belongs to r1 of cluster test, epoch [0-9a-f]{8}\n/);
  assertStringIncludes(fine.stdout, "\nr1 can start\n");
  assertEquals(picture(data), before, "the files are as they were");

  // Nor is a log mended that a crash left open.
  await cluster.start("r1");
  assertEquals((await cluster.client("put", "7", "x")).code, 0);
  await cluster.kill9("r1");
  const crashed = picture(data);
  const open = await check(cluster, "r1");
  assertEquals([open.code, troubles(open)], [0, []], open.stdout);
  assertEquals(picture(data), crashed, "the files are as the crash left them");

  // Whose it is can be read, and what it holds cannot.
  const manifest = await Deno.readFile(join(data, "manifest"));
  await Deno.writeFile(join(data, "manifest"), manifest.map((byte, index) => index === 30 ? byte ^ 1 : byte));
  const unreadable = await check(cluster, "r1");
  assertEquals(unreadable.code, DAMAGED, unreadable.stdout);
  assertMatch(
    troubles(unreadable)[0]!,
    /^FAIL {2}data .*manifest is damaged at byte 0: .* start with --rebuild/,
  );
  await Deno.writeFile(join(data, "manifest"), manifest);

  await edit(cluster.config, 'cluster = "test"', 'cluster = "barn"');
  if (Deno.build.os !== "windows") await Deno.chmod(data, 0o755);
  const other = await check(cluster, "r1");
  assertEquals(other.code, CHANGE);
  const loose = `warn  data    others can look into ${data} (mode 0755); chmod 700 ${data}`;
  assertEquals(troubles(other), [
    `FAIL  data    ${data}: this data directory belongs to replica r1 of cluster test, not to r1 of barn; ` +
    "give each replica a directory of its own with --data DIR",
    ...(Deno.build.os === "windows" ? [] : [loose]),
  ]);
  for (const name of ["identity", "identity.copy"]) await Deno.writeTextFile(join(data, name), "junk\n");
  const damaged = await check(cluster, "r1");
  assertEquals(damaged.code, DAMAGED);
  assertMatch(troubles(damaged)[0]!, /identity is damaged at byte 0: .* then start with --rebuild to refill/);
});

Deno.test("--check finds a mistyped key, a value out of range and a broken line in the file", async () => {
  await using cluster = await LocalCluster.create({ replicas: 1 });
  const good = await Deno.readTextFile(cluster.config);
  await edit(cluster.config, "replication = 1", "replication = 9\nreplicatoin = 1");
  const typo = await check(cluster, "r1");
  assertEquals([typo.code, typo.stderr], [CHANGE, ""]);
  assertEquals(typo.stdout.replaceAll(cluster.config, "FILE").split("\n").slice(0, 2), [
    "FAIL  config  FILE:11: keyspace.main.replication: 9 is not allowed; allowed: an integer from 1 to 1",
    "FAIL  config  FILE:12: keyspace.main.replicatoin: unknown key; did you mean replication? known here: keys, " +
    "partitioner, replication, default_level, read_repair, hinted_handoff, anti_entropy, siblings, siblings_max, coordination",
  ]);
  await Deno.writeTextFile(cluster.config, good.replace('id = "r1"', "id = r1"));
  const missing = await check(cluster, "r1", "--config", join(cluster.directory, "nope.toml"));
  assertMatch(
    missing.stdout,
    /FAIL {2}config {2}.*nope.toml: no such file; say which file with --config FILE\n/,
  );
  const broken = await check(cluster, "r1", "--json");
  assertEquals(broken.code, CHANGE);
  const { ok, exit, replica, findings } = JSON.parse(broken.stdout);
  assertEquals([ok, exit, replica, findings.length], [false, CHANGE, "r1", 1]);
  assertEquals([findings[0].level, findings[0].topic, findings[0].mend], [
    "fail",
    "config",
    "correct that line",
  ]);
});

Deno.test("--check finds who is not for us: other secrets, clusters, keyspaces, ids; and leaves a running replica in peace", async () => {
  await using cluster = await LocalCluster.start({ replicas: 2, top: { secret: SECRET } });
  const { config } = cluster;
  const [r1, r2] = cluster.places;
  const good = await Deno.readTextFile(config);
  const at = `FAIL  peer    r2 at ${r2!.host}:${r2!.port}: `;
  const cases: [from: string, to: string, trouble: string][] = [
    [
      SECRET,
      SECRET.toUpperCase(),
      "the proof of the cluster's secret is wrong; use the same `secret` on both sides",
    ],
    [
      `secret = "${SECRET}"\n`,
      "",
      "replica r2 asks for the cluster's secret, and none is set here; set the same",
    ],
    [
      'cluster = "test"',
      'cluster = "barn"',
      'a replica of cluster "test" answers there, and the file says "barn"; ',
    ],
    ['keys = "byte"', 'keys = "text"', 'the configurations differ in "keyspace.main": here "keys=text '],
    [`:${r2!.port}"`, `:${r1!.port}"`, "belongs to both r1 and r2"],
  ];
  const asked = await Promise.all(cases.map(async ([from, to, trouble], index) => {
    assertStringIncludes(good, from);
    const file = join(cluster.directory, `wrong-${index}.toml`);
    await Deno.writeTextFile(file, good.replace(from, to));
    const data = join(cluster.directory, `data-${index}`);
    const result = await runQuartet(["replica", "--check", "--config", file, "--id", "r1", "--data", data]);
    assertEquals(result.code, CHANGE, result.stdout);
    assertStringIncludes(result.stdout, index < 4 ? at + trouble : trouble);
    return result.stdout;
  }));
  const swapped = good.replace(`:${r1!.port}"`, ":0x").replace(`:${r2!.port}"`, `:${r1!.port}"`)
    .replace(":0x", `:${r2!.port}"`);
  await Deno.writeTextFile(join(cluster.directory, "swapped.toml"), swapped);
  const flags = ["--config", join(cluster.directory, "swapped.toml"), "--id", "r1"];
  const other = await runQuartet(["replica", "--check", ...flags]);
  assertStringIncludes(
    other.stdout,
    `FAIL  peer    r2 at ${r1!.host}:${r1!.port}: r1 answers there; correct the address of r2 in the file\n`,
  );

  if (Deno.build.os !== "windows") await Deno.chmod(config, 0o644);
  // The same replica runs: that is said, and it and its peer notice nothing.
  const running = await check(cluster, "r1");
  assertEquals(running.code, PASSES, running.stdout);
  assertEquals(troubles(running), [
    ...(Deno.build.os === "windows" ? [] : [
      `warn  secret  others can read ${config} (mode 0644), and the secret in it; chmod 600 ${config}, or use secret_file`,
    ]),
    `FAIL  data    ${
      cluster.dataDirectory("r1")
    } is in use by a running replica; stop that one, or give another with --data DIR`,
    `FAIL  port    r1 itself runs at ${r1!.host}:${r1!.port} already; stop it first`,
  ]);
  const twin = await check(cluster, "r1", "--data", join(cluster.directory, "elsewhere"));
  assertStringIncludes(twin.stdout, "FAIL  port    r1 itself runs");
  const { stdout } = await cluster.client("--json", "status");
  const counted = JSON.parse(stdout).replicas.map(
    ({ status }: { status: { peers: { alive: boolean; changed_ms_ago: number }[]; uptime_ms: number } }) =>
      status.peers[0]!.alive && status.peers[0]!.changed_ms_ago > 0.5 * status.uptime_ms,
  );
  assertEquals(counted, [true, true], "no link broke since the start");
  for (const text of [...asked, other.stdout, running.stdout, twin.stdout]) {
    assert(!text.includes(SECRET) && !text.includes(SECRET.toUpperCase()), "a secret is never printed");
  }
});

Deno.test("--check and a start refuse keys of another kind than the directory holds", async () => {
  await using cluster = await LocalCluster.start({ replicas: 1 });
  assertEquals((await cluster.client("put", "7", "seven")).code, 0);
  await cluster.stop("r1");
  await edit(cluster.config, 'keys = "byte"', 'keys = "text"');
  const text =
    `${
      cluster.dataDirectory("r1")
    }: this data directory holds keyspace "main" with byte keys, and the file ` +
    'says keys = "text"; put keys = "byte" back, or give the new keyspace another name';
  const { code, stdout } = await check(cluster, "r1");
  assertEquals(code, CHANGE, stdout);
  assertStringIncludes(stdout, `FAIL  data    ${text}\n`);
  const failure = await assertRejects(() => cluster.start("r1"), StartError);
  assertStringIncludes(failure.message, text);
  await edit(cluster.config, 'keys = "text"', 'keys = "byte"');
  await cluster.start("r1");
  assertEquals((await cluster.client("get", "7")).stdout, "seven\n");
});

Deno.test("--check does not go with --rebuild, nor --json without it", async () => {
  await using cluster = await LocalCluster.create({ replicas: 1 });
  const rebuild = await check(cluster, "r1", "--rebuild");
  assertEquals([rebuild.code, rebuild.stderr], [
    CHANGE,
    "error: --check changes nothing; leave --rebuild out\n",
  ]);
  const json = await runQuartet(["replica", "--config", cluster.config, "--id", "r9", "--json"]);
  assertEquals([json.code, json.stderr], [CHANGE, "error: --json goes with --check only\n"]);
});
