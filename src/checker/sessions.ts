/**
 * The judge of sessions: read your writes, monotonic reads, monotonic writes, writes follow reads (Terry et al. 1994).
 *
 * All four say one thing of one session and one key: what it touches next, by reading or writing, is not older than what
 * it touched before. Each is told by its own name. Operations of one session that overlap are not compared.
 * @module
 */
import type { History, Operation } from "./history.ts";
import { smallestWrong } from "./minimal_history.ts";
import { counted, describeOperation } from "./operation_text.ts";
import { type Touch, Touches } from "./touches.ts";
import type { Judgement, Violation } from "./verdict.ts";
import { type Demand, operationsOf, WriteOrder } from "./write_order.ts";

/** Steps of a circle that a sentence tells. */
const TOLD_MAX = 4;

/** Whether every session goes forward only. */
export function judgeSessions({ operations }: Pick<History, "operations">): Judgement {
  const touches = new Touches(operations);
  const orders = new Map<string, WriteOrder>();
  for (const demand of sessionDemands(operations, touches)) orderOf(orders, demand).demand(demand);
  const violations: Violation[] = [];
  for (const order of orders.values()) {
    for (const demand of order.broken) {
      const sentence = `${describeOperation(demand.later.operation)}, ${brokenBy(demand)}`;
      violations.push({ judge: "sessions", sentence, operations: operationsOf([demand]) });
    }
    const circle = order.shortestCircle();
    if (circle) violations.push(circleViolation(circle));
  }
  return {
    violations,
    ...(touches.unknown === undefined ? {} : { unknown: touches.unknown }),
    measured: `${counted(new Set(operations.map(sessionOf)).size, "session")} only went forward`,
  };
}

/** Steps over what a session did in between make a long circle short. */
function circleViolation(circle: readonly Demand[]): Violation {
  const circleOf = (operations: readonly Operation[]): readonly Demand[] | undefined => {
    const order = new WriteOrder();
    for (const demand of sessionDemands(operations, new Touches(operations))) order.demand(demand);
    return order.shortestCircle();
  };
  const operations = smallestWrong(operationsOf(circle), (subset) => circleOf(subset) !== undefined);
  return { judge: "sessions", sentence: circleSentence(circleOf(operations) ?? circle), operations };
}

/** The session of an operation. */
export function sessionOf({ session, client }: Operation): string {
  return session === undefined ? `client ${client}` : `session ${session}`;
}

/**
 * What sessions demand: each touch of a key is not older than the session's last one that had ended. Where versions stand side
 * by side, a put does not replace the one before: then it is all puts since the session's last get, and that. A get that said that
 * it may be stale excuses itself and no other: nothing is demanded of it, and what came before it is demanded of what comes after.
 */
export function* sessionDemands(operations: readonly Operation[], touches: Touches): Generator<Demand> {
  const bySessionAndKey = new Map<string, Touch[]>();
  for (const operation of [...operations].sort((a, b) => a.invokedMs - b.invokedMs)) {
    const later = operation.outcome === "ok" ? touches.of(operation) : undefined;
    if (!later) continue;
    const name = JSON.stringify([sessionOf(operation), operation.key]);
    const before = bySessionAndKey.get(name) ?? [];
    const isLatestEnough = !later.descent.hasContexts || operation.op !== "get";
    const isExcused = operation.maybeStale === true;
    for (let index = before.length - 1; index >= 0 && !isExcused; index--) {
      const earlier = before[index]!;
      if (earlier.operation.endedMs > operation.invokedMs) continue;
      yield { earlier, later };
      if (earlier.operation.maybeStale) continue;
      if (isLatestEnough || earlier.operation.op === "get") break;
    }
    before.push(later);
    bySessionAndKey.set(name, before);
  }
}

/** The order of the key that the demand is about. */
export function orderOf(orders: Map<string, WriteOrder>, { later }: Demand): WriteOrder {
  const { key } = later.operation;
  const order = orders.get(key) ?? new WriteOrder();
  orders.set(key, order);
  return order;
}

function brokenBy({ earlier, later }: Demand): string {
  const before = describeOperation(earlier.operation);
  const [wasRead, isRead] = [earlier.operation.op === "get", later.operation.op === "get"];
  if (isRead && wasRead) return `although its session had read newer before: ${before} (monotonic reads)`;
  if (isRead) return `although its session had written newer before: ${before} (read your writes)`;
  if (wasRead) return `which is older than what its session had read: ${before} (writes follow reads)`;
  return `which is older than what its session had written: ${before} (monotonic writes)`;
}

/** Tells a circle by what closed it last. */
export function circleSentence(circle: readonly Demand[]): string {
  const [last, ...others] = [...circle].sort((a, b) => b.later.operation.endedMs - a.later.operation.endedMs);
  const told = others.slice(0, TOLD_MAX).map(({ earlier, later }) =>
    `${describeOperation(earlier.operation)} before ${describeOperation(later.operation)}`
  );
  const more = others.length > TOLD_MAX ? [`${others.length - TOLD_MAX} steps more`] : [];
  return `${describeOperation(last!.later.operation)}, after ${
    describeOperation(last!.earlier.operation)
  }: ` +
    `that goes back, because ${[...told, ...more].join(", and ")}`;
}
