/** Stories of `src/replication/write_round.ts`, `read_round.ts`, `scan_round.ts`, `read_repair.ts` and `hinted_handoff.ts`. @module */
import type { ByteString } from "../../src/base/bytes.ts";
import { ReadRepair } from "../../src/replication/read_repair.ts";
import { ReadRound } from "../../src/replication/read_round.ts";
import { HintedHandoff, type NamedHint } from "../../src/replication/hinted_handoff.ts";
import { ScanRound } from "../../src/replication/scan_round.ts";
import { WriteRound } from "../../src/replication/write_round.ts";
import type { Held } from "../../src/versions/resolve.ts";
import { type Command, playTranscript } from "../harness/transcript.ts";

function story(name: string): URL {
  return new URL(`testdata/${name}.txt`, import.meta.url);
}

function list(ids: readonly string[]): string {
  return ids.join(",") || "nobody";
}

function writeVerdict(round: WriteRound): string {
  const verdict = round.verdict();
  const settled = round.isSettled() ? ", settled" : "";
  switch (verdict.kind) {
    case "waiting":
      return `waiting${settled}`;
    case "done":
      return `done acked=${list(verdict.acked)} missing=${list(verdict.missing)}${settled}`;
    case "failed":
      return `failed acked=${list(verdict.acked)} required=${verdict.required}${settled}`;
  }
}

Deno.test("Write round tells its story", () => {
  let round: WriteRound;
  playTranscript(story("write_round"), ({ name, words, fields }) => {
    if (name === "round") {
      const { naturals = "", required, self = "" } = fields;
      round = new WriteRound({ naturals: naturals.split(","), required: Number(required), self });
    } else if (name === "ack") round.onAck(words[0]!, { counts: words[1] !== "uncounted" });
    else if (name === "fail") round.onFailure(words[0]!);
    else throw new TypeError(`no command ${name}`);
    return writeVerdict(round);
  });
});

/**
 * `7` is version 7, `7a` the same dot with the value "a", `7x` a tombstone, `7<5` one whose writer had seen all up to 5;
 * `7+6` both side by side; `none` is nothing.
 */
function heldOf(text: string): Held {
  if (text === "none") return [];
  return text.split("+").map((each) => {
    const [, stamp, value, seen] = /^(\d+)([a-z]?)(?:<(\d+))?$/.exec(each)!;
    const version = {
      stamp: Number(stamp),
      origin: "r9.9",
      ...(seen === undefined ? {} : { seen: { "r9.9": Number(seen) } }),
    };
    return value === "x" ? version : { ...version, value: value! };
  });
}

function showHeld(held: Held): string {
  return held.map(({ stamp, value }) => `${stamp}${value ?? "x"}`).join(" ") || "none";
}

function readVerdict(round: ReadRound): string {
  const verdict = round.verdict();
  const settled = round.isSettled() ? ", settled" : "";
  switch (verdict.kind) {
    case "waiting":
      return `waiting${settled}`;
    case "answered":
      return `answered v=${showHeld(verdict.held)} by=${list(verdict.answered)} stale=${
        list(round.stale())
      }${settled}`;
    case "failed":
      return `failed answered=${list(verdict.answered)} required=${verdict.required}${settled}`;
  }
}

/** Plays the commands of a read round; undefined for others. */
function stepRound(round: ReadRound | undefined, { name, words, fields }: Command): ReadRound | undefined {
  if (name === "round") {
    const { asked = "", required, self, session } = fields;
    return new ReadRound({
      asked: asked.split(","),
      required: Number(required),
      needsFresh: session === "yes",
      ...(self === undefined ? {} : { self }),
      ...(words.includes("siblings") ? { resolution: { siblings: true } } : {}),
    });
  }
  if (!round) return undefined;
  if (name === "answer") {
    round.onAnswer(words[0]!, heldOf(fields.v!), {
      counts: !words.includes("uncounted"),
      isFresh: words.includes("fresh"),
    });
    return round;
  }
  if (name !== "fail") return undefined;
  round.onFailure(words[0]!);
  return round;
}

Deno.test("Read round tells its story", () => {
  let round: ReadRound | undefined;
  playTranscript(story("read_round"), (command) => {
    const next = stepRound(round, command);
    if (!next) throw new TypeError(`no command ${command.name}`);
    round = next;
    return readVerdict(round);
  });
});

function scanVerdict(round: ScanRound): string {
  const verdict = round.verdict();
  switch (verdict.kind) {
    case "waiting":
      return `waiting for ${list(round.missing().naturals)}`;
    case "failed":
      return `failed for ${list(verdict.naturals)} answered=${list(verdict.answered)}`;
    case "answered": {
      const { entries, more, last } = round.page({ countMax: 9, bytesMax: 99 });
      const keys = entries.map(({ key, held }) => `${key}=${showHeld(held)}`).join(" ") || "nothing";
      return `answered ${keys}${more ? ` up to ${last}` : ""} by=${list(verdict.answered)}`;
    }
  }
}

Deno.test("Scan round tells its story", () => {
  let round: ScanRound;
  let lists: string[][] = [];
  playTranscript(story("scan_round"), ({ name, words, fields }) => {
    if (name === "round") {
      const { asked = "", naturals = "", required, self } = fields;
      lists = naturals.split("/").filter((text) => text !== "").map((text) => text.split(","));
      round = new ScanRound({
        asked: asked.split(",").filter((id) => id !== ""),
        naturals: lists,
        required: Number(required),
        ...(self === undefined ? {} : { self }),
        naturalsOf: (key) => lists[key.charCodeAt(0) % lists.length]!,
        resolution: { siblings: false },
      });
      return "";
    }
    if (name === "page") {
      const [id = "", more] = words;
      const entries = Object.entries(fields).map(([key, text]) => ({
        key: key as ByteString,
        held: heldOf(text),
      }));
      round.onPage(id, { entries, more: more === "more" });
    } else if (name === "fail") round.onFailure(words[0]!);
    else if (name !== "look") throw new TypeError(`no command ${name}`);
    return scanVerdict(round);
  });
});

Deno.test("Read repair tells its story", () => {
  let round: ReadRound | undefined;
  let repair = new ReadRepair({ intervalMs: 0 });
  playTranscript(story("read_repair"), (command) => {
    const { name, words, fields } = command;
    if (name === "repair") {
      repair = new ReadRepair({ intervalMs: Number(fields.interval) });
      return "";
    }
    if (name === "read") {
      return repair.isComparisonDue(words[0]!, Number(fields.at)) ? "compare" : "own copy only";
    }
    if (name === "plan") {
      const plan = repair.plan(round!);
      return plan ? `mend ${list(plan.targets)} with ${showHeld(plan.held)}` : "nothing to mend";
    }
    const next = stepRound(round, command);
    if (!next) throw new TypeError(`no command ${name}`);
    round = next;
    return "";
  });
});

Deno.test("Hinted handoff tells its story", () => {
  let handoff = new HintedHandoff<NamedHint>({ perSecond: 100, timeoutMs: 500 });
  playTranscript(story("hinted_handoff"), ({ name, words, fields }) => {
    const nowMs = Number(fields.at);
    const isYes = (word: string): boolean => words.includes(word);
    switch (name) {
      case "handoff":
        handoff = new HintedHandoff({
          perSecond: Number(fields.per_second),
          timeoutMs: Number(fields.timeout),
        });
        return "";
      case "next": {
        const batch = handoff.nextBatch(nowMs);
        return batch ? `read at most ${batch.countMax} after ${batch.after ?? "nothing"}` : "wait";
      }
      case "batch":
        handoff.onBatch({ last: fields.last, more: isYes("more"), sentCount: Number(fields.sent) }, nowMs);
        return "";
      case "send":
        handoff.onSent(Number(fields.round), { name: words[0]! }, nowMs);
        return "";
      case "delivered": {
        const hint = handoff.onDelivered(Number(fields.round));
        return hint ? `remove ${hint.name}` : "not ours";
      }
      case "refused": {
        const isOurs = handoff.onRefused(Number(fields.round), { isPassing: isYes("full") }, nowMs);
        return isOurs ? "ours" : "not ours";
      }
      case "aside":
        return handoff.isSetAside(words[0]!, nowMs) ? "stays aside" : "try it";
      case "tick":
        handoff.tick(nowMs);
        return "";
      case "lost":
        handoff.onTargetLost();
        return "";
      default:
        throw new TypeError(`no command ${name}`);
    }
  });
});
