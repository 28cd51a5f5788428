/** The only doors to the world, as interfaces: nothing below `host/` and `sim/` reaches outside in any other way. @module */
import type { ByteString } from "./base/bytes.ts";

/** The time of one turn. Monotonic milliseconds order deadlines; wall milliseconds (since 1970) make stamps. */
export interface Now {
  readonly monotonicMs: number;
  readonly wallMs: number;
}

/** Chance from outside: directory epochs, the first round number of a life. */
export interface Entropy {
  /** 0 to 2^32 − 1. */
  uint32(): number;
}

/** Where a part says what an operator should know. Never on the hot path. */
export interface Log {
  /** `fields` are short values, printed as `name=value`. */
  write(level: LogLevel, text: string, fields?: Readonly<Record<string, string | number>>): void;
}

/** From harmless to fatal. */
export type LogLevel = "debug" | "info" | "warn" | "error";

/** The disk has no room for this write. Nothing of it is acknowledged, and it may be tried again. */
export class DiskFullError extends Error {
  override readonly name = "DiskFullError";
}

/** One directory of flat files. Names are plain file names. Every other failure of a method is the disk's own error. */
export interface Disk {
  /** Opens for reading and writing, creating an empty file where there is none. */
  open(name: string): Promise<DiskFile>;
  /** Names of all files, in no order. */
  list(): Promise<string[]>;
  /** Requires: the file exists. Durable after `syncDirectory`. */
  remove(name: string): Promise<void>;
  /** Replaces `to`. Durable after `syncDirectory`. */
  rename(from: string, to: string): Promise<void>;
  /** Makes creations, removals and renames durable. */
  syncDirectory(): Promise<void>;
  /** Takes the exclusive lock of this directory for the life of the process; false when another holds it. */
  lock(name: string): Promise<boolean>;
}

/** One open file. */
export interface DiskFile {
  /** Bytes now in the file. */
  size(): Promise<number>;
  /** Reads up to `buffer.length` bytes at `offset`; returns how many (0 at the end, may be short). */
  read(buffer: Uint8Array, offset: number): Promise<number>;
  /**
   * Writes at `offset` and returns how many bytes were taken (may be short). Synchronous: it ends in the page cache.
   * Throws `DiskFullError` when none could be taken for want of room.
   */
  write(bytes: Uint8Array, offset: number): number;
  /** Resolves when all that was written before the call is on the disk. A rejection means: stop. */
  sync(): Promise<void>;
  close(): void;
}

/** Some key and its new bytes; what that means for the bytes already held is the merge's business. */
export interface StoreWrite {
  readonly key: ByteString;
  readonly value: Uint8Array;
}

/** What the store can be asked. */
export type StoreCommand =
  /** All writes or none. For each, in log order, the held bytes become `merge(held, value)`. */
  | { readonly kind: "apply"; readonly writes: readonly StoreWrite[] }
  | { readonly kind: "get"; readonly key: ByteString }
  /**
   * Keys in [begin, end) in byte order: at most `countMax`; stops before the entry with which keys and values together
   * would exceed `bytesMax`, but gives at least one.
   */
  | {
    readonly kind: "scan";
    readonly begin: ByteString;
    readonly end: ByteString;
    readonly countMax: number;
    readonly bytesMax: number;
  };

/** What held before a write and what holds after it. */
export interface StoreChange {
  readonly old: Uint8Array | undefined;
  readonly new: Uint8Array | undefined;
}

/** What the store answers. */
export type StoreResult =
  /** Durable. One change for each write, in their order. */
  | { readonly kind: "applied"; readonly changes: readonly StoreChange[] }
  | { readonly kind: "got"; readonly value: Uint8Array | undefined }
  /** `more` tells whether keys in the range follow the last one given. */
  | { readonly kind: "scanned"; readonly entries: readonly StoreWrite[]; readonly more: boolean }
  /** Nothing of the command was or will be stored. */
  | { readonly kind: "disk_full" };

/** The merge that a store is opened with. `undefined` as a result removes the key. Pure, and the same for ever. */
export type Merge = (
  key: ByteString,
  held: Uint8Array | undefined,
  incoming: Uint8Array,
) => Uint8Array | undefined;

/**
 * Something small that follows from all entries of a store: kept up to date in the very step in which an entry changes, and
 * held by checkpoints beside them. The log has nothing of it, because replay derives it again.
 */
export interface Derivation {
  /** Whether a checkpoint's entry of this key is the derivation's own: of nothing there may be such entries too. */
  isOwn(key: ByteString): boolean;
  /** A checkpoint holds this. True where it is the derivation's own: then it is no entry of the store. */
  onLoaded(key: ByteString, value: Uint8Array): boolean;
  /** An entry changed; undefined is no entry. */
  onChanged(key: ByteString, old: Uint8Array | undefined, held: Uint8Array | undefined): void;
  /**
   * A checkpoint was loaded and the log after it replayed. `applied` is that of the checkpoint, undefined in a new
   * directory; `entries` gives all that the store holds.
   */
  onRecovered(applied: number | undefined, entries: () => Iterable<StoreWrite>): void;
  /** What a checkpoint of this moment, with the frames up to `applied`, holds beside the entries. */
  entries(applied: number): readonly StoreWrite[];
}

/** What a runner needs of a storage engine. */
export interface Store {
  /** Queues a command; `done` is called once, later or at once, with its result. Commands apply in the order queued. */
  submit(command: StoreCommand, done: (result: StoreResult) => void): void;
  /** Starts a group commit of what is queued, unless one is under way (it then follows by itself). */
  flush(): void;
  /** Commits begun so far. */
  readonly commitCount: number;
  /** Whether the last of them is under way: what is queued now waits for its end. False while results are told. */
  readonly isCommitting: boolean;
  /** The passing of time: closes an idle log, retries after a full disk, starts a due checkpoint. */
  tick(): void;
}
