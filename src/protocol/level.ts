/** Consistency levels: how many of the declared N copies must answer. @module */

/** Wire format: only append. */
export const LEVELS = ["ONE", "TWO", "THREE", "QUORUM", "ALL"] as const;

/** How many copies a request waits for. */
export type Level = typeof LEVELS[number];

/** The level named by `text` in any case, or undefined. */
export function parseLevel(text: string): Level | undefined {
  return LEVELS.find((level) => level === text.toUpperCase());
}

/** Copies that `level` needs out of `copyCount`. May exceed `copyCount`: such a level is refused. */
export function requiredCount(level: Level, copyCount: number): number {
  switch (level) {
    case "ONE":
      return 1;
    case "TWO":
      return 2;
    case "THREE":
      return 3;
    case "QUORUM":
      return Math.floor(copyCount / 2) + 1;
    case "ALL":
      return copyCount;
  }
}
