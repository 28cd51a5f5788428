/** Tests of spread coordination on real processes: whichever member is asked, those that hold copies do the work in equal parts. @module */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { ClusterClient } from "../harness/cluster_client.ts";
import { eventually } from "../harness/eventually.ts";
import { clusterTest } from "../harness/processes.ts";
import { ask, idOfAddress, Members, met, pickView, WITHIN_MS } from "../harness/view_members.ts";
import { parsePrometheus } from "../http/prometheus_text.ts";
import { RawHttp } from "../http/raw_http.ts";

const CONNECTIONS = 16;
const KEYS = 20;

/** Asks one member so often, half of it to write, over connections that stay open; who coordinated how many. */
async function load(member: string, count: number): Promise<Map<string, number>> {
  const [host = "", port = ""] = member.split(":");
  const coordinators = new Map<string, number>();
  let asked = 0;
  const work = async (): Promise<void> => {
    using connection = await RawHttp.open(Number(port), host);
    while (asked < count) {
      const number = asked++;
      const path = `/kv-store/k${number % KEYS}`;
      const body = `val=v${number}&causal_payload=`;
      await connection.send(
        number % 2 === 0
          ? `GET ${path} HTTP/1.1\r\nHost: ${member}\r\n\r\n`
          : `PUT ${path} HTTP/1.1\r\nHost: ${member}\r\nContent-Type: application/x-www-form-urlencoded\r\n` +
            `Content-Length: ${body.length}\r\n\r\n${body}`,
      );
      const answer = await connection.answer();
      assert([200, 201].includes(answer.status), answer.body);
      const { node_id: coordinator } = JSON.parse(answer.body);
      coordinators.set(coordinator, (coordinators.get(coordinator) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, work));
  return coordinators;
}

/** A counter of each member, as it tells it itself. */
async function counters(view: readonly string[], name: string): Promise<number[]> {
  return await Promise.all(view.map(async (member) => {
    const page = await (await fetch(`http://${member}/metrics`)).text();
    return parsePrometheus(page).get(name)!.samples[0]!.value;
  }));
}

Deno.test("Four members with K = 3: ten thousand requests to one of them are coordinated in equal parts by those that hold copies", async () => {
  await using members = new Members();
  const view = pickView(4);
  for (const own of view) members.start({ VIEW: view.join(","), IPPORT: own, K: "3" });
  await met(view);
  const [first = "", , , proxy = ""] = view;
  // At ALL, so that no get finds nothing.
  for (let key = 0; key < KEYS; key++) {
    await eventually(async () => {
      const path = `/v1/keyspaces/kv/keys/k${key}?level=ALL`;
      const put = await fetch(`http://${proxy}${path}`, { method: "PUT", body: "first" });
      await put.body?.cancel();
      return put.status === 200;
    }, { withinMs: WITHIN_MS, what: "all that hold copies count" });
  }
  for (const [member, count] of [[proxy, 10_000], [first, 2000]] as const) {
    const before = await counters(view, "quartet_coordinated_total");
    const answered = await load(member, count);
    const after = await counters(view, "quartet_coordinated_total");
    const coordinated = after.map((each, index) => each - before[index]!);
    const told = view.map((each) => answered.get(idOfAddress(each)) ?? 0);
    assertEquals(coordinated, told, "what the answers say is what the replicas count");
    assertEquals([coordinated[3], told.reduce((sum, each) => sum + each)], [0, count]);
    for (const each of told.slice(0, 3)) {
      assert(Math.abs(each - count / 3) <= 0.2 * count / 3, `${told} of ${count}`);
    }
  }
  const details = await Promise.all(view.map((member) => ask(member, "GET", "/kv-store/get_node_details")));
  assertEquals(details.map(({ json }) => json.replica), ["Yes", "Yes", "Yes", "No"]);
});

clusterTest(
  "H15: what was handed to a replica that stands still is unknown for a put, and answered by another for a get",
  {
    keyspace: { replication: 3, coordination: "spread", default_level: "ONE" },
  },
  async (cluster) => {
    using client = new ClusterClient(cluster, 5000);
    await client.expect("r4", { op: "put", key: 1, value: "before", level: "ALL" });
    await cluster.pause("r1");
    // Three in a row: each replica of the key has its turn.
    const [puts, gets] = await Promise.all(
      (["put", "get"] as const).map((op) =>
        Promise.all(
          [1, 2, 3].map((number) =>
            client.ask("r4", op === "put" ? { op, key: 2, value: `v${number}` } : { op, key: 1 })
          ),
        )
      ),
    );
    const coordinators = puts!.map((put) =>
      put.ok && put.value.kind === "written"
        ? put.value.receipt.coordinator
        : put.ok
        ? ""
        : put.failure.coordinator
    );
    assertEquals(coordinators.toSorted(), ["r1", "r2", "r3"]);
    const lost = puts!.find((put) => !put.ok);
    assert(lost !== undefined && !lost.ok);
    assertEquals([lost.failure.code, lost.failure.definite ?? false], ["timeout", false]);
    assertMatch(
      lost.failure.message,
      /^r1, to which the put was handed to be coordinated, .* may still happen/,
    );
    assertEquals(
      gets!.map((get) => get.ok && get.value.kind === "value" && get.value.value),
      Array(3).fill("before"),
    );

    for (let number = 0; number < 6; number++) {
      await client.expect("r4", { op: "put", key: 3, value: `w${number}` });
    }
    const printed = await cluster.client("--coordinator", "r4", "get", "3", "ONE", "--trace");
    assertMatch(
      printed.stdout + printed.stderr,
      /r4 +handed it on to r[23], to be coordinated there\n.* r[23] +received it/,
    );
    cluster.resume("r1");
    assertEquals((await cluster.client("wait", "converged", "--timeout", "10s")).code, 0);
  },
);
