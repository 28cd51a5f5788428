/** What clients ask of a replica: whether it can be asked at all, and which part answers it. @module */
import type { ByteString } from "../base/bytes.ts";
import { fail, ok, type Result } from "../base/failure.ts";
import { mark } from "../base/mark.ts";
import type { Failure } from "../protocol/error_codes.ts";
import { type Level, requiredCount } from "../protocol/level.ts";
import {
  PAGE_COUNT_MAX,
  REQUEST_BYTES_IN_FLIGHT_MAX,
  REQUESTS_IN_FLIGHT_MAX,
  SMALL_VALUE_BYTES,
  TRACES_MAX,
} from "../protocol/limits.ts";
import type { Status } from "../protocol/reply.ts";
import type { KeyRequest, Request, WireKey } from "../protocol/request.ts";
import { BLIND, type Causal, parseTokens, UNTOLD } from "./causality.ts";
import type { Clock } from "./clock.ts";
import type { Copies } from "./copies.ts";
import type { Core } from "./core.ts";
import type { RequestId } from "./event.ts";
import * as failures from "./failures.ts";
import type { Forwards } from "./forwards.ts";
import type { Keyspace } from "./keyspace.ts";
import type { Reads } from "./reads.ts";
import type { Repairs } from "./repairs.ts";
import type { Scans } from "./scans.ts";
import type { Trace } from "./trace.ts";
import type { Writes } from "./writes.ts";

const REQUESTED = { put: "puts", get: "gets", delete: "deletes", scan: "scans" } as const;

/** What a request is about. */
interface Target {
  readonly keyspace: Keyspace;
  readonly key: ByteString;
  readonly level: Level;
  readonly causal: Causal;
}

/** What is asked is handed on to. */
export interface RequestsOptions {
  readonly core: Core;
  readonly clock: Clock;
  readonly keyspaces: ReadonlyMap<string, Keyspace>;
  readonly writes: Writes;
  readonly reads: Reads;
  readonly forwards: Forwards;
  readonly scans: Scans;
  readonly copies: Copies;
  readonly repairs: Repairs;
  /** Whether what earlier lives left on disk has been taken up. */
  readonly isReady: () => boolean;
  readonly status: () => Status;
}

/** The requests of one replica's clients. */
export class Requests {
  readonly #core: Core;
  readonly #clock: Clock;
  readonly #keyspaces: ReadonlyMap<string, Keyspace>;
  readonly #writes: Writes;
  readonly #reads: Reads;
  readonly #forwards: Forwards;
  readonly #scans: Scans;
  readonly #copies: Copies;
  readonly #repairs: Repairs;
  readonly #isReady: () => boolean;
  readonly #status: () => Status;

  constructor(options: RequestsOptions) {
    this.#core = options.core;
    this.#clock = options.clock;
    this.#keyspaces = options.keyspaces;
    this.#writes = options.writes;
    this.#reads = options.reads;
    this.#forwards = options.forwards;
    this.#scans = options.scans;
    this.#copies = options.copies;
    this.#repairs = options.repairs;
    this.#isReady = options.isReady;
    this.#status = options.status;
  }

  /** A client asks. Exactly one reply comes of it. */
  onRequest(id: RequestId, request: Request): void {
    this.#core.queue.meter.begin(id, request.op, this.#levelOf(request), this.#core.queue.now.monotonicMs);
    if (request.op === "status") {
      return this.#core.queue.reply(id, { kind: "status", status: this.#status() });
    }
    if (request.op === "fault") return this.#core.queue.refuse(id, failures.faultsOff(this.#core.selfId));
    if (request.op === "repair") return this.#repair(id, request);
    const target = this.#parse(request);
    if (!target.ok) return this.#core.queue.refuse(id, target.failure);
    if (request.op === "inspect") return this.#inspect(id, target.value.keyspace, request);
    this.#core.counters.add(REQUESTED[request.op], 1);
    if (request.op === "scan") return this.#scan(id, request, target.value);
    this.#serve(id, request, target.value, { mayForward: true });
  }

  /** Coordinates what the client of another replica asks: it is handed on to nobody else. */
  coordinate(id: RequestId, request: KeyRequest): void {
    const target = this.#parse(request);
    if (!target.ok) return this.#core.queue.refuse(id, target.failure);
    this.#serve(id, request, target.value, { mayForward: false });
  }

  #serve(id: RequestId, request: KeyRequest, target: Target, { mayForward }: { mayForward: boolean }): void {
    const { keyspace, key, level, causal } = target;
    const trace = request.trace ? this.#trace(id, keyspace, level) : undefined;
    if (!this.#isReady()) {
      mark("replica: request refused while starting");
      return this.#core.queue.refuse(id, failures.starting(this.#core.selfId));
    }
    const value = request.op === "put" ? request.value : undefined;
    const overload = this.#overload(value?.length ?? 0);
    if (overload) return this.#core.queue.refuse(id, overload);
    if (mayForward && this.#handOn(id, request, target, trace)) return;
    this.#core.counters.add("coordinated", 1);
    if (request.op === "get") return this.#reads.start({ id, keyspace, key, level, trace, causal });
    this.#writes.start({ id, keyspace, key, value, level, trace, causal });
  }

  /** Whether the request was another's to coordinate, or nobody's: then it is dealt with. */
  #handOn(id: RequestId, request: KeyRequest, target: Target, trace: Trace | undefined): boolean {
    const { keyspace, key, level } = target;
    const { selfId, queue, uncounted } = this.#core;
    const coordinator = this.#forwards.pick(keyspace, key, request.op);
    if (coordinator === selfId) return false;
    const naturals = keyspace.naturalsOf(key);
    if (coordinator === undefined) {
      const required = requiredCount(level, keyspace.copies);
      const outcome = { live: [], uncounted: uncounted(naturals) };
      queue.refuse(id, failures.unavailable(keyspace, level, required, outcome));
      return true;
    }
    const named = { ...request, keyspace: keyspace.name, level };
    this.#forwards.start({ id, request: named, naturals, trace }, coordinator);
    return true;
  }

  #scan(id: RequestId, request: Extract<Request, { op: "scan" }>, { keyspace, level }: Target): void {
    if (this.#isReady()) return this.#scans.start(id, keyspace, level, request);
    return this.#core.queue.refuse(id, failures.starting(this.#core.selfId));
  }

  /** The level that counts; undefined where the request has none, or its keyspace does not exist. */
  #levelOf(request: Request): Level | undefined {
    if (!isAtLevel(request)) return undefined;
    if (request.level !== undefined) return request.level;
    return this.#keyspaces.get(request.keyspace ?? this.#core.config.defaultKeyspace)?.config.defaultLevel;
  }

  #trace(id: RequestId, keyspace: Keyspace, level: Level): Trace {
    const trace = this.#core.queue.traces.begin(id, this.#core.config.settings.requestTimeoutMs);
    const required = requiredCount(level, keyspace.copies);
    trace.step("received", { replica: this.#core.selfId, level, required });
    return trace;
  }

  #parse(
    request: Exclude<Request, { op: "status" | "fault" | "repair" }>,
  ): Result<Target, Failure> {
    const name = request.keyspace ?? this.#core.config.defaultKeyspace;
    const keyspace = this.#keyspaces.get(name);
    if (!keyspace) return fail(failures.unknownKeyspace(name, [...this.#keyspaces.keys()]));
    const { defaultLevel, replication } = keyspace.config;
    if (request.op === "inspect") {
      return ok({ keyspace, key: "" as ByteString, level: defaultLevel, causal: UNTOLD });
    }
    const level = request.level ?? defaultLevel;
    if (requiredCount(level, replication) > replication) {
      const message = `level ${level} needs more copies than the ${replication} of keyspace "${name}"`;
      return fail({ code: "malformed_request", message });
    }
    if (request.op === "scan") return ok({ keyspace, key: "" as ByteString, level, causal: UNTOLD });
    const key = keyspace.parseKey(request.key);
    if (!key.ok) return key;
    if (request.op === "put") {
      const refusal = this.#checkValue(request.value);
      if (refusal) return fail(refusal);
    }
    if (request.session === undefined && request.context === undefined) {
      return ok({ keyspace, key: key.value, level, causal: keyspace.config.siblings ? BLIND : UNTOLD });
    }
    const tokens = { ...request, key: keyspace.wireKey(key.value) };
    const aheadMs = 2 * this.#core.config.settings.clockSkewMaxMs;
    const causal = parseTokens(tokens, name, this.#clock.furthest(this.#core.queue.now.wallMs, aheadMs));
    if (!causal.ok) return causal;
    return ok({ keyspace, key: key.value, level, causal: causal.value });
  }

  #repair(id: RequestId, { keyspace: name, dry_run }: Extract<Request, { op: "repair" }>): void {
    if (!this.#isReady()) return this.#core.queue.refuse(id, failures.starting(this.#core.selfId));
    const keyspace = name === undefined ? undefined : this.#keyspaces.get(name);
    if (name !== undefined && keyspace === undefined) {
      return this.#core.queue.refuse(id, failures.unknownKeyspace(name, [...this.#keyspaces.keys()]));
    }
    this.#repairs.request(id, keyspace, { isDryRun: dry_run === true });
  }

  #checkValue(value: string): Failure | undefined {
    const limit = this.#core.config.settings.valueBytesMax;
    if (!value.isWellFormed()) {
      return { code: "malformed_request", message: "the value holds a lone surrogate" };
    }
    // A UTF-16 unit makes at most three bytes; only values near the limit are measured.
    const bytes = value.length * 3 <= limit ? 0 : utf8Length(value);
    if (bytes <= limit) return undefined;
    return { code: "too_large", message: `the value has ${bytes} bytes; value_bytes_max is ${limit}` };
  }

  #overload(valueBytes: number): Failure | undefined {
    const writes = this.#writes.load;
    const forwards = this.#forwards.load;
    const count = writes.count + this.#reads.load + forwards.count;
    // Why both: copies and requests handed on wait in the same queues, which have room for so many bytes.
    const bytes = writes.bytes + forwards.bytes;
    const { selfId } = this.#core;
    if (count >= REQUESTS_IN_FLIGHT_MAX) {
      return failures.overloaded(selfId, `${count} requests`, REQUESTS_IN_FLIGHT_MAX);
    }
    const isLarge = valueBytes > SMALL_VALUE_BYTES;
    if (isLarge && bytes > 0 && bytes + valueBytes > REQUEST_BYTES_IN_FLIGHT_MAX) {
      return failures.overloaded(selfId, `${bytes} bytes of values`, REQUEST_BYTES_IN_FLIGHT_MAX);
    }
    if (this.#core.queue.traces.count > TRACES_MAX) {
      return failures.overloaded(selfId, `${TRACES_MAX} traced requests`, TRACES_MAX);
    }
    return undefined;
  }

  #inspect(id: RequestId, keyspace: Keyspace, request: Extract<Request, { op: "inspect" }>): void {
    const limit = Math.min(request.limit ?? PAGE_COUNT_MAX, PAGE_COUNT_MAX);
    if (request.keys !== undefined && request.keys.length > PAGE_COUNT_MAX) {
      const message = `${request.keys.length} keys in one inspect; at most ${PAGE_COUNT_MAX} are allowed`;
      return this.#core.queue.refuse(id, { code: "too_large", message });
    }
    const keys: ByteString[] = [];
    const wireKeys: readonly WireKey[] = [
      ...(request.keys ?? []),
      ...(request.after === undefined ? [] : [request.after]),
    ];
    for (const wireKey of wireKeys) {
      const key = keyspace.parseKey(wireKey);
      if (!key.ok) return this.#core.queue.refuse(id, key.failure);
      keys.push(key.value);
    }
    const after = request.after === undefined ? undefined : keys.pop();
    this.#copies.inspect(id, keyspace, {
      ...(request.keys === undefined ? {} : { keys }),
      ...(after === undefined ? {} : { after }),
      limit,
    });
  }
}

function isAtLevel(request: Request): request is Extract<Request, { op: keyof typeof REQUESTED }> {
  return Object.hasOwn(REQUESTED, request.op);
}

function utf8Length(text: string): number {
  let bytes = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    // A surrogate pair makes four bytes: two for each half.
    bytes += unit < 0x80 ? 1 : unit < 0x800 || (unit >= 0xd800 && unit < 0xe000) ? 2 : 3;
  }
  return bytes;
}
