/** Valid lines, drawn: requests of clients, and messages of a peer. What is wrong with them is `mutation.ts`'s business. @module */
import type { Random } from "../../src/base/random.ts";
import { stampOf } from "../../src/versions/stamp.ts";
import { drawRepairMessage } from "./repair_grammar.ts";
import { DRAWN_VALUE_BYTES_MAX, KEYSPACES, LARGE_KEY_FIRST, VALUE_BYTES_MAX } from "./target.ts";

/** A JSON value. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };

const LEVELS = ["ONE", "TWO", "THREE", "QUORUM", "ALL", "quorum"];
const TEXT_KEY_COUNT = 64;
const WORDS = ["", "x", "né", "😀", "～", "\0", "\u2028", "\\", '"', "a\nb", "0", "null", "{}"];

/** One request as a client may ask it. */
export function drawRequest(random: Random): { readonly [name: string]: Json } {
  const id = random.chance(800) ? random.below(1_000_000) : `id-${random.below(1000)}`;
  const op = random.pick(["put", "put", "get", "get", "delete", "inspect", "scan", "status"]);
  if (op === "status") return { id, op };
  const isByte = random.chance(600);
  const keyspace = isByte
    ? random.chance(500) ? {} : { keyspace: KEYSPACES.bytes }
    : { keyspace: KEYSPACES.texts };
  if (op === "inspect") {
    const range: { [name: string]: Json } = random.chance(500)
      ? { keys: Array.from({ length: random.below(20) }, () => drawKey(random, isByte)) }
      : random.chance(500)
      ? { after: drawKey(random, isByte), limit: random.between(1, 256) }
      : {};
    return { id, op, ...keyspace, ...range };
  }
  const key = drawKey(random, isByte);
  const level: { [name: string]: Json } = random.chance(700) ? { level: random.pick(LEVELS) } : {};
  if (op === "scan") {
    return {
      id,
      op,
      ...keyspace,
      ...level,
      ...(random.chance(300) ? { after: key } : {}),
      ...(random.chance(300) ? { prefix: random.pick(WORDS) } : {}),
      ...(random.chance(500) ? { limit: random.between(1, 256) } : {}),
      ...(random.chance(500) ? { keys_only: true } : {}),
    };
  }
  const trace: { [name: string]: Json } = random.chance(50) ? { trace: true } : {};
  return {
    id,
    op,
    ...keyspace,
    key,
    ...(op === "put" ? { value: drawValue(random) } : {}),
    ...level,
    ...trace,
  };
}

/** A put of the largest kind. Not to be mutated: under any other key it would let the store grow. */
export function drawLargePut(random: Random): { readonly [name: string]: Json } {
  const key = random.between(LARGE_KEY_FIRST, 255);
  return { id: 1, op: "put", key, value: "L".repeat(random.between(1, VALUE_BYTES_MAX)), level: "ONE" };
}

/** One message as a peer may send it; `nowMs` is the wall clock. */
export function drawMessage(random: Random, nowMs: number): { readonly [name: string]: Json } {
  const round = random.below(2 ** 32);
  const isByte = random.chance(600);
  const about: { [name: string]: Json } = {
    keyspace: isByte ? KEYSPACES.bytes : KEYSPACES.texts,
    key: drawKey(random, isByte),
  };
  const recovering: { [name: string]: Json } = random.chance(200) ? { recovering: true } : {};
  const versions = (countMin: number): Json =>
    Array.from({ length: random.between(countMin, 3) }, () => drawVersion(random, nowMs));
  switch (random.below(13)) {
    case 10:
    case 11:
    case 12:
      return drawRepairMessage(random, round, {
        keyspace: about.keyspace!,
        drawKey: () => drawKey(random, isByte),
        drawVersions: versions,
        drawStamp: () => drawVersion(random, nowMs).stamp!,
      });
    case 0:
    case 1:
      return {
        type: random.pick(["heartbeat", "heartbeat_ack"]),
        epoch: drawEpoch(random),
        known_epochs: Array.from({ length: random.below(4) }, () => drawEpoch(random)),
        wall_ms: nowMs + random.between(-100_000, 100_000),
        recovering: random.chance(300),
      };
    case 2:
    case 3:
      return {
        type: "write",
        round,
        cause: random.pick(["put", "repair", "hint"]),
        ...about,
        versions: versions(1),
      };
    case 4: {
      const { stamp, origin } = drawVersion(random, nowMs);
      const by: { [name: string]: Json } = random.chance(300)
        ? { superseded_by: { stamp: stamp!, origin: origin! } }
        : {};
      return { type: "written", round, ...by, ...recovering };
    }
    case 5:
      return {
        type: "refused",
        round,
        code: random.pick(["disk_full", "overloaded"]),
        message: random.pick(WORDS),
      };
    case 6:
      return { type: "read", round, ...about };
    case 7:
      return { type: "answer", round, versions: versions(0), ...recovering };
    case 8:
      if (random.chance(500)) return drawScan(random, round, about);
      return {
        type: "fill",
        round,
        keyspace: about.keyspace!,
        ...(random.chance(500) ? { after: about.key! } : {}),
      };
    default: {
      const entries = Array.from(
        { length: random.below(4) },
        () => ({ key: drawKey(random, isByte), versions: versions(0) }),
      );
      return { type: random.pick(["filled", "scanned"]), round, entries, more: random.chance(500) };
    }
  }
}

function drawScan(
  random: Random,
  round: number,
  about: { readonly [name: string]: Json },
): { readonly [name: string]: Json } {
  return {
    type: "scan",
    round,
    keyspace: about.keyspace!,
    limit: random.between(1, 256),
    ...(random.chance(500) ? { after: about.key! } : {}),
    ...(random.chance(200) ? { prefix: random.pick(WORDS) } : {}),
    ...(random.chance(500) ? { keys_only: true } : {}),
  };
}

function drawKey(random: Random, isByte: boolean): Json {
  if (isByte) return random.below(LARGE_KEY_FIRST);
  return `key ${random.below(TEXT_KEY_COUNT)} ${random.pick(WORDS)}`.slice(0, 12);
}

function drawValue(random: Random): string {
  const word = random.chance(300) ? random.pick(WORDS) : "v";
  const count = random.chance(30) ? random.below(DRAWN_VALUE_BYTES_MAX / 8) : random.below(40);
  return word.repeat(count);
}

function drawVersion(random: Random, nowMs: number): { readonly [name: string]: Json } {
  const now = stampOf(nowMs);
  const stamp = random.pick([
    1,
    random.between(1, 1000),
    now - random.below(2 ** 30),
    now + random.below(2 ** 20),
  ]);
  const vector = (): Json =>
    Object.fromEntries(
      Array.from({ length: random.below(3) }, () => [drawOrigin(random), random.between(1, 9)]),
    );
  return {
    stamp,
    origin: drawOrigin(random),
    ...(random.chance(800) ? { value: drawValue(random) } : {}),
    ...(random.chance(200) ? { seen: vector() } : {}),
    ...(random.chance(200) ? { deps: vector() } : {}),
  };
}

function drawOrigin(random: Random): string {
  return `r${random.between(1, 6)}.${drawEpoch(random)}`;
}

function drawEpoch(random: Random): string {
  return random.below(2 ** 20).toString(16);
}
