/** What the timeline page tells, in words: an operation, a version, a time. Knows nothing of pixels or markup. @module */
import {
  compareVersions,
  type FinalState,
  finalStates,
  heldVersions,
  type History,
  type HistoryFault,
  type HistoryVersion,
  type Operation,
} from "./history.ts";
import { nameVersion } from "./operation_text.ts";
import { cutText, numberText, visibleText } from "./timeline_markup.ts";
import type { Verdict, Violation } from "./verdict.ts";

/** What kept replicas from working, as far as a picture can tell kinds apart. */
export type FaultKind = "down" | "paused" | "cut" | "other";

/** What words make which kind. The first that fits wins. */
const FAULT_WORDS: readonly (readonly [FaultKind, RegExp])[] = [
  ["paused", /paus|stopped by a signal|frozen/i],
  ["cut", /cut (off|from)|nothing (goes|comes|of it)|partition|isolat|one.way|unreachable|severed/i],
  ["down", /did not answer|kill|crash|power|blackout|wipe|disk lost|down|restart|died/i],
];

/** Where times are too large for a picture, they count from the first one. */
const PLAIN_TIME_MS_MAX = 100_000_000;

/** A value in a sentence. */
const VALUE_LENGTH_MAX = 120;

/** A history and what the judges say of it, with the words for both. */
export class TimelineStory {
  readonly history: History;
  readonly verdict: Verdict;
  /** The violation that is told; absent where there is none. */
  readonly violation: Violation | undefined;
  /** The operations that are enough to show it, in order of time; the same objects as in the history. */
  readonly guilty: readonly Operation[];
  /** All faults, lost disks among them, in order of time. */
  readonly faults: readonly HistoryFault[];
  /** What each replica holds in the end. */
  readonly finals: ReadonlyMap<string, FinalState>;
  /** All replicas, in the order of their lanes. */
  readonly replicas: readonly string[];
  /** What is taken off every time. */
  readonly originMs: number;
  /** Guilty operations and their numbers, in order of time. */
  readonly numbers: ReadonlyMap<Operation, number>;
  readonly #ordinals = new Map<string, ReadonlyMap<string, number>>();

  constructor(history: History, verdict: Verdict) {
    this.history = history;
    this.verdict = verdict;
    this.violation = verdict.outcome === "violated" ? verdict.violations[0] : undefined;
    const known = new Map(history.operations.map((operation) => [nameOf(operation), operation]));
    const accused = (this.violation?.operations ?? []).map((operation) => known.get(nameOf(operation)));
    this.guilty = [...new Set(accused.filter((operation) => operation !== undefined))].sort(byTime);
    this.numbers = new Map(this.guilty.map((operation, index) => [operation, index + 1]));
    this.faults = [
      ...history.faults ?? [],
      ...history.diskLosses.map(({ atMs, replica }) => ({ atMs, replicas: [replica], text: "disk lost" })),
    ].sort((a, b) => a.atMs - b.atMs);
    this.finals = finalStates(history);
    this.replicas = [...new Set([...history.replicas ?? [], ...namedReplicas(history).sort(byName)])];
    const firstMs = history.operations.reduce(
      (least, { invokedMs }) => Math.min(least, invokedMs),
      Infinity,
    );
    this.originMs = firstMs > PLAIN_TIME_MS_MAX && firstMs < Infinity ? Math.floor(firstMs) : 0;
    const versions = new Map<string, Map<string, HistoryVersion>>();
    const note = (key: string, version: HistoryVersion | undefined): void => {
      if (!version) return;
      const known = versions.get(key) ?? new Map<string, HistoryVersion>();
      versions.set(key, known.set(nameVersion(version), version));
    };
    for (const operation of history.operations) {
      note(operation.key, operation.version);
      for (const version of [...operation.siblings ?? [], ...operation.context ?? []]) {
        note(operation.key, version);
      }
    }
    for (const state of this.finals.values()) {
      for (const [key, held] of state) for (const version of heldVersions(held)) note(key, version);
    }
    for (const [key, known] of versions) {
      const sorted = [...known.values()].sort(compareVersions);
      this.#ordinals.set(key, new Map(sorted.map((version, index) => [nameVersion(version), index + 1])));
    }
  }

  /** A time, such as `1200.5 ms`. */
  time(ms: number): string {
    if (ms === Infinity) return "never";
    return `${this.originMs > 0 ? "+" : ""}${numberText(ms - this.originMs)} ms`;
  }

  /** How long something takes, such as `1200.5 ms`. */
  length(lengthMs: number): string {
    return `${numberText(lengthMs)} ms`;
  }

  /** A fault with whom it befell and when. */
  faultSentence({ atMs, replicas, text, untilMs }: HistoryFault): string {
    const whom = replicas.length === 0 ? "all replicas" : replicas.join(", ");
    const end = untilMs === undefined
      ? ""
      : untilMs === Infinity
      ? " and ever after"
      : ` to ${this.time(untilMs)}`;
    return `${whom}: ${text}, ${untilMs === undefined ? "at" : "from"} ${this.time(atMs)}${end}`;
  }

  /** The place of a version among all of its key that the story names, such as `#2`. */
  ordinal(key: string, version: HistoryVersion | undefined): string {
    const place = version && this.#ordinals.get(key)?.get(nameVersion(version));
    return place === undefined ? "" : `#${place}`;
  }

  /** A few words for a bar: `put 7 = v5`. */
  label(operation: Operation, valueLengthMax = 18): string {
    const { op, outcome } = operation;
    const key = visibleText(cutText(operation.key, 14));
    if (op === "get") {
      if (outcome !== "ok") return `get ${key} ✗`;
      const length = Math.ceil(valueLengthMax / (operation.siblings?.length ?? 1));
      return `get ${key} → ${contentsOf(operation).map((value) => shortValue(value, length)).join(" | ")}`;
    }
    const mark = outcome === "fail" ? " ✗" : outcome === "info" ? " ?" : "";
    if (op === "delete") return `delete ${key}${mark}`;
    const value = shortValue(operation.value, valueLengthMax);
    if (op === "put") return `put ${key} = ${value}${mark}`;
    return `cas ${key} ${shortValue(operation.expected, valueLengthMax)} ⇒ ${value}${mark}`;
  }

  /** What a second line below a bar says: the version, and who has it. */
  receipt(operation: Operation): string {
    const { acked, code, key, outcome, version } = operation;
    const by = acked.length > 0 ? `by ${cutText(acked.join(" "), 24)}` : "";
    const result = outcome === "ok"
      ? this.ordinal(key, version)
      : code ?? (outcome === "info" ? "no answer" : "failed");
    return [result, by].filter((word) => word !== "").join(" · ");
  }

  /** Everything about an operation, as sentences. */
  sentences(operation: Operation): string {
    const { acked, client, coordinator, key, op, outcome, required } = operation;
    const value = contentText(operation);
    const isRead = op === "get";
    const name = `key ${cutText(key, 60)}`;
    const expected = operation.expected === undefined ? "nothing" : quoted(operation.expected);
    const what = {
      get: `get ${name}`,
      put: `put ${name} = ${value}`,
      delete: `delete ${name}`,
      compare_and_set: `set ${name} to ${value} if it holds ${expected}`,
    }[op];
    const need = required === 0 ? "" : `; ${required} ${required === 1 ? "copy" : "copies"} must answer`;
    const asked = `At ${this.time(operation.invokedMs)} client ${client} asks ${
      coordinator || "a replica"
    } to ${what}${need}.`;
    return `${asked} ${this.#outcome(operation, value)}${
      acked.length > 0 ? ` ${isRead ? "Answered" : "Acknowledged"} by ${acked.join(", ")}.` : ""
    }${outcome === "ok" && isRead ? this.#seen(operation) : ""}`;
  }

  #seen({ key, version, siblings }: Operation): string {
    if (!siblings) return version ? ` It saw ${this.version({ key, version })}.` : "";
    return ` It saw ${siblings.map((sibling) => this.version({ key, version: sibling })).join(" and ")}.`;
  }

  /** A version in full: `version #2 (r1.a@5)`. */
  version({ key, version }: { readonly key: string; readonly version?: HistoryVersion }): string {
    return version ? `version ${this.ordinal(key, version)} (${nameVersion(version)})` : "no version";
  }

  #outcome(operation: Operation, value: string): string {
    const { code, endedMs, op, outcome } = operation;
    const why = code ? ` (${code})` : "";
    switch (outcome) {
      case "ok":
        if (op === "get") return `At ${this.time(endedMs)} the answer is ${value}.`;
        return `At ${this.time(endedMs)} it is done${
          operation.version ? ` as ${this.version(operation)}` : ""
        }.`;
      case "fail": {
        const end = endedMs === Infinity ? "It" : `At ${this.time(endedMs)} it`;
        return `${end} fails${why}: ${op === "get" ? "nothing was read" : "certainly nothing was written"}.`;
      }
      case "info":
        return op === "get"
          ? `No answer${why}: nothing was read.`
          : `No answer${why}: it may take effect at any later time, or never.`;
    }
  }
}

/** What kind of fault this is, by its words. */
export function faultKind({ text }: HistoryFault): FaultKind {
  return FAULT_WORDS.find(([, pattern]) => pattern.test(text))?.[0] ?? "other";
}

/** The order of invocation; operations of one moment by client, key and end, so that a page is always the same. */
export function byTime(a: Operation, b: Operation): number {
  if (a.invokedMs !== b.invokedMs) return a.invokedMs - b.invokedMs;
  if (a.client !== b.client) return a.client - b.client;
  if (a.key !== b.key) return a.key < b.key ? -1 : 1;
  return a.endedMs === b.endedMs ? 0 : a.endedMs - b.endedMs;
}

/** Names in the order that people expect: r2 before r10. */
export function byName(a: string, b: string): number {
  const [, wordA = "", digitsA = ""] = /^(\D*)(\d*)/.exec(a) ?? [];
  const [, wordB = "", digitsB = ""] = /^(\D*)(\d*)/.exec(b) ?? [];
  if (wordA === wordB && digitsA !== digitsB) {
    return Number(digitsA) - Number(digitsB) || (digitsA < digitsB ? -1 : 1);
  }
  return a < b ? -1 : a > b ? 1 : 0;
}

/** A value in a table or a sentence. */
export function quoted(value: string): string {
  const cut = cutText(value, VALUE_LENGTH_MAX);
  return `“${cut}”${cut === value ? "" : ` (${value.length} characters)`}`;
}

/** What an operation found or wrote, in quotation marks; of several siblings all. */
export function contentText(operation: Operation): string {
  return contentsOf(operation).map((value) => value === undefined ? "nothing" : quoted(value)).join(" and ");
}

/** What was found or written: one, or as many as there are siblings. */
function contentsOf({ siblings, value }: Operation): readonly (string | undefined)[] {
  return siblings ? siblings.map((sibling) => sibling.value ?? undefined) : [value];
}

function shortValue(value: string | undefined, lengthMax: number): string {
  if (value === undefined) return "nothing";
  return value.trim() === ""
    ? `“${visibleText(cutText(value, lengthMax))}”`
    : visibleText(cutText(value, lengthMax));
}

/** Tells an operation from all others of a history: a client does one thing at a time. */
function nameOf({ client, invokedMs, key, op, value }: Operation): string {
  return JSON.stringify([client, invokedMs, op, key, value]);
}

function namedReplicas(history: History): string[] {
  const names = new Set<string>();
  for (const { acked, coordinator } of history.operations) {
    if (coordinator !== "") names.add(coordinator);
    for (const replica of acked) names.add(replica);
  }
  for (const { replicas } of history.faults ?? []) {
    for (const replica of replicas) names.add(replica);
  }
  for (const { replica } of [...history.diskLosses, ...history.snapshots ?? []]) names.add(replica);
  return [...names];
}
