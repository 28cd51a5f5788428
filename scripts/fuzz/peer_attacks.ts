/**
 * A faulty peer: it knows the secret, says hello as the member that never runs, and sends wild messages.
 *
 * What a peer that is let in can do by the rules, and these attacks therefore leave out: store any version of any key under
 * any origin, and carry clocks forward, to the last stamp there is, after which nobody can put. A secret given away is the
 * data given away.
 * @module
 */
import type { Attack, Scene } from "./attack.ts";
import { drawMessage } from "./grammar.ts";
import type { HostileConnection } from "./hostile_connection.ts";
import { drawHostileText, mutateBytes, mutateJson } from "./mutation.ts";

/** Numbers that a changed digit may have made a stamp of a far future. */
const FAR_STAMP = /[4-9]\d{15}/;

/** Every kind, in a fixed order. */
export const PEER_ATTACKS: readonly Attack[] = [
  { name: "peer_valid", weight: 6, connections: 1, run: (scene) => session(scene, messages) },
  {
    name: "peer_mutated_values",
    weight: 10,
    connections: 1,
    run: (scene) => session(scene, mutatedMessages),
  },
  {
    name: "peer_mutated_bytes",
    weight: 6,
    connections: 1,
    run: (scene) => session(scene, mutatedMessageBytes),
  },
  {
    name: "peer_hostile_text",
    weight: 3,
    connections: 1,
    run: (scene) => session(scene, ({ random }) => drawHostileText(random)),
  },
  { name: "peer_half_line", weight: 2, connections: 1, run: halfLine },
];

async function session(scene: Scene, drawContent: (scene: Scene) => string | Uint8Array): Promise<void> {
  const { random } = scene;
  await withPeer(scene, async (connection) => {
    for (let count = random.between(1, 40); count > 0 && !connection.isLost; count--) {
      await connection.send(drawContent(scene));
      await connection.send("\n");
      if (random.chance(100)) await scene.dawdle(1, 200);
    }
  });
}

async function withPeer(scene: Scene, act: (connection: HostileConnection) => Promise<void>): Promise<void> {
  await scene.with(async (connection) => {
    if (!await connection.enterAsPeer(scene.target)) return;
    if (scene.random.chance(800)) connection.takeAnswers();
    await act(connection);
    await scene.dawdle(1, 300);
  });
}

function messages({ random }: Scene): string {
  return JSON.stringify(Array.from({ length: random.between(0, 8) }, () => drawMessage(random, Date.now())));
}

function mutatedMessages({ random }: Scene): string {
  // Few in a line, because one that is no message at all ends the connection.
  const count = random.between(1, 4);
  return JSON.stringify(
    Array.from({ length: count }, () => mutateJson(random, drawMessage(random, Date.now()))),
  );
}

function mutatedMessageBytes(scene: Scene): Uint8Array {
  const bytes = mutateBytes(scene.random, new TextEncoder().encode(messages(scene)));
  return FAR_STAMP.test(new TextDecoder().decode(bytes)) ? new TextEncoder().encode("[]") : bytes;
}

async function halfLine(scene: Scene): Promise<void> {
  await withPeer(scene, async (connection) => {
    await connection.send('[{"type":"write","round":1,"cause":"put","keyspace":"main","key":1,"versions":[');
    await scene.dawdle(500, 5000);
  });
}
