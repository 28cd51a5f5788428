/**
 * One page of a coordinated scan: collects the pages of several replicas until every key that may lie in them is answered
 * by enough that hold it, and merges them by key. Knows keys, versions and names; no messages, clocks or stores.
 *
 * ```
 * r1  a b . d e │ more      All have said what they hold up to the smallest last key of those that hold more: here e.
 * r2  a . c d e f g │ more  Behind it r2 may know a key that r1 did not come to, so the merged page ends there.
 * r3  . b c . . f │
 * ```
 * @module
 */
import type { ByteString } from "../base/bytes.ts";
import { mark } from "../base/mark.ts";
import { type Held, type Resolution, resolve } from "../versions/resolve.ts";

/** What one replica holds of one key. */
export interface HeldEntry {
  readonly key: ByteString;
  readonly held: Held;
}

/** What one replica holds, in key order; `more`: it holds keys behind the last one. */
export interface HeldPage {
  readonly entries: readonly HeldEntry[];
  readonly more: boolean;
}

/** What remains of all pages, in key order, without deletes. */
export interface MergedPage extends HeldPage {
  /** The page speaks of all keys up to this one; undefined: to the end. */
  readonly last: ByteString | undefined;
}

/** How a scan stands. */
export type ScanVerdict =
  | { readonly kind: "waiting" }
  /** In the order asked. */
  | { readonly kind: "answered"; readonly answered: readonly string[] }
  /** Of the keys that these replicas hold too few can answer any more. */
  | { readonly kind: "failed"; readonly naturals: readonly string[]; readonly answered: readonly string[] };

/** What a round is about. */
export interface ScanRoundOptions {
  /** Whom is asked, in id order. */
  readonly asked: readonly string[];
  /** The replicas of each key that may lie in the page: one list for keys with the same ones. */
  readonly naturals: readonly (readonly string[])[];
  /** Answers that each of these lists needs. */
  readonly required: number;
  /** The coordinator, where it is asked: its answer is always among those that count. */
  readonly self?: string;
  readonly naturalsOf: (key: ByteString) => readonly string[];
  readonly resolution: Resolution;
}

/** Bounds of a merged page. It holds one key at least, however large that is, where there is any. */
export interface PageBounds {
  readonly countMax: number;
  readonly bytesMax: number;
}

/** Invariant: `asked` is partitioned into those that answered, failed and are pending. */
export class ScanRound {
  readonly #options: ScanRoundOptions;
  readonly #pages = new Map<string, HeldPage>();
  readonly #failed = new Set<string>();

  constructor(options: ScanRoundOptions) {
    this.#options = options;
  }

  /** What this replica, which counts, holds. Requires: in key order, and at least one entry where there is more. */
  onPage(id: string, page: HeldPage): void {
    if (!this.#options.asked.includes(id)) return;
    if (this.#pages.has(id)) return mark("scan round: second page of a replica ignored");
    this.#failed.delete(id);
    this.#pages.set(id, page);
  }

  /** This replica refused, does not count, or cannot be reached. */
  onFailure(id: string): void {
    if (this.#options.asked.includes(id) && !this.#pages.has(id)) this.#failed.add(id);
  }

  /** Whether the client can be answered. */
  verdict(): ScanVerdict {
    const { asked, naturals, required, self } = this.#options;
    const answered = asked.filter((id) => this.#pages.has(id));
    if (self !== undefined && this.#failed.has(self)) return { kind: "failed", naturals: [self], answered };
    let isWaiting = self !== undefined && !this.#pages.has(self);
    for (const list of naturals) {
      let count = 0;
      let open = 0;
      for (const id of list) {
        if (this.#pages.has(id)) count++;
        else if (asked.includes(id) && !this.#failed.has(id)) open++;
      }
      if (count + open < required) return { kind: "failed", naturals: list, answered };
      if (count < required) isWaiting = true;
    }
    return isWaiting ? { kind: "waiting" } : { kind: "answered", answered };
  }

  /** At the deadline: of whose keys too few have answered, and who has. Requires: the verdict is `waiting`. */
  missing(): { readonly naturals: readonly string[]; readonly answered: readonly string[] } {
    const { asked, naturals, required, self } = this.#options;
    const short = naturals.find((list) => list.filter((id) => this.#pages.has(id)).length < required);
    return { naturals: short ?? [self!], answered: asked.filter((id) => this.#pages.has(id)) };
  }

  /** What remains of the pages that came. Requires: the verdict is `answered`. */
  page({ countMax, bytesMax }: PageBounds): MergedPage {
    const end = this.#end();
    const held = this.#merged(end);
    const entries: HeldEntry[] = [];
    let bytes = 0;
    let last: ByteString | undefined;
    for (const key of [...held.keys()].sort()) {
      const entry = { key, held: held.get(key)! };
      if (entry.held.some(({ value }) => value !== undefined)) {
        const size = sizeOf(entry);
        const isFull = entries.length === countMax || (entries.length > 0 && bytes + size > bytesMax);
        if (isFull) return { entries, more: true, last };
        entries.push(entry);
        bytes += size;
      }
      last = key;
    }
    return { entries, more: end !== undefined, last: end };
  }

  /** The key up to which all pages reach; undefined: all of them reach to the end. */
  #end(): ByteString | undefined {
    let end: ByteString | undefined;
    for (const { entries, more } of this.#pages.values()) {
      const last = entries.at(-1)?.key;
      if (more && last !== undefined && (end === undefined || last < end)) end = last;
    }
    return end;
  }

  #merged(end: ByteString | undefined): Map<ByteString, Held> {
    const { naturalsOf, resolution } = this.#options;
    const merged = new Map<ByteString, Held>();
    for (const [id, { entries }] of this.#pages) {
      for (const { key, held } of entries) {
        if (end !== undefined && key > end) break;
        // Why: what a replica holds beside its own keys, as an earlier configuration left it, is nobody's copy.
        if (!naturalsOf(key).includes(id)) {
          mark("scan round: copy of one that is to hold none ignored");
          continue;
        }
        merged.set(key, resolve(merged.get(key) ?? [], held, resolution));
      }
    }
    return merged;
  }
}

/** Characters that JSON makes at most six bytes of each. */
function sizeOf({ key, held }: HeldEntry): number {
  const size = held.reduce((sum, { value }) => sum + (value?.length ?? 0), key.length);
  // Why: the greatest value is shown once more before all that stand side by side.
  return held.length < 2 ? size : size + (held.find(({ value }) => value !== undefined)?.value?.length ?? 0);
}
