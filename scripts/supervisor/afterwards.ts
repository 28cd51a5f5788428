/** What can be done to a cluster whose supervisor is gone: end its replicas, remove what they stored. @module */
import { join } from "@std/path";
import { type ClusterFile, clusterFilePath, removeClusterFile } from "./cluster_file.ts";
import { supervisorLogPath } from "./background.ts";
import { endProcess, isRunning } from "./os_process.ts";
import { findRemains } from "./preflight.ts";
import { type ClusterSetup, shortPath } from "./supervisor.ts";

const STOP_WITHIN_MS = 5000;

/** Ends the replicas that a file names and that still run; one line for each. */
export async function endOrphans(dataDirectory: string, file: ClusterFile): Promise<string[]> {
  const lines = await Promise.all(
    file.replicas.filter((replica) => isRunning(replica)).map(async (replica) => {
      const outcome = await endProcess(replica, STOP_WITHIN_MS);
      return outcome === "ended"
        ? `${replica.id} stopped (process ${replica.pid})`
        : `${replica.id} was killed: it had not stopped within ${
          STOP_WITHIN_MS / 1000
        } s (process ${replica.pid})`;
    }),
  );
  removeClusterFile(dataDirectory);
  return lines;
}

/** Removes all that the replicas of this configuration stored; the lines say what. Throws when something still runs. */
export async function clean(
  { launch: { dataDirectory }, config, clusterCommand }: ClusterSetup,
): Promise<string[]> {
  const remains = findRemains(dataDirectory);
  if (remains.kind === "running" || remains.kind === "orphans") {
    throw new Error(`nothing was removed: replicas run here; end them first: ${clusterCommand} stop`);
  }
  const ids = config.members.map(({ id }) => id);
  for (const id of ids) {
    if (await isLocked(join(dataDirectory, id, "LOCK"))) {
      throw new Error(
        `nothing was removed: ${
          shortPath(join(dataDirectory, id))
        } is in use by a replica that was started by hand; ` +
          "end it first",
      );
    }
  }
  const paths = [
    ...entriesOf(dataDirectory).filter((name) => ids.some((id) => belongsTo(name, id)))
      .map((name) => join(dataDirectory, name)),
    supervisorLogPath(dataDirectory),
    clusterFilePath(dataDirectory),
  ];
  const removed: string[] = [];
  for (const path of paths) {
    if (await remove(path)) removed.push(`removed ${shortPath(path)}`);
  }
  if (entriesOf(dataDirectory).length === 0) await remove(dataDirectory);
  return removed.length > 0 ? removed : [`nothing to remove in ${shortPath(dataDirectory)}`];
}

/** `r1`, `r1.log`, and the directories that `replica --rebuild` put aside, such as `r1.2026-01-31…`; not `r12`. */
function belongsTo(name: string, id: string): boolean {
  return name === id || (name.startsWith(id) && /^[.]/.test(name.slice(id.length)));
}

async function isLocked(path: string): Promise<boolean> {
  try {
    using file = await Deno.open(path, { read: true, write: true });
    const isExclusive = true;
    return !await file.tryLock(isExclusive);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

function entriesOf(directory: string): string[] {
  try {
    return [...Deno.readDirSync(directory)].map(({ name }) => name).sort();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

async function remove(path: string): Promise<boolean> {
  try {
    await Deno.remove(path, { recursive: true });
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
