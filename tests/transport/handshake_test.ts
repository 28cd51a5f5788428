/** Tests of `src/transport/hello.ts` and `src/transport/handshake.ts`. @module */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import * as fc from "fast-check";
import type { Failure } from "../../src/protocol/error_codes.ts";
import {
  clientHello,
  clientWelcomeProblem,
  equalsInConstantTime,
  peerHello,
  peerWelcomeProblem,
  type Self,
  serverProblem,
  welcomeFor,
} from "../../src/transport/handshake.ts";
import {
  type ClientHello,
  type Digest,
  digestOf,
  encodeHello,
  encodeWelcome,
  parseDiallerHello,
  parseServerHello,
  parseWelcome,
  type PeerHello,
  type ServerHello,
} from "../../src/transport/hello.ts";
import { hmacOf } from "../../src/transport/tcp_transport.ts";
import { configOf } from "./fake_replica.ts";

const DIGEST: Digest = { members: "r1,r2,r3", "keyspace.main": "keys=byte partitioner=all replication=3" };
const NONCE_A = "a".repeat(32);
const NONCE_B = "b".repeat(32);
const NONCE_C = "c".repeat(32);

function self(id: string, secret: string | undefined = "sixteen letters!"): Self {
  return {
    id,
    cluster: "lab",
    epoch: "9f3a",
    digest: DIGEST,
    memberIds: new Set(["r1", "r2", "r3"]),
    ...(secret === undefined ? {} : { hmac: hmacOf(secret) }),
  };
}

function serverHello(id: string, nonce: string, auth = true): ServerHello {
  return { cluster: "lab", id, epoch: "9f3a", nonce, auth, line_bytes_max: 65_536 };
}

function refusal(of: Self, server: ServerHello, hello: PeerHello | ClientHello): Failure {
  const welcome = welcomeFor(of, server, hello);
  assert(!welcome.ok, "was welcomed");
  return welcome.failure;
}

Deno.test("Two replicas with the same secret and configuration accept each other", () => {
  const server = serverHello("r1", NONCE_A);
  assertEquals(serverProblem(self("r2"), server, "r1"), undefined);
  const welcome = welcomeFor(self("r1"), server, peerHello(self("r2"), server, NONCE_B));
  assert(welcome.ok);
  assertEquals(peerWelcomeProblem(self("r2"), server, NONCE_B, welcome.value), undefined);
});

Deno.test("A client with the secret is accepted and knows that the server has it too", () => {
  const server = serverHello("r1", NONCE_A);
  const hmac = hmacOf("sixteen letters!");
  const welcome = welcomeFor(self("r1"), server, clientHello(server, NONCE_B, hmac));
  assert(welcome.ok);
  assertEquals(clientWelcomeProblem(server, NONCE_B, hmac, welcome.value), undefined);
  assertEquals(clientWelcomeProblem(server, NONCE_B, hmac, {})?.code, "unauthorized");
});

Deno.test("Without a secret a hello is welcome without a proof", () => {
  const server = { ...serverHello("r1", NONCE_A), auth: false };
  const { hmac: _, ...open } = self("r1");
  const welcome = welcomeFor(open, server, { role: "client", nonce: NONCE_B });
  assert(welcome.ok);
  assertEquals(welcome.value, {});
});

Deno.test("H23: a wrong secret and a missing proof are refused, and no secret is printed", () => {
  const server = serverHello("r1", NONCE_A);
  const wrong = peerHello(self("r2", "another secret!!"), server, NONCE_B);
  const { code, message } = refusal(self("r1"), server, wrong);
  assertEquals(code, "unauthorized");
  assertStringIncludes(message, "the proof of the cluster's secret is wrong");
  assert(!message.includes("sixteen letters") && !message.includes("another secret"));
  const { proof: _, ...unproven } = wrong;
  assertEquals(refusal(self("r1"), server, unproven).code, "unauthorized");
  assertEquals(refusal(self("r1"), server, clientHello(server, NONCE_B, undefined)).code, "unauthorized");
});

Deno.test("H23: a proof cannot be replayed on another connection", () => {
  const recorded = peerHello(self("r2"), serverHello("r1", NONCE_A), NONCE_B);
  assert(welcomeFor(self("r1"), serverHello("r1", NONCE_A), recorded).ok);
  assertEquals(refusal(self("r1"), serverHello("r1", NONCE_C), recorded).code, "unauthorized");
  assertEquals(
    refusal(self("r1"), serverHello("r1", NONCE_A), { ...recorded, nonce: NONCE_C }).code,
    "unauthorized",
  );
});

Deno.test("H23: a proof made for one replica, role or side does not serve for another", () => {
  const server = serverHello("r1", NONCE_A);
  const hello = peerHello(self("r2"), server, NONCE_B);
  // The same hello, sent on to another replica that happens to say the same nonce.
  assertEquals(refusal(self("r3"), serverHello("r3", NONCE_A), hello).code, "unauthorized");
  // Another replica's name on it.
  assertEquals(refusal(self("r1"), server, { ...hello, id: "r3" }).code, "unauthorized");
  // A client's proof shown as a peer's, and the other way round.
  const client = clientHello(server, NONCE_B, hmacOf("sixteen letters!"));
  assertEquals(refusal(self("r1"), server, { ...hello, proof: client.proof! }).code, "unauthorized");
  assertEquals(refusal(self("r1"), server, { ...client, proof: hello.proof! }).code, "unauthorized");
  // The server's own proof reflected to it, and ours reflected to us.
  const welcome = welcomeFor(self("r1"), server, hello);
  assert(welcome.ok);
  assertEquals(refusal(self("r1"), server, { ...hello, proof: welcome.value.proof! }).code, "unauthorized");
  const reflected = { ...welcome.value, proof: hello.proof! };
  assertEquals(peerWelcomeProblem(self("r2"), server, NONCE_B, reflected)?.code, "unauthorized");
});

Deno.test("H23: a secret on one side only is refused by both", () => {
  const { hmac: _, ...open } = self("r2");
  assertEquals(serverProblem(open, serverHello("r1", NONCE_A), "r1")?.code, "unauthorized");
  const bare = { ...serverHello("r1", NONCE_A), auth: false };
  assertEquals(serverProblem(self("r2"), bare, "r1")?.code, "unauthorized");
});

Deno.test("H23: another keyspace definition or member list is refused, and the field and both values are named", () => {
  const server = serverHello("r1", NONCE_A);
  const differing: readonly [Digest, string][] = [
    [{ ...DIGEST, "keyspace.main": "keys=text partitioner=all replication=3" }, "keyspace.main"],
    [{ ...DIGEST, members: "r1,r2" }, "members"],
    [{ ...DIGEST, "keyspace.main": `${DIGEST["keyspace.main"]} siblings=true` }, "keyspace.main"],
    [{ ...DIGEST, "keyspace.more": "keys=byte" }, "keyspace.more"],
    [{ members: "r1,r2,r3" }, "keyspace.main"],
  ];
  for (const [digest, name] of differing) {
    const hello = { ...peerHello(self("r2"), server, NONCE_B), digest };
    const { code, message } = refusal(self("r1"), server, hello);
    assertEquals(code, "wrong_cluster");
    assertStringIncludes(message, `the configurations differ in "${name}"`);
    assertStringIncludes(message, JSON.stringify(DIGEST[name] ?? "absent"));
    assertStringIncludes(message, JSON.stringify(digest[name] ?? "absent"));
    const welcome = welcomeFor(self("r1"), server, peerHello(self("r2"), server, NONCE_B));
    assert(welcome.ok);
    const theirs = peerWelcomeProblem(self("r2"), server, NONCE_B, { ...welcome.value, digest });
    assertEquals(theirs?.code, "wrong_cluster");
  }
});

Deno.test("Another cluster, an unknown id, one's own id and a replica at the wrong address are refused", () => {
  const server = serverHello("r1", NONCE_A);
  const hello = peerHello(self("r2"), server, NONCE_B);
  for (const wrong of [{ cluster: "prod" }, { id: "r9" }, { id: "r1" }]) {
    const { code, message } = refusal(self("r1"), server, { ...hello, ...wrong });
    assertEquals(code, "wrong_cluster");
    assertStringIncludes(message, Object.values(wrong)[0]!);
  }
  assertEquals(serverProblem(self("r2"), { ...server, cluster: "prod" }, "r1")?.code, "wrong_cluster");
  assertStringIncludes(
    serverProblem(self("r2"), server, "r3")!.message,
    "replica r1 answers at the address of r3",
  );
});

Deno.test("The digest names members and what a keyspace is", () => {
  assertEquals(digestOf(configOf({ ports: { r1: 1, r2: 2 } })), {
    members: "r1,r2",
    "keyspace.main": "keys=byte partitioner=all replication=2",
  });
  const { members, keyspaces, ...rest } = configOf({ ports: { r1: 1, r2: 2 } });
  const main = { ...keyspaces.get("main")!, siblings: true };
  assertEquals(digestOf({ ...rest, members, keyspaces: new Map([["main", main]]) }), {
    members: "r1,r2",
    "keyspace.main": "keys=byte partitioner=all replication=2 siblings=true",
  });
});

Deno.test("Hellos and welcomes come back from their lines as they were", () => {
  const server = serverHello("r1", NONCE_A);
  assertEquals(parseServerHello(JSON.parse(encodeHello(server))), { ok: true, value: server });
  for (const hello of [peerHello(self("r2"), server, NONCE_B), clientHello(server, NONCE_B, undefined)]) {
    assertEquals(parseDiallerHello(JSON.parse(encodeHello(hello))), { ok: true, value: hello });
  }
  const welcome = { proof: "0".repeat(64), digest: DIGEST };
  assertEquals(parseWelcome(JSON.parse(encodeWelcome(welcome))), welcome);
  assertEquals(parseWelcome({ welcome: {} }), {});
});

Deno.test("Another protocol version is refused with what came and what was expected", () => {
  for (const parse of [parseServerHello, parseDiallerHello]) {
    const parsed = parse({ hello: { protocol: 2 } });
    assert(!parsed.ok);
    assertEquals(parsed.failure.code, "unsupported_version");
    assertStringIncludes(parsed.failure.message, "protocol 2 came, 1 was expected");
  }
});

Deno.test("A wrong value in any field of a hello is noticed, and no junk throws", () => {
  const server = serverHello("r1", NONCE_A);
  const hello = peerHello(self("r2"), server, NONCE_B);
  for (const wrong of [null, 7.5, "", {}, { a: 1 }, []]) {
    for (const field of Object.keys(server)) {
      if (field === "auth" && typeof wrong === "boolean") continue;
      const parsed = parseServerHello({ hello: { protocol: 1, ...server, [field]: wrong } });
      assert(!parsed.ok, `${field} = ${JSON.stringify(wrong)}`);
    }
    for (const field of Object.keys(hello)) {
      // An empty digest has the right form; that it differs is noticed later.
      if (field === "digest" && JSON.stringify(wrong) === "{}") continue;
      const parsed = parseDiallerHello({ hello: { protocol: 1, ...hello, [field]: wrong } });
      assert(!parsed.ok, `${field} = ${JSON.stringify(wrong)}`);
    }
  }
  fc.assert(fc.property(fc.jsonValue(), (junk) => {
    assert(!parseServerHello(junk).ok && !parseDiallerHello({ hello: junk }).ok);
    parseWelcome({ welcome: junk });
  }));
});

Deno.test("Equality in constant time is equality", () => {
  fc.assert(fc.property(fc.string(), fc.string(), (a, b) => {
    assertEquals(equalsInConstantTime(a, b), a === b);
    assert(equalsInConstantTime(a, a));
  }));
  assertEquals(["", "a", "aa", "ab"].map((text) => equalsInConstantTime(text, "aa")), [
    false,
    false,
    true,
    false,
  ]);
});
