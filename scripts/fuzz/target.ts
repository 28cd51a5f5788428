/** What an attacker knows of the cluster that it attacks. @module */

/** Everything there is to know. Plain JSON, because it travels to another process. */
export interface Target {
  readonly cluster: string;
  readonly replicas: readonly {
    readonly id: string;
    readonly host: string;
    readonly port: number;
    readonly httpPort: number;
  }[];
  /** A member whose process never runs: whoever knows the secret may pose as it without taking anybody's place. */
  readonly absentId: string;
  /** What members have in common, as hellos carry it. */
  readonly digest: Readonly<Record<string, string>>;
  /** Whether clients may break things on purpose. */
  readonly hasFaults: boolean;
  readonly secret?: string;
}

/** Keyspaces of the cluster under attack. Polite clients have one of their own, whose keys nobody can guess. */
export const KEYSPACES = { bytes: "main", texts: "items", polite: "polite" } as const;

/** Small on purpose, so that lines over the limit cost little. */
export const VALUE_BYTES_MAX = 256 * 1024;

/** Values that attackers send under drawn keys: so small that what they store stays bounded. */
export const DRAWN_VALUE_BYTES_MAX = 16 * 1024;

/** Byte keys from here on may hold values up to the limit. */
export const LARGE_KEY_FIRST = 252;
