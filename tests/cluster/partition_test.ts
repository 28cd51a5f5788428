/** A partition {r1 r2} {r3 r4}: both sides go on at ONE, and after it all are equal soon, without anybody reading. @module */
import { assert, assertEquals } from "@std/assert";
import { print } from "../../scripts/print.ts";
import { unless } from "../harness/abilities.ts";
import { NamespaceCluster, whyNoNamespaces } from "../harness/namespaces.ts";
import { clusterTest, type CommandResult } from "../harness/processes.ts";

/** The promise: so long after the network is whole again, all copies are equal. */
const EQUAL_WITHIN_MS = 10_000;

/** A cluster in two halves. */
interface Halves {
  /** Runs `quartet client`, where this replica is. */
  client(id: string, args: readonly string[], input?: string): Promise<CommandResult>;
  cut(): Promise<void>;
  heal(): Promise<void>;
}

interface Answer {
  readonly session: string;
  readonly value?: string;
  readonly maybe_stale?: true;
  readonly error?: string;
}

async function story(halves: Halves, what: string): Promise<void> {
  const script = async (id: string, lines: readonly string[]): Promise<string> => {
    const { code, stdout, stderr } = await halves.client(id, ["--coordinator", id], lines.join("\n"));
    assertEquals(code, 0, stderr);
    return stdout;
  };
  const step = async (id: string, ...words: string[]): Promise<Answer> =>
    JSON.parse((await halves.client(id, ["--json", ...words, "--coordinator", id])).stdout);
  const range = (first: number, last: number): number[] =>
    Array.from({ length: last - first + 1 }, (_, index) => first + index);

  await script("r1", range(0, 99).map((key) => `put ${key} before ALL`));
  await halves.cut();
  // Both sides write, each a quarter that the other leaves alone, and both a half of the keys.
  await Promise.all([
    script("r1", range(0, 74).map((key) => `put ${key} left ONE`)),
    script("r3", range(25, 99).map((key) => `put ${key} right ONE`)),
  ]);
  const own = [`get 10 ONE`, `get 90 ONE`];
  assertEquals(await script("r1", own), "left\nbefore\n");
  assertEquals(await script("r4", own), "before\nright\n");

  // One side: t is seen, then u is written, and whoever sees u sees t.
  const t = await step("r1", "put", "200", "t", "ONE", "--session", "new");
  const seen = await step("r2", "get", "200", "ONE", "--session", t.session);
  assertEquals(seen.value, "t");
  const u = await step("r2", "put", "201", "u", "ONE", "--session", seen.session);
  // Across the cut: the client goes over, what it has seen is not there, and what it writes there comes after it.
  const over = await step("r3", "get", "201", "ONE", "--session", u.session);
  assertEquals([over.error, over.maybe_stale], ["not_found", true]);
  const later = await step("r3", "put", "200", "after u", "ONE", "--session", u.session);
  assert(later.session > u.session && u.session > seen.session && seen.session > t.session);

  await halves.heal();
  const beginMs = performance.now();
  const waited = await halves.client("r1", ["wait", "converged", "--timeout", `${EQUAL_WITHIN_MS}ms`]);
  const tookMs = performance.now() - beginMs;
  assertEquals(waited.code, 0, waited.stderr);
  print(
    `${what}: equal everywhere ${Math.round(tookMs)} ms after the partition, which nobody had read`,
  );

  const all = [...range(0, 99), 200, 201].map((key) => `get ${key} ONE`);
  const held = await script("r1", all);
  for (const id of ["r2", "r3", "r4"]) assertEquals(await script(id, all), held, `${id} as r1`);
  const values = held.trimEnd().split("\n");
  assertEquals(values.slice(0, 25), range(0, 24).map(() => "left"));
  assertEquals(values.slice(75, 100), range(75, 99).map(() => "right"));
  assert(values.slice(25, 75).every((value) => value === "left" || value === "right"));
  assertEquals(values.slice(100), ["after u", "u"], "what was written after it had been seen wins");
}

for (const hinted of [true, false]) {
  const how = `a partition by faults, ${hinted ? "with" : "without"} hints`;
  clusterTest(
    `Both sides of ${how}, write, and all are equal within 10 s of its end, unread`,
    {
      keyspace: { default_level: "ONE", hinted_handoff: hinted },
      top: { faults: true },
    },
    (cluster) => {
      const expectOk = async (...words: string[]): Promise<void> => {
        const { code, stderr } = await cluster.client(...words);
        assertEquals(code, 0, stderr);
      };
      return story({
        client: (_, args, input = "") => cluster.clientWithInput(input, ...args),
        cut: () => expectOk("fault", "partition", "r1,r2", "r3,r4", "--for", "10m"),
        heal: () => expectOk("fault", "heal"),
      }, how);
    },
  );
}

for (const hinted of [true, false]) {
  const how = `a pulled cable between network namespaces, ${hinted ? "with" : "without"} hints`;
  Deno.test({
    ...unless(
      await whyNoNamespaces(),
      `Both sides of ${how}, write, and all are equal within 10 s of its end, unread`,
    ),
    fn: async () => {
      await using cluster = await NamespaceCluster.start({
        keyspace: { default_level: "ONE", hinted_handoff: hinted },
      });
      await story(cluster, how);
    },
  });
}
