/** The judge of convergence: after healing and calm, all replicas hold the same versions of every key. @module */
import type { FinalState } from "./history.ts";
import { nameVersion } from "./operation_text.ts";
import type { Violation } from "./verdict.ts";

/** One violation for each key on which two replicas differ. */
export function judgeConvergence(finals: ReadonlyMap<string, FinalState>): Violation[] {
  const violations: Violation[] = [];
  const [first, ...others] = [...finals];
  if (!first) return violations;
  const keys = new Set([...finals.values()].flatMap((state) => [...state.keys()]));
  for (const key of keys) {
    const expected = nameVersion(first[1].get(key));
    const other = others.find(([, state]) => nameVersion(state.get(key)) !== expected);
    if (!other) continue;
    const sentence = `key ${key} differs after calm: ${first[0]} holds ${expected}, ${other[0]} holds ${
      nameVersion(other[1].get(key))
    }`;
    violations.push({ judge: "convergence", sentence, operations: [] });
  }
  return violations;
}
