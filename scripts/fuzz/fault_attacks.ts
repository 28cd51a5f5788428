/**
 * Clients that want to break things on purpose. Where that is off each must be refused; where it is on wrong fields must be,
 * and right faults are drawn so that nobody notices them, and must end by themselves.
 * @module
 */
import type { Attack, Scene } from "./attack.ts";
import { drawRightFault, drawWrongFault, type Expected, objectionTo } from "./fault_grammar.ts";
import type { Json } from "./grammar.ts";
import { mutateBytes, mutateJson } from "./mutation.ts";

const ANSWERS_WITHIN_MS = 5000;

/** Every kind, in a fixed order. */
export const FAULT_ATTACKS: readonly Attack[] = [
  { name: "faults", weight: 8, connections: 1, run: faults },
  { name: "mutated_faults", weight: 4, connections: 1, run: mutatedFaults },
];

/** Right and wrong requests, and a look at each answer. */
async function faults(scene: Scene): Promise<void> {
  const { random, target, replicaId } = scene;
  const place = { selfId: replicaId, absentId: target.absentId };
  await scene.with(async (connection) => {
    if (!await connection.enterAsClient(target)) return;
    const asked = new Map<Json, { readonly line: string; readonly expected: Expected }>();
    connection.takeLines((line) => {
      const answer = JSON.parse(line) as { readonly [name: string]: Json };
      const request = asked.get(answer.id ?? null);
      if (request === undefined) return;
      asked.delete(answer.id!);
      const objection = objectionTo(answer, request.expected);
      if (objection !== undefined) scene.budget.onObjection(objection, `${request.line} → ${line}`);
    });
    for (let id = random.between(1, 20); id > 0 && !connection.isLost; id--) {
      const isRight = random.chance(400);
      const request = isRight ? drawRightFault(random, place) : drawWrongFault(random, place);
      const line = JSON.stringify({ id, ...request });
      asked.set(id, { line, expected: isRight && target.hasFaults ? "done" : "refused" });
      await connection.sendLine(line);
      if (random.chance(200)) await scene.dawdle(1, 100);
    }
    const untilMs = performance.now() + ANSWERS_WITHIN_MS;
    while (asked.size > 0 && !connection.isLost && performance.now() < untilMs) await scene.dawdle(10, 50);
  });
}

/** Anything at all, where nothing may come of it. Why only there: a changed digit makes a fault that lasts for minutes, by the rules. */
async function mutatedFaults(scene: Scene): Promise<void> {
  const { random, target, replicaId } = scene;
  if (target.hasFaults) return await faults(scene);
  const place = { selfId: replicaId, absentId: target.absentId };
  await scene.with(async (connection) => {
    if (!await connection.enterAsClient(target)) return;
    connection.takeLines((line) => {
      const answer = JSON.parse(line) as { readonly [name: string]: Json };
      if ("faults" in answer) scene.budget.onObjection("a mutated fault was done where faults are off", line);
    });
    for (let id = random.between(1, 20); id > 0 && !connection.isLost; id--) {
      const request = { id, ...drawRightFault(random, place) };
      if (random.chance(500)) await connection.send(JSON.stringify(mutateJson(random, request)));
      else await connection.send(mutateBytes(random, new TextEncoder().encode(JSON.stringify(request))));
      await connection.send("\n");
    }
    await scene.dawdle(50, 500);
  });
}
