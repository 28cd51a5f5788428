/** The supervisor at work in this process: in a terminal, or detached as `cluster -d` starts it. @module */
import colors from "picocolors";
import { print, printError } from "../print.ts";
import { watchLaunchers } from "./launchers.ts";
import { LogFollower } from "./log_file.ts";
import { findObstacles } from "./preflight.ts";
import { type ClusterSetup, Supervisor } from "./supervisor.ts";

const COLORS = [colors.cyan, colors.green, colors.magenta, colors.yellow, colors.blue];

/** `r1 | text`, each replica in its colour where there are colours. */
export function logPrinter(ids: readonly string[]): (line: { id: string; text: string }) => void {
  const width = Math.max(0, ...ids.map((id) => id.length));
  return ({ id, text }) => {
    const index = ids.indexOf(id);
    const color = index < 0 ? colors.bold : COLORS[index % COLORS.length]!;
    print(`${color(`${id.padEnd(width)} |`)} ${text}`);
  };
}

/** Where a supervisor shows what it has to say. */
export interface Screen {
  print(text: string): void;
  printError(text: string): void;
  /** Whether a person looks at it: then the replicas' logs are shown too. */
  readonly isAttended: boolean;
}

/** The terminal that this process was started from. */
export const TERMINAL: Screen = { print, printError, isAttended: true };

/** Starts the cluster in this process and stays until it is stopped; resolves to the exit code. */
export async function superviseHere(setup: ClusterSetup, screen: Screen): Promise<number> {
  const { print, printError, isAttended } = screen;
  const say = (line: string): void => print(`cluster | ${line}`);
  const obstacles = findObstacles(setup, say);
  for (const obstacle of obstacles) printError(`cannot start: ${obstacle}`);
  if (obstacles.length > 0) return 1;
  const supervisor = Supervisor.claim(setup, say);
  if (!supervisor) {
    printError(`cannot start: another supervisor was a moment faster; see ${setup.clusterCommand} status`);
    return 1;
  }
  const stop = (why: string): void => {
    say(`${why}: stopping`);
    supervisor.stop();
  };
  const signals: Deno.Signal[] = Deno.build.os === "windows" ? ["SIGINT"] : ["SIGINT", "SIGTERM", "SIGHUP"];
  let isStopping = false;
  for (const signal of signals) {
    Deno.addSignalListener(signal, () => {
      // Why once: Ctrl-C comes from the terminal and again from `deno task`.
      if (!isStopping) stop(signal);
      isStopping = true;
    });
  }
  if (isAttended && Deno.build.os !== "windows") {
    let isTold = false;
    // Why not suspended: deno task and npx do not stop with us, and no shell would have the terminal back.
    Deno.addSignalListener("SIGTSTP", () => {
      if (!isTold) {
        say("Ctrl-Z does not suspend: Ctrl-C stops all replicas; with -d they run in the background");
      }
      isTold = true;
    });
  }
  if (isAttended) watchLaunchers(() => stop("the command that started this cluster is gone"));
  const ids = setup.config.members.map(({ id }) => id);
  print(`starting ${ids.join(" ")}`);
  const begin = performance.now();
  const started = await supervisor.start();
  let follower: LogFollower | undefined;
  if (started.ok) {
    print(describeStart(setup, started.text, performance.now() - begin));
    if (isAttended) {
      print("\nCtrl-C stops all replicas. Their logs follow.");
      const logs = ids.map((id) => ({ id, path: `${setup.launch.dataDirectory}/${id}.log` }));
      follower = new LogFollower(logs, logPrinter(ids));
    }
  } else if (!isStopping) {
    printError(`the cluster did not start, all replicas were stopped.\n${started.text}`);
  }
  await supervisor.finished;
  follower?.close();
  await supervisor.close();
  const stopped = await supervisor.stop();
  if (started.ok || isStopping) say(stopped.text.replaceAll("\n", ", "));
  return started.ok || isStopping ? 0 : 1;
}

/** What a successful start shows: the table and the next command to type. */
export function describeStart(setup: ClusterSetup, table: string, durationMs: number): string {
  return `\n${table}\n\n${setup.config.members.length} replicas ready in ${
    (durationMs / 1000).toFixed(1)
  } s. Next:\n\n` +
    `  ${setup.clientCommand} put 7 hello TWO`;
}
