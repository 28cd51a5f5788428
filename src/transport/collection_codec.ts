/** What a member tells of the collection of tombstones, from untrusted JSON. Wire format: only append. @module */
import type { CollectionAccount } from "../membership/messages.ts";
import { isStamp } from "../versions/stamp.ts";
import { isCount, isEpoch, isFields, isName } from "./fields.ts";

/** Keyspaces or members that one account names; far above what a configuration allows. */
const NAMES_MAX = 1024;

const LAYOUT = /^[0-9a-f]{16}$/;

/** The account, or undefined. */
export function parseCollection(input: unknown): CollectionAccount | undefined {
  if (!isFields(input)) return undefined;
  const { layout, promise, floors, foreign, wants, agreed } = input;
  if (typeof layout !== "string" || !LAYOUT.test(layout) || !isPromise(promise)) return undefined;
  if (floors !== undefined && !isRecordOf(floors, isPromise)) return undefined;
  if (foreign !== undefined && !isForeign(foreign)) return undefined;
  if (wants !== undefined && typeof wants !== "boolean") return undefined;
  if (agreed !== undefined && !isRecordOf(agreed, isAgreement)) return undefined;
  return {
    layout,
    promise,
    ...(floors === undefined ? {} : { floors }),
    ...(foreign === undefined ? {} : { foreign }),
    ...(wants === true ? { wants } : {}),
    ...(agreed === undefined ? {} : { agreed }),
  };
}

/** Whether `value` is a stamp, or 0 for none. */
function isPromise(value: unknown): value is number {
  return isCount(value) && (value === 0 || isStamp(value));
}

function isAgreement(value: unknown): value is readonly [string, number] {
  return Array.isArray(value) && value.length === 2 && isEpoch(value[0]) && isPromise(value[1]);
}

function isForeign(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.length <= NAMES_MAX && value.every(isName);
}

function isRecordOf<T>(
  value: unknown,
  isItem: (item: unknown) => item is T,
): value is Readonly<Record<string, T>> {
  if (!isFields(value)) return false;
  const entries = Object.entries(value);
  return entries.length <= NAMES_MAX && entries.every(([name, item]) => isName(name) && isItem(item));
}
