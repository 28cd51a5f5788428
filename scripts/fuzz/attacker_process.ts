/** The process of the attackers, as the one that judges sees it. @module */
import { fromFileUrl } from "@std/path";
import type { AttackerOrder } from "./attacker.ts";
import type { Spent } from "./budget.ts";

const ATTACKER_FILE = fromFileUrl(new URL("attacker.ts", import.meta.url));

/** Why a process of its own: what attacks cost must not show in the latency that polite clients measure. */
export class AttackerProcess implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #read: Promise<void>;
  #spent: Spent = { attacks: {}, bytes: 0, opened: 0, unopened: 0, breaches: {}, objections: {} };
  #hasEnded = false;
  #ending: Promise<void> | undefined;

  constructor(order: AttackerOrder) {
    this.#child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", ATTACKER_FILE, JSON.stringify(order)],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    this.#writer = this.#child.stdin.getWriter();
    this.#read = this.#readSpent();
  }

  /** What was spent, as it was said last. */
  get spent(): Spent {
    return this.#spent;
  }

  /** Whether it ended by itself: then nothing was attacked, and nothing proved. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  async rest(): Promise<void> {
    await this.#say("rest\n");
  }

  async goOn(): Promise<void> {
    await this.#say("go_on\n");
  }

  /** Ends all attacks. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.#ending ??= this.#end();
  }

  async #end(): Promise<void> {
    await this.#writer.close().catch(() => {
      // It has ended already.
    });
    await this.#read;
    await this.#child.status;
  }

  async #say(text: string): Promise<void> {
    await this.#writer.write(new TextEncoder().encode(text)).catch(() => {
      // It has ended; `hasEnded` tells.
    });
  }

  async #readSpent(): Promise<void> {
    let rest = "";
    for await (const text of this.#child.stdout.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      for (const line of lines) this.#spent = JSON.parse(line) as Spent;
    }
    this.#hasEnded = this.#ending === undefined;
  }
}
