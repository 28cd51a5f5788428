/**
 * The commands through which a person started this one: `npx`, its shell, `deno task`. When one of them is killed its
 * children live on, so a supervisor in the foreground has to look. On Linux only; elsewhere nothing is watched.
 * @module
 */
import { commandLine, findProcess, isRunning, type OsProcess, parentOf } from "./os_process.ts";

const LOOK_EVERY_MS = 500;

/** Calls `onGone` once, when a launcher has ended. Does not keep this process alive. */
export function watchLaunchers(onGone: () => void): void {
  const launchers = findLaunchers();
  if (launchers.length === 0) return;
  const timer = setInterval(() => {
    if (launchers.every((launcher) => isRunning(launcher))) return;
    clearInterval(timer);
    onGone();
  }, LOOK_EVERY_MS);
  Deno.unrefTimer(timer);
}

/**
 * Whether a command line is that of a launcher.
 *
 * Why so narrow: a person's own shell or script may end while the cluster it put in the background goes on, as
 * `bash -c "deno task cluster &"` does.
 */
export function isLauncher(words: readonly string[]): boolean {
  // npm renames its process to one word.
  if (words.length === 1 && /^npm exec .*\btask cluster\b/.test(words[0]!)) return true;
  const task = words.indexOf("task");
  return task > 0 && words[task + 1] === "cluster" && /deno|npx/.test(words.slice(0, task).join(" "));
}

function findLaunchers(): OsProcess[] {
  const found: OsProcess[] = [];
  /** The shell between npx and Deno; counts only when a launcher stands above it. */
  let shell: OsProcess | undefined;
  for (let pid = parentOf(Deno.pid); pid !== undefined && pid > 1; pid = parentOf(pid)) {
    const words = commandLine(pid);
    const process = findProcess(pid);
    if (!process) break;
    if (isLauncher(words)) {
      found.push(...(shell ? [shell] : []), process);
      shell = undefined;
    } else if (!shell && words[1] === "-c") shell = process;
    else break;
  }
  return found;
}
