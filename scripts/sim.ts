/** `deno task sim SEED`: one simulated run with its full trace. @module */
import { simulate } from "../src/sim/simulation.ts";
import { print, printError } from "./print.ts";

const USAGE = `deno task sim SEED

Runs one simulated cluster from its seed, prints every message, request and fault with its time in milliseconds, and
ends with \`trace HEX\`: the same seed on the same code always gives the same HEX. Exit 1 when a judge objects.

  deno task sim 4711                 one run
  deno task sim 4711 | grep client   what the clients saw
`;

const [word, ...rest] = Deno.args;
if (word === "--help") {
  print(USAGE);
  Deno.exit(0);
}
const seed = Number(word);
if (word === undefined || rest.length > 0 || !/^\d{1,15}$/.test(word)) {
  printError(`A seed is one number from 0 to 999999999999999, not "${Deno.args.join(" ")}".\n\n${USAGE}`);
  Deno.exit(64);
}
const result = await simulate(seed, {
  onTrace: (atMs, line) => print(`${atMs.toFixed(3).padStart(10)} ${line}`),
});
for (const violation of result.violations) print(`violated: ${violation}`);
print(
  `${result.okCount} of ${result.operationCount} requests succeeded in ${
    (result.simulatedMs / 1000).toFixed(1)
  } simulated seconds`,
);
print(`trace ${result.trace}`);
Deno.exit(result.violations.length > 0 ? 1 : 0);
