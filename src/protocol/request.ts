/** What a client asks. Types only: `transport/request_codec.ts` parses them, `replica/` answers them. @module */
import type { Fault } from "./fault.ts";
import type { Level } from "./level.ts";

/** A key as it travels: an integer where the keyspace has byte keys, a string where it has text keys. */
export type WireKey = number | string;

/** One request. Absent `keyspace` or `level` means the configured default. Wire format: only append. */
export type Request =
  | {
    readonly op: "put";
    readonly keyspace?: string;
    readonly key: WireKey;
    readonly value: string;
    readonly level?: Level;
    readonly trace?: true;
    readonly context?: string;
    readonly session?: string;
  }
  | {
    readonly op: "get" | "delete";
    readonly keyspace?: string;
    readonly key: WireKey;
    readonly level?: Level;
    /** A context token: a delete removes exactly the versions that it names. Means nothing to a get. */
    readonly context?: string;
    /** A session token, or "" to begin a session: the answer carries the next one. */
    readonly session?: string;
    /** The answer shall tell what became of the request, step by step; it waits for the last of them. */
    readonly trace?: true;
  }
  /** What the asked replica itself holds, in key order, without asking others: the given keys, or a page after `after`. */
  | {
    readonly op: "inspect";
    readonly keyspace?: string;
    readonly keys?: readonly WireKey[];
    readonly after?: WireKey;
    readonly limit?: number;
  }
  /** A page of the keys that there are at the level, in key order: text keys by their bytes, byte keys as numbers. */
  | {
    readonly op: "scan";
    readonly keyspace?: string;
    /** Only keys that begin with this; for text keys. */
    readonly prefix?: string;
    /** Only keys behind this one: the `last` of the page before. */
    readonly after?: WireKey;
    /** Keys in the page, at most. */
    readonly limit?: number;
    readonly level?: Level;
    /** Without their values. */
    readonly keys_only?: true;
  }
  /** The asked replica's view of itself and its peers. */
  | { readonly op: "status" }
  /** The asked replica shall compare itself with all peers that are alive, now, and mend what differs: of one keyspace, or of all. */
  | {
    readonly op: "repair";
    readonly keyspace?: string;
    /** Only look. */
    readonly dry_run?: true;
  }
  | FaultRequest;

/** One that is coordinated: it may be handed on to another replica. */
export type KeyRequest = Extract<Request, { op: "put" | "get" | "delete" }>;

/** What the asked replica shall break, mend or tell of in itself. Only where its configuration says `faults = true`. */
export type FaultRequest =
  | {
    readonly op: "fault";
    readonly action: "set";
    readonly fault: Fault;
    /** After this time it ends by itself. */
    readonly for_ms?: number;
  }
  /** `heal` ends all faults. */
  | { readonly op: "fault"; readonly action: "list" | "heal" };
