/** The store of a replica on a stage: a map that merges as the engine does, answers at once, and can be slow or full. @module */
import type { ByteString } from "../../src/base/bytes.ts";
import type { Derivation, Merge, Store, StoreCommand, StoreResult, StoreWrite } from "../../src/ports.ts";
import { mergeOf } from "../../src/replica/merge.ts";

interface Waiting {
  readonly writes: readonly StoreWrite[];
  readonly done: (result: StoreResult) => void;
}

/** What is durable, and what waits to be. */
export class StageDisk implements Store {
  /** What is on the disk. */
  readonly entries = new Map<ByteString, Uint8Array>();
  /** While set, writes wait for `sync`; reads go on. */
  isHeld = false;
  /** Batches larger than this find no room. */
  roomBytes = Infinity;
  /** How many writes each batch had that came, in order. */
  readonly batchSizes: number[] = [];
  readonly commitCount = 0;
  readonly isCommitting = false;
  /** What follows from the entries in the life under way. */
  #derive: Derivation | undefined;
  #waiting: Waiting[] = [];
  #merge: Merge = mergeOf({ keyspaces: new Map() });

  submit(command: StoreCommand, done: (result: StoreResult) => void): void {
    switch (command.kind) {
      case "apply":
        this.batchSizes.push(command.writes.length);
        this.#waiting.push({ writes: command.writes, done });
        if (!this.isHeld) this.sync();
        return;
      case "get":
        return done({ kind: "got", value: this.entries.get(command.key) });
      case "scan":
        return done(this.#scan(command));
    }
  }

  /** Begins a life: everything that is on the disk is new to `derive`. */
  recover(derive: Derivation, config: Parameters<typeof mergeOf>[0]): void {
    this.#derive = derive;
    this.#merge = mergeOf(config);
    derive.onRecovered(undefined, () => [...this.entries].map(([key, value]) => ({ key, value })));
  }

  flush(): void {}

  tick(): void {}

  /** Makes durable what waits, in order. */
  sync(): void {
    for (const { writes, done } of this.#waiting.splice(0)) done(this.#apply(writes));
  }

  /** Puts something on the disk behind everybody's back. */
  plant(key: ByteString, value: Uint8Array): void {
    this.#derive?.onChanged(key, this.entries.get(key), value);
    this.entries.set(key, value);
  }

  /** What waits is gone, and nobody hears of it. */
  losePower(): void {
    this.#waiting = [];
    this.isHeld = false;
  }

  /** Keys on disk that begin so: `h` hints, `o` owed records, `d` data. */
  keys(prefix: string): string[] {
    return [...this.entries.keys()].filter((key) => key.startsWith(prefix)).sort();
  }

  #apply(writes: readonly StoreWrite[]): StoreResult {
    let bytes = 0;
    for (const { key, value } of writes) bytes += key.length + value.length;
    if (bytes > this.roomBytes) return { kind: "disk_full" };
    const changes = writes.map(({ key, value }) => {
      const old = this.entries.get(key);
      const merged = this.#merge(key, old, value);
      if (merged !== old) this.#derive?.onChanged(key, old, merged);
      if (merged) this.entries.set(key, merged);
      else this.entries.delete(key);
      return { old, new: merged };
    });
    return { kind: "applied", changes };
  }

  #scan({ begin, end, countMax, bytesMax }: Extract<StoreCommand, { kind: "scan" }>): StoreResult {
    const keys = [...this.entries.keys()].filter((key) => key >= begin && key < end).sort();
    const entries: StoreWrite[] = [];
    let bytes = 0;
    for (const key of keys) {
      const value = this.entries.get(key)!;
      bytes += key.length + value.length;
      if (entries.length >= countMax || (entries.length > 0 && bytes > bytesMax)) {
        return { kind: "scanned", entries, more: true };
      }
      entries.push({ key, value });
    }
    return { kind: "scanned", entries, more: false };
  }
}
