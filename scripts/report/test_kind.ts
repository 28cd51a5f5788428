/** The kinds of tests, as `tests/README.md` tells them, and to which a test file belongs. @module */

/** All kinds, in the order of that page. */
export const TEST_KINDS = ["unit", "transcript", "property", "simulation", "cluster", "structure"] as const;

/** One of these. */
export type TestKind = typeof TEST_KINDS[number];

/** The kind of a test file. `text` is what it says: who plays transcripts imports their player. */
export function testKindOf(path: string, text: string): TestKind {
  if (path.startsWith("tests/cluster/")) return "cluster";
  if (path.startsWith("tests/sim/")) return "simulation";
  if (path.startsWith("tests/scripts/")) return "structure";
  if (path.endsWith("_property_test.ts")) return "property";
  return text.includes("/harness/transcript.ts") ? "transcript" : "unit";
}
