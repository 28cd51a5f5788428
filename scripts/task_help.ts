/** Tasks that take no words still say what they do when somebody asks. @module */
import { print, printError } from "./print.ts";

/** The exit code where words were given: 0 after `--help`, 2 after anything else. Undefined: none, go on. */
export function answerWords(args: readonly string[], page: string): number | undefined {
  if (args.length === 0) return undefined;
  if (args.includes("--help") || args.includes("-h")) {
    print(page);
    return 0;
  }
  printError(`it takes no words, and "${args.join(" ")}" was given\n\n${page}`);
  return 2;
}
