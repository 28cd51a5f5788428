/** In what replicas were started differently that must be the same: then they refuse each other, and only look cut off. Pure. @module */
import type { Status } from "../protocol/reply.ts";

/** One sentence for each field in which they differ. */
export function disagreements(statuses: readonly Status[]): string[] {
  const told = statuses.filter(({ digest }) => digest !== undefined);
  const names = new Set(told.flatMap(({ digest }) => Object.keys(digest!)));
  return [...names].flatMap((name) => {
    const holders = new Map<string, string[]>();
    for (const { id, digest } of told) {
      const value = Object.hasOwn(digest!, name) ? JSON.stringify(digest![name]) : "absent";
      holders.set(value, [...holders.get(value) ?? [], id]);
    }
    if (holders.size < 2) return [];
    const sides = [...holders].map(([value, ids]) => `${value} on ${ids.join(" ")}`).join(", ");
    return [`${name} is ${sides}: they refuse each other; use one cluster.toml, and restart who had another`];
  });
}
