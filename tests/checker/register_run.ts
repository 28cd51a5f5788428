/** What clients of a right store see: drawn histories that every judge must let pass. @module */
import type { Random } from "../../src/base/random.ts";
import type { Operation } from "../../src/checker/history.ts";

/** A history of registers that are right: each operation happens at one moment between its beginning and its end. */
export function registerRun(
  random: Random,
  { count, clientCount, keyCount, unknownPerMille }: {
    count: number;
    clientCount: number;
    keyCount: number;
    unknownPerMille: number;
  },
): Operation[] {
  const held = new Map<string, string>();
  const freeMs = Array.from({ length: clientCount }, () => random.below(10));
  const drafts = Array.from({ length: count }, (_, index) => {
    const client = freeMs.indexOf(Math.min(...freeMs));
    const invokedMs = freeMs[client]! + random.below(5);
    const endedMs = invokedMs + random.below(20);
    freeMs[client] = endedMs;
    const happensMs = invokedMs + (endedMs - invokedMs) * random.below(1000) / 1000;
    return { index, client, invokedMs, endedMs, happensMs, isUnknown: random.chance(unknownPerMille) };
  });
  const operations: Operation[] = [];
  for (const draft of drafts.sort((a, b) => a.happensMs - b.happensMs)) {
    const { index, client, invokedMs, endedMs, isUnknown } = draft;
    const key = `k${random.below(keyCount)}`;
    const base = { client, key, required: 0, coordinator: "", acked: [], invokedMs };
    const outcome = isUnknown ? "info" as const : "ok" as const;
    const end = isUnknown ? Infinity : endedMs;
    const happens = !isUnknown || random.chance(500);
    const now = held.get(key);
    const was = now === undefined ? {} : { value: now };
    const value = `v${index}`;
    const kind = random.below(20);
    if (kind < 10) operations.push({ ...base, op: "get", ...was, endedMs, outcome: "ok" });
    else if (kind < 16) {
      operations.push({ ...base, op: "put", value, endedMs: end, outcome });
      if (happens) held.set(key, value);
    } else if (kind < 17) {
      operations.push({ ...base, op: "delete", endedMs: end, outcome });
      if (happens) held.delete(key);
    } else {
      const isWinner = random.chance(700);
      const expected = isWinner ? now : "another";
      const draw = {
        ...base,
        op: "compare_and_set" as const,
        value,
        ...(expected === undefined ? {} : { expected }),
      };
      if (!isWinner) operations.push({ ...draw, endedMs, outcome: "fail", code: "conflict" });
      else {
        operations.push({ ...draw, endedMs: end, outcome });
        if (happens) held.set(key, value);
      }
    }
  }
  return operations.sort((a, b) => a.invokedMs - b.invokedMs);
}
