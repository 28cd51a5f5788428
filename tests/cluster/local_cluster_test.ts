import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { eventually } from "../harness/eventually.ts";
import { clusterTest } from "../harness/processes.ts";

clusterTest("A test's cluster serves, and its replicas can be killed, paused, stopped and started", {
  replicas: 3,
  settings: { failure_timeout_ms: 600 },
}, async (cluster) => {
  assertEquals((await cluster.clientWithInput("from stdin", "put", "7", "-", "ALL")).code, 0);
  await cluster.kill9("r3");
  await cluster.pause("r2");
  await eventually(async () => (await cluster.client("get", "7", "TWO")).code === 5, {
    withinMs: 10_000,
    what: "r1 sees that it is alone",
  });
  const refused = await cluster.client("put", "7", "lost", "TWO");
  assertEquals(refused.code, 5);
  assertMatch(refused.stderr, /^unavailable: TWO needs 2 live/);
  assertEquals((await cluster.client("get", "7", "ONE")).stdout, "from stdin\n");

  cluster.resume("r2");
  await cluster.start("r3");
  await cluster.waitUp();
  assertEquals((await cluster.client("get", "7", "ALL")).stdout, "from stdin\n");
  assertEquals(await cluster.stop("r1"), "ended with exit code 0");
  await cluster.waitUp("r2", "r3");
});

Deno.test("Waiting for a condition ends with what it was waiting for", async () => {
  let count = 0;
  assertEquals(await eventually(() => ++count === 3 && "third", { withinMs: 5000, what: "three" }), "third");
  const never = (): boolean => {
    throw new Error("still not");
  };
  const error = await assertRejects(() => eventually(never, { withinMs: 30, what: "a miracle" }));
  assertEquals(error.message, "not within 30 ms: a miracle");
  assertEquals((error.cause as Error).message, "still not");
});
