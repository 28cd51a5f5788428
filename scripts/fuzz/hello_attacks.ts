/** Attacks on the door itself: replayed and reflected proofs, wrong clusters, secrets and versions, mutated hellos. @module */
import { clientHello, peerHello } from "../../src/transport/handshake.ts";
import { encodeHello, type ServerHello } from "../../src/transport/hello.ts";
import { drawNonce, hmacOf } from "../../src/transport/tcp_transport.ts";
import type { Attack, Scene } from "./attack.ts";
import { drawRequest, type Json } from "./grammar.ts";
import { selfOf } from "./hostile_connection.ts";
import { mutateBytes, mutateJson } from "./mutation.ts";

const WRONG_SECRET = "not the secret that it should be";

/** Every kind, in a fixed order. */
export const HELLO_ATTACKS: readonly Attack[] = [
  { name: "replayed_proof", weight: 4, connections: 2, run: replayedProof },
  { name: "reflected_proof", weight: 4, connections: 2, run: reflectedProof },
  { name: "wrong_hello", weight: 6, connections: 1, run: wrongHello },
  { name: "mutated_hello", weight: 6, connections: 1, run: mutatedHello },
];

/** A hello that was good on one connection, said again on another. */
async function replayedProof(scene: Scene): Promise<void> {
  let recorded = "";
  await scene.with(async (connection) => {
    const server = await connection.readHello();
    if (server === undefined) return;
    recorded = validHello(scene, server);
    if (scene.random.chance(500)) await connection.sendLine(recorded);
  });
  await scene.with(async (connection) => {
    scene.takeUnproven(connection, "replayed_proof");
    await connection.sendLine(recorded);
    await connection.sendLine(JSON.stringify(drawRequest(scene.random)));
    await scene.dawdle(1, 200);
  });
}

/** The nonce of one connection carried to another, as somebody in the middle would. */
async function reflectedProof(scene: Scene): Promise<void> {
  await scene.with(async (near) => {
    const server = await near.readHello();
    if (server === undefined) return;
    await scene.with(async (far) => {
      const other = await far.readHello();
      if (other === undefined) return;
      const hello = clientHello({ ...other, nonce: server.nonce }, server.nonce, hmacOf(WRONG_SECRET));
      scene.takeUnproven(near, "reflected_proof");
      scene.takeUnproven(far, "reflected_proof");
      await near.sendLine(encodeHello(hello));
      await far.sendLine(encodeHello({ ...hello, nonce: other.nonce }));
      await scene.dawdle(1, 200);
    });
  });
}

async function wrongHello(scene: Scene): Promise<void> {
  const { random, target } = scene;
  await scene.with(async (connection) => {
    const server = await connection.readHello();
    if (server === undefined) return;
    const nonce = drawNonce();
    const self = selfOf(target);
    const peer = peerHello(self, server, nonce);
    const line = random.pick([
      encodeHello(clientHello(server, nonce, hmacOf(WRONG_SECRET))),
      encodeHello(clientHello(server, nonce, undefined)),
      encodeHello(peerHello({ ...self, hmac: hmacOf(WRONG_SECRET) }, server, nonce)),
      encodeHello(peerHello({ ...self, cluster: "another" }, server, nonce)),
      encodeHello({ ...peer, id: server.id }),
      encodeHello({ ...peer, id: "r99" }),
      encodeHello({ ...peer, digest: { members: "r1" } }),
      JSON.stringify({ hello: { ...peer, protocol: random.pick([0, 2, -1, "1", 99]) } }),
    ]);
    scene.takeUnproven(connection, "wrong_hello");
    await connection.sendLine(line);
    await connection.sendLine(JSON.stringify(drawRequest(random)));
    await scene.dawdle(1, 200);
  });
}

async function mutatedHello(scene: Scene): Promise<void> {
  const { random } = scene;
  await scene.with(async (connection) => {
    const server = await connection.readHello();
    if (server === undefined) return;
    const hello = validHello(scene, server);
    connection.takeAnswers();
    if (random.chance(500)) {
      await connection.sendLine(JSON.stringify(mutateJson(random, JSON.parse(hello) as Json)));
    } else await connection.send(mutateBytes(random, new TextEncoder().encode(`${hello}\n`)));
    await connection.sendLine(JSON.stringify(drawRequest(random)));
    await scene.dawdle(1, 200);
  });
}

function validHello({ random, target }: Scene, server: ServerHello): string {
  const hmac = target.secret === undefined ? undefined : hmacOf(target.secret);
  return encodeHello(
    random.chance(500)
      ? clientHello(server, drawNonce(), hmac)
      : peerHello(selfOf(target), server, drawNonce()),
  );
}
