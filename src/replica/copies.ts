/** The copies this replica holds, as its peers and a curious client ask for them. It coordinates nothing. @module */
import { type ByteString, equalBytes } from "../base/bytes.ts";
import { mark } from "../base/mark.ts";
import type { Log, StoreWrite } from "../ports.ts";
import { PAGE_COUNT_MAX, SMALL_VALUE_BYTES } from "../protocol/limits.ts";
import type { Failure } from "../protocol/error_codes.ts";
import type { Held } from "../protocol/reply.ts";
import type { WireKey } from "../protocol/request.ts";
import type { FillMessage, ReadMessage, WriteMessage } from "../replication/messages.ts";
import { decodeRecord, encodeRecord, firstDot, hasOtherTwin, isSameFirst } from "../versions/record.ts";
import type { Version } from "../versions/version.ts";
import type { Clock } from "./clock.ts";
import { recordBytesMax } from "./cluster_config.ts";
import type { CompleteUntil } from "./complete_until.ts";
import type { Core } from "./core.ts";
import type { ReplicaId } from "./envelope.ts";
import type { RequestId } from "./event.ts";
import * as failures from "./failures.ts";
import type { Keyspace } from "./keyspace.ts";
import { dataKey, dataRange, keyOfDataKey } from "./store_keys.ts";
import { versionName } from "./version_name.ts";

/** What a page of keys and values may exceed one value by; with JSON around it, it still fits a line. */
const PAGE_SLACK_BYTES = 4096;

/** Writes of peers that are stored as one; a greater one is stored alone. */
const BATCH_BYTES_MAX = 64 * 1024;
/** What a write takes in the log beside key and record, and a little more. */
const WRITE_SLACK_BYTES = 16;

/** A write of a peer, and what of it is stored. */
interface Incoming {
  readonly message: WriteMessage;
  readonly write: StoreWrite;
  /** Whether all that is concurrent stays. */
  readonly keepsAll: boolean;
}

/**
 * What the answers to one line of a peer may hold together; answers of small values are given beyond it.
 *
 * Why: a coordinator without a copy does not know how much it asks for, and a few lines of reads would keep this replica
 * from everything else for longer than others wait for a sign of life.
 */
export interface LineAllowance {
  bytes: number;
}

interface Entry {
  readonly key: ByteString;
  readonly versions: readonly Version[];
}

/** This replica's copies. */
export class Copies {
  readonly #core: Core;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #keyspaces: ReadonlyMap<string, Keyspace>;
  readonly #complete: CompleteUntil;

  constructor(options: {
    readonly complete: CompleteUntil;
    readonly core: Core;
    readonly clock: Clock;
    readonly log: Log;
    readonly keyspaces: ReadonlyMap<string, Keyspace>;
  }) {
    this.#core = options.core;
    this.#complete = options.complete;
    this.#clock = options.clock;
    this.#log = options.log;
    this.#keyspaces = options.keyspaces;
  }

  /**
   * Stores versions that a peer sends, in few batches. Their stamps are always taken, however far ahead (HAZARD H9).
   *
   * Why together: what came in one piece costs the store, and whoever acknowledges it, little more than one write does.
   */
  onWrites(from: ReplicaId, messages: readonly WriteMessage[]): void {
    const { queue, selfId, config, promises } = this.#core;
    const limit = recordBytesMax(config.settings);
    let batch: Incoming[] = [];
    let bytes = 0;
    for (let i = 0; i < messages.length; i++) {
      const message = messages[i]!;
      const target = this.#find(from, message);
      if (!target) continue;
      const { round } = message;
      let { versions } = message;
      if (message.cause === "put" && this.#complete.isFenced(putOf(from, versions))) continue;
      if (!promises.mayStore(target.keyspace, versions)) {
        const sifted = promises.sift(target.keyspace, versions, message.cause);
        if (sifted.kind === "refused") this.#refuse(from, round, sifted.failure);
        if (sifted.kind === "known") queue.send([from], { type: "written", round });
        if (sifted.kind !== "store") continue;
        ({ versions } = sifted);
      }
      for (let j = 0; j < versions.length; j++) this.#clock.observe(versions[j]!.stamp);
      const record = encodeRecord(versions);
      if (record.length > limit) {
        this.#refuse(from, round, failures.recordTooLarge(selfId, record.length, limit));
        continue;
      }
      const size = target.storeKey.length + record.length + WRITE_SLACK_BYTES;
      // Why the second bound: whatever the settings, a record of the greatest size fits a segment of the log.
      if (bytes > 0 && bytes + size > Math.min(BATCH_BYTES_MAX, limit)) {
        mark("copies: writes of one line stored in parts");
        this.#store(from, batch);
        batch = [];
        bytes = 0;
      }
      if (queue.isOverloaded) {
        this.#refuse(from, round, failures.diskSlow(selfId));
        continue;
      }
      bytes += size;
      batch.push({ message, write: { key: target.storeKey, value: record }, keepsAll: target.keepsAll });
    }
    if (batch.length > 0) this.#store(from, batch);
  }

  #store(from: ReplicaId, batch: readonly Incoming[]): void {
    const { queue, selfId } = this.#core;
    queue.apply(batch.map(({ write }) => write), (result) => {
      for (let i = 0; i < batch.length; i++) {
        const { message, write, keepsAll } = batch[i]!;
        if (result.kind === "disk_full") {
          mark("copies: write of a peer refused for a full disk");
          this.#refuse(from, message.round, failures.diskFull(selfId));
          continue;
        }
        const { old, new: held } = result.changes[i]!;
        const record = write.value;
        if (old && !equalBytes(old, record) && hasOtherTwin(old, record)) this.#alarm(message);
        // Where siblings stay a version loses only to who had seen it, which a write that is on its way has not been.
        const isSuperseded = !keepsAll && held !== undefined && !isSameFirst(held, record);
        const isRecovering = this.#core.isRecovering();
        if (isSuperseded) mark("copies: write of a peer had already lost");
        if (isRecovering) mark("copies: write acknowledged by a replica that does not count");
        queue.send([from], {
          type: "written",
          round: message.round,
          ...(isSuperseded ? { superseded_by: firstDot(held) } : {}),
          ...(isRecovering ? { recovering: true as const } : {}),
        });
      }
    });
  }

  /** Tells a peer which versions are on this disk; `allowance` is that of the line that asks. */
  onRead(from: ReplicaId, message: ReadMessage, allowance: LineAllowance): void {
    const target = this.#find(from, message);
    if (!target) return;
    const { vector } = message;
    // Why before the copy is read: what is complete now is in what is read then.
    const isFresh = vector !== undefined && this.#complete.covers(vector);
    this.#core.queue.get(target.storeKey, (value) => {
      const bytes = value?.length ?? 0;
      if (bytes > SMALL_VALUE_BYTES && bytes > allowance.bytes) {
        return this.#refuse(from, message.round, failures.tooMuchRead(this.#core.selfId));
      }
      allowance.bytes -= bytes;
      const isRecovering = this.#core.isRecovering();
      if (isRecovering) mark("copies: read answered by a replica that does not count");
      this.#core.queue.send([from], {
        type: "answer",
        round: message.round,
        versions: value ? decodeRecord(value) : [],
        ...(isRecovering ? { recovering: true as const } : {}),
        ...(isFresh && !isRecovering ? { fresh: true as const } : {}),
      });
    });
  }

  /** Gives a recovering peer one page of everything. */
  onFill(from: ReplicaId, message: FillMessage): void {
    const keyspace = this.#keyspaces.get(message.keyspace);
    if (!keyspace) {
      return this.#refuse(from, message.round, failures.malformed(`no keyspace "${message.keyspace}" here`));
    }
    let begin = dataRange(keyspace.name).begin;
    if (message.after !== undefined) {
      const after = keyspace.parseKey(message.after);
      if (!after.ok) return this.#refuse(from, message.round, failures.malformed(after.failure.message));
      begin = `${dataKey(keyspace.name, after.value)}\0` as ByteString;
    }
    this.#page(keyspace, begin, PAGE_COUNT_MAX, (entries, more) => {
      if (more) mark("copies: filling takes more than one page");
      const wire = entries.map(({ key, versions }) => ({ key: keyspace.wireKey(key), versions }));
      this.#core.queue.send([from], { type: "filled", round: message.round, entries: wire, more });
    });
  }

  /** Shows a client what this replica holds: the given keys, or a page of all. */
  inspect(id: RequestId, keyspace: Keyspace, range: {
    readonly keys?: readonly ByteString[];
    readonly after?: ByteString;
    readonly limit: number;
  }): void {
    const { queue } = this.#core;
    if (range.keys === undefined) {
      const begin = range.after === undefined
        ? dataRange(keyspace.name).begin
        : `${dataKey(keyspace.name, range.after)}\0` as ByteString;
      return this.#page(
        keyspace,
        begin,
        range.limit,
        (entries, more) => this.#show(id, keyspace, entries, { more }),
      );
    }
    const records: { key: ByteString; value: Uint8Array | undefined }[] = [];
    const { keys } = range;
    if (keys.length === 0) return this.#show(id, keyspace, [], { more: false });
    let openCount = keys.length;
    keys.forEach((key, index) => {
      queue.get(keyspace.storeKey(key), (value) => {
        records[index] = { key, value };
        if (--openCount === 0) this.#showRecords(id, keyspace, records);
      });
    });
  }

  /** Shows as many of the records as fit a line; `more` says that the rest must be asked for again. */
  #showRecords(
    id: RequestId,
    keyspace: Keyspace,
    records: readonly { readonly key: ByteString; readonly value: Uint8Array | undefined }[],
  ): void {
    let bytes = 0;
    let end = 0;
    for (const { key, value } of records) {
      bytes += key.length + (value?.length ?? 0);
      if (end > 0 && bytes > this.#pageBytesMax) break;
      end++;
    }
    const entries = records.slice(0, end).map(({ key, value }) => ({
      key,
      versions: value ? decodeRecord(value) : [],
    }));
    this.#show(id, keyspace, entries, { more: end < records.length });
  }

  #show(id: RequestId, keyspace: Keyspace, entries: readonly Entry[], { more }: { more: boolean }): void {
    this.#core.queue.reply(id, {
      kind: "held",
      replica: this.#core.selfId,
      entries: entries.map(({ key, versions }) => shown(keyspace.wireKey(key), versions)),
      more,
    });
  }

  get #pageBytesMax(): number {
    return this.#core.config.settings.valueBytesMax + PAGE_SLACK_BYTES;
  }

  #page(
    keyspace: Keyspace,
    begin: ByteString,
    countMax: number,
    then: (entries: readonly Entry[], more: boolean) => void,
  ): void {
    const { end } = dataRange(keyspace.name);
    this.#core.queue.scan({ begin, end, countMax, bytesMax: this.#pageBytesMax }, ({ entries, more }) => {
      then(
        entries.map(({ key, value }) => ({ key: keyOfDataKey(key), versions: decodeRecord(value) })),
        more,
      );
    });
  }

  #find(
    from: ReplicaId,
    message: { readonly keyspace: string; readonly key: WireKey; readonly round: number },
  ): { readonly keyspace: Keyspace; readonly storeKey: ByteString; readonly keepsAll: boolean } | undefined {
    const keyspace = this.#keyspaces.get(message.keyspace);
    const key = keyspace?.parseKey(message.key);
    if (keyspace && key?.ok) {
      return { keyspace, storeKey: keyspace.storeKey(key.value), keepsAll: keyspace.config.siblings };
    }
    const reason = key && !key.ok ? key.failure.message : `no keyspace "${message.keyspace}" here`;
    this.#refuse(from, message.round, failures.malformed(reason));
    return undefined;
  }

  #refuse(from: ReplicaId, round: number, { code, message }: Failure): void {
    this.#core.queue.send([from], { type: "refused", round, code, message });
  }

  /** One dot, two values: some disk broke its promise. The greater bytes win everywhere (HAZARD H6). */
  #alarm(message: WriteMessage): void {
    const { stamp, origin } = message.versions[0]!;
    this.#core.counters.add("dot_conflicts", 1);
    this.#log.write("error", "one write has two values; the greater one stays", {
      key: message.key,
      stamp,
      origin,
    });
  }
}

/** Of what stands side by side, the version that its coordinator puts: the latest of its own. The others came before it. */
function putOf(from: ReplicaId, versions: readonly Version[]): Version {
  if (versions.length === 1) return versions[0]!;
  return versions.find(({ origin }) => origin.startsWith(`${from}.`)) ?? versions[0]!;
}

function shown(key: WireKey, versions: readonly Version[]): Held {
  return {
    key,
    versions: versions.map((version) => ({
      ...versionName(version),
      ...(version.value === undefined ? {} : { value: version.value }),
    })),
  };
}
