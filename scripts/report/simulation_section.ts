/** The part of a report on simulated runs. @module */
import { JUDGES } from "../../src/checker/verdict.ts";
import type { SoakSummary } from "../soak/soak_tally.ts";
import { plainText, table } from "./markdown_table.ts";
import { grouped, plural } from "./plural.ts";

/** Failed runs that are told one by one. */
const FAILED_SHOWN_MAX = 20;

/** Its lines. */
export function simulationLines(soak: SoakSummary): string[] {
  const { runCount, seconds, simulatedMs, okCount, operationCount, failed } = soak;
  const share = operationCount === 0 ? 0 : Math.floor(100 * okCount / operationCount);
  return [
    "",
    "## Simulated clusters",
    "",
    `${plural(runCount, "seed")} in ${seconds.toFixed(0)} s (${(runCount / seconds).toFixed(1)} a second), ` +
    `${(simulatedMs / 3_600_000).toFixed(1)} simulated hours. ${grouped(okCount)} of ${
      plural(operationCount, "request")
    } succeeded (${share} %). A judge objects to ${plural(failed.length, "run")}.`,
    ...(failed.length === 0 ? [] : ["", ...failedLines(soak)]),
    "",
    "### Operations",
    "",
    "How they ended: done, certainly did not happen, or unknown. Counted with the last read of each key.",
    "",
    ...table(
      ["operation", "done", "did not happen", "unknown"],
      Object.entries(soak.operations).filter(([, { ok, fail, info }]) => ok + fail + info > 0)
        .map(([op, { ok, fail, info }]) => [op, grouped(ok), grouped(fail), grouped(info)]),
    ),
    "",
    "### Faults",
    "",
    "How often each struck; the names are those of a scenario (`src/sim/scenario.ts`). Lost, doubled and late messages come on top.",
    "",
    ...table(
      ["fault", "struck"],
      Object.entries(soak.faults).map((
        [kind, count],
      ) => [`\`${kind}\``, count === 0 ? "**never**" : grouped(count)]),
    ),
    "",
    "### Verdicts",
    "",
    "The simulator itself objects to what no history shows: a replica that stops, never starts, or has not kept what it showed.",
    "",
    ...table(
      ["judge", "histories looked at", "runs objected to"],
      Object.entries(soak.judges).map(([judge, { historyCount, objectionCount }]) => [
        judge,
        grouped(historyCount),
        objectionCount === 0 ? "0" : `**${grouped(objectionCount)}**`,
      ]),
    ),
    "",
    ...judgesElsewhere(soak),
    "",
    "### Trace hashes",
    "",
    "The same seed on the same code gives the same hash each time: `deno task sim SEED` ends with it.",
    "",
    ...table(["seed", "trace"], soak.traces.map(({ seed, trace }) => [String(seed), `\`${trace}\``])),
  ];
}

/** Judges to whom simulated runs gave nothing to do. */
function judgesElsewhere({ judges }: SoakSummary): string[] {
  const idle = JUDGES.filter((judge) => !Object.hasOwn(judges, judge));
  if (idle.length === 0) return [];
  return [
    `Not asked here: ${
      idle.join(", ")
    }. No keyspace of these runs promises what they judge; they look at the histories of ` +
    "`tests/checker/`, and at what `client check` is given.",
  ];
}

function failedLines({ failed }: SoakSummary): string[] {
  const shown = failed.slice(0, FAILED_SHOWN_MAX).map(({ seed, wrong }) =>
    `- **FAILED** seed ${seed}: ${plainText(wrong)}. Run it again: \`deno task sim ${seed}\``
  );
  const more = failed.length - shown.length;
  return more > 0 ? [...shown, `- and ${more} more`] : shown;
}
