/** Attacks of whoever gets to the port, as a client: let in where there is no secret, or where the secret is known. @module */
import { lineBytesMin } from "../../src/protocol/limits.ts";
import type { Attack, Scene } from "./attack.ts";
import { drawLargePut, drawRequest } from "./grammar.ts";
import type { HostileConnection } from "./hostile_connection.ts";
import { drawBytes, drawHostileText, mutateBytes, mutateJson } from "./mutation.ts";
import { LARGE_KEY_FIRST, VALUE_BYTES_MAX } from "./target.ts";

const LINE_BYTES_MAX = lineBytesMin(VALUE_BYTES_MAX);
const PIECE_BYTES = 8 * 1024;

/** Every kind, in a fixed order: a seed means nothing if they move. */
export const CLIENT_ATTACKS: readonly Attack[] = [
  { name: "mutated_values", weight: 20, connections: 1, run: (scene) => session(scene, mutatedRequest) },
  { name: "mutated_bytes", weight: 15, connections: 1, run: (scene) => session(scene, mutatedRequestBytes) },
  { name: "hostile_text", weight: 8, connections: 1, run: (scene) => session(scene, hostileText) },
  { name: "valid_requests", weight: 10, connections: 1, run: (scene) => session(scene, validRequest) },
  { name: "junk", weight: 8, connections: 1, run: junk },
  { name: "first_line", weight: 8, connections: 1, run: firstLine },
  { name: "batches", weight: 4, connections: 1, run: batches },
  { name: "half_lines", weight: 6, connections: 1, run: halfLines },
  { name: "slow_pieces", weight: 4, connections: 1, run: slowPieces },
  { name: "slow_reader", weight: 2, connections: 1, run: slowReader },
  { name: "large_puts", weight: 1, connections: 1, run: largePuts },
  { name: "long_line", weight: 1, connections: 1, run: longLine },
  { name: "idle", weight: 4, connections: 10, run: idle },
  { name: "storm", weight: 2, connections: 40, run: storm },
];

async function session(scene: Scene, drawContent: (scene: Scene) => string | Uint8Array): Promise<void> {
  const { random, target } = scene;
  await scene.with(async (connection) => {
    if (!await connection.enterAsClient(target)) return;
    if (random.chance(800)) connection.takeAnswers();
    for (let count = random.between(1, 20); count > 0 && !connection.isLost; count--) {
      await connection.send(drawContent(scene));
      if (random.chance(900)) await connection.send("\n");
      if (random.chance(100)) await scene.dawdle(1, 200);
    }
  });
}

function validRequest({ random }: Scene): string {
  return JSON.stringify(drawRequest(random));
}

function mutatedRequest({ random }: Scene): string {
  return JSON.stringify(mutateJson(random, drawRequest(random)));
}

function mutatedRequestBytes({ random }: Scene): Uint8Array {
  return mutateBytes(random, new TextEncoder().encode(JSON.stringify(drawRequest(random))));
}

function hostileText({ random }: Scene): string {
  return drawHostileText(random);
}

async function junk(scene: Scene): Promise<void> {
  const { random } = scene;
  await scene.with(async (connection) => {
    scene.takeUnproven(connection, "junk");
    await connection.send(drawBytes(random, random.between(1, 4000)));
    await scene.dawdle(1, 500);
  });
}

/** Says something else than it must in the one line that decides who it is. */
async function firstLine(scene: Scene): Promise<void> {
  const { random } = scene;
  await scene.with(async (connection) => {
    scene.takeUnproven(connection, "first_line");
    const line = random.chance(500) ? drawHostileText(random) : mutatedRequest(scene);
    await connection.sendLine(line);
    await connection.sendLine(validRequest(scene));
    await scene.dawdle(1, 300);
  });
}

async function batches(scene: Scene): Promise<void> {
  const { random, target } = scene;
  await scene.with(async (connection) => {
    if (!await connection.enterAsClient(target)) return;
    connection.takeAnswers();
    const requests = Array.from({ length: random.pick([0, 1, 50, 200]) }, () => drawRequest(random));
    const batch = random.chance(500) ? requests : mutateJson(random, requests);
    await connection.sendLine(JSON.stringify(batch));
    await scene.dawdle(10, 1000);
  });
}

/** Begins a line, holds it for a while, and perhaps goes on. */
async function halfLines(scene: Scene): Promise<void> {
  const { random, target } = scene;
  await scene.with(async (connection) => {
    if (random.chance(700) && !await connection.enterAsClient(target)) return;
    await connection.send(
      `{"id":1,"op":"put","key":1,"value":"${"h".repeat(random.pick([1, 1000, 60_000]))}`,
    );
    await scene.dawdle(500, 10_000);
    if (random.chance(300)) await connection.send('"}\n');
  });
}

async function slowPieces(scene: Scene): Promise<void> {
  const { target } = scene;
  await scene.with(async (connection) => {
    if (!await connection.enterAsClient(target)) return;
    connection.takeAnswers();
    for (const byte of new TextEncoder().encode(`${validRequest(scene)}\n`.slice(0, 400))) {
      if (connection.isLost) return;
      await connection.send(Uint8Array.of(byte));
      await scene.dawdle(0, 30);
    }
  });
}

/** Asks for large values and takes no answer. */
async function slowReader(scene: Scene): Promise<void> {
  const { random, target } = scene;
  await scene.with(async (connection) => {
    if (!await connection.enterAsClient(target)) return;
    for (let count = random.between(1, 12); count > 0; count--) {
      const key = random.between(LARGE_KEY_FIRST, 255);
      await connection.sendLine(
        JSON.stringify({ id: count, op: "get", key, level: random.pick(["ONE", "QUORUM"]) }),
      );
    }
    await scene.dawdle(1000, 8000);
    if (random.chance(300)) connection.takeAnswers();
  });
}

async function largePuts(scene: Scene): Promise<void> {
  await withClient(scene, async (connection) => {
    await connection.sendLine(JSON.stringify(drawLargePut(scene.random)));
    await scene.dawdle(10, 500);
  });
}

/** More than a line may have; the replica must not wait for its end. */
async function longLine(scene: Scene): Promise<void> {
  await withClient(scene, async (connection) => {
    for (let bytes = 0; bytes <= LINE_BYTES_MAX && !connection.isLost; bytes += PIECE_BYTES) {
      await connection.send("l".repeat(PIECE_BYTES));
    }
  });
}

async function withClient(
  scene: Scene,
  act: (connection: HostileConnection) => Promise<void>,
): Promise<void> {
  await scene.with(async (connection) => {
    if (!await connection.enterAsClient(scene.target)) return;
    connection.takeAnswers();
    await act(connection);
  });
}

async function idle(scene: Scene): Promise<void> {
  const sessions = Array.from({ length: 10 }, () => scene.with(() => scene.dawdle(1000, 15_000)));
  await Promise.all(sessions);
}

async function storm(scene: Scene): Promise<void> {
  for (let round = 0; round < 3; round++) {
    await scene.budget.awake();
    await Promise.all(Array.from({ length: 40 }, () =>
      scene.with(async (connection) => {
        if (scene.random.chance(300)) await connection.send("x");
      })));
  }
}
