/** One run from one seed: a scenario is drawn, carried out and judged. Same seed, same trace. @module */
import type { Scenario } from "./scenario.ts";
import { type DrawOptions, drawScenario } from "./scenario_draw.ts";
import { type RunOptions, type RunResult, SimRun } from "./sim_run.ts";

/** Carries out a scenario. */
export function runScenario(scenario: Scenario, options: RunOptions = {}): Promise<RunResult> {
  return new SimRun(scenario, options).run();
}

/** Runs one seed. */
export function simulate(seed: number, options: RunOptions & DrawOptions = {}): Promise<RunResult> {
  return runScenario(drawScenario(seed, options), options);
}
