/** What attackers may use in a second. Why: on a shared processor whoever may use it without limit has it all. @module */

/** Bytes that all attacks together send in a second. */
export const BYTES_PER_SECOND = 1024 * 1024;

/** Connections that attackers hold open at a time. */
export const OPEN_MAX = 600;

/** What attackers have done so far. */
export interface Spent {
  readonly attacks: Readonly<Record<string, number>>;
  readonly bytes: number;
  readonly opened: number;
  /** Connections that nobody took. */
  readonly unopened: number;
  /** Attacks that were let in and must not have been. */
  readonly breaches: Readonly<Record<string, number>>;
  /** Answers that were not as they must be: how often, and the first of each kind. */
  readonly objections: Readonly<Record<string, { readonly count: number; readonly example: string }>>;
}

/** Counts, and holds back whoever is too quick. */
export class Budget {
  readonly #attacks: Record<string, number> = {};
  readonly #breaches: Record<string, number> = {};
  readonly #objections: Record<string, { readonly count: number; readonly example: string }> = {};
  #bytes = 0;
  #opened = 0;
  #unopened = 0;
  #openCount = 0;
  /** When what was spent so far is paid for. */
  #paidUntilMs = 0;
  #isResting = false;
  #goOn = Promise.withResolvers<void>();

  get spent(): Spent {
    return {
      attacks: { ...this.#attacks },
      bytes: this.#bytes,
      opened: this.#opened,
      unopened: this.#unopened,
      breaches: { ...this.#breaches },
      objections: { ...this.#objections },
    };
  }

  /** Whether so many more connections may be opened. */
  hasRoom(count: number): boolean {
    return this.#openCount + count <= OPEN_MAX;
  }

  onAttack(kind: string): void {
    this.#attacks[kind] = (this.#attacks[kind] ?? 0) + 1;
  }

  onBreach(kind: string): void {
    this.#breaches[kind] = (this.#breaches[kind] ?? 0) + 1;
  }

  onObjection(kind: string, example: string): void {
    const before = this.#objections[kind];
    this.#objections[kind] = { count: (before?.count ?? 0) + 1, example: before?.example ?? example };
  }

  onOpen(): void {
    this.#opened++;
    this.#openCount++;
  }

  onUnopened(): void {
    this.#unopened++;
  }

  onClose(): void {
    this.#openCount--;
  }

  /** Resolves when so many bytes may be sent. */
  async spend(bytes: number): Promise<void> {
    await this.awake();
    this.#bytes += bytes;
    const nowMs = performance.now();
    this.#paidUntilMs = Math.max(nowMs, this.#paidUntilMs) + 1000 * bytes / BYTES_PER_SECOND;
    const waitMs = this.#paidUntilMs - nowMs;
    // Why the slack: a timer for each small line would cost more than the line.
    if (waitMs > 50) await this.pause(waitMs);
  }

  /** From now on nobody sends; connections stay as they are. */
  rest(): void {
    if (this.#isResting) return;
    this.#isResting = true;
    this.#goOn = Promise.withResolvers<void>();
  }

  goOn(): void {
    this.#isResting = false;
    this.#goOn.resolve();
  }

  /** Resolves when attackers do not rest. */
  async awake(): Promise<void> {
    while (this.#isResting) await this.#goOn.promise;
  }

  pause(ms: number): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, ms));
  }
}
