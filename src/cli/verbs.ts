/** All verbs of `quartet client`, and the names under which people know them. @module */
import { type Arguments, type Flags, nearestOf, UsageError } from "./arguments.ts";
import { FAULT } from "./fault_verb.ts";
import { INSPECT } from "./inspect_verb.ts";
import { DELETE, GET, PUT } from "./key_verbs.ts";
import { LOCATE } from "./locate_verb.ts";
import { REPAIR } from "./repair_verb.ts";
import { RESOLVE } from "./resolve_verb.ts";
import { KEYS, SCAN } from "./scan_verbs.ts";
import { STATUS } from "./status_verb.ts";
import { cut } from "./table.ts";
import type { Verb } from "./verb.ts";
import { WAIT } from "./wait_verb.ts";
import { WORKLOAD } from "./workload_verb.ts";

/** In the order in which help names them. */
export const VERBS: readonly Verb[] = [
  GET,
  PUT,
  DELETE,
  RESOLVE,
  KEYS,
  SCAN,
  STATUS,
  INSPECT,
  LOCATE,
  REPAIR,
  WAIT,
  FAULT,
  WORKLOAD,
];

/** What other stores call our verbs. They work as the verbs themselves do. */
export const ALIASES: ReadonlyMap<string, string> = new Map([
  ["read", "get"],
  ["set", "put"],
  ["write", "put"],
  ["del", "delete"],
  ["rm", "delete"],
  ["remove", "delete"],
  ["list", "keys"],
  ["ls", "keys"],
  ["where", "locate"],
  ["sync", "repair"],
]);

/** What other tools call what `status` shows. */
const STATUS_NAMES: ReadonlySet<string> = new Set([
  "ping",
  "info",
  "health",
  "member",
  "members",
  "endpoint",
]);

/** Columns of an unknown verb that an error repeats. */
const NAME_WIDTH_MAX = 40;

/** Those that a line of a console or a script may begin with. */
export const LINE_VERBS: readonly Verb[] = VERBS.filter(({ isOfShell }) => isOfShell !== true);

/** The one of `verbs` with this name or alias, in any case. Throws `UsageError`, which may suggest one of `others` too. */
export function verbOf(name: string, others: readonly string[], verbs: readonly Verb[] = VERBS): Verb {
  const verb = findVerb(name);
  if (verb !== undefined && verbs.includes(verb)) return verb;
  const names = [...verbs.map((candidate) => candidate.name), ...others];
  const word = name.toLowerCase();
  const nearest = STATUS_NAMES.has(word) ? STATUS.name : nearestOf(word, names);
  throw new UsageError(
    `unknown verb "${cut(name, NAME_WIDTH_MAX)}"; ` +
      (nearest === undefined ? `known: ${names.join(" ")}` : `did you mean ${nearest}?`),
  );
}

/** The verb of this name or alias, in any case, or undefined. */
export function findVerb(name: string): Verb | undefined {
  const word = name.toLowerCase();
  const meant = ALIASES.get(word) ?? word;
  return VERBS.find((candidate) => candidate.name === meant);
}

/** Flags of all verbs: those of one are refused by another with a word on where they belong. */
export function flagsOfAllVerbs(): Flags {
  return Object.assign({}, ...VERBS.map(({ flags }) => flags));
}

/** Throws `UsageError` where a flag is neither one of `common` nor the verb's own. */
export function refuseForeignFlags(verb: Verb, { flags }: Arguments, common: Flags): void {
  for (const name of flags.keys()) {
    if (Object.hasOwn(common, name) || Object.hasOwn(verb.flags, name)) continue;
    const owners = VERBS.filter((other) => Object.hasOwn(other.flags, name)).map((other) => other.name);
    const owner = owners.join(", ") || "a console or a script: quartet client without a verb";
    throw new UsageError(`${verb.name} takes no --${name}; it belongs to ${owner}`);
  }
}
