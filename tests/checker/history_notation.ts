/** Histories in a few characters, for tests: one operation a line. @module */
import type { HeldVersion, History, HistoryVersion, Op, Operation } from "../../src/checker/history.ts";

const OPS: Readonly<Record<string, Op>> = {
  put: "put",
  get: "get",
  delete: "delete",
  cas: "compare_and_set",
};

/**
 * `c1 put x=a 1-2`: client 1 puts a under x from 1 to 2 ms. `c1 get x 3-4` found nothing, `c1 cas x=a>b 5-6` changed a to b,
 * and `c1 cas x=>b 5-6` nothing to b. Then, in any order: `fail:CODE`, `info:CODE` (or `info`), a version `r1.a@7`,
 * `need:2` copies, `on:r1,r2` acknowledged, `live:3`, `session:s`.
 */
export function operation(line: string): Operation {
  const [client, verb, target, times, ...marks] = line.split(" ");
  const op = OPS[verb!]!;
  const [key, content] = target!.split("=");
  const [expected, swapped] = content?.split(">") ?? [];
  const value = op === "compare_and_set" ? swapped : content;
  const [invokedMs, endedMs] = times!.split("-").map(Number);
  const mark = (name: string): string | undefined =>
    marks.find((text) => text === name || text.startsWith(`${name}:`))?.slice(name.length + 1);
  const version = marks.find((text) => text.includes("@"));
  const outcome = mark("fail") !== undefined ? "fail" : mark("info") !== undefined ? "info" : "ok";
  const code = mark("fail") || mark("info");
  return {
    client: Number(client!.slice(1)),
    op,
    key: key!,
    ...(value ? { value } : {}),
    ...(op === "compare_and_set" && expected ? { expected } : {}),
    required: Number(mark("need") ?? 0),
    coordinator: "",
    invokedMs: invokedMs!,
    endedMs: outcome === "info" ? Infinity : endedMs!,
    outcome,
    ...(version ? { version: versionOf(version) } : {}),
    acked: mark("on")?.split(",") ?? [],
    ...(code ? { code } : {}),
    ...(mark("session") ? { session: mark("session")! } : {}),
    ...(mark("live") ? { live: Number(mark("live")) } : {}),
  };
}

function versionOf(text: string): HistoryVersion {
  const [origin, stamp] = text.split("@");
  return { stamp: Number(stamp), origin: origin! };
}

/** `r1 100 x=a r1.a@7`: what r1 held at 100 ms; values may be left out, and `r1 100` held nothing. */
function snapshot(line: string): NonNullable<History["snapshots"]>[number] {
  const [replica, atMs, ...held] = line.split(" ");
  const state = new Map<string, HeldVersion>();
  for (let index = 0; index < held.length; index += 2) {
    const [key, value] = held[index]!.split("=");
    state.set(key!, { ...versionOf(held[index + 1]!), ...(value ? { value } : {}) });
  }
  return { replica: replica!, atMs: Number(atMs), state };
}

/** A history of three copies and clocks 5 ms apart, unless told otherwise. */
export function history(
  lines: readonly string[],
  { finals = [], ...rest }: Partial<History> & { readonly finals?: readonly string[] } = {},
): History {
  return {
    operations: lines.map(operation),
    copies: 3,
    diskLosses: [],
    clockSpreadMs: 5,
    snapshots: finals.map(snapshot),
    ...rest,
  };
}
