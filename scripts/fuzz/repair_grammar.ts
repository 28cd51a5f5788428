/** Messages of anti-entropy as a peer may send them, right in form. @module */
import type { Random } from "../../src/base/random.ts";
import { REPAIR_KEYS_MAX } from "../../src/protocol/limits.ts";
import type { Json } from "./grammar.ts";

/** What these messages are about. */
export interface RepairSubject {
  readonly keyspace: Json;
  drawKey(): Json;
  drawVersions(countMin: number): Json;
  drawStamp(): Json;
}

/** One message. */
export function drawRepairMessage(
  random: Random,
  round: number,
  { keyspace, drawKey, drawVersions, drawStamp }: RepairSubject,
): { readonly [name: string]: Json } {
  const drawEntries = (countMin: number): Json =>
    Array.from({ length: random.below(4) }, () => ({ key: drawKey(), versions: drawVersions(countMin) }));
  const some = (draw: () => Json): Json => Array.from({ length: random.below(5) }, draw);
  switch (random.below(7)) {
    case 0: {
      const width = random.pick([65_536, 4096, 256, 16, 1]);
      const parts = Math.min(width, random.pick([1, 16]));
      const ranges = Array.from({ length: random.below(4) }, (_, index) => index);
      const hashes = Array.from({ length: ranges.length * parts }, () => drawHash(random)).join("");
      return { type: "compare", round, keyspace, width, parts, ranges, hashes };
    }
    case 1:
      return {
        type: "compared",
        round,
        differ: some(() => random.below(65_536)),
        lacking: some(() => random.below(65_536)),
      };
    case 2: {
      const count = random.pick([0, 1, 20, REPAIR_KEYS_MAX]);
      const begin = random.below(65_536);
      return {
        type: "list",
        round,
        keyspace,
        spans: [begin, begin + random.between(1, 65_536)],
        ...(random.chance(300) ? { after: drawKey() } : {}),
        ...(random.chance(300) ? { until: drawKey() } : {}),
        digests: Array.from({ length: count }, () => [drawKey(), drawStamp(), drawHash(random)]),
        ...(random.chance(300) ? { dry_run: true } : {}),
      };
    }
    case 3:
      return {
        type: "listed",
        round,
        entries: drawEntries(0),
        wants: some(drawKey),
        ...(random.chance(300) ? { last: drawKey() } : {}),
      };
    case 4:
      return { type: "give", round, keyspace, entries: drawEntries(1) };
    case 5:
      return { type: "given", round, entries: drawEntries(0) };
    default:
      return {
        type: "passed",
        round,
        differing: random.below(1000),
        agreed: random.chance(500),
        took_ms: random.below(100_000),
      };
  }
}

function drawHash(random: Random): string {
  const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  return Array.from({ length: 11 }, () => digits[random.below(64)]!).join("");
}
