/** Histories in a few characters, for tests: one operation a line. @module */
import {
  compareVersions,
  type HeldKey,
  heldKey,
  type HeldVersion,
  type History,
  type HistoryVersion,
  type Op,
  type Operation,
} from "../../src/checker/history.ts";

const OPS: Readonly<Record<string, Op>> = {
  put: "put",
  get: "get",
  delete: "delete",
  cas: "compare_and_set",
};

/**
 * `c1 put x=a 1-2`: client 1 puts a under x from 1 to 2 ms. `c1 get x 3-4` found nothing, `c1 cas x=a>b 5-6` changed a to b,
 * and `c1 cas x=>b 5-6` nothing to b. Then, in any order: `fail:CODE`, `info:CODE` (or `info`), a version `r1.a@7`,
 * `need:2` copies, `on:r1,r2` acknowledged, `live:3`, `session:s`, `stale`, `seen:r1.a@7,r2.a@8` or `seen:` for a context. A get of several
 * versions is `c1 get x=a| 3-4 r1.a@7|r2.a@8`, of which the second is a deletion.
 */
export function operation(line: string): Operation {
  const [client, verb, target, times, ...marks] = line.split(" ");
  const op = OPS[verb!]!;
  const [key, content] = target!.split("=");
  const [expected, swapped] = content?.split(">") ?? [];
  const versions = marks.find((text) => text.includes("@") && !text.startsWith("seen:"));
  const siblings = versions?.includes("|") ? heldVersionsOf(content, versions) : undefined;
  const value = siblings
    ? siblings.find((sibling) => sibling.value)?.value
    : op === "compare_and_set"
    ? swapped
    : content;
  const [invokedMs, endedMs] = times!.split("-").map(Number);
  const mark = (name: string): string | undefined =>
    marks.find((text) => text === name || text.startsWith(`${name}:`))?.slice(name.length + 1);
  const version = siblings?.[0] ?? (versions ? versionOf(versions) : undefined);
  const seen = mark("seen");
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
    ...(version ? { version: { stamp: version.stamp, origin: version.origin } } : {}),
    ...(siblings ? { siblings } : {}),
    ...(seen === undefined ? {} : { context: seen === "" ? [] : seen.split(",").map(versionOf) }),
    acked: mark("on")?.split(",") ?? [],
    ...(code ? { code } : {}),
    ...(mark("session") ? { session: mark("session")! } : {}),
    ...(mark("stale") === undefined ? {} : { maybeStale: true as const }),
    ...(mark("live") ? { live: Number(mark("live")) } : {}),
  };
}

function versionOf(text: string): HistoryVersion {
  const [origin, stamp] = text.split("@");
  return { stamp: Number(stamp), origin: origin! };
}

/** `a|` and `r1.a@7|r2.a@8`: two versions, of which the second is a deletion. Without values nobody looked at them. */
function heldVersionsOf(contents: string | undefined, versions: string): HeldVersion[] {
  const values = contents?.split("|");
  return versions.split("|").map((text, index) => ({
    ...versionOf(text),
    ...(values ? { value: values[index] || null } : {}),
  })).sort((a, b) => compareVersions(b, a));
}

/** `r1 100 x=a r1.a@7`: what r1 held at 100 ms; values may be left out, and `r1 100` held nothing; `x=a|b r1.a@7|r2.a@8` are two versions. */
function snapshot(line: string): NonNullable<History["snapshots"]>[number] {
  const [replica, atMs, ...held] = line.split(" ");
  const state = new Map<string, HeldKey>();
  for (let index = 0; index < held.length; index += 2) {
    const [key, value] = held[index]!.split("=");
    const [first, ...others] = heldVersionsOf(value, held[index + 1]!);
    state.set(key!, heldKey([first!, ...others]));
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
