import { assert, assertEquals, assertMatch } from "@std/assert";
import { basename, join } from "@std/path";
import { Random } from "../../src/base/random.ts";
import { StartError } from "../../scripts/supervisor/replica_process.ts";
import { ClusterClient } from "../harness/cluster_client.ts";
import { copyDirectory, flipBit, type LogFile, newestLog } from "../harness/damage.ts";
import { eventually } from "../harness/eventually.ts";
import { clusterTest, type LocalCluster } from "../harness/processes.ts";

const FLIPS_PER_FILE = 6;
const SEAL_CUTS = 16;
const RECORD_CUTS = 14;

/** A data directory of r1 with a checkpoint and a log, as a kill left it, and what it holds. */
interface Evidence {
  readonly directory: string;
  readonly values: Readonly<Record<string, string>>;
  readonly log: LogFile;
  /** The key that was put last, and its value before. */
  readonly last: { readonly key: number; readonly before: string };
}

async function leaveEvidence(cluster: LocalCluster): Promise<Evidence> {
  const values: Record<string, string> = {};
  const put = async (client: ClusterClient, key: number, value: string): Promise<void> => {
    await client.expect("r1", { op: "put", key, value, level: "ONE" });
    values[key] = value;
  };
  {
    using client = new ClusterClient(cluster);
    for (let key = 0; key < 60; key++) await put(client, key, `first ${key}`);
    await cluster.stop("r1");
  }
  // The second life begins with all this in a checkpoint.
  await cluster.start("r1");
  using client = new ClusterClient(cluster);
  for (let key = 99; key >= 40; key--) await put(client, key, `second ${key}`);
  const directory = cluster.dataDirectory("r1");
  await eventually(async () => (await newestLog(directory)).frames.at(-1)!.writeCount === 0, {
    withinMs: 5000,
    what: "the idle log is closed by a frame without writes",
  });
  await cluster.kill9("r1");
  const kept = join(cluster.directory, "evidence");
  await copyDirectory(directory, kept);
  return { directory: kept, values, log: await newestLog(kept), last: { key: 40, before: "first 40" } };
}

/**
 * Starts r1 on a copy that `damage` was done to. It has to serve exactly one of `allowed`, or to end with exit code 9,
 * naming file and offset. Returns which.
 */
async function startOnDamage(
  cluster: LocalCluster,
  evidence: Evidence,
  { damage, allowed, what }: {
    readonly damage: (directory: string) => Promise<void>;
    readonly allowed: readonly Readonly<Record<string, string>>[];
    readonly what: string;
  },
): Promise<"served" | "refused"> {
  const directory = cluster.dataDirectory("r1");
  await Deno.remove(directory, { recursive: true });
  await copyDirectory(evidence.directory, directory);
  await damage(directory);
  try {
    await cluster.start("r1");
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    assertMatch(error.message, /ended with exit code 9 before/, what);
    assertMatch(
      error.message,
      new RegExp(`error ${directory}/\\S+ is damaged at byte \\d+: expected `),
      what,
    );
    return "refused";
  }
  using client = new ClusterClient(cluster);
  const values = await client.values("r1");
  assert(
    allowed.some((candidate) => JSON.stringify(candidate) === JSON.stringify(values)),
    `${what}: wrong values are served: ${JSON.stringify(values)}`,
  );
  await cluster.kill9("r1");
  return "served";
}

clusterTest(
  "Cuts and flipped bits never make a replica serve a wrong value",
  { replicas: 1 },
  async (cluster) => {
    const evidence = await leaveEvidence(cluster);
    const { directory, values, log, last } = evidence;
    const name = basename(log.path);
    const seal = log.frames.at(-1)!;
    const record = log.frames.findLast(({ writeCount }) => writeCount > 0)!;
    assertEquals(
      await startOnDamage(cluster, evidence, {
        damage: async () => {},
        allowed: [values],
        what: "no damage",
      }),
      "served",
    );

    for (let i = 0; i < SEAL_CUTS; i++) {
      const end = seal.offset + Math.floor(i * seal.length / SEAL_CUTS);
      const damage = (copy: string): Promise<void> => Deno.truncate(join(copy, name), end);
      const outcome = await startOnDamage(cluster, evidence, {
        damage,
        allowed: [values],
        what: `${name} cut at ${end}`,
      });
      assertEquals(outcome, "served", "nothing that was acknowledged is behind the cut");
    }
    // Without the frame behind it, nobody can tell the last record from one that was never acknowledged.
    const withoutLast = { ...values, [last.key]: last.before };
    for (let i = 0; i < RECORD_CUTS; i++) {
      const end = record.offset + Math.floor(i * record.length / RECORD_CUTS);
      const damage = (copy: string): Promise<void> => Deno.truncate(join(copy, name), end);
      const what = `${name} cut at ${end}`;
      await startOnDamage(cluster, evidence, { damage, allowed: [values, withoutLast], what });
    }
    assertMatch(await cluster.log("r1"), /warn cut the log at a frame .* file=log-\d+ offset=\d+ /);

    const random = new Random(4);
    const files = [...Deno.readDirSync(directory)].map((entry) => entry.name).filter((file) =>
      /^(checkpoint-\d+|manifest|identity|identity\.copy)$/.test(file) || file === name
    );
    assertEquals(files.length, 5);
    const refusals = new Map<string, number>();
    for (const file of files) {
      // The log is mostly zeros, kept for later.
      const size = file === name ? seal.offset : (await Deno.stat(join(directory, file))).size;
      for (let i = 0; i < FLIPS_PER_FILE; i++) {
        const offset = random.below(size);
        const bit = random.below(8);
        const damage = (copy: string): Promise<void> => flipBit(join(copy, file), offset, bit);
        const what = `bit ${bit} of byte ${offset} of ${file} flipped`;
        const outcome = await startOnDamage(cluster, evidence, { damage, allowed: [values], what });
        if (outcome === "refused") refusals.set(file, (refusals.get(file) ?? 0) + 1);
      }
    }
    // One good copy of the identity is enough; all else has no second copy here.
    const expected = files.filter((file) => !file.startsWith("identity")).map((
      file,
    ) => [file, FLIPS_PER_FILE]);
    assertEquals([...refusals].sort(), expected.sort());

    const free = seal.offset + seal.length + 1000;
    const damage = (copy: string): Promise<void> => flipBit(join(copy, name), free);
    const outcome = await startOnDamage(cluster, evidence, {
      damage,
      allowed: [values],
      what: "a bit of free space",
    });
    assertEquals(outcome, "served");
  },
);
