/** The process that probes the disk, as the one that judges sees it. @module */
import { fromFileUrl } from "@std/path";
import type { ProbeSummary } from "./disk_probe.ts";
import type { DiskRecord, Span } from "./stalls.ts";

const PROBE_FILE = fromFileUrl(new URL("disk_probe.ts", import.meta.url));

/** Why a process of its own: where the judge stands still, the disk must not seem to. */
export class DiskProbeProcess implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #read: Promise<void>;
  readonly #stalls: Span[] = [];
  #summary: ProbeSummary | undefined;
  #ending: Promise<void> | undefined;

  /** Begins to probe; `file` is its own, on the disk in question. */
  constructor(file: string) {
    this.#child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", PROBE_FILE, file],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    this.#read = this.#readLines();
  }

  /** Ends it. What it saw; undefined where it had ended by itself, as when its file cannot be written. */
  async end(): Promise<DiskRecord | undefined> {
    await this[Symbol.asyncDispose]();
    return this.#summary === undefined ? undefined : { ...this.#summary, stalls: this.#stalls };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#ending ??= this.#end();
  }

  async #end(): Promise<void> {
    await this.#child.stdin.close().catch(() => {
      // It has ended already.
    });
    await this.#read;
    await this.#child.status;
  }

  async #readLines(): Promise<void> {
    let rest = "";
    for await (const text of this.#child.stdout.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      for (const line of lines) {
        const said = JSON.parse(line) as Span | ProbeSummary;
        if ("watchedMs" in said) this.#summary = said;
        else this.#stalls.push(said);
      }
    }
  }
}
