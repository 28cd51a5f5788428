/**
 * One conversation with a cluster: typed lines become verbs, through one coordinator, until somebody leaves. The console
 * and scripts of commands share it. Knows nothing of terminals.
 * @module
 */
import { type ErrorCode, ERRORS } from "../protocol/error_codes.ts";
import { type Arguments, type Flags, parseArguments, parseTimeoutMs, UsageError } from "./arguments.ts";
import type { ClusterConfig } from "../replica/cluster_config.ts";
import type { Caller } from "./caller.ts";
import { splitWords } from "./console_words.ts";
import { Output, type Paint } from "./output.ts";
import type { SessionState } from "./session_state.ts";
import { findSessionVerb, HELP, lineVerbOf, refuseShellVerb } from "./session_verbs.ts";
import { reportUsage } from "./usage_report.ts";
import type { Verb } from "./verb.ts";
import { flagsOfAllVerbs, refuseForeignFlags } from "./verbs.ts";

/** Flags of every line. */
export const LINE_FLAGS: Flags = {
  keyspace: { value: "NAME", help: "for this line only" },
  timeout: { value: "TIME", help: "how long wait waits, such as 500ms, 2s, 1m" },
  json: { help: "one JSON object in place of text" },
  help: { help: "help on the verb", short: "h" },
};

/** How long a replica may take to show that it lives. */
const LOOK_MS = 1000;

/** Exit code of a line whose answer nobody waited for, as a shell gives it after Ctrl-C. */
export const EXIT_INTERRUPTED = 130;

/** Failures that a dead coordinator causes; a live one may give them too. */
const LOST: ReadonlySet<ErrorCode> = new Set(["unavailable", "timeout", "connection_lost"]);
const EXIT_UNAVAILABLE = ERRORS.unavailable.exit;
const EXIT_UNKNOWN = ERRORS.timeout.exit;

/** What a session is made of. */
export interface SessionOptions {
  readonly caller: Caller;
  readonly state: SessionState;
  /** Whether to move on to another coordinator by itself. */
  readonly failsOver: boolean;
  /** As given with `--timeout`. */
  readonly timeoutMs?: number;
  /** The cluster's file, where there is one. */
  readonly config?: ClusterConfig;
  /** Lines typed so far, the oldest first. */
  history(): readonly string[];
}

/** A conversation. */
export class Session {
  readonly caller: Caller;
  readonly state: SessionState;
  readonly failsOver: boolean;
  readonly history: () => readonly string[];
  readonly #timeoutMs: number | undefined;
  readonly #config: ClusterConfig | undefined;
  /** Whether somebody said `exit`. */
  isOver = false;

  constructor({ caller, state, failsOver, timeoutMs, config, history }: SessionOptions) {
    this.caller = caller;
    this.state = state;
    this.failsOver = failsOver;
    this.#timeoutMs = timeoutMs;
    this.#config = config;
    this.history = history;
    caller.turnTo(state.coordinator, { stays: !failsOver });
  }

  /** Whether a line is empty or a comment. */
  static isBlank(line: string): boolean {
    return /^\s*(#|$)/.test(line);
  }

  /** Carries out one line and gives its exit code. Stops waiting when the signal says so. */
  async run(line: string, output: Output, signal?: AbortSignal): Promise<number> {
    try {
      if (Session.isBlank(line)) return 0;
      const words = splitWords(line);
      // Why before its flags: they are not those of a line.
      refuseShellVerb(words[0] ?? "");
      const given = parseArguments(words, { ...LINE_FLAGS, ...flagsOfAllVerbs() });
      const lineOutput = given.flags.has("json") && !output.isJson ? new Output({ isJson: true }) : output;
      return await this.#perform(given, lineOutput, signal);
    } catch (cause) {
      if (!(cause instanceof UsageError)) throw cause;
      return reportUsage(cause, output);
    }
  }

  /**
   * What to say when the coordinator does not answer any more: who does; moves on where that was asked for. Undefined
   * when all is well.
   * `lost` is what was asked when it fell silent.
   */
  async lookForCoordinator(
    paint: Paint,
    lost?: { readonly verb: Verb; readonly code: number },
  ): Promise<string | undefined> {
    const { coordinator, cluster } = this.state;
    const looks = await Promise.all(cluster.replicas.map(async (id) => ({
      id,
      result: (await this.caller.ask(id, { op: "status" }, LOOK_MS)).result,
    })));
    const own = looks.find(({ id }) => id === coordinator);
    if (own === undefined || own.result.ok || !LOST.has(own.result.failure.code)) return undefined;
    // Another line may have moved on meanwhile.
    if (this.state.coordinator !== coordinator) return undefined;
    const live = looks.flatMap(({ id, result }) =>
      result.ok && result.value.kind === "status" ? [{ id, status: result.value.status }] : []
    );
    const gone = paint.yellow(`${coordinator} does not answer`);
    const next = live.find(({ status }) => status.ready && !status.recovering) ?? live[0];
    if (next === undefined) {
      return `${gone}, and neither does any other replica; is the cluster running?${
        this.caller.wayOut === undefined ? "" : ` ${this.caller.wayOut}.`
      }`;
    }
    const isOpen = lost?.code === EXIT_UNKNOWN && lost.verb.isWrite;
    if (!this.failsOver) {
      const names = live.map(({ id }) => id).join(" ");
      return `${gone}; live: ${names}. "coordinator ${next.id}" goes on with ${next.id}`;
    }
    this.#moveTo(next.id);
    const advice = isOpen
      ? `; the ${lost.verb.name} was not repeated, because it may have happened: get the key to know`
      : "";
    return `${gone}: moved on to ${next.id}${advice}`;
  }

  /** Has later lines go to this replica. */
  #moveTo(id: string): void {
    this.state.coordinator = id;
    this.caller.turnTo(id, { stays: !this.failsOver });
  }

  /** Goes to another coordinator as asked, if it answers; the exit code, and what went wrong. */
  async changeCoordinator(id: string, output: Output): Promise<number> {
    const { result } = await this.caller.ask(id, { op: "status" });
    if (!result.ok) {
      const { code, message } = result.failure;
      if (output.isJson) output.json({ ok: false, error: code, message, definite: true });
      else output.note(`${output.paintErr.red(code)}: ${message} (staying with ${this.state.coordinator})`);
      return ERRORS[code].exit;
    }
    this.#moveTo(id);
    return 0;
  }

  async #perform(given: Arguments, output: Output, signal: AbortSignal | undefined): Promise<number> {
    const [name = HELP.name, ...words] = given.words;
    const sessionVerb = findSessionVerb(name);
    if (given.flags.has("help") && name !== HELP.name) return HELP.run([name], this, output);
    if (sessionVerb !== undefined) {
      const foreign = [...given.flags.keys()].find((flag) => flag !== "json");
      if (foreign !== undefined) throw new UsageError(`${sessionVerb.name} takes no --${foreign}`);
      return await sessionVerb.run(words, this, output);
    }
    const verb = lineVerbOf(name);
    refuseForeignFlags(verb, given, LINE_FLAGS);
    // Tracing is a flag of those verbs that can be traced.
    const flags = this.state.isTracing && Object.hasOwn(verb.flags, "trace")
      ? new Map([...given.flags, ["trace", ""] as const])
      : given.flags;
    const action = verb.parse({ words, flags });
    if (verb.words.startsWith("KEY") && words[0] !== undefined) this.state.onKey(words[0]);
    const timeoutText = given.flags.get("timeout");
    const timeoutMs = timeoutText === undefined ? this.#timeoutMs : parseTimeoutMs(timeoutText);
    const { state, caller } = this;
    const keyspace = given.flags.get("keyspace") ?? state.keyspace;
    const known = [...state.cluster.keyspaces.keys()];
    const code = await unlessAborted(
      action({
        caller,
        output,
        isStdinTaken: true,
        keyspaces: known.length === 0 ? [undefined] : known,
        ...(this.#config === undefined ? {} : { config: this.#config }),
        ...(keyspace === undefined ? {} : { keyspace }),
        ...(state.level === undefined ? {} : { level: state.level }),
        ...(timeoutMs === undefined ? {} : { timeoutMs }),
      }),
      signal,
    );
    if (code === undefined) return interrupted(verb, output);
    if (caller.coordinator !== state.coordinator) {
      // Why no more is needed: a client turns to another replica only when nothing was sent.
      output.note(
        `${
          output.paintErr.yellow(`${state.coordinator} cannot be reached`)
        }: moved on to ${caller.coordinator}`,
      );
      this.#moveTo(caller.coordinator);
    } else if (code === EXIT_UNAVAILABLE || code === EXIT_UNKNOWN) {
      const message = await this.lookForCoordinator(output.paintErr, { verb, code });
      if (message !== undefined) output.note(message);
    }
    return code;
  }
}

/** What the action came to, or undefined when the signal came first. */
function unlessAborted(
  action: Promise<number>,
  signal: AbortSignal | undefined,
): Promise<number | undefined> {
  if (signal === undefined) return action;
  return new Promise((resolve, reject) => {
    signal.addEventListener("abort", () => resolve(undefined), { once: true });
    action.then(resolve, reject);
  });
}

function interrupted(verb: Verb, output: Output): number {
  const advice = verb.isWrite
    ? `; the ${verb.name} may have happened, or may still happen: get the key to know`
    : "";
  output.note(`${output.paintErr.yellow("stopped waiting")}${advice}`);
  output.silence();
  return EXIT_INTERRUPTED;
}
