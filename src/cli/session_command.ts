/** `quartet client` without a verb: a console on a terminal, a script from a pipe. @module */
import { QUARTET_VERSION } from "../base/quartet_version.ts";
import type { ClusterConfig } from "../replica/cluster_config.ts";
import { Caller, type CallerOptions } from "./caller.ts";
import { runConsole } from "./console.ts";
import { HistoryFile, historyPath } from "./history_file.ts";
import type { Output } from "./output.ts";
import { linesOf, runScript, type ScriptEnd } from "./script.ts";
import { Session } from "./session.ts";
import { type KnownCluster, SessionState } from "./session_state.ts";
import { reportFailure } from "./status_verb.ts";

/** What the command line said. */
export interface SessionCommand {
  readonly options: CallerOptions;
  readonly config?: ClusterConfig;
  readonly output: Output;
  readonly keyspace?: string;
  readonly timeoutMs?: number;
  readonly failsOver: boolean;
  readonly keepsGoing: boolean;
}

/** Whether a person sits at both ends. */
export function isAtTerminal(): boolean {
  return Deno.stdin.isTerminal() && Deno.stdout.isTerminal();
}

/** Holds the conversation and gives its exit code, or undefined where stdin was empty. */
export async function sessionCommand(command: SessionCommand): Promise<number | undefined> {
  const { output, failsOver, keepsGoing, timeoutMs } = command;
  const history = new HistoryFile(
    isAtTerminal() ? historyPath(Deno.env) : undefined,
    (text) => output.note(text),
  );
  const place = await findPlace(command);
  if (typeof place === "number") return place;
  const { caller, state } = place;
  const session = new Session({
    caller,
    state,
    failsOver,
    history: () => history.lines,
    ...(command.config === undefined ? {} : { config: command.config }),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
  });
  try {
    if (!isAtTerminal()) {
      const end: ScriptEnd = await runScript(linesOf(Deno.stdin.readable), session, output, { keepsGoing });
      return end.isEmpty ? undefined : end.exitCode;
    }
    output.note(
      `quartet ${QUARTET_VERSION}, replicas ${state.cluster.replicas.join(" ")}. ` +
        "help lists the verbs, Tab completes, Ctrl-D leaves.",
    );
    const message = await session.lookForCoordinator(output.paintErr);
    if (message !== undefined) output.note(message);
    return await runConsole(session, history, output.isJson);
  } finally {
    caller.close();
  }
}

/** A caller that knows all replicas, and who coordinates first; an exit code where nobody told. */
async function findPlace(
  { options, config, output, keyspace }: SessionCommand,
): Promise<{ caller: Caller; state: SessionState } | number> {
  const { coordinator, ...rest } = options;
  const first = new Caller(options);
  const members = await first.members();
  if (!members.ok) {
    first.close();
    return reportFailure(members.failure, output);
  }
  let begin = coordinator;
  if (begin === undefined) {
    // Where none answers the first one is as good as any: somebody may start it.
    const { result, replica } = await first.request({ op: "status" });
    begin = result.ok ? replica : members.value[0]!.id;
    if (result.ok && result.value.kind === "status") begin = result.value.status.id;
  }
  first.close();
  const cluster: KnownCluster = {
    replicas: members.value.map(({ id }) => id),
    keyspaces: new Map([...config?.keyspaces ?? []].map(([name, { defaultLevel }]) => [name, defaultLevel])),
    ...(config === undefined ? {} : { defaultKeyspace: config.defaultKeyspace }),
  };
  const state = new SessionState(cluster, begin);
  state.keyspace = keyspace;
  return { caller: new Caller({ ...rest, replicas: members.value, areAllMembers: true }), state };
}
