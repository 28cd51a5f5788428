/** Starts the supervisor as a process of its own that outlives this command. @module */
import { fromFileUrl, join } from "@std/path";
import { print, printError } from "../print.ts";
import { readClusterFile } from "./cluster_file.ts";
import { askSupervisor, type ControlReply } from "./control.ts";
import { describeStart, type Screen } from "./foreground.ts";
import { lastLines } from "./log_file.ts";
import { pause } from "./os_process.ts";
import { findObstacles } from "./preflight.ts";
import { type ClusterSetup, shortPath } from "./supervisor.ts";

/** The internal verb of `scripts/cluster.ts` that the background process runs. */
export const SUPERVISE_VERB = "supervise";
const EXCERPT_LINES = 20;
const POLL_MS = 20;

/** Where a detached supervisor writes what it would have shown. */
export function supervisorLogPath(dataDirectory: string): string {
  return join(dataDirectory, "supervisor.log");
}

/** The screen of a detached supervisor: its log, which begins anew with each start. Requires: nothing runs. */
export function logScreen(dataDirectory: string): Screen {
  Deno.mkdirSync(dataDirectory, { recursive: true, mode: 0o700 });
  const path = supervisorLogPath(dataDirectory);
  Deno.writeTextFileSync(path, "", { mode: 0o600 });
  const print = (text: string): void => Deno.writeTextFileSync(path, text + "\n", { append: true });
  return { print, printError: print, isAttended: false };
}

/** Starts the cluster in the background; resolves to the exit code when all replicas are ready, or one is not. */
export async function superviseInBackground(setup: ClusterSetup): Promise<number> {
  const obstacles = findObstacles(setup, print);
  for (const obstacle of obstacles) printError(`cannot start: ${obstacle}`);
  if (obstacles.length > 0) return 1;
  const { launch } = setup;
  const begin = performance.now();
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      fromFileUrl(new URL("../cluster.ts", import.meta.url)),
      ...["--config", launch.configFile],
      ...["--data", launch.dataDirectory],
      ...(launch.binary === undefined ? [] : ["--binary", launch.binary]),
      SUPERVISE_VERB,
    ],
    stdin: "null",
    stdout: "null",
    stderr: "null",
    detached: true,
  }).spawn();
  child.unref();
  let isGone = false;
  child.status.then(() => isGone = true);
  const reply = await firstReply(launch.dataDirectory, child.pid, () => isGone);
  if (reply?.ok) {
    print(describeStart(setup, reply.text, performance.now() - begin));
    print(
      `\nThey run in the background; ${setup.clusterCommand} stop ends them, ${setup.clusterCommand} logs -f shows their logs.`,
    );
    return 0;
  }
  const log = supervisorLogPath(launch.dataDirectory);
  printError(
    reply
      ? `the cluster did not start, all replicas were stopped.\n${reply.text}`
      : `the supervisor ended before the cluster was up; ${shortPath(log)} ends with:\n` +
        lastLines(log, EXCERPT_LINES).join("\n"),
  );
  return 1;
}

/** What the supervisor says of its start; undefined when it ended without a word. */
async function firstReply(
  dataDirectory: string,
  pid: number,
  isGone: () => boolean,
): Promise<ControlReply | undefined> {
  while (!isGone()) {
    const file = readClusterFile(dataDirectory);
    if (file?.supervisor.pid === pid) {
      try {
        return await askSupervisor(file, { verb: "ready", ids: [] });
      } catch {
        // It ended while we asked; its log tells why.
        return undefined;
      }
    }
    await pause(POLL_MS);
  }
  return undefined;
}
