/** Before and after a workload: what replicas held, and that in the end they hold the same. @module */
import { fail, ok, type Result } from "../base/failure.ts";
import {
  compareVersions,
  type FinalState,
  type HeldKey,
  heldKey,
  type HeldVersion,
  type Snapshot,
} from "../checker/history.ts";
import { encodeCompletion, encodeInvocation, encodeSnapshot } from "../checker/history_encoder.ts";
import type { Failure } from "../protocol/error_codes.ts";
import type { Held } from "../protocol/reply.ts";
import type { WireKey } from "../protocol/request.ts";
import type { Caller } from "./caller.ts";
import { askHoldings, type HoldingsView } from "./cluster_view.ts";
import type { ClusterWatch } from "./cluster_watch.ts";
import type { HistoryWriter } from "./history_writer.ts";
import { pauseFor } from "./stop_signal.ts";
import type { KeyHolders } from "./holders.ts";
import type { ReplicaAddress } from "./tcp_link.ts";
import type { WorkloadClients } from "./workload_clients.ts";

/** Whoever wrote what was there before. */
const CLIENT_BEFORE = 0;

/** Whoever reads in the end. */
const CLIENT_AFTER = 1000;

/** So long it may take until all replicas are up, whole, and see each other. */
const CALM_WITHIN_MS = 30_000;

/** So long it may take until every key was read, and then until all replicas hold the same. */
const READ_WITHIN_MS = 10_000;
const EQUAL_WITHIN_MS = 10_000;

const RETRY_MS = 200;

/** What is looked at. */
export interface WorkloadEnds {
  readonly caller: Caller;
  readonly history: HistoryWriter;
  readonly watch: ClusterWatch;
  readonly keyspace: string;
  readonly keys: readonly WireKey[];
  readonly members: readonly ReplicaAddress[];
  readonly holders: KeyHolders;
}

/** What a comparison came to. */
export type Comparison = "equal" | "different" | "skipped";

/** Writes what replicas hold already as puts that ended before everything else, and how many; or tells why one did not say it. */
export async function recordBefore(ends: WorkloadEnds): Promise<Result<number, Failure>> {
  const { history, watch } = ends;
  const view = await look(ends);
  const [silent] = view.failures;
  if (silent !== undefined) {
    const [id, { code, message }] = silent;
    return fail({
      code,
      message: `${id} does not tell what it holds already, which would look like values that nobody wrote: ` +
        `${message}; a keyspace with text keys has no such trouble`,
      definite: true,
    });
  }
  const writes = view.keys.flatMap(({ key, held }) => versionsOf(key, held));
  writes.sort(({ version: a }, { version: b }) => compareVersions(a, b));
  const untilMs = history.nowMs();
  writes.forEach(({ key, version, acked }, index) => {
    watch.onStamp(version.wall_ms);
    const operation = {
      client: CLIENT_BEFORE,
      op: version.value === undefined ? "delete" as const : "put" as const,
      key: String(key),
      ...(version.value === undefined ? {} : { value: version.value }),
      required: 0,
      coordinator: "",
      invokedMs: untilMs * index / writes.length,
      endedMs: untilMs * (index + 0.5) / writes.length,
      outcome: "ok" as const,
      version,
      acked,
    };
    history.write(encodeInvocation(operation) + encodeCompletion(operation));
  });
  return ok(writes.length);
}

/** Waits for calm, reads each key at `ALL`, and looks at all replicas until they hold the same; `tell` gets what a person should know. */
export async function compareAfter(
  ends: WorkloadEnds & { readonly clients: WorkloadClients; readonly tell: (text: string) => void },
  leave: AbortSignal,
): Promise<Comparison> {
  const { watch, history, caller, clients, tell } = ends;
  let disturbed: readonly string[] = [];
  const isCalm = await eventually(
    async () => (disturbed = await watch.disturbed()).length === 0,
    CALM_WITHIN_MS,
    history,
    leave,
  );
  if (!isCalm) {
    // The down ones are why the others do not see all.
    const guilty = (watch.down.length > 0 ? watch.down : disturbed).join(" ");
    if (!leave.aborted) {
      tell(
        `replicas are not compared: after ${
          CALM_WITHIN_MS / 1000
        } s ${guilty} did not stand as they should ` +
          "(see status), so nobody can judge what was kept",
      );
    }
    return "skipped";
  }
  const untilMs = history.nowMs() + READ_WITHIN_MS;
  for (const key of ends.keys) {
    const request = { op: "get", keyspace: ends.keyspace, key, level: "ALL" } as const;
    while ((await clients.ask(CLIENT_AFTER, caller, request)).outcome !== "ok") {
      if (history.nowMs() > untilMs || leave.aborted) break;
      await pauseFor(RETRY_MS, leave);
    }
  }
  const isEqual = await eventually(
    async () => {
      const view = await look(ends);
      const atMs = history.nowMs();
      for (const replica of ends.members) {
        if (ends.holders.any.has(replica.id) && !view.failures.has(replica.id)) {
          history.write(encodeSnapshot(snapshotOf(view, replica.id, atMs)));
        }
      }
      return view.failures.size === 0 && view.keys.every((key) => key.isEqual);
    },
    EQUAL_WITHIN_MS,
    history,
    leave,
  );
  return isEqual ? "equal" : "different";
}

function look({ caller, members, holders, keyspace, keys }: WorkloadEnds): Promise<HoldingsView> {
  return askHoldings(caller, members, keyspace, keys.map(String), holders);
}

async function eventually(
  holds: () => boolean | Promise<boolean>,
  withinMs: number,
  history: HistoryWriter,
  leave: AbortSignal,
): Promise<boolean> {
  const untilMs = history.nowMs() + withinMs;
  for (;;) {
    if (await holds()) return true;
    if (history.nowMs() > untilMs || leave.aborted) return false;
    await pauseFor(RETRY_MS, leave);
  }
}

/** The different versions of a key, each with who holds it. */
function versionsOf(
  key: WireKey,
  held: ReadonlyMap<string, Held["versions"]>,
): { key: WireKey; version: Held["versions"][number]; acked: string[] }[] {
  const byName = new Map<string, { key: WireKey; version: Held["versions"][number]; acked: string[] }>();
  for (const [replica, versions] of held) {
    for (const version of versions) {
      const name = `${version.stamp} ${version.origin}`;
      const entry = byName.get(name) ?? { key, version, acked: [] };
      entry.acked.push(replica);
      byName.set(name, entry);
    }
  }
  return [...byName.values()];
}

/** What one replica of those looked at holds. */
export function snapshotOf({ keys }: HoldingsView, replica: string, atMs: number): Snapshot {
  const state = new Map<string, HeldKey>();
  for (const { key, held } of keys) {
    const [first, ...others] = (held.get(replica) ?? []).map((
      { stamp, origin, value = null },
    ): HeldVersion => ({
      stamp,
      origin,
      value,
    }));
    if (first) state.set(String(key), heldKey([first, ...others]));
  }
  return { replica, atMs, state: state satisfies FinalState };
}
