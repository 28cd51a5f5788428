/** One replica as a process: signals, the last words, and the exit code. @module */
import { placeText } from "../replica/cluster_config.ts";
import { CorruptionError } from "../storage/corruption.ts";
import { Host, type HostOptions } from "./host.ts";
import type { HostLog } from "./log.ts";

/** Exit codes of a replica that did not choose to stop. */
export const EXIT = { corrupt: 9, bug: 70, secondSignal: 130 } as const;

/** What a replica process is made of. */
export interface ProcessOptions extends Omit<HostOptions, "log" | "halt"> {
  readonly log: HostLog;
  /** Where a word for the person or program that started this goes: one line on stdout, one on stderr. */
  readonly print: (line: string) => void;
  readonly printError: (line: string) => void;
}

/** Runs a replica until SIGTERM or SIGINT, then stops it in good order. Throws what `Host.start` throws. */
export async function runProcess(options: ProcessOptions): Promise<void> {
  const { id, config, dataDirectory, log, print, printError } = options;
  const signal = firstSignal(() => Deno.exit(EXIT.secondSignal));
  const halt = (cause: unknown): void => {
    const { text, exitCode } = lastWords(cause);
    log.write("error", `halted: ${text}`, { exit: exitCode });
    if (cause instanceof Error && cause.stack) log.write("error", cause.stack);
    if (log.isFile) printError(`error: ${id} halted: ${text}`);
    // Why: at once, so that nothing is acknowledged on top of what went wrong.
    Deno.exit(exitCode);
  };
  haltOnUncaught(halt);
  const host = await Host.start({ config, id, dataDirectory, log, halt });
  const member = config.members.find((candidate) => candidate.id === id)!;
  const address = placeText({ host: member.host, port: host.port });
  const http = member.http && host.httpPort !== undefined
    ? { http: placeText({ host: member.http.host, port: host.httpPort }) }
    : {};
  log.write("info", "listening", { id, address, ...http, data: dataDirectory, epoch: host.epoch });
  const isReady = await Promise.race([host.ready.then(() => true), signal.then(() => false)]);
  if (isReady) {
    log.write("info", "ready", { id });
    print(`ready ${id} ${address} data=${dataDirectory} epoch=${host.epoch}`);
  }
  const name = await signal;
  log.write("info", "stopping", { signal: name });
  await host.stop();
  log.write("info", "stopped", { id });
}

/** What a cause of death is called, and the exit code that goes with it. */
export function lastWords(cause: unknown): { text: string; exitCode: number } {
  const text = cause instanceof Error
    ? `${cause.name === "Error" ? "" : `${cause.name}: `}${cause.message}`
    : String(cause);
  return { text, exitCode: cause instanceof CorruptionError ? EXIT.corrupt : EXIT.bug };
}

/** Resolves with the name of the first signal that asks to stop; a second one calls `onSecond`. */
function firstSignal(onSecond: () => void): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  let count = 0;
  // Why: Windows knows no SIGTERM.
  const names: Deno.Signal[] = Deno.build.os === "windows" ? ["SIGINT", "SIGBREAK"] : ["SIGINT", "SIGTERM"];
  for (const name of names) {
    Deno.addSignalListener(name, () => {
      if (count++ > 0) onSecond();
      resolve(name);
    });
  }
  return promise;
}

function haltOnUncaught(halt: (cause: unknown) => void): void {
  globalThis.addEventListener("error", (event) => {
    event.preventDefault();
    halt(event.error);
  });
  globalThis.addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    halt(event.reason);
  });
}
