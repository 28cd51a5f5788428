import { assertEquals } from "@std/assert";
import { SessionState } from "../../src/cli/session_state.ts";

const CLUSTER = {
  replicas: ["r1", "r2"],
  keyspaces: new Map([["main", "QUORUM"], ["items", "ONE"]] as const),
  defaultKeyspace: "main",
};

Deno.test("the prompt names keyspace, level and coordinator in use, defaults included", () => {
  const state = new SessionState(CLUSTER, "r1");
  assertEquals(state.prompt, "main QUORUM r1> ");
  state.keyspace = "items";
  assertEquals(state.prompt, "items ONE r1> ");
  state.level = "TWO";
  state.coordinator = "r2";
  state.isTracing = true;
  assertEquals(state.prompt, "items TWO r2 trace> ");
  assertEquals(
    new SessionState({ replicas: ["r1"], keyspaces: new Map() }, "r1").prompt,
    "(default) (default) r1> ",
  );
});

Deno.test("keys are remembered once, the latest first, and not without end", () => {
  const state = new SessionState(CLUSTER, "r1");
  for (const key of ["7", "8", "7"]) state.onKey(key);
  assertEquals(state.recentKeys, ["7", "8"]);
  for (let key = 0; key < 256; key++) state.onKey(String(key));
  assertEquals([state.recentKeys.length, state.recentKeys[0]], [50, "255"]);
});
