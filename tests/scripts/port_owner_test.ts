import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { whyTaken } from "../../scripts/supervisor/port_owner.ts";
import { unless, WHY_NOT_LINUX } from "../harness/abilities.ts";

Deno.test("A free address is free, and one of another machine is not ours", () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  assertEquals(whyTaken("127.0.0.1", port), undefined);
  assertEquals(whyTaken("192.0.2.1", port), "is not an address of this machine");
});

Deno.test({
  ...unless(WHY_NOT_LINUX, "The process in the way is found by address and port, not by port alone"),
  fn: async () => {
    using ours = Deno.listen({ hostname: "127.77.1.2", port: 0 });
    const { port } = ours.addr;
    const other = new Deno.Command(Deno.execPath(), {
      args: [
        "eval",
        `Deno.listen({ hostname: "127.77.1.3", port: ${port} }); console.log("listens"); await new Promise(() => setInterval(() => {}, 1000));`,
      ],
      stdout: "piped",
    }).spawn();
    try {
      const reader = other.stdout.getReader();
      await reader.read();
      assertStringIncludes(whyTaken("127.77.1.2", port)!, `is taken by process ${Deno.pid} (`);
      assertMatch(whyTaken("127.77.1.3", port)!, new RegExp(`^is taken by process ${other.pid} \\(.*deno`));
      reader.releaseLock();
    } finally {
      other.kill();
      await other.status;
      await other.stdout.cancel();
    }
  },
});
