/** The judge of convergence: after healing and calm, all replicas hold the same versions of every key. @module */
import type { FinalState, Violation } from "./history.ts";

/** One sentence for each key on which two replicas differ. */
export function judgeConvergence(finals: ReadonlyMap<string, FinalState>): Violation[] {
  const violations: Violation[] = [];
  const [first, ...others] = [...finals];
  if (!first) return violations;
  const keys = new Set([...finals.values()].flatMap((state) => [...state.keys()]));
  for (const key of keys) {
    const expected = show(first[1], key);
    const other = others.find(([, state]) => show(state, key) !== expected);
    if (other) {
      violations.push(
        `key ${key} differs after calm: ${first[0]} holds ${expected}, ${other[0]} holds ${
          show(other[1], key)
        }`,
      );
    }
  }
  return violations;
}

function show(state: FinalState, key: string): string {
  const version = state.get(key);
  return version ? `${version.origin}@${version.stamp}` : "nothing";
}
