/** The version that a coordinator makes of what a client writes: what it says its writer had seen, and whether there is room for it. @module */
import type { ByteString } from "../base/bytes.ts";
import type { PlantedBug } from "../base/planted_bug.ts";
import type { Failure } from "../protocol/error_codes.ts";
import type { Stamp } from "../versions/stamp.ts";
import { encodeRecord } from "../versions/record.ts";
import { joinVectors, type Origin, type Version } from "../versions/version.ts";
import { type Causal, depsOf } from "./causality.ts";
import { siblingBytesMax } from "./cluster_config.ts";
import type { Core } from "./core.ts";
import type { ReplicaId } from "./envelope.ts";
import type { Keyspace } from "./keyspace.ts";
import { seenOf, SiblingRoom } from "./siblings.ts";

/** What a client writes. */
export interface Writing {
  readonly keyspace: Keyspace;
  readonly key: ByteString;
  /** Absent for a delete. */
  readonly value: string | undefined;
  readonly causal: Causal;
}

/** All versions of one origin. */
export class NewVersions {
  readonly #core: Core;
  readonly #origin: Origin;
  readonly #bugs: ReadonlySet<PlantedBug>;
  readonly #room = new SiblingRoom();

  constructor(
    options: { readonly core: Core; readonly origin: Origin; readonly bugs: ReadonlySet<PlantedBug> },
  ) {
    this.#core = options.core;
    this.#origin = options.origin;
    this.#bugs = options.bugs;
  }

  /** The version with this stamp. */
  of({ keyspace, key, value, causal }: Writing, stamp: Stamp): Version {
    return {
      stamp,
      origin: this.#origin,
      ...(value === undefined ? {} : { value }),
      ...(keyspace.config.siblings ? this.#seenOf(keyspace.naturalsOf(key), causal) : {}),
      ...depsOf(causal),
    };
  }

  /** Looks whether a version may stand beside those on the own disk. `then` gets why it may not. */
  look(writing: Writing, then: (refusal: Failure | undefined) => void): void {
    const { queue, config } = this.#core;
    const { keyspace, key, causal } = writing;
    const storeKey = keyspace.storeKey(key);
    this.#room.look(storeKey);
    queue.get(storeKey, (found) => {
      const limits = {
        countMax: keyspace.config.siblingsMax,
        bytesMax: siblingBytesMax(config.settings, keyspace.copies),
      };
      const bytes = encodeRecord([this.of(writing, 0)]).length;
      then(this.#room.check(storeKey, { found, context: causal.context, bytes, limits }));
    });
  }

  /** The record of a version, with so many bytes, is on its way to the own disk. */
  take({ keyspace, key }: Writing, bytes: number): void {
    this.#room.take(keyspace.storeKey(key), bytes);
  }

  /** It is there, or will never be. */
  give({ keyspace, key }: Writing, bytes: number): void {
    this.#room.give(keyspace.storeKey(key), bytes);
  }

  /** The context alone, never the session: that is of all keys, and would replace what nobody has read of this one (HAZARD H11). */
  #seenOf(naturals: readonly ReplicaId[], { context, session }: Causal): Pick<Version, "seen"> {
    const { peers, selfId, config } = this.#core;
    const isMixed = this.#bugs.has("seen_and_deps_mixed");
    const named = isMixed ? joinVectors(context ?? {}, session?.vector ?? {}) : context;
    return seenOf(this.#bugs.has("context_ignored") ? undefined : named, {
      entriesMax: config.settings.clockEntriesMax,
      isCurrent: (origin) =>
        naturals.some((id) => (id === selfId ? this.#origin : peers.originOf(id)) === origin),
    });
  }
}
