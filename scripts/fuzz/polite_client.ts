/** A client that puts and gets, one request at a time, and wants each answered, right and soon. @module */
import type { Result } from "../../src/base/failure.ts";
import type { Random } from "../../src/base/random.ts";
import type { Failure } from "../../src/protocol/error_codes.ts";
import type { Level } from "../../src/protocol/level.ts";
import type { Reply } from "../../src/protocol/reply.ts";
import type { Request, WireKey } from "../../src/protocol/request.ts";
import type { FuzzCluster } from "./fuzz_cluster.ts";
import { KnownKey } from "./known_key.ts";
import type { Latencies } from "./latencies.ts";
import type { Undone } from "./stalls.ts";
import { KEYSPACES } from "./target.ts";

const KEY_COUNT = 16;
const ANSWER_WITHIN_MS = 5000;
const PAUSE_MIN_MS = 5;
const PAUSE_MAX_MS = 25;
const VALUE_CHARS = 100;
const COMPLAINTS_MAX = 20;
/** Beyond it nobody asks whose fault it was. */
const UNDONE_MAX = 10_000;
const WRITE_LEVELS: readonly Level[] = ["TWO", "QUORUM", "QUORUM", "ALL"];
const READ_LEVELS: readonly Level[] = ["ONE", "TWO", "QUORUM"];

/** How it asks: over the wire or over HTTP. */
export interface PoliteLink {
  readonly isClosed: boolean;
  request(request: Request, options: { readonly timeoutMs: number }): Promise<Result<Reply, Failure>>;
  close(): void;
}

/** One client with keys of its own, through one coordinator; every second one over HTTP. */
export class PoliteClient {
  /** What was answered wrong. */
  readonly complaints: string[] = [];
  /** What was not done: refused, or not answered in time. The first ones; `undoneCount` counts all. */
  readonly undone: Undone[] = [];
  undoneCount = 0;
  requestCount = 0;
  /** Whether attackers rest. */
  isQuiet = false;
  /** Where times are added; undefined: nobody looks. */
  latencies: Latencies | undefined;
  readonly #cluster: FuzzCluster;
  readonly #coordinator: string;
  readonly #random: Random;
  readonly #keys = new Map<WireKey, KnownKey>();
  readonly #isHttp: boolean;
  #connection: PoliteLink | undefined;
  #isOver = false;
  #running: Promise<void> | undefined;
  #valueCount = 0;

  constructor(options: { readonly cluster: FuzzCluster; readonly index: number; readonly random: Random }) {
    const { cluster, index, random } = options;
    this.#cluster = cluster;
    this.#coordinator = cluster.ids[index % cluster.ids.length]!;
    this.#random = random;
    this.#isHttp = index % 2 === 1;
    for (let key = 0; key < KEY_COUNT; key++) {
      // Why drawn: nobody can hit it by accident.
      const name = `polite ${random.uint32().toString(16)}${random.uint32().toString(16)}`;
      this.#keys.set(name, new KnownKey());
    }
  }

  begin(): void {
    this.#running ??= this.#run();
  }

  /** Ends after the request under way. */
  async end(): Promise<void> {
    this.#isOver = true;
    await this.#running;
    this.#connection?.close();
  }

  /** Each key, and what one of its values must be at the end. */
  expected(): { readonly key: WireKey; readonly allowed: readonly string[] }[] {
    return [...this.#keys].filter(([, { isPut }]) => isPut).map(([key, { allowed }]) => ({ key, allowed }));
  }

  async #run(): Promise<void> {
    while (!this.#isOver) {
      const beganMs = Date.now();
      try {
        this.#connection ??= this.#isHttp
          ? this.#cluster.connectHttp(this.#coordinator)
          : await this.#cluster.connect(this.#coordinator);
        await this.#askOnce(this.#connection);
      } catch (error) {
        this.#lament({
          text: `no connection: ${String(error)}`,
          isLate: false,
          beganMs,
          endedMs: Date.now(),
        });
        this.#connection = undefined;
      }
      const pauseMs = this.#random.between(PAUSE_MIN_MS, PAUSE_MAX_MS);
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }

  async #askOnce(connection: PoliteLink): Promise<void> {
    const key = this.#random.pick([...this.#keys.keys()]);
    const known = this.#keys.get(key)!;
    const isPut = !known.isPut || this.#random.chance(500);
    const value = `${++this.#valueCount} `.padEnd(VALUE_CHARS, "p");
    const request: Request = isPut
      ? { op: "put", keyspace: KEYSPACES.polite, key, value, level: this.#random.pick(WRITE_LEVELS) }
      : { op: "get", keyspace: KEYSPACES.polite, key, level: this.#random.pick(READ_LEVELS) };
    const [beganMs, sinceMs] = [Date.now(), performance.now()];
    const result = await connection.request(request, { timeoutMs: ANSWER_WITHIN_MS });
    const elapsedMs = performance.now() - sinceMs;
    this.latencies?.add(beganMs, elapsedMs);
    this.requestCount++;
    if (connection.isClosed) this.#connection = undefined;
    if (isPut) known.onPut(value, result);
    if (!result.ok) {
      const { code, message } = result.failure;
      if (code === "not_found") {
        return this.#complain(`get of ${JSON.stringify(key)}, which was put: ${message}`);
      }
      // A replica that says nothing at all hangs, and is not only late.
      const isLate = code === "timeout" && elapsedMs < ANSWER_WITHIN_MS;
      const text = `${request.op}: ${code}: ${message}`;
      return this.#lament({ text, isLate, beganMs, endedMs: beganMs + elapsedMs });
    }
    if (!isPut && (result.value.kind !== "value" || !known.allowed.includes(result.value.value))) {
      this.#complain(
        `get of ${JSON.stringify(key)}: not what was put, but ${JSON.stringify(result.value).slice(0, 200)}`,
      );
    }
  }

  #lament(undone: Undone): void {
    this.undoneCount++;
    if (this.undone.length < UNDONE_MAX) this.undone.push({ ...undone, text: this.#told(undone.text) });
  }

  #complain(text: string): void {
    if (this.complaints.length < COMPLAINTS_MAX) this.complaints.push(this.#told(text));
  }

  #told(text: string): string {
    return `${new Date().toISOString()} through ${this.#coordinator}${this.#isHttp ? " over HTTP" : ""}${
      this.isQuiet ? " in quiet" : ""
    }: ${text}`;
  }
}
