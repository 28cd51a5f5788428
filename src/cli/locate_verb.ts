/** `locate`: which replicas are to hold a key, by which token, and which of them are up and do. @module */
import { fail, ok, type Result } from "../base/failure.ts";
import type { Failure } from "../protocol/error_codes.ts";
import { LEVELS, requiredCount } from "../protocol/level.ts";
import type { Held } from "../protocol/reply.ts";
import type { Keyspace } from "../replica/keyspace.ts";
import { countOfWords, UsageError } from "./arguments.ts";
import { askHoldings, askStatuses, findPlacement, type StatusView } from "./cluster_view.ts";
import { KeyHolders, keyspaceOf } from "./holders.ts";
import { versionsText } from "./inspect_verb.ts";
import { type KeyPlace, keyPlaceOf, type Token } from "./key_place.ts";
import { type Paint, printable } from "./output.ts";
import { failureObject } from "./receipt.ts";
import { reportFailure } from "./status_verb.ts";
import { formatTable } from "./table.ts";
import type { ReplicaAddress } from "./tcp_link.ts";
import type { Action, Call, Verb } from "./verb.ts";

/** `locate KEY` */
export const LOCATE: Verb = {
  name: "locate",
  words: "KEY",
  summary: "where a key lies: its token, its replicas, and which of them are up and hold it",
  details:
    `The replicas come in the order of preference: the first is the key's primary. Which they are follows from the cluster's file,
or from what a replica says of it; so it is told of replicas that are down, too, and with the file when all are. What each one holds is its own
copy, as inspect shows it: - is no such key, ? a replica that did not answer. The last line says which levels can be met now.

Under consistent-hash the token is a hash of 64 bits, of which the upper 16 are the cell on the ring; under byte-ordered it is
the key itself, in a range of keys that lie together; under all there is none: the same replicas hold all keys.

EXAMPLES
  quartet client locate user:1 --keyspace items
  quartet client locate 7 --json`,
  flags: {},
  parse({ words }): Action {
    const [key, ...rest] = words;
    if (key === undefined || rest.length > 0) {
      throw new UsageError(`locate takes ${this.words}, and ${countOfWords(words)} given`);
    }
    return (call) => locate(call, key);
  },
};

/** How a replica of the key stands. Its answers count for a level where it is `up`. */
export type HolderState = "up" | "starting" | "recovering" | "down";

/** One replica that is to hold the key. */
export interface HolderView {
  readonly id: string;
  readonly state: HolderState;
  /** What it holds of the key; absent where it did not say. */
  readonly held?: Held["versions"];
  /** Why it is down, or did not say what it holds. */
  readonly failure?: Failure;
}

/** A key and its replicas. */
export interface LocationView {
  readonly keyspace: Keyspace;
  readonly place: KeyPlace;
  /** In the order of preference. */
  readonly holders: readonly HolderView[];
}

async function locate(call: Call, key: string): Promise<number> {
  const { output } = call;
  const view = await look(call, key);
  if (!view.ok) return reportFailure(view.failure, output);
  if (output.isJson) output.json(locationObject(view.value));
  else {
    for (const line of locationLines(view.value, output.paintOut, output.widthOut)) output.line(line);
    output.note(levelsText(view.value));
  }
  return 0;
}

async function look(call: Call, word: string): Promise<Result<LocationView, Failure>> {
  const { caller } = call;
  const members = await caller.members();
  if (!members.ok) return members;
  const placement = await findPlacement(call);
  if (!placement.ok) return placement;
  const { replication, name } = placement.value;
  if (replication > members.value.length) {
    const message =
      `keyspace "${name}" has ${replication} copies, and only ${members.value.length} members are known`;
    return fail({ code: "internal", message });
  }
  const keyspace = keyspaceOf(placement.value, members.value);
  const place = keyPlaceOf(keyspace, word);
  if (!place.ok) return place;
  const replicas = place.value.preference.map((id) => members.value.find((member) => member.id === id)!);
  const [statuses, holdings] = await Promise.all([
    askStatuses(caller, replicas),
    askHoldings(caller, replicas, name, [word], new KeyHolders(placement.value, members.value)),
  ]);
  const held = holdings.keys[0]?.held;
  return ok({
    keyspace,
    place: place.value,
    holders: statuses.map((status) => holderOf(status, held, holdings.failures)),
  });
}

function holderOf(
  { replica: { id }, result }: { readonly replica: ReplicaAddress } & StatusView,
  held: ReadonlyMap<string, Held["versions"]> | undefined,
  failures: ReadonlyMap<string, Failure>,
): HolderView {
  if (!result.ok) return { id, state: "down", failure: result.failure };
  const { ready, recovering } = result.value;
  const state = !ready ? "starting" : recovering ? "recovering" : "up";
  const failure = failures.get(id);
  if (failure !== undefined) return { id, state, failure };
  return { id, state, held: held?.get(id) ?? [] };
}

/** What a person reads. */
export function locationLines(
  { keyspace, place, holders }: LocationView,
  paint: Paint,
  widthMax?: number,
): string[] {
  const { name, partitioner, replication } = keyspace.config;
  const rows = [
    ["replica", "place", "state", "holds"],
    ...holders.map(({ id, state, held }, index) => [
      id,
      index === 0 ? "primary" : `copy ${index + 1}`,
      state,
      versionsText(held),
    ]),
  ];
  return [
    `keyspace ${name}: ${partitioner}, ${replication} ${replication === 1 ? "copy" : "copies"}`,
    `key ${printable(String(place.key))}: ${tokenText(place.token)}`,
    ...formatTable(rows, {
      widthMax,
      paint: (text, row, column) => {
        if (row === 0) return paint.bold(text);
        const state = holders[row - 1]!.state;
        if (column !== 2 || state === "up") return text;
        return state === "down" ? paint.red(text) : paint.yellow(text);
      },
    }),
  ];
}

function tokenText(token: Token): string {
  switch (token.kind) {
    case "none":
      return "no token, the same replicas hold all keys";
    case "byte":
      return `token ${token.token}, in the range ${token.first} to ${token.last}`;
    case "hash":
      return `token ${token.token}, in cell ${token.cell} of ${token.cellCount}`;
  }
}

/** `2 of 3 count: enough for ONE TWO QUORUM` */
export function levelsText({ keyspace, holders }: LocationView): string {
  const count = holders.filter(({ state }) => state === "up").length;
  const levels = LEVELS.filter((level) => requiredCount(level, keyspace.copies) <= count);
  return `${count} of ${holders.length} count: ${
    levels.length === 0 ? "too few for any level" : `enough for ${levels.join(" ")}`
  }`;
}

/** The object that a program reads. */
export function locationObject({ keyspace, place, holders }: LocationView): Record<string, unknown> {
  const { name, partitioner, replication } = keyspace.config;
  return {
    ok: true,
    keyspace: name,
    key: place.key,
    partitioner,
    copies: replication,
    ...tokenFields(place.token),
    preference: place.preference,
    holders: place.holders,
    replicas: holders.map(({ id, state, held, failure }) => ({
      id,
      state,
      ...(held === undefined ? {} : { held }),
      ...(failure === undefined ? {} : failureObject(failure)),
    })),
  };
}

function tokenFields(token: Token): Record<string, unknown> {
  switch (token.kind) {
    case "none":
      return {};
    case "byte":
      return { token: token.token, range: { first: token.first, last: token.last } };
    case "hash":
      return { token: token.token, cell: token.cell };
  }
}
