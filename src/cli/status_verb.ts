/** `status`: every replica's view of itself and of the others, side by side. @module */
import { fail } from "../base/failure.ts";
import { ERRORS, type Failure } from "../protocol/error_codes.ts";
import type { Status } from "../protocol/reply.ts";
import { type Arguments, UsageError } from "./arguments.ts";
import type { Caller } from "./caller.ts";
import { agreementRows, isRepairCell } from "./agreement_table.ts";
import { askStatuses, type StatusView } from "./cluster_view.ts";
import { disagreements } from "./disagreement.ts";
import { faultRows, type FaultView } from "./fault_table.ts";
import { isDownCell, linkRows } from "./link_table.ts";
import { CLOCK_COLUMN, machineRows, spanText } from "./machine_table.ts";
import { type Output, type Paint, printable } from "./output.ts";
import { failureObject, failureText } from "./receipt.ts";
import { formatTable, widthOf, wrapLine } from "./table.ts";
import { durationText } from "./time_text.ts";
import type { Action, Verb } from "./verb.ts";
import { tombstoneRows } from "./tombstone_table.ts";

/** How long a silent replica may take to say what is broken in it. */
const FAULTS_MS = 1000;

/** `status` */
export const STATUS: Verb = {
  name: "status",
  words: "",
  summary: "who is up, who reaches whom, clocks, disks and memory",
  details: `Asks every replica directly. Exits with 5 when none answers.

Four tables: how each replica stands; who sees whom up or DOWN, and for how long that has been so; when the copies
of two were last found equal, or made so; and on what each one runs. A clock is compared with the median of it and of those that its replica sees; where only two see each
other, each is compared with the other. A fifth one says what is broken on purpose (see fault). Replicas that were
started with files that disagree on members or keyspaces are named.

EXAMPLES
  quartet client status
  quartet client --connect 127.0.0.1:7411 status
  quartet client --json status`,
  flags: {},
  parse({ words }: Arguments): Action {
    if (words.length > 0) throw new UsageError(`status takes no words, and "${words[0]}" was given`);
    return async ({ caller, output }) => {
      const members = await caller.members();
      if (!members.ok) return reportFailure(members.failure, output);
      const views = await Promise.all(
        (await askStatuses(caller, members.value)).map((view) => explainSilence(caller, view)),
      );
      const isAnyUp = views.some(({ result }) => result.ok);
      if (output.isJson) output.json(statusObject(views, isAnyUp));
      else for (const line of pageLines(views, output.paintOut, output.widthOut)) output.line(line);
      if (!isAnyUp && !output.isJson && caller.wayOut !== undefined) {
        output.note(`no replica answers; ${caller.wayOut}`);
      }
      return isAnyUp ? 0 : ERRORS.unavailable.exit;
    };
  },
};

/** A replica that is paused on purpose answers nothing but questions about faults: then the failure says so. */
export async function explainSilence(caller: Caller, view: StatusView): Promise<StatusView> {
  if (view.result.ok || view.result.failure.code !== "timeout") return view;
  const { result } = await caller.ask(view.replica.id, { op: "fault", action: "list" }, FAULTS_MS);
  if (!result.ok || result.value.kind !== "faults") return view;
  const pause = result.value.faults.find(({ kind }) => kind === "pause");
  if (pause === undefined) return view;
  const message = `paused on purpose, for another ${spanText(pause.left_ms)} (fault heal ends it)`;
  return { replica: view.replica, result: fail({ ...view.result.failure, message }) };
}

/** Tells of a failure in the form that the reader wants, and gives its exit code. */
export function reportFailure(failure: Failure, output: Output): number {
  if (output.isJson) output.json(failureObject(failure));
  else {
    const { paintErr: paint, widthErr: widthMax } = output;
    output.note(failureText(failure, { isRead: false, nowMs: Date.now(), paint, widthMax }));
  }
  return ERRORS[failure.code].exit;
}

/** All that a person reads: tables with an empty line between them; one more where something is broken on purpose. */
export function pageLines(views: readonly StatusView[], paint: Paint, widthMax?: number): string[] {
  const links = formatTable(linkRows(views), {
    widthMax,
    paint: (text, row) => {
      if (row === 0) return paint.bold(text);
      return isDownCell(text) ? paint.red(text) : text;
    },
  });
  const machines = formatTable(machineRows(views), {
    widthMax,
    paint: (text, row, column) => {
      if (row === 0) return paint.bold(text);
      return column === CLOCK_COLUMN && text !== "ok" ? paint.yellow(text) : text;
    },
  });
  const faults = formatTable(faultRows(faultViews(views)), {
    widthMax,
    paint: (text, row) => row === 0 ? paint.bold(text) : paint.yellow(text),
  });
  const statuses = views.flatMap(({ result }) => result.ok ? [result.value] : []);
  const warnings = disagreements(statuses).map((text) => paint.yellow(wrapLine(printable(text), widthMax)));
  const agreement = formatTable(agreementRows(views), {
    widthMax,
    paint: (text, row) => row === 0 ? paint.bold(text) : isRepairCell(text) ? paint.yellow(text) : text,
  });
  const tombstones = formatTable(tombstoneRows(views), {
    widthMax,
    paint: (text, row) => row === 0 ? paint.bold(text) : text,
  });
  const parts = [
    statusLines(views, paint, widthMax),
    warnings,
    links,
    agreement,
    tombstones,
    machines,
    faults,
  ]
    .filter((lines) => lines.length > 0);
  return parts.flatMap((lines, index) => index === 0 ? lines : ["", ...lines]);
}

function faultViews(views: readonly StatusView[]): FaultView[] {
  return views.flatMap(({ result }) =>
    result.ok && result.value.faults !== undefined
      ? [{ id: result.value.id, faults: result.value.faults }]
      : []
  );
}

/** How each replica stands, and how many hints wait. */
export function statusLines(views: readonly StatusView[], paint: Paint, widthMax?: number): string[] {
  const rows = [["replica", "address", "state", "epoch", "up for", "sees", "hints waiting"]];
  for (const { replica, result } of views) {
    const address = `${replica.host}:${replica.port}`;
    if (!result.ok) {
      rows.push([replica.id, address, `down: ${printable(result.failure.message)}`]);
      continue;
    }
    const status = result.value;
    const hints = status.peers.filter((peer) => peer.hints > 0);
    rows.push([
      replica.id,
      address,
      stateOf(status),
      status.epoch,
      durationText(status.uptime_ms),
      seesText(status),
      hints.map((peer) => `${peer.hints} for ${peer.id}`).join(", ") || "none",
    ]);
  }
  const paintCell = (text: string, row: number, column: number): string => {
    if (row === 0) return paint.bold(text);
    if (column !== 2) return text;
    return text === "ready"
      ? paint.green(text)
      : text.startsWith("down")
      ? paint.red(text)
      : paint.yellow(text);
  };
  return formatTable(fittingRows(rows, widthMax), { widthMax, paint: paintCell });
}

/** Columns that a narrow terminal can do without, the first of them first; who sees whom stands in a table of its own. */
const SPARE_COLUMNS = ["epoch", "sees"];

/** Why columns are left out: narrowed alike, all of them would be unreadable. */
function fittingRows(
  rows: readonly (readonly string[])[],
  widthMax = Infinity,
): readonly (readonly string[])[] {
  const isWide = (table: readonly (readonly string[])[]): boolean =>
    formatTable(table.filter(({ length }) => length === table[0]!.length)).some((line) =>
      widthOf(line) > widthMax
    );
  let fitting = rows;
  for (const name of SPARE_COLUMNS) {
    if (!isWide(fitting)) return fitting;
    const spare = fitting[0]!.indexOf(name);
    fitting = fitting.map((row) => row.filter((_, column) => column !== spare));
  }
  return fitting;
}

function stateOf(status: Status): string {
  const states = [
    ...(status.ready ? [] : ["starting"]),
    ...(status.recovering ? ["recovering"] : []),
    ...(status.disk_full ? ["disk full"] : []),
  ];
  return states.join(", ") || "ready";
}

/** `r2 r3, not r4` */
function seesText({ peers }: Status): string {
  const alive = peers.filter((peer) => peer.alive).map((peer) => peer.id).join(" ") || "nobody";
  const dead = peers.filter((peer) => !peer.alive).map((peer) => peer.id).join(" ");
  return dead === "" ? alive : `${alive}, not ${dead}`;
}

/** The object that a program reads. */
export function statusObject(views: readonly StatusView[], isAnyUp: boolean): Record<string, unknown> {
  return {
    ok: isAnyUp,
    replicas: views.map(({ replica: { id, host, port }, result }) => ({
      id,
      address: `${host}:${port}`,
      ...(result.ok ? { status: result.value } : failureObject(result.failure)),
    })),
  };
}
