/** What goes wrong with a valid line: at the level of JSON values, and at that of bytes. @module */
import type { Random } from "../../src/base/random.ts";
import type { Json } from "./grammar.ts";

/** Names that mean something to JavaScript, to our protocol, or to nobody. */
const NAMES = [
  ..."__proto__ constructor prototype toString hasOwnProperty valueOf length then toJSON".split(" "),
  ..."id op key keyspace value level keys after limit trace type round versions stamp origin hello welcome"
    .split(" "),
  ...["", " ", "é", "\ud800", "a".repeat(300)],
];

const SCALARS: readonly Json[] = [
  ...[
    null,
    true,
    false,
    0,
    -0,
    -1,
    1,
    0.5,
    255,
    256,
    1e21,
    1e308,
    -1e308,
    5e-324,
    2 ** 31,
    2 ** 32,
    2 ** 53 - 1,
    2 ** 53,
  ],
  ...[
    "",
    "\0",
    "\ud800",
    "x\udfff",
    "\u202e",
    "😀",
    "true",
    "7",
    "ONE",
    "put",
    "main",
    "items",
    "polite",
    "x".repeat(2000),
  ],
  ...["__proto__", "constructor", "../../etc/passwd", "'; DROP TABLE", "%s%n", "9".repeat(400)],
];

/** Deeper than any walk that calls itself can go. */
const DEPTH_MAX = 100_000;

/** The same value with one or two things changed somewhere in it. */
export function mutateJson(random: Random, value: Json): Json {
  let mutated = value;
  for (let count = random.between(1, 2); count > 0; count--) mutated = mutateOnce(random, mutated);
  return mutated;
}

function mutateOnce(random: Random, value: Json): Json {
  // Deeper with each step: most changes hit a field, and some the whole.
  if (Array.isArray(value) && value.length > 0 && random.chance(700)) {
    const index = random.below(value.length);
    return value.map((item, at) => at === index ? mutateOnce(random, item) : item);
  }
  if (isObject(value) && random.chance(990)) return mutateObject(random, value);
  switch (random.below(6)) {
    case 0:
      return [value];
    case 1:
      return withField({}, random.pick(NAMES), value);
    case 2:
      return Array.from({ length: random.pick([0, 2, 257, 1025]) }, () => null);
    case 3:
      return typeof value === "string" ? value + random.pick(NAMES) : JSON.stringify(value);
    default:
      return random.pick(SCALARS);
  }
}

function mutateObject(random: Random, value: { readonly [name: string]: Json }): Json {
  const names = Object.keys(value);
  const name = names.length > 0 ? random.pick(names) : random.pick(NAMES);
  const entries = Object.entries(value);
  const without = fromEntries(entries.filter(([other]) => other !== name));
  switch (random.below(5)) {
    case 0:
      return without;
    case 1:
      return withField(value, random.pick(NAMES), random.pick(SCALARS));
    case 2:
      return withField(without, random.pick(NAMES), value[name] ?? null);
    default:
      return fromEntries(
        entries.map(([other, field]) => [other, other === name ? mutateOnce(random, field) : field]),
      );
  }
}

function isObject(value: Json): value is { readonly [name: string]: Json } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Why defined and not assigned: `__proto__` is to be a field like any other, and to reach the wire. */
function withField(
  value: { readonly [name: string]: Json },
  name: string,
  field: Json,
): { readonly [name: string]: Json } {
  return fromEntries([...Object.entries(value), [name, field]]);
}

function fromEntries(entries: readonly (readonly [string, Json])[]): { readonly [name: string]: Json } {
  const object = {};
  for (const [name, value] of entries) {
    Object.defineProperty(object, name, { value, enumerable: true, configurable: true, writable: true });
  }
  return object;
}

/** Lines that are hostile as text, and need no valid one to begin with. */
export function drawHostileText(random: Random): string {
  const depth = random.pick([10, 1000, DEPTH_MAX]);
  switch (random.below(9)) {
    case 0:
      return "[".repeat(depth);
    case 1:
      return "[".repeat(depth) + "]".repeat(depth);
    case 2:
      return `${'{"a":'.repeat(depth)}1${"}".repeat(depth)}`;
    case 3:
      return `{"id":1,"op":"put","key":7,"value":${"[".repeat(depth)}${"]".repeat(depth)}}`;
    case 4:
      return `{"id":${"9".repeat(random.between(1, 5000))},"op":"get","key":1e${random.between(1, 999)}}`;
    case 5:
      return `{"id":1,"id":2,"op":"get","op":"status","key":1,"key":${random.below(300)}}`;
    case 6:
      return `"${"\\ud800".repeat(random.between(1, 2000))}"`;
    case 7:
      return random.pick([
        "GET / HTTP/1.1\r\nHost: x\r\n",
        "POST /kv HTTP/1.0",
        "\x16\x03\x01\x02\0\x01",
        "SSH-2.0-x",
        "*1\r\n$4\r\nPING",
      ]);
    default:
      return `[${'{"id":1,"op":"status"},'.repeat(random.between(0, 1100))}{"id":2,"op":"status"}]`;
  }
}

/** The same bytes with one to four pieces changed, moved, doubled or lost. */
export function mutateBytes(random: Random, bytes: Uint8Array): Uint8Array {
  let mutated = bytes;
  for (let count = random.between(1, 4); count > 0; count--) mutated = mutateBytesOnce(random, mutated);
  return mutated;
}

function mutateBytesOnce(random: Random, bytes: Uint8Array): Uint8Array {
  const at = random.below(bytes.length + 1);
  const end = Math.min(bytes.length, at + random.between(1, 16));
  switch (random.below(6)) {
    case 0: {
      const flipped = bytes.slice();
      if (at < flipped.length) flipped[at]! ^= 1 << random.below(8);
      return flipped;
    }
    case 1:
      return join(bytes.subarray(0, at), drawBytes(random, random.between(1, 16)), bytes.subarray(at));
    case 2:
      return join(bytes.subarray(0, at), bytes.subarray(end));
    case 3:
      return join(bytes.subarray(0, end), bytes.subarray(at));
    case 4:
      return join(
        bytes.subarray(0, at),
        Uint8Array.of(random.pick([0, 10, 13, 34, 92, 0xc0, 0xff])),
        bytes.subarray(at),
      );
    default:
      return bytes.slice(0, at);
  }
}

/** Any bytes. */
export function drawBytes(random: Random, count: number): Uint8Array {
  return Uint8Array.from({ length: count }, () => random.below(256));
}

function join(...parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}
