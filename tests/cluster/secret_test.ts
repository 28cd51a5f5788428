/** Tests of the cluster's secret and of file modes on real processes: where a secret may stand, and that nobody prints it. @module */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import type { Place } from "../harness/cluster_toml.ts";
import { clusterTest, type CommandResult, LocalCluster, runQuartet } from "../harness/processes.ts";

const SECRET = "9f8e7d6c correct horse battery";
const isWindows = Deno.build.os === "windows";

async function writeSecret(cluster: LocalCluster, text: string, mode = 0o600): Promise<string> {
  const path = join(cluster.directory, "secret");
  await Deno.writeTextFile(path, text, { mode });
  if (!isWindows) await Deno.chmod(path, mode);
  return path;
}

Deno.test("A secret comes from a file beside the configuration or from the environment, and no output contains it", async () => {
  await using cluster = await LocalCluster.create({ replicas: 2, top: { secret_file: "secret" } });
  const { config } = cluster;
  const [{ host, port }] = cluster.places as readonly [Place, ...Place[]];
  const path = await writeSecret(cluster, `${SECRET}\n`);
  await cluster.startAll();
  const shown: string[] = [];
  const keep = (result: CommandResult): CommandResult => {
    shown.push(result.stdout, result.stderr);
    return result;
  };
  const client = async (env: Record<string, string>, ...args: string[]): Promise<CommandResult> =>
    keep(await runQuartet(["client", ...args], "", env));
  const at = ["--connect", `${host}:${port}`];

  assertEquals(keep(await cluster.client("put", "7", "by file", "ALL")).code, 0);
  assertEquals((await client({}, ...at, "get", "7")).code, 8);
  assertEquals((await client({ QUARTET_SECRET: SECRET }, ...at, "get", "7")).stdout, "by file\n");
  assertEquals((await client({ QUARTET_SECRET_FILE: path }, ...at, "get", "7")).stdout, "by file\n");
  const wrong = await client({ QUARTET_SECRET: `not ${SECRET}` }, "--config", config, "get", "7");
  assertEquals(wrong.code, 8, "the environment counts before the file");
  assertStringIncludes(wrong.stderr, "the proof of the cluster's secret is wrong");
  const both = await client(
    { QUARTET_SECRET: SECRET, QUARTET_SECRET_FILE: path },
    "--config",
    config,
    "get",
    "7",
  );
  assertEquals([both.code, both.stderr], [
    2,
    "error: both QUARTET_SECRET and QUARTET_SECRET_FILE are set; unset one of them\n",
  ]);
  const short = await client({ QUARTET_SECRET: SECRET.slice(0, 9) }, ...at, "get", "7");
  assertEquals([short.code, short.stderr], [
    2,
    "error: QUARTET_SECRET holds 9 characters; a secret has 16 to 1024\n",
  ]);

  for (const flag of [[], ["--json"]]) {
    keep(await cluster.client(...flag, "status"));
    const check = ["replica", "--check", "--config", config, "--id", "r1", ...flag];
    assertStringIncludes(keep(await runQuartet(check)).stdout, `from ${path}`);
    assertStringIncludes(
      keep(await runQuartet(check, "", { QUARTET_SECRET: SECRET })).stdout,
      "from QUARTET_SECRET",
    );
  }
  assertEquals(await cluster.stop("r2"), "ended with exit code 0");
  for (const id of cluster.ids) shown.push(await cluster.log(id));
  if (Deno.build.os === "linux") shown.push(await Deno.readTextFile(`/proc/${cluster.pid("r1")}/cmdline`));
  for (const text of shown) assert(!text.includes(SECRET.slice(0, 9)), text);
});

Deno.test("A file with the secret that is open to others, missing, empty or long is refused, and the way out is named", async () => {
  await using cluster = await LocalCluster.create({ replicas: 1, top: { secret_file: "secret" } });
  const path = join(cluster.directory, "secret");
  const refusal = async (text: string | undefined, mode?: number): Promise<string> => {
    if (text !== undefined) await writeSecret(cluster, text, mode);
    // Why the client: a replica that is not refused would run for ever. Both read the secret in the same way.
    const { code, stderr } = await cluster.client("status");
    assertEquals(code, 2, stderr);
    assert(!stderr.includes("hunter2"), stderr);
    return stderr.replaceAll(path, "PATH").replaceAll(cluster.config, "FILE");
  };
  assertEquals(
    await refusal(undefined),
    "error: FILE: secret_file: there is no PATH; write the secret into it, on one line, and chmod 600 it\n",
  );
  if (!isWindows) {
    const open = "error: FILE: secret_file: others can read PATH (mode 0640); chmod 600 PATH\n";
    assertEquals(await refusal(SECRET, 0o640), open);
  }
  assertEquals(await refusal("hunter2\n"), "error: PATH holds 7 characters; a secret has 16 to 1024\n");
  assertEquals(
    await refusal("hunter2\n".repeat(9)),
    "error: FILE: secret_file: PATH has more than one line; write the secret alone into it\n",
  );
});

clusterTest(
  "What a replica stores is for its owner alone, and a directory that is open to others is told of",
  { replicas: 1 },
  async (cluster) => {
    if (isWindows) return;
    const data = cluster.dataDirectory("r1");
    const modes = (): number[] =>
      [data, ...[...Deno.readDirSync(data)].map(({ name }) => join(data, name))].map(
        (path) => Deno.statSync(path).mode! & 0o777,
      );
    assertEquals((await cluster.client("put", "7", "x")).code, 0);
    const [ofDirectory, ...ofFiles] = modes();
    assertEquals(ofDirectory, 0o700);
    assert(ofFiles.length >= 4 && ofFiles.every((mode) => mode === 0o600), String(ofFiles));
    assertEquals(Deno.statSync(`${data}.log`).mode! & 0o777, 0o600);
    assert(!(await cluster.log("r1")).includes("others can look"));

    await cluster.stop("r1");
    await Deno.chmod(data, 0o750);
    await cluster.start("r1");
    assertMatch(
      await cluster.log("r1"),
      /warn others can look into the data directory; chmod 700 it data=\S+ mode=0750\n/,
    );
  },
);
