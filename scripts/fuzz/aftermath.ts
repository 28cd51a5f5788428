/** When the attackers are gone: is every acknowledged polite write there, and do all copies become equal? @module */
import type { WireKey } from "../../src/protocol/request.ts";
import type { FuzzCluster } from "./fuzz_cluster.ts";
import type { PoliteClient } from "./polite_client.ts";
import { KEYSPACES } from "./target.ts";

/** All that were asked for were short. */
const FAULTS_END_WITHIN_MS = 5000;
/** The promise is 10 s; machines that run fuzzers are busy. */
const EQUAL_WITHIN_MS = 20_000;
const LOOK_EVERY_MS = 250;
const GETS_AT_A_TIME = 32;
const SHOWN_MAX = 5;
/** Then it is clear that something is wrong, and each further key may cost seconds. */
const COMPLAINTS_MAX = 5;

/** What is wrong after the attacks; empty where nothing is. */
export async function lookAtAftermath(
  cluster: FuzzCluster,
  polite: readonly PoliteClient[],
): Promise<string[]> {
  const complaints: string[] = [];
  try {
    // First of all: where one stands still on purpose all else only says so again, slowly.
    if (cluster.target.hasFaults) complaints.push(...await faultsLeft(cluster));
    if (complaints.length > 0) return complaints;
    for (const { key, allowed } of polite.flatMap((client) => client.expected())) {
      const value = await valueOf(cluster, KEYSPACES.polite, key);
      if (value === undefined || !allowed.includes(value)) {
        complaints.push(
          `${JSON.stringify(key)} holds ${JSON.stringify(value)}, and ${JSON.stringify(allowed)} was put`,
        );
      }
      if (complaints.length >= COMPLAINTS_MAX) return complaints;
    }
    for (const keyspace of Object.values(KEYSPACES)) {
      complaints.push(...await unequalCopies(cluster, keyspace));
    }
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    complaints.push(`when the attackers were gone: ${error.message}`);
  }
  return complaints;
}

/**
 * Reads every key, which mends its copies, and waits until they are equal. Why reads: what a faulty peer stores on one
 * replica alone, nobody owes the others.
 */
async function unequalCopies(cluster: FuzzCluster, keyspace: string): Promise<string[]> {
  const deadlineMs = performance.now() + EQUAL_WITHIN_MS;
  for (;;) {
    const copies = await Promise.all(cluster.ids.map((id) => copiesOn(cluster, id, keyspace)));
    const keys = new Set(copies.flatMap((copy) => [...copy.keys()]));
    const unequal = [...keys].filter((key) => new Set(copies.map((copy) => copy.get(key) ?? "")).size > 1);
    if (unequal.length === 0) return [];
    if (performance.now() > deadlineMs) {
      const shown = unequal.slice(0, SHOWN_MAX).map((key) => JSON.stringify(key)).join(", ");
      return [
        `${unequal.length} keys of ${keyspace} differ between replicas ${EQUAL_WITHIN_MS} ms later: ${shown}`,
      ];
    }
    for (let begin = 0; begin < unequal.length; begin += GETS_AT_A_TIME) {
      const some = unequal.slice(begin, begin + GETS_AT_A_TIME);
      await Promise.all(some.map((key) => valueOf(cluster, keyspace, key)));
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}

/** Faults that do not end by themselves. */
async function faultsLeft(cluster: FuzzCluster): Promise<string[]> {
  const deadlineMs = performance.now() + FAULTS_END_WITHIN_MS;
  for (;;) {
    const left: string[] = [];
    for (const id of cluster.ids) {
      const reply = await cluster.ask(id, { op: "fault", action: "list" });
      if (reply.kind !== "faults") throw new Error(`${id} answered fault with ${reply.kind}`);
      if (reply.faults.length > 0) left.push(`${id} has faults still: ${JSON.stringify(reply.faults)}`);
    }
    if (left.length === 0 || performance.now() > deadlineMs) return left;
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}

/** Undefined where there is none, or the get failed: then the copies stay unequal, and that is told. */
async function valueOf(cluster: FuzzCluster, keyspace: string, key: WireKey): Promise<string | undefined> {
  try {
    const reply = await cluster.ask(cluster.ids[0]!, { op: "get", keyspace, key, level: "ALL" });
    return reply.kind === "value" ? reply.value : undefined;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return undefined;
  }
}

/** Everything that one replica holds of a keyspace, as text by key. */
async function copiesOn(cluster: FuzzCluster, id: string, keyspace: string): Promise<Map<WireKey, string>> {
  const copies = new Map<WireKey, string>();
  let after: WireKey | undefined;
  for (;;) {
    const page = await cluster.ask(id, {
      op: "inspect",
      keyspace,
      ...(after === undefined ? {} : { after }),
    });
    if (page.kind !== "held") throw new Error(`${id} answered inspect with ${page.kind}`);
    for (const { key, versions } of page.entries) copies.set(key, JSON.stringify(versions));
    after = page.entries.at(-1)?.key;
    if (!page.more || after === undefined) return copies;
  }
}
