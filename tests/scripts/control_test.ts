/** Tests of `scripts/supervisor/control.ts`, over real loopback sockets. @module */
import { assert, assertEquals } from "@std/assert";
import { askSupervisor, ControlServer, drawToken } from "../../scripts/supervisor/control.ts";
import { RawClient } from "../transport/fake_replica.ts";

function server(token: string, askWithinMs?: number): ControlServer {
  const answer = (
    { verb, ids }: { verb: string; ids: readonly string[] },
  ): Promise<{ ok: boolean; text: string }> =>
    Promise.resolve({ ok: true, text: `${verb} ${ids.join(" ")}` });
  return new ControlServer(token, answer, askWithinMs);
}

Deno.test("A question with the token is answered, and one with another token or of another form is not carried out", async () => {
  const token = drawToken();
  const control = server(token);
  const place = { controlPort: control.port, token };
  assertEquals(await askSupervisor(place, { verb: "kill", ids: ["r1"] }), { ok: true, text: "kill r1" });
  const wrong = await askSupervisor({ ...place, token: drawToken() }, { verb: "kill", ids: ["r1"] });
  assert(!wrong.ok);
  for (
    const line of [
      '{"token":7,"verb":"kill","ids":[]}',
      `{"token":"${token}","verb":"toString","ids":[]}`,
      "null",
    ]
  ) {
    using client = await RawClient.open(control.port);
    await client.send(`${line}\n`);
    assert(!(await client.line()).ok, line);
  }
  await control.close();
});

Deno.test("Whoever connects to a supervisor and asks nothing is cut, and does not keep it from ending", async () => {
  const control = server(drawToken(), 50);
  using silent = await RawClient.open(control.port);
  using half = await RawClient.open(control.port);
  await half.send('{"token":');
  await control.close();
  assertEquals(await silent.line(), undefined);
});

Deno.test("A question without an end is cut at its limit", async () => {
  const control = server(drawToken());
  using client = await RawClient.open(control.port);
  await client.send("x".repeat(100_000)).catch(() => {});
  assertEquals(await client.line().catch(() => undefined), undefined);
  await control.close();
});
