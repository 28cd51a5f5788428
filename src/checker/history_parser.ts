/** Text from anywhere to a history: every wrong line is named with its number and with what is allowed. @module */
import { fail, ok, type Result } from "../base/failure.ts";
import {
  compareVersions,
  type DiskLoss,
  type HeldKey,
  heldKey,
  heldVersions,
  type History,
  type HistoryFault,
  type Operation,
  OPS,
  type Snapshot,
} from "./history.ts";
import {
  CLIENT,
  COUNT,
  FLAG,
  KEY,
  LEVELS,
  LineFields,
  MILLISECONDS,
  NAME,
  NAMES,
  oneOf,
  SIBLINGS,
  TEXT,
  TRUE,
  VALUE,
  VERSION,
  VERSIONS,
} from "./line_fields.ts";

/** The format that is written, and the only one that is read. */
export const HISTORY_FORMAT = 1;

/** Lines of one history. */
export const HISTORY_LINES_MAX = 1_000_000;

/** Characters of one line: a value of 1 MiB in the worst JSON escaping, and its fields. */
export const HISTORY_LINE_CHARS_MAX = 6 * 1024 * 1024 + 64 * 1024;

/** Wrong lines that are named; reading stops there. */
export const PROBLEMS_MAX = 20;

/** What is wrong with a line. */
export interface LineProblem {
  /** From 1 on. */
  readonly line: number;
  readonly message: string;
}

/** What the first line says. */
type Header = Omit<History, "operations" | "diskLosses" | "snapshots" | "faults"> & {
  readonly levels: Readonly<Record<string, number>>;
};

const TYPES = ["invoke", "ok", "fail", "info", "fault", "disk_loss", "clocks", "final", "holders"] as const;

/** The history that `text` is (`HISTORY.md`), or what is wrong with it. */
export function parseHistory(text: string): Result<History, readonly LineProblem[]> {
  const parser = new HistoryParser();
  const problems: LineProblem[] = [];
  let number = 0;
  for (let begin = 0; begin < text.length && problems.length < PROBLEMS_MAX;) {
    const newline = text.indexOf("\n", begin);
    const end = newline < 0 ? text.length : newline;
    const message = parser.line(++number, text, begin, end);
    if (message !== undefined) problems.push({ line: number, message });
    begin = end + 1;
  }
  if (problems.length === 0 && !parser.hasHeader) {
    problems.push({ line: 1, message: `there is no line; allowed: a history begins with ${HEADER_EXAMPLE}` });
  }
  return problems.length > 0 ? fail(problems) : ok(parser.history());
}

const HEADER_EXAMPLE = `{"type":"history","format":${HISTORY_FORMAT}}`;

/** What a client has begun. */
interface Begun {
  readonly line: number;
  /** Where its operation stands among all. */
  readonly index: number;
}

/** The lines of one history, one after the other. */
class HistoryParser {
  readonly #operations: Operation[] = [];
  /** Operations without a completion so far, by client. */
  readonly #begun = new Map<number, Begun>();
  /** When a client's last line was. */
  readonly #lastMs = new Map<number, number>();
  readonly #diskLosses: DiskLoss[] = [];
  readonly #faults: HistoryFault[] = [];
  readonly #snapshots = new Map<string, Snapshot & { readonly state: Map<string, HeldKey> }>();
  readonly #holders = new Map<string, ReadonlySet<string>>();
  #header: Header | undefined;
  #clockSpreadMs: number | undefined;

  get hasHeader(): boolean {
    return this.#header !== undefined;
  }

  /** Takes the line `text[begin, end)`; returns what is wrong with it. */
  line(number: number, text: string, begin: number, end: number): string | undefined {
    if (number > HISTORY_LINES_MAX) {
      return `is one line too many; allowed: ${HISTORY_LINES_MAX} lines, so judge a part of the keys`;
    }
    if (end - begin > HISTORY_LINE_CHARS_MAX) {
      return `has ${end - begin} characters; allowed: ${HISTORY_LINE_CHARS_MAX}, so write shorter values`;
    }
    const content = text.slice(begin, end).trim();
    if (content === "") return undefined;
    const json = parseJson(content);
    if (json === undefined) return "is no JSON; each line is one JSON object";
    const line = new LineFields(json);
    if (!this.#header) this.#onHeader(line);
    else this.#onLine(number, line, this.#header);
    return line.problem;
  }

  /** Requires: a header was read, and no line was wrong. */
  history(): History {
    const { levels: _levels, ...header } = this.#header!;
    return {
      ...header,
      operations: this.#operations,
      clockSpreadMs: this.#clockSpreadMs ?? Infinity,
      diskLosses: this.#diskLosses,
      faults: this.#faults,
      // Why: lines of several replicas may lie in one file one after the other.
      snapshots: [...this.#snapshots.values()].sort((a, b) => a.atMs - b.atMs),
      ...(this.#holders.size === 0 ? {} : { holders: this.#holders }),
    };
  }

  #onHeader(line: LineFields): void {
    const type = line.required("type", TEXT);
    if (type !== "history") return line.refuse(`the first line is to be ${HEADER_EXAMPLE}`);
    const format = line.required("format", COUNT);
    if (format !== HISTORY_FORMAT) line.refuse(`"format" is ${format}; allowed: ${HISTORY_FORMAT}`);
    this.#clockSpreadMs = line.optional("clock_spread_ms", MILLISECONDS);
    this.#header = {
      ...line.spread("keyspace", NAME, "keyspace"),
      copies: line.optional("copies", COUNT) ?? 1,
      clockSpreadMs: Infinity,
      ...line.spread("replicas", NAMES, "replicas"),
      levels: line.optional("levels", LEVELS) ?? {},
      ...line.spread("deadline_ms", MILLISECONDS, "deadlineMs"),
      ...line.spread("convergence_bound_ms", MILLISECONDS, "convergenceBoundMs"),
      ...line.spread("collects_tombstones", FLAG, "collectsTombstones"),
    };
    line.finish();
  }

  #onLine(number: number, line: LineFields, header: Header): void {
    const type = line.required("type", oneOf(TYPES));
    if (line.problem !== undefined) return;
    switch (type) {
      case "invoke":
        return this.#onInvoke(number, line, header);
      case "ok":
      case "fail":
      case "info":
        return this.#onCompletion(line, type);
      case "fault":
        return this.#onFault(line);
      case "disk_loss":
        this.#diskLosses.push({ replica: line.required("replica", NAME), atMs: time(line) });
        return line.finish();
      case "clocks":
        this.#clockSpreadMs = Math.max(
          this.#clockSpreadMs ?? 0,
          line.required("spread_ms", MILLISECONDS),
        );
        return line.finish();
      case "final":
        return this.#onFinal(line);
      case "holders":
        this.#holders.set(
          String(line.required("key", KEY)),
          new Set(line.required("replicas", NAMES)),
        );
        return line.finish();
    }
  }

  #onInvoke(number: number, line: LineFields, { levels }: Header): void {
    const client = line.required("client", CLIENT);
    const invokedMs = time(line);
    const op = line.required("op", oneOf(OPS));
    const key = String(line.required("key", KEY));
    const writes = op === "put" || op === "compare_and_set" ? { value: line.required("value", TEXT) } : {};
    const expected = op === "compare_and_set" ? line.optional("expected", VALUE) ?? undefined : undefined;
    const level = line.optional("level", NAME);
    if (level !== undefined && !Object.hasOwn(levels, level)) {
      line.refuse(`"level" is ${level}, whose meaning the first line's "levels" does not tell`);
    }
    const required = line.optional("required", COUNT) ?? (level === undefined ? 0 : levels[level] ?? 0);
    const begun = this.#begun.get(client);
    if (begun) {
      line.refuse(
        `client ${client} has not ended what it began in line ${begun.line}; one client does one thing at a time`,
      );
    }
    this.#step(line, client, invokedMs);
    const operation: Operation = {
      client,
      op,
      key,
      ...writes,
      ...(expected === undefined ? {} : { expected }),
      required,
      coordinator: line.optional("coordinator", NAME) ?? "",
      invokedMs,
      // Until a completion says better: it never came, so nobody knows.
      endedMs: Infinity,
      outcome: "info",
      acked: [],
      ...line.spread("session", NAME, "session"),
      ...line.spread("live", COUNT, "live"),
      ...(op === "put" || op === "delete" ? line.spread("context", VERSIONS, "context") : {}),
    };
    line.finish();
    if (line.problem !== undefined) return;
    this.#begun.set(client, { line: number, index: this.#operations.push(operation) - 1 });
  }

  #onCompletion(line: LineFields, outcome: Operation["outcome"]): void {
    const client = line.required("client", CLIENT);
    const endedMs = time(line);
    const begun = this.#begun.get(client);
    if (!begun) return line.refuse(`client ${client} ends what it has not begun: no "invoke" of it is open`);
    const operation = this.#operations[begun.index]!;
    const isGet = operation.op === "get";
    // A get that found nothing may say so, or say nothing.
    const value = isGet && outcome === "ok" ? line.optional("value", VALUE) : undefined;
    const ended: Operation = {
      ...operation,
      ...(value === undefined || value === null ? {} : { value }),
      ...(outcome === "info" ? { gaveUpMs: endedMs } : { endedMs }),
      outcome,
      ...(outcome === "ok" ? line.spread("version", VERSION, "version") : {}),
      ...(outcome === "ok" && isGet
        ? { ...siblingsOf(line), ...line.spread("maybe_stale", TRUE, "maybeStale") }
        : {}),
      acked: line.optional("acked", NAMES) ?? [],
      ...line.spread("coordinator", NAME, "coordinator"),
      ...(outcome === "ok" ? {} : line.spread("code", NAME, "code")),
      ...line.spread("live", COUNT, "live"),
    };
    this.#step(line, client, endedMs);
    line.finish();
    this.#begun.delete(client);
    this.#operations[begun.index] = ended;
  }

  #onFault(line: LineFields): void {
    const atMs = time(line);
    const fault: HistoryFault = {
      atMs,
      ...line.spread("until_ms", MILLISECONDS, "untilMs"),
      replicas: line.optional("replicas", NAMES) ?? [],
      text: line.required("text", TEXT),
    };
    if (fault.untilMs !== undefined && fault.untilMs < atMs) {
      line.refuse(`"until_ms" is ${fault.untilMs}, before "time_ms", which is ${atMs}`);
    }
    line.finish();
    this.#faults.push(fault);
  }

  #onFinal(line: LineFields): void {
    const replica = line.required("replica", NAME);
    const atMs = time(line);
    const key = line.optional("key", KEY);
    const held = key === undefined
      ? undefined
      : { ...line.required("version", VERSION), ...line.spread("value", VALUE, "value") };
    line.finish();
    if (line.problem !== undefined) return;
    const name = `${atMs} ${replica}`;
    const snapshot = this.#snapshots.get(name) ?? { replica, atMs, state: new Map<string, HeldKey>() };
    this.#snapshots.set(name, snapshot);
    if (!held) return;
    const others = heldVersions(snapshot.state.get(String(key)));
    if (others.some((other) => compareVersions(other, held) === 0)) {
      line.refuse(`this version of key ${key} of ${replica} at ${atMs} ms was told before`);
    }
    snapshot.state.set(String(key), heldKey([held, ...others]));
  }

  /** A client's own lines stand in the order of time; those of others may stand anywhere. */
  #step(line: LineFields, client: number, ms: number): void {
    const lastMs = this.#lastMs.get(client) ?? 0;
    if (ms < lastMs) line.refuse(`"time_ms" is ${ms}, before client ${client}'s last line at ${lastMs}`);
    this.#lastMs.set(client, ms);
  }
}

/** Greatest first, whatever the order in the line; one alone is told by `version` and `value`. */
function siblingsOf(line: LineFields): Pick<Operation, "siblings"> {
  const siblings = line.optional("siblings", SIBLINGS);
  if (!siblings) return {};
  if (siblings.length < 2) {
    line.refuse(
      `"siblings" names ${siblings.length} versions; allowed: 2 or more, and one alone is "version"`,
    );
  }
  const sorted = [...siblings].sort((a, b) => compareVersions(b, a));
  if (sorted.some((one, index) => index > 0 && compareVersions(one, sorted[index - 1]!) === 0)) {
    line.refuse(`"siblings" names a version twice; each version is one write`);
  }
  return { siblings: sorted };
}

function time(line: LineFields): number {
  return line.required("time_ms", MILLISECONDS);
}

/** Undefined where it is no JSON. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Whatever is wrong with it, the line is no JSON.
    return undefined;
  }
}
