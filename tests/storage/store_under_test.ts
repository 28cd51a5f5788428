/** An engine on an imagined disk, and everything a test does to the two. @module */
import { type ByteString, decodeText, encodeText, utf8ByteString } from "../../src/base/bytes.ts";
import type { PlantedBug } from "../../src/base/planted_bug.ts";
import { Random } from "../../src/base/random.ts";
import type { Derivation, Merge, StoreResult, StoreWrite } from "../../src/ports.ts";
import { SimDisk } from "../../src/sim/sim_disk.ts";
import { Engine } from "../../src/storage/engine.ts";
import { VirtualTime } from "../harness/virtual_time.ts";

/** Bytes of a segment in tests: small, so that the log rolls often. */
export const SEGMENT_BYTES = 4096;

/** A merge that shows every loss and every repetition: what was held, then what came. An empty value removes. */
export const appendMerge: Merge = (_key, held, incoming) => {
  if (incoming.length === 0) return undefined;
  return encodeText((held ? decodeText(held) : "") + decodeText(incoming));
};

/** A merge under which the later write replaces the earlier one. An empty value removes. */
export const replaceMerge: Merge = (_key, _held, incoming) => incoming.length === 0 ? undefined : incoming;

/** A key. */
export function key(text: string): ByteString {
  return utf8ByteString(text);
}

/** A write. */
export function write(name: string, value: string): StoreWrite {
  return { key: key(name), value: encodeText(value) };
}

/** Derives one entry, whatever the store holds. */
export function deriveOfNothing(): Derivation {
  const own = write("derived", "of nothing");
  return {
    isOwn: (name) => name === own.key,
    onLoaded: (name) => name === own.key,
    onChanged: () => {},
    onRecovered: () => {},
    entries: () => [own],
  };
}

/** How the pair is set up. */
export interface SetUp {
  readonly seed?: number;
  readonly merge?: Merge;
  readonly segmentBytes?: number;
  readonly isRewritten?: boolean;
  readonly bugs?: ReadonlySet<PlantedBug>;
  /** Makes what each life derives from its entries. */
  readonly derive?: () => Derivation;
}

/** One disk, and the engine that runs on it at the time. */
export class StoreUnderTest {
  readonly time = new VirtualTime();
  readonly disk: SimDisk;
  readonly random: Random;
  /** What the engine wrote to the log port: level and text, then the fields. */
  readonly said: string[] = [];
  /** What the engine halted for. */
  readonly halts: unknown[] = [];
  readonly #setUp: SetUp;
  #engine: Engine | undefined;

  constructor(setUp: SetUp = {}) {
    this.#setUp = setUp;
    this.random = new Random(setUp.seed ?? 1);
    this.disk = new SimDisk({
      random: this.random.fork(),
      after: (delayMs, run) => this.time.after(delayMs, run),
    });
  }

  /** A disk with a running engine. */
  static async opened(setUp: SetUp = {}): Promise<StoreUnderTest> {
    const store = new StoreUnderTest(setUp);
    await store.open();
    return store;
  }

  get engine(): Engine {
    if (!this.#engine) throw new Error("the engine is not open");
    return this.#engine;
  }

  /** Begins to open an engine, without letting time pass. */
  beginOpen(): Promise<Engine> {
    const { segmentBytes = SEGMENT_BYTES, merge = replaceMerge, isRewritten, bugs, derive } = this.#setUp;
    return Engine.open({
      disk: this.disk.mount(),
      merge,
      segmentBytes,
      log: {
        write: (level, text, fields) => {
          const shown = Object.entries(fields ?? {}).map(([name, value]) => `${name}=${value}`);
          this.said.push([`${level}:`, text, ...shown].join(" "));
        },
      },
      halt: (cause) => this.halts.push(cause),
      ...(isRewritten ? { isRewritten } : {}),
      ...(bugs ? { bugs } : {}),
      ...(derive ? { derive: derive() } : {}),
    });
  }

  /** Opens an engine. */
  async open(): Promise<void> {
    this.#engine = await this.time.finish(this.beginOpen());
  }

  /** Closes the engine as at an orderly end of the process. */
  async close(): Promise<void> {
    await this.time.finish(this.engine.close());
    this.disk.kill();
  }

  /** Cuts the power and starts again. */
  async powerCut(): Promise<void> {
    this.disk.powerCut();
    await this.open();
  }

  /** Queues an atomic batch and lets it start; the result comes as time passes. */
  submit(...writes: StoreWrite[]): { result: StoreResult | undefined } {
    const outcome: { result: StoreResult | undefined } = { result: undefined };
    this.engine.submit({ kind: "apply", writes }, (result) => outcome.result = result);
    this.engine.flush();
    return outcome;
  }

  /** Stores a batch; gives the result, once nothing more happens. */
  async apply(...writes: StoreWrite[]): Promise<StoreResult | undefined> {
    const outcome = this.submit(...writes);
    await this.time.run();
    return outcome.result;
  }

  /** Stores one value, and throws unless it was stored. */
  async put(name: string, value: string): Promise<void> {
    const result = await this.apply(write(name, value));
    if (result?.kind !== "applied") throw new Error(`put ${name} ended in ${result?.kind ?? "nothing"}`);
  }

  /** What the engine answers for a key; undefined when it holds none, or does not answer. */
  get(name: string): string | undefined {
    let value: string | undefined;
    this.engine.submit({ kind: "get", key: key(name) }, (result) => {
      if (result.kind === "got" && result.value) value = decodeText(result.value);
    });
    return value;
  }

  /** Everything the engine holds, in its order. */
  all(): [string, string][] {
    let entries: [string, string][] = [];
    const range = { begin: key(""), end: key("\x7f"), countMax: 1e6, bytesMax: 1e9 };
    this.engine.submit({ kind: "scan", ...range }, (result) => {
      if (result.kind !== "scanned") return;
      entries = result.entries.map((entry) => [String(entry.key), decodeText(entry.value)]);
    });
    return entries;
  }

  /** Two ticks without a commit between them, and what follows. */
  async idle(): Promise<void> {
    this.engine.tick();
    await this.time.run();
    this.engine.tick();
    await this.time.run();
  }

  /** The newest segment that holds frames, by name. */
  lastLog(): string {
    return `log-${Math.max(...this.logs())}`;
  }

  /** Numbers of the segments on the disk. */
  logs(): number[] {
    return this.disk.names().filter((name) => name.startsWith("log-")).map((name) => Number(name.slice(4)));
  }
}
