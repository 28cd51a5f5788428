/** The error for bytes that are not what was written: always with file and offset, so that a person can look. @module */

/** Where the damage is, what should stand there and what does. */
export interface Damage {
  readonly file: string;
  readonly offset: number;
  readonly expected: string;
  readonly found: string;
}

/** Something that was once safely on the disk is not there any more. Never repaired by guessing. */
export class CorruptionError extends Error implements Damage {
  override readonly name = "CorruptionError";
  readonly file: string;
  readonly offset: number;
  readonly expected: string;
  readonly found: string;

  constructor({ file, offset, expected, found }: Damage) {
    super(
      `${file} is damaged at byte ${offset}: expected ${expected}, found ${found}. ` +
        "Nothing was changed. Copy the directory, check the disk, then start with --rebuild to refill from the other replicas",
    );
    this.file = file;
    this.offset = offset;
    this.expected = expected;
    this.found = found;
  }
}
