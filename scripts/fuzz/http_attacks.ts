/** Attacks on the HTTP address: what a browser, a proxy, a scanner or an enemy may send there. @module */
import type { Attack, Scene } from "./attack.ts";
import type { HostileConnection } from "./hostile_connection.ts";
import { drawCostly, drawHttp, drawLargeGet, type DrawnHttp, drawSmuggled } from "./http_grammar.ts";
import { drawBytes, drawHostileText, mutateBytes } from "./mutation.ts";

const SLOW_PIECES_MAX = 300;
const BODY_BYTES = 1_000_000;

/** Every kind, in a fixed order: a seed means nothing if they move. */
export const HTTP_ATTACKS: readonly Attack[] = [
  { name: "http_valid", weight: 8, connections: 1, run: valid },
  { name: "http_mutated", weight: 15, connections: 1, run: mutated },
  { name: "http_smuggled", weight: 8, connections: 1, run: smuggled },
  { name: "http_junk", weight: 4, connections: 1, run: junk },
  { name: "http_costly", weight: 3, connections: 1, run: costly },
  { name: "http_unproven", weight: 4, connections: 1, run: unproven },
  { name: "http_slow_request", weight: 4, connections: 1, run: slowRequest },
  { name: "http_half_body", weight: 4, connections: 4, run: halfBody },
  { name: "http_pipeline", weight: 2, connections: 1, run: pipeline },
  { name: "http_slow_reader", weight: 2, connections: 1, run: slowReader },
  { name: "http_idle", weight: 2, connections: 20, run: idle },
  { name: "http_storm", weight: 2, connections: 40, run: storm },
];

/** Sends valid requests over one connection, one after the other or all at once. */
async function valid(scene: Scene): Promise<void> {
  const { random, target } = scene;
  await scene.withHttp(async (connection) => {
    scene.takeHttp(connection);
    for (let count = random.between(1, 20); count > 0 && !connection.isLost; count--) {
      await connection.send(drawHttp(random, target).text);
      if (random.chance(200)) await scene.dawdle(1, 100);
    }
    await scene.dawdle(10, 300);
  });
}

async function mutated(scene: Scene): Promise<void> {
  const { random, target } = scene;
  await scene.withHttp(async (connection) => {
    if (random.chance(800)) scene.takeHttp(connection);
    for (let count = random.between(1, 10); count > 0 && !connection.isLost; count--) {
      await connection.send(mutateBytes(random, new TextEncoder().encode(drawHttp(random, target).text)));
    }
    await scene.dawdle(1, 500);
  });
}

/** A second answer shows that the request behind was read. */
async function smuggled(scene: Scene): Promise<void> {
  await scene.withHttp(async (connection) => {
    let text = "";
    connection.takeBytes((bytes) => {
      text += new TextDecoder().decode(bytes);
      if ([...text.matchAll(/HTTP\/1\.1 \d{3} /g)].length > 1) {
        scene.budget.onBreach("http_smuggled");
        text = "";
      }
    });
    await connection.send(drawSmuggled(scene.random));
    await scene.dawdle(50, 500);
  });
}

async function junk(scene: Scene): Promise<void> {
  const { random } = scene;
  await scene.withHttp(async (connection) => {
    scene.takeHttp(connection);
    await connection.send(
      random.chance(500) ? drawBytes(random, random.between(1, 4000)) : `${drawHostileText(random)}\r\n\r\n`,
    );
    await scene.dawdle(1, 500);
  });
}

async function costly(scene: Scene): Promise<void> {
  await scene.withHttp(async (connection) => {
    scene.takeHttp(connection);
    await connection.send(drawCostly(scene.random, scene.target));
    await scene.dawdle(10, 500);
  });
}

/** Asks without the secret, and must get nothing. Where there is none it is one more valid request. */
async function unproven(scene: Scene): Promise<void> {
  const { random, target } = scene;
  let drawn: DrawnHttp;
  do drawn = drawHttp(random, target); while (target.secret !== undefined && !drawn.mustBeRefused);
  await scene.withHttp(async (connection) => {
    scene.takeHttp(connection, drawn.mustBeRefused ? "http_unproven" : undefined);
    await connection.send(drawn.text);
    await scene.dawdle(10, 500);
  });
}

async function slowRequest(scene: Scene): Promise<void> {
  const { random, target } = scene;
  await scene.withHttp(async (connection) => {
    scene.takeHttp(connection);
    for (const character of drawHttp(random, target).text.slice(0, SLOW_PIECES_MAX)) {
      if (connection.isLost) return;
      await connection.send(character);
      await scene.dawdle(0, 40);
    }
  });
}

/** Promises large bodies and sends a part of them. */
async function halfBody(scene: Scene): Promise<void> {
  const { random, target } = scene;
  const one = (): Promise<void> =>
    scene.withHttp(async (connection) => {
      const proof = target.secret === undefined || random.chance(300)
        ? ""
        : `Authorization: Bearer ${target.secret}\r\n`;
      await connection.send(
        `PUT /items/half HTTP/1.1\r\nHost: localhost\r\n${proof}Content-Length: ${BODY_BYTES}\r\n\r\n` +
          "h".repeat(random.pick([0, 10, 100_000])),
      );
      await scene.dawdle(500, 12_000);
    });
  await Promise.all(Array.from({ length: 4 }, one));
}

/** Many requests at once, whose answers are taken late or never. */
async function pipeline(scene: Scene): Promise<void> {
  const { random } = scene;
  await scene.withHttp(async (connection) => {
    const isTaken = random.chance(500);
    const sending = connection.send("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(3000));
    await scene.dawdle(100, 3000);
    if (isTaken) scene.takeHttp(connection);
    else connection.abandon();
    await sending;
  });
}

async function slowReader(scene: Scene): Promise<void> {
  const { random, target } = scene;
  await scene.withHttp(async (connection) => {
    await connection.send(drawLargeGet(random, target).repeat(random.between(1, 30)));
    await scene.dawdle(1000, 12_000);
    if (random.chance(300)) scene.takeHttp(connection);
  });
}

async function idle(scene: Scene): Promise<void> {
  const { random } = scene;
  const one = (): Promise<void> =>
    scene.withHttp(async (connection: HostileConnection) => {
      if (random.chance(500)) await connection.send("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
      await scene.dawdle(1000, 15_000);
    });
  await Promise.all(Array.from({ length: 20 }, one));
}

async function storm(scene: Scene): Promise<void> {
  for (let round = 0; round < 3; round++) {
    await scene.budget.awake();
    await Promise.all(Array.from({ length: 40 }, () =>
      scene.withHttp(async (connection) => {
        if (scene.random.chance(300)) await connection.send("GET / HT");
      })));
  }
}
