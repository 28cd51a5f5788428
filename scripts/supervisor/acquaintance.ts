/**
 * Whether replicas see each other alive, and take each other for whole. A replica is ready when its first dials have
 * ended, and those of the first to start end at closed doors: a moment later the same request would have been done.
 * @module
 */
import { Connection } from "../../src/client/connection.ts";
import type { Member } from "../../src/replica/cluster_config.ts";
import { pause } from "./os_process.ts";

const POLL_MS = 20;
const ANSWER_WITHIN_MS = 1000;

/** Resolves when these replicas count on each other, or after `withinMs`, to who does not on whom: empty when all do. */
export async function waitUntilAcquainted(
  members: readonly Member[],
  { secret, withinMs }: { readonly secret: string | undefined; readonly withinMs: number },
): Promise<string[]> {
  const deadline = performance.now() + withinMs;
  while (true) {
    const missing = (await Promise.all(members.map((member) => missingFor(member, members, secret)))).flat();
    if (missing.length === 0 || performance.now() > deadline) return missing;
    await pause(POLL_MS);
  }
}

async function missingFor(
  { id, host, port }: Member,
  members: readonly Member[],
  secret: string | undefined,
): Promise<string[]> {
  let connection: Connection;
  try {
    connection = await Connection.open({
      host,
      port,
      timeoutMs: ANSWER_WITHIN_MS,
      ...(secret === undefined ? {} : { secret }),
    });
  } catch (error) {
    return [`${id} cannot be asked (${error instanceof Error ? error.message : String(error)})`];
  }
  try {
    const result = await connection.request({ op: "status" }, { timeoutMs: ANSWER_WITHIN_MS });
    if (!result.ok) return [`${id} does not tell (${result.failure.message})`];
    if (result.value.kind !== "status") return [`${id} answered something else than its status`];
    const { recovering, peers } = result.value.status;
    const others = peers.filter((peer) => members.some((other) => other.id === peer.id));
    return [
      ...(recovering ? [`${id} is recovering`] : []),
      ...others.filter(({ alive }) => !alive).map((peer) => `${id} does not see ${peer.id}`),
      // Why: a new replica counts for no level until most others have told it that they never knew it.
      ...others.filter((peer) => peer.alive && peer.recovering).map((peer) =>
        `${id} takes ${peer.id} for recovering`
      ),
    ];
  } finally {
    connection.close();
  }
}
