/** Tests of `src/host/open_files.ts`. @module */
import { assert, assertEquals } from "@std/assert";
import { connectionsWithin, pickConnectionsMax, shareWithHttp } from "../../src/host/open_files.ts";
import {
  CONNECTIONS_BEYOND_MAX,
  CONNECTIONS_MAX,
  FILES_RESERVED,
  HTTP_CONNECTIONS_MAX,
} from "../../src/protocol/limits.ts";

Deno.test("Connections and those that linger leave room for the files of a replica", () => {
  for (const filesMax of [300, 1024, 4096, 8192]) {
    const connections = connectionsWithin(filesMax);
    assert(2 * connections + FILES_RESERVED <= filesMax, `${connections} of ${filesMax}`);
  }
  for (const filesMax of [600, 1024, 4096]) {
    const { wire, http } = shareWithHttp(connectionsWithin(filesMax));
    const files = 2 * wire + http + CONNECTIONS_BEYOND_MAX + FILES_RESERVED;
    assert(files <= filesMax, `${wire} and ${http} over HTTP of ${filesMax}`);
  }
  assertEquals(shareWithHttp(CONNECTIONS_MAX), { wire: CONNECTIONS_MAX, http: HTTP_CONNECTIONS_MAX });
  assertEquals(connectionsWithin(1_000_000), CONNECTIONS_MAX);
  assertEquals(connectionsWithin(20), 16);
});

Deno.test("The log says when few files may be open, and only then", () => {
  const lines: string[] = [];
  const connectionsMax = pickConnectionsMax({ write: (_level, text) => void lines.push(text) });
  assertEquals(lines.length, connectionsMax < CONNECTIONS_MAX ? 1 : 0);
});
