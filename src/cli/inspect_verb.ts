/** `inspect`: what each replica itself holds, side by side. @module */
import { ERRORS, type Failure } from "../protocol/error_codes.ts";
import type { Held } from "../protocol/reply.ts";
import { askHoldings, findHolders, type HoldingsView, type KeyView, pickReplicas } from "./cluster_view.ts";
import { type Paint, printable } from "./output.ts";
import { cut, formatTable, widthOf } from "./table.ts";
import { failureObject, versionText } from "./receipt.ts";
import { reportFailure } from "./status_verb.ts";
import type { Action, Verb } from "./verb.ts";

/** Columns of a key and of a value in the table; `--json` has all. */
const KEY_WIDTH_MAX = 40;
const VALUE_WIDTH_MAX = 24;

/** Where values side by side would be narrower than this, each copy gets a line. */
const VALUE_WIDTH_MIN = 4;

/** Digits of a stamp where the terminal has no room for all. */
const STAMP_DIGITS = 5;

/** `inspect [KEY…]` */
export const INSPECT: Verb = {
  name: "inspect",
  words: "[KEY…]",
  summary: "what each replica holds, side by side, with stamps",
  details:
    `Asks every replica directly for its own copy: of the keys given, or of all keys. Nothing is mended by it.

A cell is the value, the stamp of its write, and the replica that gave the stamp; - is no such key, ? a
replica that did not answer. Keys whose copies differ are coloured. Where a keyspace has fewer copies than there
are replicas, the first in id order hold them: the others show "no copy" and are not compared, whatever they hold.
Without the cluster's file a replica tells how many copies there are; give --keyspace where that differs between
keyspaces, else all replicas are compared. On a narrow terminal only the last
digits of a stamp are shown, and on a very narrow one replicas whose copies are equal share a line; pipes
and --json get all. Exits with 5 when no replica answers, else with 0, whether or not copies differ.

EXAMPLES
  quartet client inspect
  quartet client inspect 7 12 --replica r1,r3
  quartet client inspect --differs`,
  flags: {
    replica: { value: "IDS", help: "only these replicas, such as r1,r3" },
    differs: { help: "only keys whose copies differ" },
  },
  parse({ words, flags }): Action {
    return async (call) => {
      const { caller, output, keyspace } = call;
      const members = await caller.members();
      if (!members.ok) return reportFailure(members.failure, output);
      const view = await askHoldings(
        caller,
        pickReplicas(members.value, flags.get("replica")),
        keyspace,
        words,
        await findHolders(call, members.value, keyspace),
      );
      const isAnyUp = view.failures.size === 0 || view.failures.size < countOfAsked(view);
      const refusal = [...view.failures.values()].find(({ code }) => ERRORS[code].exit === 2);
      // Why: what one replica calls malformed all do; that is one error, not four unreachable replicas.
      if (refusal !== undefined && !isAnyUp) return reportFailure(refusal, output);
      if (!isAnyUp) return reportFailure(noAnswer(view, caller.wayOut), output);
      const shown = flags.has("differs") ? view.keys.filter((key) => !key.isEqual) : view.keys;
      if (output.isJson) {
        output.json(holdingsObject(view, shown));
      } else {
        for (const line of holdingsLines(view, shown, output.paintOut, output.widthOut)) output.line(line);
        output.note(summaryText(view));
      }
      return 0;
    };
  },
};

/** Those of the replicas shown that are to hold copies. */
function countOfAsked({ replicas, holders }: HoldingsView): number {
  return replicas.filter((id) => holders?.any.has(id) ?? true).length;
}

function noAnswer({ failures }: HoldingsView, wayOut: string | undefined): Failure {
  const reasons = [...failures].map(([id, { message }]) => `${id}: ${message}`).join("; ");
  const message = `no replica answered (${reasons})${wayOut === undefined ? "" : `; ${wayOut}`}`;
  return { code: "unavailable", message, definite: true };
}

/** The table that a person reads; empty when there is nothing to show. */
export function holdingsLines(
  view: HoldingsView,
  shown: readonly KeyView[],
  paint: Paint,
  widthMax?: number,
): string[] {
  if (shown.length === 0) return [];
  const keys = shown.map(({ key }) => cut(printable(String(key)), KEY_WIDTH_MAX));
  const rowsOf = (form: CellForm): string[][] => [
    ["key", ...view.replicas],
    ...shown.map((each, index) => [
      keys[index]!,
      ...view.replicas.map((id) => cellOf(each, id, form)),
    ]),
  ];
  let rows = rowsOf(FULL);
  if (widthMax !== undefined && Math.max(...formatTable(rows).map(widthOf)) > widthMax) {
    const keyWidth = Math.max(...rows.map(([key]) => widthOf(key!)));
    const cellWidth = Math.floor((widthMax - keyWidth) / view.replicas.length) - 2;
    const idWidth = Math.max(...view.replicas.map(widthOf));
    const valueWidthMax = cellWidth - idWidth - STAMP_DIGITS - 3;
    if (valueWidthMax < VALUE_WIDTH_MIN) return copyLines(view, shown, paint, widthMax);
    rows = rowsOf({ valueWidthMax, stampDigits: STAMP_DIGITS });
  }
  return formatTable(rows, {
    widthMax,
    paint: (text, row, column) => {
      if (row === 0) return paint.bold(text);
      return column > 0 && !shown[row - 1]!.isEqual && text.trim() !== NO_COPY ? paint.yellow(text) : text;
    },
  });
}

/** The same with a line for each copy that differs from the others, and who holds it. */
function copyLines(
  view: HoldingsView,
  shown: readonly KeyView[],
  paint: Paint,
  widthMax: number,
): string[] {
  const rowsOf = (form: CellForm): { cells: string[]; isEqual: boolean }[] =>
    shown.flatMap((each) => {
      const { key, held, isEqual } = each;
      const ids = Map.groupBy(view.replicas, (id) => cellOf(each, id, FULL));
      return [...ids.values()].map((holders, index) => {
        const versions = held.get(holders[0]!);
        const name = index === 0 ? cut(printable(String(key)), KEY_WIDTH_MAX) : "";
        const text = (part: (version: Version) => string): string => versions?.map(part).join(" | ") ?? "";
        const value = versions?.length
          ? text((version) => valueText(version, form))
          : cellOf(each, holders[0]!, form);
        return {
          cells: [name, holders.join(" "), value, text((version) => nameText(version, form))],
          isEqual,
        };
      });
    });
  const head = ["key", "on", "value", "version"];
  const table = (form: CellForm): string[][] => [head, ...rowsOf(form).map(({ cells }) => cells)];
  const isWide = Math.max(...formatTable(table(FULL)).map(widthOf)) > widthMax;
  const form = isWide ? { ...FULL, stampDigits: STAMP_DIGITS } : FULL;
  const rows = rowsOf(form);
  return formatTable(table(form), {
    widthMax,
    paint: (text, row, column) => {
      if (row === 0) return paint.bold(text);
      return column > 0 && !rows[row - 1]!.isEqual ? paint.yellow(text) : text;
    },
  });
}

/** In the place of a replica that is to hold no copy. */
const NO_COPY = "no copy";

/** In place of the value of a delete. */
const DELETED = "(deleted)";

/** How much of a version a cell shows. */
interface CellForm {
  readonly valueWidthMax: number;
  /** The last digits of the stamp, which tell two writes apart; undefined: all. */
  readonly stampDigits?: number;
}

const FULL: CellForm = { valueWidthMax: VALUE_WIDTH_MAX };

type Version = Held["versions"][number];

function cellOf({ holders, held }: KeyView, id: string, form: CellForm): string {
  return holders?.has(id) ?? true ? cellText(held.get(id), form) : NO_COPY;
}

/** What one replica holds of a key, as a cell; undefined where it did not say. */
export function versionsText(versions: Held["versions"] | undefined): string {
  return cellText(versions, FULL);
}

function cellText(versions: Held["versions"] | undefined, form: CellForm): string {
  if (versions === undefined) return "?";
  if (versions.length === 0) return "-";
  return versions.map((version) => `${valueText(version, form)} ${nameText(version, form)}`).join(" | ");
}

function valueText({ value }: Version, { valueWidthMax }: CellForm): string {
  if (value !== undefined) return cut(printable(JSON.stringify(value)), valueWidthMax);
  return cut(valueWidthMax < DELETED.length ? "deleted" : DELETED, valueWidthMax);
}

function nameText(version: Version, { stampDigits }: CellForm): string {
  const whole = versionText(version);
  return stampDigits === undefined ? whole : `…${whole.slice(String(version.stamp).length - stampDigits)}`;
}

/** `3 keys, 1 differs; r4 did not answer: connection refused` */
export function summaryText(view: HoldingsView): string {
  const { keys, failures, replicas } = view;
  const differing = keys.filter((key) => !key.isEqual).length;
  const parts = [
    keys.length === 0 ? "no keys" : `${keys.length} ${keys.length === 1 ? "key" : "keys"}, ` +
      (differing === 0 ? "all equal" : `${differing} ${differing === 1 ? "differs" : "differ"}`),
  ];
  if (countOfAsked(view) === 0) {
    parts.push(
      `${replicas.join(" ")} ${replicas.length === 1 ? "is" : "are"} to hold no copies of this keyspace`,
    );
  }
  for (const [id, { message }] of failures) parts.push(`${id} did not answer: ${printable(message)}`);
  return parts.join("; ");
}

/** The object that a program reads. */
export function holdingsObject(view: HoldingsView, shown: readonly KeyView[]): Record<string, unknown> {
  return {
    ok: true,
    replicas: view.replicas,
    ...(view.holders === undefined ? {} : { holders: [...view.holders.any] }),
    unreachable: Object.fromEntries(
      [...view.failures].map(([id, failure]) => [id, failureObject(failure)]),
    ),
    key_count: view.keys.length,
    differing_count: view.keys.filter((key) => !key.isEqual).length,
    keys: shown.map(({ key, holders, held, isEqual }) => ({
      key,
      ...(holders === undefined || view.holders?.isUniform === true ? {} : { holders: [...holders] }),
      equal: isEqual,
      held: Object.fromEntries(held),
    })),
  };
}
