/** What clients of a causal store see: replicas that apply writes after all that their writers had seen, some of them late. @module */
import type { Random } from "../../src/base/random.ts";
import {
  compareVersions,
  type HeldVersion,
  type HistoryVersion,
  type Operation,
} from "../../src/checker/history.ts";

/** What a replica keeps of several writes: the last to arrive, the greatest, or all that nobody replaced. */
export type Keeping = "last" | "greatest" | "siblings";

interface Write {
  readonly key: string;
  readonly version: HistoryVersion;
  readonly value: string | null;
  /** How many writes of each replica come before. */
  readonly after: readonly number[];
  readonly replica: number;
  readonly replaces: readonly HistoryVersion[];
}

class StoreReplica {
  readonly applied: number[];
  readonly held = new Map<string, readonly Write[]>();
  waiting: Write[] = [];
  clock = 0;

  constructor(count: number) {
    this.applied = Array.from({ length: count }, () => 0);
  }

  apply(write: Write, keeping: Keeping): void {
    const { key, version, replaces } = write;
    this.applied[write.replica]!++;
    this.clock = Math.max(this.clock, version.stamp);
    const held = this.held.get(key) ?? [];
    const [now] = held;
    if (keeping === "siblings") {
      const isGone = (each: Write): boolean =>
        replaces.some((seen) => compareVersions(seen, each.version) === 0);
      this.held.set(key, [...held.filter((each) => !isGone(each)), write]);
    } else if (keeping === "last" || !now || compareVersions(now.version, version) < 0) {
      this.held.set(key, [write]);
    }
  }

  /** Applies some of what waits, each after all before it. */
  receive(random: Random, keeping: Keeping): void {
    for (let isDone = false; !isDone && random.chance(700);) {
      const ready = this.waiting.filter(({ after, replica }) =>
        after.every((count, index) =>
          index === replica ? this.applied[index] === count : this.applied[index]! >= count
        )
      );
      isDone = ready.length === 0;
      if (isDone) break;
      const write = random.pick(ready);
      this.waiting = this.waiting.filter((each) => each !== write);
      this.apply(write, keeping);
    }
  }
}

/** A run of it: each client stays with one replica. */
export function causalRun(
  random: Random,
  { count, clientCount, keyCount, keeping, hasVersions, deletesPerMille = 0, unknownPerMille = 0 }: {
    count: number;
    clientCount: number;
    keyCount: number;
    keeping: Keeping;
    hasVersions: boolean;
    deletesPerMille?: number;
    unknownPerMille?: number;
  },
): Operation[] {
  const replicas = Array.from({ length: 3 }, () => new StoreReplica(3));
  /** What each client knows of each key: what it read last, and wrote since. */
  const seen = new Map<string, readonly HistoryVersion[]>();
  const operations: Operation[] = [];
  for (let index = 0; index < count; index++) {
    for (const replica of replicas) replica.receive(random, keeping);
    const client = random.below(clientCount);
    const number = client % replicas.length;
    const replica = replicas[number]!;
    const key = `k${random.below(keyCount)}`;
    const base = {
      client,
      key,
      required: 0,
      coordinator: "",
      acked: [],
      invokedMs: 10 * index,
      endedMs: 10 * index + 9,
      outcome: "ok" as const,
    };
    const name = `${client} ${key}`;
    if (random.chance(500)) {
      const held = [...replica.held.get(key) ?? []].sort((a, b) => compareVersions(b.version, a.version));
      seen.set(name, held.map(({ version }) => version));
      operations.push({ ...base, op: "get", ...found(held, hasVersions) });
      continue;
    }
    const isDelete = random.chance(deletesPerMille);
    const context = random.chance(700) ? seen.get(name) ?? [] : [];
    const version = { stamp: ++replica.clock, origin: `r${number}.a` };
    const write: Write = {
      key,
      version,
      value: isDelete ? null : `v${index}`,
      after: [...replica.applied],
      replica: number,
      replaces: context,
    };
    const isUnknown = random.chance(unknownPerMille);
    operations.push({
      ...base,
      op: isDelete ? "delete" : "put",
      ...(isDelete ? {} : { value: `v${index}` }),
      ...(isUnknown ? { outcome: "info", endedMs: Infinity } : hasVersions ? { version } : {}),
      ...(keeping === "siblings" ? { context } : {}),
    });
    if (isUnknown && random.chance(500)) continue;
    replica.apply(write, keeping);
    for (const other of replicas) if (other !== replica) other.waiting.push(write);
  }
  return operations;
}

function found(held: readonly Write[], hasVersions: boolean): Partial<Operation> {
  const value = held.find((write) => write.value !== null)?.value ?? undefined;
  const [first] = held;
  const siblings = held.map(({ version, value: content }): HeldVersion => ({ ...version, value: content }));
  return {
    ...(value === undefined ? {} : { value }),
    ...(first && hasVersions ? { version: first.version } : {}),
    ...(held.length > 1 ? { siblings } : {}),
  };
}
