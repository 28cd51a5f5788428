/** Tests of values side by side on real processes: written on both sides of a partition, seen after it, settled by who has seen them. @module */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { clusterTest, type LocalCluster } from "../harness/processes.ts";

/** What the client prints with `--json`, in fields that are looked at here. */
interface Answer {
  readonly ok: boolean;
  readonly value?: string;
  readonly siblings?: readonly { readonly value?: string; readonly origin: string }[];
  readonly beside?: number;
  readonly context?: string;
  readonly error?: string;
}

const OPTIONS = {
  replicas: 3,
  keyspace: { keys: "text", siblings: true, siblings_max: 3, default_level: "ONE" },
  top: { faults: true },
};

async function json(cluster: LocalCluster, ...words: string[]): Promise<Answer> {
  return JSON.parse((await cluster.client("--json", ...words)).stdout);
}

async function expectOk(
  cluster: LocalCluster,
  ...words: string[]
): Promise<{ stdout: string; stderr: string }> {
  const { code, stdout, stderr } = await cluster.client(...words);
  assertEquals(code, 0, stderr);
  return { stdout, stderr };
}

clusterTest(
  "What both sides of a partition write stands side by side after it, and one value is left everywhere once it was resolved",
  OPTIONS,
  async (cluster) => {
    const before = await json(cluster, "put", "cart", "bread", "ALL");
    await expectOk(cluster, "fault", "partition", "r1", "r2,r3", "--for", "10m");
    // Both sides go on from what they know.
    const context = ["--context", before.context!];
    await expectOk(cluster, "put", "cart", "bread, milk", ...context, "--coordinator", "r1");
    await expectOk(cluster, "put", "cart", "bread, eggs", ...context, "--coordinator", "r2");
    for (const [id, value] of [["r1", "bread, milk"], ["r2", "bread, eggs"]] as const) {
      assertEquals((await expectOk(cluster, "get", "cart", "--coordinator", id)).stdout, `${value}\n`);
    }
    await expectOk(cluster, "fault", "heal");
    await expectOk(cluster, "wait", "converged", "--timeout", "10s");
    for (const id of ["r1", "r2", "r3"]) {
      const { value, siblings } = await json(cluster, "get", "cart", "--coordinator", id);
      assertEquals(siblings?.map((each) => each.value).sort(), ["bread, eggs", "bread, milk"], id);
      assertEquals(value, siblings?.[0]?.value, "the latest stands for all");
    }
    const plain = await expectOk(cluster, "get", "cart");
    assertStringIncludes(plain.stderr, "2 versions side by side (get --siblings)");
    const listed = await expectOk(cluster, "get", "cart", "--siblings");
    const lines = listed.stdout.trimEnd().split("\n");
    assertMatch(lines[0]!, /^ {2}1 {2}"bread, (milk|eggs)" {2}written .+ by r[12]$/);
    assertMatch(lines[1]!, /^ {2}2 {2}"bread, (milk|eggs)" {2}written .+ by r[12]$/);
    const token = /^context (\S+)$/m.exec(listed.stderr)![1]!;
    const outOfRange = await cluster.client("resolve", "cart", "--pick", "3");
    assertEquals([outOfRange.code, outOfRange.stdout], [2, ""]);
    assertStringIncludes(
      outOfRange.stderr,
      "--pick 3: there are 2 versions of the key now; nothing was written",
    );
    const resolved = await expectOk(cluster, "resolve", "cart", "--pick", "2", "ALL", "--coordinator", "r3");
    assertMatch(resolved.stderr, /^> 2 {2}"bread/m);
    const picked = /"(.+?)"/.exec(lines[1]!)![1]!;
    for (const id of ["r1", "r2", "r3"]) {
      const { value, siblings } = await json(cluster, "get", "cart", "--coordinator", id);
      assertEquals([value, siblings], [picked, undefined], id);
    }
    // The token of before covers nothing of what is there now: what was resolved is not lost to it.
    const late = await json(cluster, "put", "cart", "late", "ALL", "--context", token);
    assertEquals(late.beside, 1);
    await expectOk(cluster, "resolve", "cart", "bread, milk, eggs", "ALL");
    await expectOk(cluster, "wait", "converged", "--timeout", "10s");
    assertEquals((await json(cluster, "get", "cart")).siblings, undefined);
  },
);

clusterTest(
  "Blind puts stand side by side up to siblings_max, a delete with the context leaves nothing, and HTTP says the same",
  { ...OPTIONS, http: true },
  async (cluster) => {
    for (const value of ["a", "b", "c"]) await expectOk(cluster, "put", "k", value, "ALL");
    const refused = await cluster.client("put", "k", "d");
    assertEquals(refused.code, 3);
    assertStringIncludes(refused.stderr, "siblings_max is 3");
    const { host, httpPort } = cluster.places[0]!;
    const path = `http://${host}:${httpPort}/v1/keyspaces/main/keys/k`;
    const seen = await (await fetch(path)).json() as Answer;
    assertEquals(seen.siblings?.map(({ value }) => value), ["c", "b", "a"]);
    const conflict = await fetch(path, {
      method: "PUT",
      headers: { "Content-Type": "text/plain" },
      body: "d",
    });
    assertEquals(conflict.status, 409);
    assertStringIncludes(await conflict.text(), '"code":"conflict"');
    const put = await fetch(path, {
      method: "PUT",
      headers: {
        "X-Quartet-Context": seen.context!,
        "X-Quartet-Level": "ALL",
        "Content-Type": "application/json",
      },
      body: JSON.stringify({ value: "all of them" }),
    });
    assertEquals([put.status, (await put.json() as Answer).beside], [200, undefined]);
    const { value, context } = await json(cluster, "get", "k", "--coordinator", "r2");
    assertEquals(value, "all of them");
    const gone = await fetch(`${path}?context=${encodeURIComponent(context!)}&level=ALL`, {
      method: "DELETE",
    });
    assertEquals(gone.status, 200);
    await gone.body?.cancel();
    const after = await json(cluster, "get", "k", "--coordinator", "r3");
    assertEquals(after.error, "not_found");
    assert(after.context !== undefined, "the delete can be named");
    await expectOk(cluster, "put", "k", "again", "ALL", "--context", after.context);
    assertEquals((await json(cluster, "get", "k")).siblings, undefined);
  },
);
