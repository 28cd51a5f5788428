/**
 * Messages between replicas on the wire: an array of them a line. Hand-written, because it runs for every copy of every
 * write. Wire format: only append; fields that are not known are ignored, types that are not known are skipped.
 * @module
 */
import { assert } from "../base/assert.ts";
import { encodeText } from "../base/bytes.ts";
import type { Heartbeat } from "../membership/messages.ts";
import { isErrorCode } from "../protocol/error_codes.ts";
import { PAGE_COUNT_MAX } from "../protocol/limits.ts";
import type { Message } from "../replica/envelope.ts";
import type { FilledMessage, WriteMessage, WrittenMessage } from "../replication/messages.ts";
import { isStamp } from "../versions/stamp.ts";
import { isOrigin, parseVector } from "../versions/version.ts";
import { type Fields, isCount, isEpoch, isFields, isName, isWireKey, parseJson } from "./fields.ts";
import { parseAntiEntropy } from "./anti_entropy_codec.ts";
import { parseCollection } from "./collection_codec.ts";
import { parseEntries, parseVersions } from "./entry_codec.ts";
import { encodeForwarded, parseForward, parseForwarded } from "./forward_codec.ts";
import { type Line, LineSplitter } from "./ndjson.ts";
import { parseScanMessage, parseScannedMessage } from "./page_codec.ts";

/** Epochs that one replica may tell it has known. */
const EPOCH_COUNT_MAX = 1024;
/** Acknowledgements in one message. */
const ROUND_COUNT_MAX = 1024;
/** A line is closed once it is this long, so that the other side can begin with it. */
const LINE_CHARS_AIM = 64 * 1024;
/** UTF-8 bytes that one UTF-16 unit can take. */
const BYTES_PER_CHAR_MAX = 3;

/** The messages of one line, and how many were skipped because this version cannot read them. */
export interface ParsedMessages {
  readonly messages: readonly Message[];
  readonly skippedCount: number;
}

/** The JSON of one message. Once for all its receivers. */
export function encodeMessage(message: Message): string {
  if (message.type === "forwarded") return encodeForwarded(message);
  return JSON.stringify(message);
}

/** Messages that acknowledge the writes of these rounds, and say nothing else of them. */
export function encodeWrittenRounds(rounds: readonly number[]): string[] {
  if (rounds.length === 1) return [encodeMessage({ type: "written", round: rounds[0]! })];
  const encoded: string[] = [];
  for (let begin = 0; begin < rounds.length; begin += ROUND_COUNT_MAX) {
    encoded.push(`{"type":"written","rounds":[${rounds.slice(begin, begin + ROUND_COUNT_MAX).join(",")}]}`);
  }
  return encoded;
}

/** Lines, each with its end, that carry encoded messages in order, none over `lineBytesMax`. */
export function joinMessages(encoded: readonly string[], lineBytesMax: number): string {
  const charsMax = Math.min(LINE_CHARS_AIM, Math.floor(lineBytesMax / BYTES_PER_CHAR_MAX));
  let lines = "";
  let begin = 0;
  let chars = 2;
  for (let i = 0; i < encoded.length; i++) {
    const size = encoded[i]!.length + 1;
    assert(
      size + 2 <= charsMax || fitsLine(encoded[i]!, lineBytesMax),
      () => `a message exceeds line_bytes_max = ${lineBytesMax}: ${encoded[i]!.slice(0, 80)}`,
    );
    if (i > begin && chars + size > charsMax) {
      lines += `[${encoded.slice(begin, i).join(",")}]\n`;
      begin = i;
      chars = 2;
    }
    chars += size;
  }
  // Why: most lines carry one message, and to join one is to copy it.
  if (encoded.length === 1) return `[${encoded[0]}]\n`;
  return begin < encoded.length ? `${lines}[${encoded.slice(begin).join(",")}]\n` : lines;
}

/** Whether a line of this one message stays within the limit. A configuration has room for any value that it allows. */
export function fitsLine(encoded: string, lineBytesMax: number): boolean {
  return (encoded.length + 2) * BYTES_PER_CHAR_MAX <= lineBytesMax ||
    encodeText(encoded).length + 2 <= lineBytesMax;
}

/** The messages of a line from a peer; undefined where the line is no array of objects. */
export function parseMessageLine(line: Line): ParsedMessages | undefined {
  const input = line === null ? undefined : parseJson(line);
  if (!Array.isArray(input)) return undefined;
  const messages: Message[] = [];
  let skippedCount = 0;
  for (let i = 0; i < input.length; i++) {
    const item = input[i];
    if (!isFields(item)) return undefined;
    if (item.rounds !== undefined) {
      if (!parseWrittenRounds(item, messages)) skippedCount++;
      continue;
    }
    const message = parseMessage(item);
    if (message === undefined) skippedCount++;
    else messages.push(message);
  }
  return { messages, skippedCount };
}

/** Messages as their receiver would get them: through text, bytes, lines and all checks. For the simulator. */
export function roundTripMessages(messages: readonly Message[], lineBytesMax: number): readonly Message[] {
  return carryLine(joinMessages(messages.map(encodeMessage), lineBytesMax), lineBytesMax, messages.length);
}

/** One line of ASCII with its end. */
const ASCII_LINE = /^[\x20-\x7e]*\n$/;

/** The `count` messages of a line, as their receiver would get them. For the simulator. */
export function carryLine(line: string, lineBytesMax: number, count: number): readonly Message[] {
  // Why: ASCII is its own UTF-8, and making bytes of it and text again is a third of what carrying costs.
  const isItsBytes = line.length <= lineBytesMax && ASCII_LINE.test(line);
  const carried = isItsBytes
    ? parseMessageLine(line.slice(0, -1))?.messages ?? []
    : new LineSplitter(lineBytesMax).feed(encodeText(line)).lines
      .flatMap((text) => parseMessageLine(text)?.messages ?? []);
  assert(carried.length === count, () => `the codec lost a message: ${line.slice(0, 200)}`);
  return carried;
}

/** A message from untrusted JSON, or undefined. */
export function parseMessage(input: unknown): Message | undefined {
  if (!isFields(input)) return undefined;
  if (input.type === "heartbeat" || input.type === "heartbeat_ack") return parseHeartbeat(input.type, input);
  const round = input.round;
  if (!isCount(round)) return undefined;
  switch (input.type) {
    case "write":
      return parseWrite(round, input);
    case "written":
      return parseWritten(round, input);
    case "refused": {
      const { code, message } = input;
      if (!isErrorCode(code) || typeof message !== "string") return undefined;
      return { type: "refused", round, code, message };
    }
    case "read": {
      const { keyspace, key } = input;
      if (!isName(keyspace) || !isWireKey(key)) return undefined;
      if (input.vector === undefined) return { type: "read", round, keyspace, key };
      const vector = parseVector(input.vector);
      return vector && { type: "read", round, keyspace, key, vector };
    }
    case "answer": {
      const versions = parseVersions(input.versions);
      if (versions === undefined) return undefined;
      return {
        type: "answer",
        round,
        versions,
        ...(input.recovering === true ? { recovering: true } : {}),
        ...(input.fresh === true ? { fresh: true } : {}),
      };
    }
    case "fill": {
      const { keyspace, after } = input;
      if (!isName(keyspace) || (after !== undefined && !isWireKey(after))) return undefined;
      return { type: "fill", round, keyspace, ...(after === undefined ? {} : { after }) };
    }
    case "filled":
      return parseFilled(round, input);
    case "forward":
      return parseForward(round, input);
    case "forwarded":
      return parseForwarded(round, input);
    case "scan":
      return parseScanMessage(round, input);
    case "scanned":
      return parseScannedMessage(round, input);
    default:
      return parseAntiEntropy(round, input);
  }
}

function parseHeartbeat(type: Heartbeat["type"], input: Fields): Heartbeat | undefined {
  const { epoch, known_epochs, wall_ms, recovering } = input;
  if (!isEpoch(epoch) || !Number.isFinite(wall_ms) || typeof recovering !== "boolean") return undefined;
  if (!Array.isArray(known_epochs) || known_epochs.length > EPOCH_COUNT_MAX) return undefined;
  if (!known_epochs.every(isEpoch)) return undefined;
  const { complete, fence, fenced } = input;
  if (complete !== undefined && !isComplete(complete)) return undefined;
  if (fence !== undefined && !isStamp(fence) || fenced !== undefined && !isStamp(fenced)) return undefined;
  const collection = input.collection === undefined ? undefined : parseCollection(input.collection);
  if (input.collection !== undefined && collection === undefined) return undefined;
  return {
    type,
    epoch,
    known_epochs,
    wall_ms: wall_ms as number,
    recovering,
    ...(complete === undefined ? {} : { complete }),
    ...(fence === undefined ? {} : { fence }),
    ...(fenced === undefined ? {} : { fenced }),
    ...(collection === undefined ? {} : { collection }),
  };
}

function isComplete(value: unknown): value is NonNullable<Heartbeat["complete"]> {
  return isFields(value) && isEpoch(value.epoch) && isStamp(value.until) && isCount(value.hold);
}

function parseWrite(round: number, input: Fields): WriteMessage | undefined {
  const { cause, keyspace, key } = input;
  if (cause !== "put" && cause !== "repair" && cause !== "hint") return undefined;
  if (!isName(keyspace) || !isWireKey(key)) return undefined;
  const versions = parseVersions(input.versions);
  if (versions === undefined || versions.length === 0) return undefined;
  return { type: "write", round, cause, keyspace, key, versions };
}

/** Adds one message for each round; false, and none, where it is not a list of acknowledgements. */
function parseWrittenRounds({ type, rounds }: Fields, messages: Message[]): boolean {
  if (type !== "written" || !Array.isArray(rounds) || rounds.length > ROUND_COUNT_MAX) return false;
  if (!rounds.every(isCount)) return false;
  for (let i = 0; i < rounds.length; i++) messages.push({ type: "written", round: rounds[i] as number });
  return true;
}

function parseWritten(round: number, input: Fields): WrittenMessage | undefined {
  const by = input.superseded_by;
  const recovering = input.recovering === true ? { recovering: true as const } : {};
  if (by === undefined) return { type: "written", round, ...recovering };
  if (!isFields(by)) return undefined;
  const { stamp, origin } = by;
  if (!isStamp(stamp) || !isOrigin(origin)) return undefined;
  return { type: "written", round, superseded_by: { stamp, origin }, ...recovering };
}

function parseFilled(round: number, input: Fields): FilledMessage | undefined {
  const { more } = input;
  const entries = parseEntries(input.entries, PAGE_COUNT_MAX);
  if (entries === undefined || typeof more !== "boolean") return undefined;
  return { type: "filled", round, entries, more };
}
