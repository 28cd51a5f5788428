/** `deno task ok`: everything that must hold before a change leaves this machine, cheapest first. @module */
import { print, printError } from "./print.ts";
import { runDeno } from "./repository.ts";
import { answerWords } from "./task_help.ts";

interface Step {
  readonly name: string;
  readonly args: readonly string[];
  readonly wayOut: string;
}

const STEPS: readonly Step[] = [
  {
    name: "format",
    args: ["fmt", "--check"],
    wayOut: "`deno fmt` rewrites the files named above",
  },
  {
    name: "lint",
    args: ["lint", "--quiet"],
    wayOut: "each finding above says what it wants; `deno lint --fix` does some",
  },
  { name: "types", args: ["check", "--quiet"], wayOut: "fix the type errors above" },
  { name: "tidy", args: ["run", "-A", "scripts/tidy.ts"], wayOut: "each line above names its way out" },
  {
    name: "tests",
    args: ["run", "-A", "scripts/test.ts"],
    wayOut: '`deno task test "part of the test\'s name"` runs a failing test alone',
  },
  {
    name: "200 simulated clusters",
    args: ["run", "-A", "scripts/soak.ts", "--seeds", "200"],
    wayOut: "`deno task sim SEED` runs a failing seed again, with its full trace",
  },
];

const HELP = `deno task ok: everything that must hold before a change leaves this machine, cheapest first

${STEPS.map(({ name, args }) => `  ${name.padEnd(22)}  deno ${args.join(" ")}`).join("\n")}

It stops at the first step that fails, and says the way out.`;

if (import.meta.main) {
  const answered = answerWords(Deno.args, HELP);
  if (answered !== undefined) Deno.exit(answered);
  const begin = performance.now();
  for (const [index, step] of STEPS.entries()) {
    print(`ok ${index + 1}/${STEPS.length}  ${step.name}`);
    const code = await runDeno(step.args);
    if (code === 0) continue;
    printError(`\nnot ok: ${step.name} ended with exit code ${code}. Way out: ${step.wayOut}.`);
    Deno.exit(1);
  }
  print(`ok: all ${STEPS.length} steps passed in ${Math.round((performance.now() - begin) / 1000)} s`);
}
