/** What waits to be written to one connection: whole lines, and messages that share lines. @module */
import { PEER_QUEUE_BYTES_MAX, PEER_QUEUE_BYTES_SMALL, SMALL_VALUE_BYTES } from "../protocol/limits.ts";
import { encodeWrittenRounds, joinMessages } from "./message_codec.ts";

/** Characters that one acknowledgement counts for; a little more than it takes. */
const ROUND_CHARS = 20;

/** Gathers output between writes, so that a turn costs one write and not one for each message. */
export class Outbox {
  readonly #lineBytesMax: number;
  #lines: string[] = [];
  #messages: string[] = [];
  /** Rounds of acknowledgements that say nothing else; they share one message. */
  #writtenRounds: number[] = [];
  #waitingChars = 0;
  #takenChars = 0;

  constructor(lineBytesMax: number) {
    this.#lineBytesMax = lineBytesMax;
  }

  /** Characters that wait or are being written; as bytes a little more where the text is not ASCII. */
  get chars(): number {
    return this.#waitingChars + this.#takenChars;
  }

  /** Whether a message must not join what waits. Why never in an empty outbox: the largest value must get through. */
  isTooFull(encoded: string): boolean {
    const chars = this.chars;
    if (chars === 0) return false;
    const isSmall = encoded.length <= SMALL_VALUE_BYTES;
    return chars + encoded.length >
      (isSmall ? PEER_QUEUE_BYTES_MAX : PEER_QUEUE_BYTES_MAX - PEER_QUEUE_BYTES_SMALL);
  }

  /** Queues one line, given without its end. */
  pushLine(line: string): void {
    this.#lines.push(line);
    this.#waitingChars += line.length + 1;
  }

  /** Queues one encoded message. */
  pushMessage(encoded: string): void {
    this.#messages.push(encoded);
    this.#waitingChars += encoded.length + 1;
  }

  /** Queues the plain acknowledgement of a write. */
  pushWritten(round: number): void {
    this.#writtenRounds.push(round);
    this.#waitingChars += ROUND_CHARS;
  }

  /** Everything that waits, as text to write; empty if nothing does. It counts until `onWritten`. */
  take(): string {
    if (this.#waitingChars === 0) return "";
    let text = "";
    if (this.#writtenRounds.length > 0) {
      this.#messages.push(...encodeWrittenRounds(this.#writtenRounds));
      this.#writtenRounds = [];
    }
    if (this.#lines.length > 0) {
      text = this.#lines.length === 1 ? `${this.#lines[0]}\n` : `${this.#lines.join("\n")}\n`;
      this.#lines.length = 0;
    }
    if (this.#messages.length > 0) {
      text += joinMessages(this.#messages, this.#lineBytesMax);
      this.#messages = [];
    }
    this.#takenChars += this.#waitingChars;
    this.#waitingChars = 0;
    return text;
  }

  /** Forgets what waits: nobody is there to take it. */
  drop(): void {
    this.#lines = [];
    this.#messages = [];
    this.#writtenRounds = [];
    this.#waitingChars = 0;
    this.#takenChars = 0;
  }

  /** Of all that was taken so many characters are still with us. */
  onHeld(chars: number): void {
    this.#takenChars = chars;
  }

  /** What was taken is with the network. */
  onWritten(): void {
    this.#takenChars = 0;
  }
}
