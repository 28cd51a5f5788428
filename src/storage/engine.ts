/**
 * The storage engine: opaque keys and bytes that survive a crash.
 *
 * **Idea.** Everything is in memory (`Memtable`); the disk holds how it came to be: a checkpoint of one moment and a
 * log of the writes since (`Wal`). A commit is one frame and one sync, for all commands that arrived while the sync
 * before was under way (group commit). Checkpoints let old segments of the log go, so disk use and the time of a start
 * stay bounded.
 *
 * ```
 * submit ─▶ queue ─▶ frame ─▶ append ─▶ sync ─▶ merge into the memtable ─▶ done
 *             ▲                          │
 *             └── what arrives meanwhile ┘           segment full ─▶ checkpoint ─▶ manifest ─▶ old segments go
 * ```
 *
 * **Pitfalls**, each with a test under its hazard's number.
 * - What is derived from entries changes where they do, in `#apply` and in replay; a checkpoint takes both at one moment.
 * - Merging when a command is queued loses writes (H1): it happens after the sync, in log order, and again in replay.
 * - Answering from memory what the disk may yet lose (H2): memory changes only after the sync.
 * - Taking damage for a torn tail (H3): see `recovery.ts`. An idle log is closed by a frame without writes, which says
 *   that the last record was synced.
 * - Serving what only the page cache holds (H5): `open` writes all that it recovered into a fresh checkpoint before it
 *   returns. A failed sync is never retried; nothing is answered after it.
 * - A full disk is not an error: commands are answered `disk_full`, and `tick` finds out when there is room again.
 *
 * **References.** Gray and Reuter, "Transaction Processing", 9.4 (group commit); LevelDB's `log_format.md`; Rebello et
 * al., "Can Applications Recover from fsync Failures?" (2020).
 * @module
 */
import { assert, unreachable } from "../base/assert.ts";
import { mark } from "../base/mark.ts";
import { NO_BUGS, type PlantedBug } from "../base/planted_bug.ts";
import {
  type Derivation,
  type Disk,
  DiskFullError,
  type Log,
  type Merge,
  type Store,
  type StoreChange,
  type StoreCommand,
  type StoreResult,
  type StoreWrite,
} from "../ports.ts";
import { Checkpointer } from "./checkpointer.ts";
import { frameBytes, FrameEncoder, writeBytes } from "./frame.ts";
import type { Memtable } from "./memtable.ts";
import { openDirectory, type Opened } from "./opening.ts";
import type { Wal } from "./wal.ts";

/** A frame takes no further command beyond this. Why: everybody in a frame waits for its last byte. */
const FRAME_BYTES_MAX = 4 * 1024 * 1024;

/** What the engine is opened with. */
export interface EngineOptions {
  readonly disk: Disk;
  readonly merge: Merge;
  /** Requires: one value of the greatest allowed size fits, with 16 KiB to spare. */
  readonly segmentBytes: number;
  /** Whether what is held may be written again under another key, so that each entry must fit a segment. */
  readonly isRewritten?: boolean;
  /** What follows from the entries. */
  readonly derive?: Derivation;
  readonly log: Log;
  /** Called once, when the disk broke its promise: nothing is ever answered again. */
  halt(cause: unknown): void;
  readonly bugs?: ReadonlySet<PlantedBug>;
}

/** What the engine did since it was opened. */
export interface EngineCounters {
  /** Syncs of the log. */
  readonly syncs: number;
  readonly frames: number;
  readonly loggedBytes: number;
  readonly checkpoints: number;
}

/** An `apply` that waits for its commit. */
interface Pending {
  readonly writes: readonly StoreWrite[];
  readonly done: (result: StoreResult) => void;
  /** What the writes take in a frame. */
  readonly bytes: number;
  /** Planted bug `merge_unserialised`: what was held when the command came. */
  readonly held?: readonly (Uint8Array | undefined)[];
}

/** Why commands are refused: there is no next segment, or the disk does not take writes even within one. */
type Shortage = "segment" | "write";

/** One store on one disk. */
export class Engine implements Store {
  readonly #options: EngineOptions;
  readonly #bugs: ReadonlySet<PlantedBug>;
  readonly #memtable: Memtable;
  readonly #wal: Wal;
  readonly #encoder = new FrameEncoder();
  readonly #checkpointer: Checkpointer;
  readonly #counters = { syncs: 0, frames: 0, loggedBytes: 0 };
  #state: "open" | "closing" | "closed" | "halted" = "open";
  /** Sequence of the next frame. */
  #sequence: number;
  /** Invariant: the memtable holds exactly the frames up to this sequence. */
  #applied: number;
  #queue: Pending[] = [];
  /** The loop that commits, while there is something to do. */
  #running: Promise<void> | undefined;
  #isRunning = false;
  #commitCount = 0;
  #isCommitting = false;
  #framesAtTick = 0;
  /** Whether the last frame says that the one before it was synced; also true of an empty log. */
  #isSealed = true;
  #isSealDue = false;
  #shortage: Shortage | undefined;
  #isRetryDue = false;
  /** Whether another attempt at making a segment is allowed before the next tick. */
  #mayPrepare = true;

  private constructor(options: EngineOptions, opened: Opened) {
    const { memtable, wal, manifest, checkpointBytes, sequence } = opened;
    this.#options = options;
    this.#bugs = options.bugs ?? NO_BUGS;
    this.#memtable = memtable;
    this.#wal = wal;
    this.#sequence = sequence;
    this.#applied = sequence - 1;
    this.#checkpointer = new Checkpointer({
      disk: options.disk,
      log: options.log,
      memtable,
      wal,
      manifest,
      checkpointBytes,
      derive: options.derive,
      applied: () => this.#applied,
      loggedBytes: () => this.#counters.loggedBytes,
      halt: (cause) => this.#halt(cause),
    });
  }

  /**
   * Recovers what the disk holds and makes it durable anew. Throws `CorruptionError`, `DirectoryError` when it is to be
   * rewritten and does not fit, and `DiskFullError` when there is
   * no room for a checkpoint; without room for a segment it opens, and refuses writes until there is.
   *
   * Requires: the directory's lock is held (`openIdentity` takes it).
   */
  static async open(options: EngineOptions): Promise<Engine> {
    const engine = new Engine(options, await openDirectory(options));
    await engine.#roll();
    return engine;
  }

  /** What was done since `open`. */
  get counters(): EngineCounters {
    return { ...this.#counters, checkpoints: this.#checkpointer.count };
  }

  /** See `Store`. */
  get commitCount(): number {
    return this.#commitCount;
  }

  /** See `Store`. */
  get isCommitting(): boolean {
    return this.#isCommitting;
  }

  /** Whether writes are being refused for want of room. */
  get isDiskFull(): boolean {
    return this.#shortage !== undefined;
  }

  /** See `Store`. After a halt or a close nothing is answered. Requires: an `apply` fits one segment. */
  submit(command: StoreCommand, done: (result: StoreResult) => void): void {
    if (this.#state !== "open") return;
    switch (command.kind) {
      case "apply":
        return this.#enqueue(command.writes, done);
      case "get":
        return done({ kind: "got", value: this.#memtable.get(command.key) });
      case "scan":
        return done({ kind: "scanned", ...this.#memtable.scan(command) });
      default:
        unreachable(command);
    }
  }

  /** See `Store`. */
  flush(): void {
    if (this.#state === "open" && this.#queue.length > 0) this.#start();
  }

  /** See `Store`. */
  tick(): void {
    if (this.#state !== "open") return;
    this.#mayPrepare = true;
    const isIdle = this.#counters.frames === this.#framesAtTick && !this.#isRunning;
    this.#framesAtTick = this.#counters.frames;
    if (this.#shortage) this.#isRetryDue = true;
    if (isIdle && !this.#isSealed) this.#isSealDue = true;
    if (this.#isRetryDue || this.#isSealDue) this.#start();
    this.#checkpointer.tick(this.#shortage !== undefined);
  }

  /** Commits what is queued, closes the idle log and the files. Commands that come later are not answered. */
  async close(): Promise<void> {
    if (this.#state === "open") {
      this.#state = "closing";
      this.#isSealDue = true;
      this.#start();
    }
    await this.#running;
    this.#checkpointer.stop();
    await this.#checkpointer.ended();
    await this.#wal.close();
    if (this.#state === "closing") this.#state = "closed";
  }

  #enqueue(writes: readonly StoreWrite[], done: (result: StoreResult) => void): void {
    let bytes = 0;
    for (let i = 0; i < writes.length; i++) bytes += writeBytes(writes[i]!.key, writes[i]!.value);
    assert(
      frameBytes(bytes) <= this.#wal.frameBytesMax,
      () => `${writes.length} writes of ${bytes} bytes do not fit a segment of ${this.#options.segmentBytes}`,
    );
    const pending = { writes, done, bytes };
    if (!this.#bugs.has("merge_unserialised")) this.#queue.push(pending);
    else this.#queue.push({ ...pending, held: writes.map(({ key }) => this.#memtable.get(key)) });
  }

  #start(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    this.#running = this.#run();
  }

  /** Commits until nothing is due. Its first write happens before it returns to `flush`. */
  async #run(): Promise<void> {
    try {
      while (this.#state !== "halted" && this.#isAnythingDue()) {
        this.#commitCount++;
        this.#isCommitting = true;
        await this.#runOnce();
        this.#isCommitting = false;
      }
    } catch (cause) {
      this.#halt(cause);
    }
    // Why in the turn of the last check: between two turns a `flush` would take this for being at work.
    this.#isRunning = false;
  }

  #isAnythingDue(): boolean {
    return this.#queue.length > 0 || this.#isSealDue || this.#isRetryDue;
  }

  /** Does the most urgent thing. */
  async #runOnce(): Promise<void> {
    if (this.#isRetryDue) {
      this.#isRetryDue = false;
      await this.#retry();
    } else if (this.#queue.length > 0) {
      if (this.#fits(this.#queue[0]!) || await this.#roll()) await this.#commit();
      else this.#refuseUnfit();
    } else {
      this.#isSealDue = false;
      await this.#sealIdleLog();
    }
  }

  #fits(pending: Pending): boolean {
    return frameBytes(pending.bytes) <= this.#wal.roomBytes;
  }

  async #commit(): Promise<void> {
    const batch = this.#takeBatch();
    this.#encoder.begin();
    for (let i = 0; i < batch.length; i++) {
      const { writes } = batch[i]!;
      for (let j = 0; j < writes.length; j++) this.#encoder.add(writes[j]!.key, writes[j]!.value);
    }
    const appended = this.#append();
    if (appended === "refused") {
      mark("engine: commit refused by a full disk");
      return this.#refuse(batch);
    }
    if (appended === "torn") {
      mark("engine: commit taken in part by a full disk");
      // Why: "nothing was stored" may be said only when the disk cannot bring the frame back.
      await this.#sync();
      return this.#refuse(batch);
    }
    let results: StoreResult[] | undefined;
    if (this.#bugs.has("ack_before_sync")) {
      results = this.#apply(batch);
      this.#answer(batch, results);
      await this.#sync();
      return;
    }
    if (this.#bugs.has("read_before_sync")) results = this.#apply(batch);
    await this.#sync();
    this.#answer(batch, results ?? this.#apply(batch));
    if (this.#wal.isHalfFull) this.#prepareAhead();
  }

  /** As many commands as fit the segment, at least one. */
  #takeBatch(): Pending[] {
    const queue = this.#queue;
    const bytesMax = Math.min(this.#wal.roomBytes, FRAME_BYTES_MAX);
    let bytes = queue[0]!.bytes;
    let count = 1;
    while (count < queue.length && frameBytes(bytes + queue[count]!.bytes) <= bytesMax) {
      bytes += queue[count++]!.bytes;
    }
    if (count < queue.length) {
      mark("engine: commands left for the next frame");
      return queue.splice(0, count);
    }
    this.#queue = [];
    return queue;
  }

  /** Appends the frame that the encoder holds. */
  #append(): "written" | "refused" | "torn" {
    const { position } = this.#wal;
    assert(position !== undefined, "a frame without a segment");
    const sequence = this.#sequence;
    // Why `sequence - 1`: one sync at a time, so everything before this frame is on the disk.
    const frame = this.#encoder.finish({ segment: position.segment, sequence, syncedUntil: sequence - 1 });
    const appended = this.#wal.append(frame);
    if (appended !== "written") {
      this.#setShortage("write");
      return appended;
    }
    this.#clearShortage("write");
    this.#sequence++;
    this.#counters.frames++;
    this.#counters.loggedBytes += frame.length;
    this.#isSealed = false;
    return appended;
  }

  async #sync(): Promise<void> {
    if (this.#bugs.has("retry_failed_sync")) await this.#wal.sync().catch(() => this.#wal.sync());
    else await this.#wal.sync();
    this.#counters.syncs++;
  }

  /** Merges a commit into the memtable, all of it before anybody hears of any of it. */
  #apply(batch: readonly Pending[]): StoreResult[] {
    const { merge, derive } = this.#options;
    const memtable = this.#memtable;
    const results: StoreResult[] = [];
    for (let i = 0; i < batch.length; i++) {
      const { writes, held } = batch[i]!;
      const changes: StoreChange[] = [];
      for (let j = 0; j < writes.length; j++) {
        const { key, value } = writes[j]!;
        const old = held ? held[j] : memtable.get(key);
        const merged = merge(key, old, value);
        if (merged !== old || held) {
          derive?.onChanged(key, held ? memtable.get(key) : old, merged);
          memtable.set(key, merged);
        }
        changes.push({ old, new: merged });
      }
      results.push({ kind: "applied", changes });
    }
    this.#applied = this.#sequence - 1;
    return results;
  }

  /** Refuses what has no room in this segment, and leaves the rest to be tried. */
  #refuseUnfit(): void {
    mark("engine: commands refused for want of a segment");
    const unfit = this.#queue.filter((pending) => !this.#fits(pending));
    this.#queue = this.#queue.filter((pending) => this.#fits(pending));
    this.#refuse(unfit);
  }

  #answer(batch: readonly Pending[], results: readonly StoreResult[]): void {
    // A checkpoint may have halted the engine while this commit was on its way.
    if (this.#state === "halted") return;
    // Why not later: whoever hears of the end may find the next commit not begun yet.
    this.#isCommitting = false;
    for (let i = 0; i < batch.length; i++) batch[i]!.done(results[i]!);
  }

  #refuse(batch: readonly Pending[]): void {
    if (this.#state === "halted") return;
    this.#isCommitting = false;
    for (const { done } of batch) done({ kind: "disk_full" });
  }

  /** Goes on in the next segment. False when there is no room for one. */
  async #roll(): Promise<boolean> {
    if (!await this.#prepare()) return false;
    const segment = this.#wal.prepared;
    assert(segment !== undefined, "prepared a segment, and there is none");
    if (!this.#checkpointer.isLogStarted) {
      try {
        await this.#checkpointer.startLog(segment, this.#sequence);
      } catch (error) {
        if (!(error instanceof DiskFullError)) throw error;
        mark("engine: no room to write down where the log begins");
        this.#setShortage("segment");
        return false;
      }
    }
    const isFirst = this.#wal.position === undefined;
    this.#wal.roll(this.#sequence);
    if (!isFirst) this.#checkpointer.onRoll();
    this.#clearShortage("segment");
    return true;
  }

  /** Makes sure that there is a next segment. After a failure the disk is left in peace until the next tick. */
  async #prepare(): Promise<boolean> {
    if (this.#wal.prepared === undefined) {
      if (!this.#mayPrepare) {
        mark("engine: a full disk left in peace");
        this.#setShortage("segment");
        return false;
      }
      try {
        await this.#wal.prepare();
      } catch (error) {
        if (!(error instanceof DiskFullError)) throw error;
        mark("engine: no room for the next segment");
        this.#mayPrepare = false;
        this.#setShortage("segment");
        return false;
      }
    }
    return true;
  }

  /** Prepares the next segment while commits go on, so that they need not wait for it later. */
  #prepareAhead(): void {
    if (this.#wal.prepared !== undefined || !this.#mayPrepare) return;
    this.#wal.prepare().catch((error) => {
      // There is room in this segment yet: whether it is a shortage shows when the next one is needed.
      if (!(error instanceof DiskFullError)) return this.#halt(error);
      mark("engine: no room yet for a segment ahead");
      this.#mayPrepare = false;
    });
  }

  async #retry(): Promise<void> {
    // Without a segment the whole way is tried, because the manifest needs room as well.
    if (this.#shortage === "segment" && this.#wal.position === undefined) {
      mark("engine: opened without a segment and tries again");
      await this.#roll();
    } else if (this.#shortage === "segment" && await this.#prepare()) this.#clearShortage("segment");
    else if (this.#shortage === "write") await this.#sealIdleLog();
  }

  /**
   * Says in a frame of its own that the last record was synced: without it a bit that flips in that record would look
   * like a torn tail, and an acknowledged write would be cut (HAZARD H3).
   */
  async #sealIdleLog(): Promise<void> {
    if (this.#wal.position === undefined || (this.#isSealed && this.#shortage !== "write")) return;
    // Every frame with writes leaves room for one of these; only a retry after a full disk may find none.
    if (this.#wal.roomBytes < 0) return;
    this.#encoder.begin();
    const appended = this.#append();
    if (appended === "refused") return mark("engine: closing frame refused by a full disk");
    await this.#sync();
    if (appended === "torn") return mark("engine: closing frame taken in part by a full disk");
    this.#applied = this.#sequence - 1;
    this.#isSealed = true;
  }

  #setShortage(shortage: Shortage): void {
    if (this.#shortage === undefined) {
      this.#options.log.write("warn", "the disk is full: writes are refused until there is room", {
        segment_bytes: this.#options.segmentBytes,
      });
    }
    this.#shortage = shortage;
  }

  #clearShortage(shortage: Shortage): void {
    if (this.#shortage !== shortage) return;
    this.#shortage = undefined;
    this.#options.log.write("info", "the disk has room again: writes are taken");
  }

  #halt(cause: unknown): void {
    if (this.#state === "halted") return;
    mark("engine: stopped by its disk");
    this.#state = "halted";
    this.#queue = [];
    this.#checkpointer.stop();
    this.#options.halt(cause);
  }
}
