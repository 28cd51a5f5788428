/** `wait`: until the cluster is up, or its copies are equal. @module */
import { fail, ok, type Result } from "../base/failure.ts";
import { ERRORS, type Failure } from "../protocol/error_codes.ts";
import { UsageError } from "./arguments.ts";
import { askHoldings, askStatuses, findHolders, pickReplicas } from "./cluster_view.ts";
import { disagreements } from "./disagreement.ts";
import type { ReplicaAddress } from "./tcp_link.ts";
import { reportFailure } from "./status_verb.ts";
import type { Action, Call, Verb } from "./verb.ts";

const TIMEOUT_DEFAULT_MS = 10_000;
const POLL_INTERVAL_MS = 100;

/** Differing keys that a message names. */
const NAMED_KEYS_MAX = 8;

type Condition = "up" | "converged";

/** `wait up|converged` */
export const WAIT: Verb = {
  name: "wait",
  words: "up|converged",
  summary: "until all replicas are up, or hold the same",
  details: `  up         every replica answers, is ready, is not recovering, and counts on the others
  converged  every replica that is to hold copies of a keyspace holds the same versions of each of its keys

Exits with 0 then, or with 6 when --timeout (10s unless given) is over, and says what is missing.

EXAMPLES
  quartet client wait up --timeout 30s
  quartet client wait converged --replica r1,r3`,
  flags: { replica: { value: "IDS", help: "only these replicas, such as r1,r3" } },
  parse({ words, flags }): Action {
    const [condition, ...rest] = words;
    if ((condition !== "up" && condition !== "converged") || rest.length > 0) {
      const given = words.length === 0 ? "nothing" : `"${words.join(" ")}"`;
      throw new UsageError(`wait takes up or converged, and ${given} was given`);
    }
    return (call) => waitFor(call, condition, flags.get("replica"));
  },
};

async function waitFor(call: Call, condition: Condition, ids: string | undefined): Promise<number> {
  const { output } = call;
  const beginMs = performance.now();
  const timeoutMs = call.timeoutMs ?? TIMEOUT_DEFAULT_MS;
  let reasons = "no answer yet";
  while (true) {
    const leftMs = beginMs + timeoutMs - performance.now();
    const missing = leftMs > 0 ? await within(leftMs, missingFor(call, condition, ids)) : undefined;
    if (missing === undefined) {
      const message = `not ${condition} after ${timeoutMs} ms: ${reasons}`;
      return reportFailure({ code: "timeout", message, definite: true }, output);
    }
    if (missing.ok && missing.value.length === 0) {
      const waitedMs = Math.round(performance.now() - beginMs);
      if (output.isJson) output.json({ ok: true, waited_ms: waitedMs });
      else output.note(`${output.paintErr.green("ok")}  ${condition} after ${waitedMs} ms`);
      return 0;
    }
    if (!missing.ok && isHopeless(missing.failure)) return reportFailure(missing.failure, output);
    reasons = missing.ok ? missing.value.join("; ") : missing.failure.message;
    await within(POLL_INTERVAL_MS, new Promise<never>(() => {}));
  }
}

/** What the work comes to, or undefined when it takes longer than this. */
async function within<T>(timeoutMs: number, work: Promise<T>): Promise<T | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const timeout = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), timeoutMs);
  });
  try {
    return await Promise.race([work, timeout]);
  } finally {
    clearTimeout(timer);
  }
}

/** A wrong secret, cluster or keyspace does not mend by waiting. */
function isHopeless({ code }: Failure): boolean {
  return [2, 8].includes(ERRORS[code].exit);
}

/** What is not yet as it should be; empty when all is. */
async function missingFor(
  call: Call,
  condition: Condition,
  ids: string | undefined,
): Promise<Result<string[], Failure>> {
  const members = await call.caller.members();
  if (!members.ok) return members;
  const replicas = pickReplicas(members.value, ids);
  return condition === "up"
    ? await missingForUp(call, replicas)
    : await missingForConverged(call, members.value, replicas);
}

async function missingForUp(
  { caller }: Call,
  replicas: readonly ReplicaAddress[],
): Promise<Result<string[], Failure>> {
  const missing: string[] = [];
  const views = await askStatuses(caller, replicas);
  missing.push(...disagreements(views.flatMap(({ result }) => result.ok ? [result.value] : [])));
  for (const { replica: { id }, result } of views) {
    if (!result.ok) {
      if (isHopeless(result.failure)) return result;
      missing.push(`${id} is down (${result.failure.message})`);
      continue;
    }
    const { ready, recovering, peers } = result.value;
    if (!ready) missing.push(`${id} is not ready`);
    if (recovering) missing.push(`${id} is recovering`);
    const others = peers.filter((peer) => replicas.some((other) => other.id === peer.id));
    const unseen = others.filter((peer) => !peer.alive);
    if (unseen.length > 0) missing.push(`${id} does not see ${unseen.map((peer) => peer.id).join(" ")}`);
    const uncounted = others.filter((peer) => peer.alive && peer.recovering);
    if (uncounted.length > 0) {
      missing.push(`${id} takes ${uncounted.map((peer) => peer.id).join(" ")} for recovering`);
    }
  }
  return ok(missing);
}

async function missingForConverged(
  call: Call,
  members: readonly ReplicaAddress[],
  replicas: readonly ReplicaAddress[],
): Promise<Result<string[], Failure>> {
  const { caller, keyspace, keyspaces } = call;
  const missing: string[] = [];
  for (const name of keyspace === undefined ? keyspaces : [keyspace]) {
    const holders = await findHolders(call, members, name);
    const { keys, failures } = await askHoldings(caller, replicas, name, [], holders);
    for (const [id, failure] of failures) {
      if (isHopeless(failure)) return fail(failure);
      missing.push(`${id} is down (${failure.message})`);
    }
    const differing = keys.filter((key) => !key.isEqual);
    if (differing.length === 0) continue;
    const named = differing.slice(0, NAMED_KEYS_MAX).map(({ key }) => key).join(" ");
    missing.push(
      `${differing.length} ${differing.length === 1 ? "key" : "keys"}${
        name === undefined ? "" : ` of ${name}`
      } ${differing.length === 1 ? "differs" : "differ"}: ${named}` +
        (differing.length > NAMED_KEYS_MAX ? " …" : ""),
    );
  }
  return ok(missing);
}
