/** Tests of replicas that the environment starts (VIEW, IPPORT, K, PORT), as real processes. @module */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { eventually } from "../harness/eventually.ts";
import {
  ask,
  type Env,
  idOfAddress,
  Members,
  met,
  pickView,
  stop,
  WITHIN_MS,
} from "../harness/view_members.ts";

/** A port that is free, and so is the one 10000 above; both below those that the system gives to connections. */
function pickPort(hostname: string): number {
  while (true) {
    const port = 12_000 + crypto.getRandomValues(new Uint16Array(1))[0]! % 8000;
    try {
      for (const each of [port, port + 10_000]) Deno.listen({ hostname, port: each }).close();
      return port;
    } catch (cause) {
      if (!(cause instanceof Deno.errors.AddrInUse)) throw cause;
    }
  }
}

Deno.test("Four members by environment with K = 3: three hold copies, and what is written through the fourth is read on all", async () => {
  await using members = new Members();
  const view = pickView(4);
  const children = view.map((own) => members.start({ VIEW: view.join(","), IPPORT: own, K: "3" }));
  await met(view);
  const [first = "", second = "", third = "", proxy = ""] = view;
  const details = await Promise.all(view.map((member) => ask(member, "GET", "/kv-store/get_node_details")));
  assertEquals(details.map(({ json }) => json.replica), ["Yes", "Yes", "Yes", "No"]);
  for (const member of view) {
    const { json } = await ask(member, "GET", "/kv-store/get_all_replicas");
    assertEquals(json, { result: "success", replicas: [first, second, third] });
  }
  const put = await ask(proxy, "PUT", "/kv-store/k", { val: "through the proxy", causal_payload: "" });
  assert([200, 201].includes(put.status), JSON.stringify(put));
  assertEquals([put.json.result, put.json.value], ["success", "through the proxy"]);
  const holders = [first, second, third].map(idOfAddress);
  assert(holders.includes(put.json.node_id), `${put.json.node_id} coordinated, and not one of ${holders}`);
  for (const member of view) {
    const got = await eventually(async () => {
      const answer = await ask(member, "GET", "/kv-store/k");
      return answer.status === 200 ? answer : undefined;
    }, { withinMs: WITHIN_MS, what: `${member} reads what was written` });
    assertEquals([got.json.value, got.json.timestamp], ["through the proxy", put.json.timestamp]);
  }
  assertEquals((await ask(first, "PUT", "/kv-store/new", { val: "x", causal_payload: "" })).status, 201);
  assertEquals((await ask(first, "PUT", "/kv-store/new", { val: "y", causal_payload: "" })).status, 200);

  // What followed from something is not seen without it, whoever is asked.
  let payload = "";
  for (let i = 0; i < 30; i++) {
    const [one = "", next = ""] = [view[i % 4], view[(i + 1) % 4]];
    const cause = await ask(one, "PUT", `/kv-store/t${i}`, { val: "t", causal_payload: payload });
    const read = await ask(
      next,
      "GET",
      `/kv-store/t${i}?causal_payload=${encodeURIComponent(cause.json.causal_payload)}`,
    );
    assertEquals([read.status, read.json.value], [200, "t"], `${next} misses what ${one} wrote`);
    payload = read.json.causal_payload;
    assert(payload > cause.json.causal_payload);
  }

  // Fewer than K are left: writes are taken at ONE all the same.
  for (const child of children.slice(1, 3)) assertEquals((await stop(child)).code, 0);
  assertEquals((await ask(first, "PUT", "/kv-store/new", { val: "z", causal_payload: "" })).status, 200);
  assertEquals(
    [...Deno.readDirSync(`${members.directory}/data`)].map(({ name }) => name).sort(),
    view.map((each) => each.replace(":", "_")),
  );
  const { code, stderr } = await stop(children[0]!);
  assertEquals(code, 0);
  assert(!/anybody who reaches/.test(stderr), "loopback is no reason to warn");
});

Deno.test("With fewer members than K each holds copies, and a start alone with PORT needs nothing else", async () => {
  await using members = new Members();
  const [own = ""] = pickView(1);
  members.start({ VIEW: own, IPPORT: own, K: "3" });
  await met([own]);
  assertEquals((await ask(own, "PUT", "/kv-store/k", { val: "x", causal_payload: "" })).status, 201);
  assertEquals((await ask(own, "GET", "/kv-store/get_all_replicas")).json.replicas, [own]);

  const port = String(pickPort("127.0.0.1"));
  const child = members.start({ PORT: port });
  await met([`127.0.0.1:${port}`]);
  assertEquals(
    (await ask(`127.0.0.1:${port}`, "PUT", "/kv-store/k", { val: "x", causal_payload: "" })).status,
    201,
  );
  assertEquals((await stop(child)).code, 0);
});

Deno.test("What is wrong in the environment ends with 64 and a sentence, and a file that is named counts before it", async () => {
  await using members = new Members();
  const [own = "", other = ""] = pickView(2);
  const cases: readonly (readonly [Env, string[], RegExp])[] = [
    [{ PORT: "abc" }, [], /^error: PORT=abc: "abc" is no port for this; allowed: 1 to 55535/],
    [{ VIEW: other, IPPORT: own }, [], /^error: IPPORT=\S+ is not in VIEW=/],
    [{ VIEW: own, IPPORT: own, K: "0" }, [], /^error: K=0 is no number of replicas/],
    [{ IPPORT: "127.0.0.1:60000" }, [], /^error: IPPORT=127\.0\.0\.1:60000: "60000" is no port/],
    [{ PORT: "7777" }, ["--check"], /^error: --check looks at a file/],
    [{ PORT: "7777" }, ["--id", "r1"], /^error: cluster\.toml: no such file/],
    [{ PORT: "7777" }, ["--config", "none.toml"], /^error: none\.toml: no such file/],
  ];
  for (const [env, flags, expected] of cases) {
    const child = members.start(env, ...flags);
    const [{ code }, stderr] = await Promise.all([child.status, new Response(child.stderr).text()]);
    assertEquals(code, 64, stderr);
    assertMatch(stderr, expected);
  }
  assertEquals([...Deno.readDirSync(members.directory)], []);
});

Deno.test("Where others can reach it, a start by environment warns, once, and asks for no secret", async () => {
  const open = Deno.networkInterfaces().find(({ family, address }) =>
    family === "IPv4" && !address.startsWith("127.")
  );
  // A machine without a network has nobody to warn of.
  if (open === undefined) return;
  await using members = new Members();
  const own = `${open.address}:${pickPort(open.address)}`;
  const child = members.start({ VIEW: own, IPPORT: own, K: "1" });
  await met([own]);
  assertEquals((await ask(own, "PUT", "/kv-store/k", { val: "x", causal_payload: "" })).status, 201);
  const { stderr } = await stop(child);
  assertEquals(stderr.split("and no secret is set").length, 2, stderr);
  assertStringIncludes(stderr, "QUARTET_SECRET");
});
