/** Checks every example of `src/transport/PROTOCOL.md`. @module */
import { assert, assertEquals } from "@std/assert";
import { welcomeFor } from "../../src/transport/handshake.ts";
import {
  isHello,
  parseDiallerHello,
  parseServerHello,
  parseWelcome,
  type PeerHello,
} from "../../src/transport/hello.ts";
import { encodeMessage, parseMessageLine } from "../../src/transport/message_codec.ts";
import { decodeReply, encodeReply } from "../../src/transport/reply_codec.ts";
import { parseRequestLine } from "../../src/transport/request_codec.ts";
import { hmacOf } from "../../src/transport/tcp_transport.ts";

const page = await Deno.readTextFile(new URL("../../src/transport/PROTOCOL.md", import.meta.url));

/** The lines of all fenced blocks that are marked so. */
function examples(mark: string): string[] {
  const blocks = [...page.matchAll(/^```(.*)\n([^]*?)^```$/gm)].filter(([, found]) => found === mark);
  assert(blocks.length > 0, `no block is marked ${mark}`);
  return blocks.flatMap(([, , text]) => text!.trim().split("\n"));
}

Deno.test("Every JSON block of the protocol page is of a kind that is checked", () => {
  const marks = [...page.matchAll(/^```(json.*)$/gm)].map(([, mark]) => mark);
  const known = ["json hello", "json request", "json answer", "json message"];
  assertEquals(marks.filter((mark) => !known.includes(mark!)), []);
});

Deno.test("The requests of the protocol page are requests, and each op is shown", () => {
  const ops = new Set<string>();
  for (const line of examples("json request")) {
    const parsed = parseRequestLine(line);
    assert(parsed.ok, line);
    for (const item of parsed.value) {
      assert(item.isRequest, line);
      ops.add(item.request.op);
    }
  }
  assertEquals([...ops].sort(), ["delete", "fault", "get", "inspect", "put", "repair", "scan", "status"]);
});

Deno.test("The answers of the protocol page are what a replica writes, word for word", () => {
  const kinds = new Set<string>();
  for (const line of examples("json answer")) {
    const reply = decodeReply(JSON.parse(line));
    assert(reply !== undefined, line);
    assertEquals(encodeReply(reply.id, reply.result), line);
    kinds.add(reply.result.ok ? reply.result.value.kind : "failure");
  }
  assertEquals([...kinds].sort(), [
    "failure",
    "faults",
    "held",
    "page",
    "repaired",
    "status",
    "value",
    "written",
  ]);
});

Deno.test("The messages of the protocol page are messages without a field that gets lost, and each type is shown", () => {
  const types = new Set<string>();
  for (const line of examples("json message")) {
    const parsed = parseMessageLine(line);
    // What a peer answers holds the answer to a client, in its own form.
    const [only] = parsed?.messages ?? [];
    if (only?.type === "forwarded") {
      assertEquals(`[${encodeMessage(only)}]`, line);
      types.add(only.type);
      continue;
    }
    const written = (JSON.parse(line) as { type: string; rounds?: number[] }[]).flatMap((message) =>
      message.rounds?.map((round) => ({ type: message.type, round })) ?? [message]
    );
    assertEquals<unknown>([parsed?.messages, parsed?.skippedCount], [written, 0]);
    for (const { type } of parsed!.messages) types.add(type);
  }
  const all = [
    "answer",
    "compare",
    "compared",
    "fill",
    "filled",
    "forward",
    "forwarded",
    "give",
    "given",
    "heartbeat",
    "heartbeat_ack",
    "list",
    "listed",
    "passed",
    "read",
    "refused",
    "scan",
    "scanned",
    "write",
    "written",
  ];
  assertEquals([...types].sort(), all);
});

Deno.test("The hellos of the protocol page are valid, and their proofs hold", () => {
  const secret = /the secret `([^`]+)`/.exec(page)![1]!;
  const hmac = hmacOf(secret);
  const [serverLine, clientLine, clientWelcome, peerLine, peerWelcome] = examples("json hello").map((line) =>
    JSON.parse(line)
  );
  const server = parseServerHello(serverLine);
  assert(server.ok);
  for (const [line, welcomeLine] of [[clientLine, clientWelcome], [peerLine, peerWelcome]]) {
    assert(isHello(line));
    const hello = parseDiallerHello(line);
    assert(hello.ok);
    const digest = (parseDiallerHello(peerLine) as { readonly value: PeerHello }).value.digest;
    const memberIds = new Set(digest.members!.split(","));
    const self = { id: "r1", cluster: "lab", epoch: server.value.epoch, digest, memberIds, hmac };
    const welcome = welcomeFor(self, server.value, hello.value);
    assert(welcome.ok, JSON.stringify(welcome));
    assertEquals(welcome.value, parseWelcome(welcomeLine));
  }
  const [text, proof] = examples("text proof");
  assertEquals(hmac(text!), proof);
  assertEquals(peerLine.hello.proof, proof);
});
