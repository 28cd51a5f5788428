/** Chains of causes over three real replicas whose lines are late: whoever saw what followed from a write does not miss the write. @module */
import { assert, assertEquals } from "@std/assert";
import { print } from "../../scripts/print.ts";
import type { Failure } from "../../src/protocol/error_codes.ts";
import type { Receipt, Reply } from "../../src/protocol/reply.ts";
import type { Result } from "../../src/base/failure.ts";
import { ClusterClient } from "../harness/cluster_client.ts";
import { eventually } from "../harness/eventually.ts";
import { clusterTest, type LocalCluster } from "../harness/processes.ts";

/** `QUARTET_CHAINS=1000` makes the long run. */
const CHAINS = Number(Deno.env.get("QUARTET_CHAINS") ?? 100);

/** Chains at a time. */
const CHAINS_AT_A_TIME = 25;

/** Each line to and from each replica is so late, at both of its ends. */
const DELAY = "20ms";

/** One session: the token of each answer goes with the next request. */
class Session {
  readonly #client: ClusterClient;
  #token = "";
  /** Answers that said that they may be stale. */
  staleCount = 0;

  constructor(client: ClusterClient) {
    this.#client = client;
  }

  async put(replica: string, key: string, value: string): Promise<void> {
    const common = { key, value, level: "ONE", session: this.#token } as const;
    const result = await this.#client.ask(replica, { op: "put", ...common });
    assert(result.ok, JSON.stringify(result));
    this.#take(result);
  }

  /** Undefined where nothing is found. */
  async get(replica: string, key: string): Promise<string | undefined> {
    const result = await this.#client.ask(replica, { op: "get", key, level: "ONE", session: this.#token });
    assert(result.ok || result.failure.code === "not_found", JSON.stringify(result));
    this.#take(result);
    return result.ok && result.value.kind === "value" ? result.value.value : undefined;
  }

  /** Asks until the value is there. */
  async getUntilThere(replica: string, key: string, value: string): Promise<void> {
    const what = `${replica} has ${key}`;
    await eventually(async () => await this.get(replica, key) === value, { withinMs: 20_000, what });
  }

  #take(result: Result<Reply, Failure>): void {
    const answer: Pick<Receipt, "session" | "maybe_stale"> = !result.ok
      ? result.failure
      : "receipt" in result.value
      ? result.value.receipt
      : {};
    assert(answer.session !== undefined && answer.session > this.#token, JSON.stringify(result));
    this.#token = answer.session;
    if (answer.maybe_stale) this.staleCount++;
  }
}

/** u follows from t, which was put on r1 and got on r2, and is got on r3: there t must be found. Returns what is found, and how surely. */
async function followChain(
  client: ClusterClient,
  { t, u, value }: Chain,
): Promise<{ readonly found: string | undefined; readonly staleCount: number }> {
  const [second, third] = [new Session(client), new Session(client)];
  await second.getUntilThere("r2", t, value);
  await second.put("r2", u, value);
  await third.getUntilThere("r3", u, value);
  return { found: await third.get("r3", t), staleCount: second.staleCount + third.staleCount };
}

/** Two keys of one chain, and what both are to hold. */
interface Chain {
  readonly t: string;
  readonly u: string;
  readonly value: string;
}

/** Does the work for all, so many at a time. */
async function forAll(chains: readonly Chain[], work: (chain: Chain) => Promise<void>): Promise<void> {
  let next = 0;
  await Promise.all(Array.from({ length: CHAINS_AT_A_TIME }, async () => {
    for (let chain = chains[next++]; chain !== undefined; chain = chains[next++]) await work(chain);
  }));
}

async function fault(cluster: LocalCluster, ...words: string[]): Promise<void> {
  const { code, stderr } = await cluster.client("fault", ...words);
  assertEquals(code, 0, stderr);
}

clusterTest(
  `H12: causes are followed along ${CHAINS} chains over three replicas at ONE, although lines are late and some are lost`,
  {
    replicas: 3,
    keyspace: {
      keys: "text",
      default_level: "ONE",
      read_repair: "off",
      hinted_handoff: false,
      anti_entropy: false,
    },
    top: { faults: true },
  },
  async (cluster) => {
    using client = new ClusterClient(cluster);
    const chains = Array.from({ length: CHAINS }, (_, number): Chain => ({
      t: `t${number}`,
      u: `u${number}`,
      value: `v${number}`,
    }));
    // Why lost: lines that are only late never come later than what goes by way of another replica.
    await fault(cluster, "one-way", "r1", "r3", "--for", "10m");
    await fault(cluster, "delay", "r1,r2,r3", DELAY, "--for", "10m");
    const beginMs = performance.now();
    await forAll(chains, ({ t, value }) => new Session(client).put("r1", t, value));
    await fault(cluster, "heal");
    await fault(cluster, "delay", "r1,r2,r3", DELAY, "--for", "10m");
    await eventually(async () => {
      const views = await Promise.all(cluster.ids.map((id) => client.status(id)));
      return views.every(({ peers }) => peers.every(({ alive }) => alive));
    }, { withinMs: 20_000, what: "all replicas hear each other again" });

    const [missed, held]: [string[], string[]] = [[], []];
    let staleCount = 0;
    await forAll(chains, async (chain) => {
      const end = await followChain(client, chain);
      if (end.found !== chain.value) missed.push(`${chain.t} = ${end.found}`);
      staleCount += end.staleCount;
      const own = await client.expect("r3", { op: "inspect", keys: [chain.t] });
      if (own.kind === "held" && own.entries.some(({ versions }) => versions.length > 0)) held.push(chain.t);
    });
    const seconds = ((performance.now() - beginMs) / 1000).toFixed(1);
    print(`${CHAINS} chains in ${seconds} s, ${staleCount} answers in them said that they may be stale`);
    assertEquals(missed, []);
    assertEquals(staleCount, 0, "all replicas could be asked");
    assertEquals(held, [], "the last replica of a chain is to find the first write elsewhere");
  },
);
