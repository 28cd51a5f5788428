/**
 * What is put in the way of lines between two replicas on purpose, and the lines that wait because of it. Nothing else
 * shows that it is there: a cut makes silence, as a firewall that drops does, and closes nothing.
 * @module
 */
import type { ReplicaId } from "../replica/envelope.ts";
import type { Input } from "./line_channel.ts";

/** What stands between this replica and one peer. */
export interface Obstacle {
  /** Whether nothing comes from the peer, nothing goes to it. */
  readonly cutsIn: boolean;
  readonly cutsOut: boolean;
  /** Whether everything waits until the obstacle is gone. */
  readonly holds: boolean;
  /** What each line takes longer, either way. */
  readonly delayMs: number;
  /** Draws whether the next line is lost; undefined where none is. */
  readonly isLost: (() => boolean) | undefined;
}

/** Whoever breaks things on purpose, as the transport sees it. */
export interface LineFaults {
  /** Whether the whole replica stands still. */
  readonly isPaused: boolean;
  /** Undefined while nothing stands between the two. */
  obstacleTo(peer: ReplicaId): Obstacle | undefined;
  /** Monotonic. */
  nowMs(): number;
  /** Calls `wake` once after `delayMs`, unless the returned function is called before. */
  after(delayMs: number, wake: () => void): () => void;
}

/** Whether no connection to a peer can be made at present. */
export function isSilent(obstacle: Obstacle | undefined): boolean {
  return obstacle !== undefined && (obstacle.cutsIn || obstacle.cutsOut || obstacle.holds);
}

interface Waiting<T> {
  readonly what: T;
  readonly sinceMs: number;
}

/** The lines of one connection that an obstacle keeps. They leave in their order. */
export class Obstruction {
  readonly #faults: Pick<LineFaults, "nowMs" | "after">;
  readonly #hidesEnd: boolean;
  readonly #onDue: () => void;
  #obstacle: Obstacle | undefined;
  #input: Waiting<Input>[] = [];
  #output: Waiting<string>[] = [];
  #inputChars = 0;
  #outputChars = 0;
  #cancelTimer: () => void = () => {};

  /** `onDue` is called when something may leave. With `hidesEnd` a cut also keeps that the other side has ended. */
  constructor(
    faults: Pick<LineFaults, "nowMs" | "after">,
    { hidesEnd, onDue }: { readonly hidesEnd: boolean; readonly onDue: () => void },
  ) {
    this.#faults = faults;
    this.#hidesEnd = hidesEnd;
    this.#onDue = onDue;
  }

  /** From now on this stands in the way. What waits already waits for it, or leaves where there is none. */
  change(obstacle: Obstacle | undefined): void {
    this.#obstacle = obstacle;
    if (obstacle?.cutsIn) this.#input = this.#input.filter(({ what }) => what.state !== "open");
    if (obstacle?.cutsOut) this.#output = [];
    this.#inputChars = this.#input.reduce((sum, { what }) => sum + charsOf(what), 0);
    this.#outputChars = this.#output.reduce((sum, { what }) => sum + what.length, 0);
  }

  /** Whether nothing is in the way, and nothing waits. */
  get isOver(): boolean {
    return this.#obstacle === undefined && this.#input.length === 0 && this.#output.length === 0;
  }

  /** Whether that the connection is lost must not be noticed. */
  get hidesLoss(): boolean {
    return this.#hidesEnd && this.#obstacle !== undefined && (this.#obstacle.cutsIn || this.#obstacle.holds);
  }

  /** Whether more input is taken; else it stays with the operating system. After an end there is none. */
  get takesInput(): boolean {
    return !this.#obstacle?.holds && (this.#input.at(-1)?.what.state ?? "open") === "open";
  }

  /** Characters of input, of output that wait here. */
  get inputChars(): number {
    return this.#inputChars;
  }

  get outputChars(): number {
    return this.#outputChars;
  }

  /** Something came: what is not lost waits. */
  pushInput(input: Input): void {
    const obstacle = this.#obstacle;
    if (input.state === "open" && obstacle !== undefined) {
      if (obstacle.cutsIn) return;
      const { isLost } = obstacle;
      if (isLost !== undefined) {
        input = { ...input, lines: input.lines.filter(() => !isLost()) };
        // Bytes of a line that has not ended show no life either: that line may be lost.
        if (input.lines.length === 0) return;
      }
    } else if (obstacle?.cutsIn) input = { ...input, lines: [] };
    this.#input.push({ what: input, sinceMs: this.#faults.nowMs() });
    this.#inputChars += charsOf(input);
  }

  /** What came and may be noticed now. */
  takeInput(): Input | undefined {
    const first = this.#input[0];
    if (first === undefined || this.#inputDueMs(first) > this.#faults.nowMs()) return undefined;
    this.#input.shift();
    this.#inputChars -= charsOf(first.what);
    return first.what;
  }

  /** Lines are to be written, each with its end: what is not lost waits. */
  pushOutput(text: string): void {
    const obstacle = this.#obstacle;
    if (obstacle?.cutsOut) return;
    const isLost = obstacle?.isLost;
    const kept = isLost === undefined
      ? text
      : text.split("\n").slice(0, -1).filter(() => !isLost()).map((line) => `${line}\n`).join("");
    if (kept === "") return;
    this.#output.push({ what: kept, sinceMs: this.#faults.nowMs() });
    this.#outputChars += kept.length;
  }

  /** What may be written now, as one text. */
  takeOutput(): string {
    let text = "";
    const nowMs = this.#faults.nowMs();
    while (this.#output.length > 0 && this.#dueMs(this.#output[0]!) <= nowMs) {
      text += this.#output.shift()!.what;
    }
    this.#outputChars -= text.length;
    return text;
  }

  /** Has `onDue` called when the next of what waits may leave. */
  arm(): void {
    this.#cancelTimer();
    this.#cancelTimer = () => {};
    const [input, output] = [this.#input[0], this.#output[0]];
    const dueMs = Math.min(
      input === undefined ? Infinity : this.#inputDueMs(input),
      output === undefined ? Infinity : this.#dueMs(output),
    );
    const leftMs = dueMs - this.#faults.nowMs();
    // What is due already waits for somebody to take it, not for time.
    if (leftMs <= 0 || leftMs === Infinity) return;
    this.#cancelTimer = this.#faults.after(Math.ceil(leftMs), this.#onDue);
  }

  /** Nothing leaves any more. */
  close(): void {
    this.#cancelTimer();
    this.#input = [];
    this.#output = [];
  }

  #dueMs({ sinceMs }: Waiting<unknown>): number {
    const obstacle = this.#obstacle;
    if (obstacle === undefined) return -Infinity;
    return obstacle.holds ? Infinity : sinceMs + obstacle.delayMs;
  }

  #inputDueMs(waiting: Waiting<Input>): number {
    const isEnd = waiting.what.state !== "open";
    if (isEnd && this.#obstacle?.cutsIn) return this.#hidesEnd ? Infinity : -Infinity;
    return this.#dueMs(waiting);
  }
}

function charsOf({ lines }: Input): number {
  return lines.reduce((sum, line) => sum + (line?.length ?? 0), 0);
}
