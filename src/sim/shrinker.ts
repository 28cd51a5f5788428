/**
 * From a scenario that goes wrong to one with as few faults, clients and operations as it can: whatever can be left out,
 * and the same judge still objects to the same kind of thing, is left out. The same every time.
 * @module
 */
import type { PlantedBug } from "../base/planted_bug.ts";
import { type Finding, PROVES_NOTHING } from "./run_judges.ts";
import type { Phases, Scenario } from "./scenario.ts";
import type { RunResult } from "./sim_run.ts";
import { runScenario } from "./simulation.ts";

/** How hard it is tried. */
export interface ShrinkOptions {
  readonly bugs?: ReadonlySet<PlantedBug>;
  /** Runs that may be made. */
  readonly runsMax?: number;
}

/** What is left. */
export interface Shrunk {
  readonly result: RunResult;
  /** What goes wrong in it, of the same kind as before. */
  readonly finding: Finding;
  readonly runCount: number;
}

const RUNS_MAX = 600;

/** A network, disks and clocks at their best: whatever of it is not needed is given back. */
const GOOD = {
  network: { sites: [], lossPerMille: 0, duplicatePerMille: 0, stragglerPerMille: 0 },
  disk: { shortWritesPerMille: 0 },
} as const;

/** The smallest scenario found that goes wrong as this run did; undefined for a run that only proves nothing. */
export async function shrink(result: RunResult, options: ShrinkOptions = {}): Promise<Shrunk | undefined> {
  const finding = result.findings.find(({ kind }) => kind !== PROVES_NOTHING);
  if (finding === undefined) return undefined;
  return await new Shrinker({ result, finding, runCount: 0 }, options).run();
}

/** One search. */
class Shrinker {
  #best: Shrunk;
  readonly #options: ShrinkOptions;
  #runCount = 0;

  constructor(first: Shrunk, options: ShrinkOptions) {
    this.#best = first;
    this.#options = options;
  }

  async run(): Promise<Shrunk> {
    await this.#leaveOutKeys();
    await this.#leaveOut((scenario) => scenario.faults, (scenario, faults) => ({ ...scenario, faults }));
    await this.#leaveOutClients();
    await this.#leaveOut((scenario) => scenario.steps, (scenario, steps) => ({ ...scenario, steps }));
    // Fewer steps may need fewer faults.
    await this.#leaveOut((scenario) => scenario.faults, (scenario, faults) => ({ ...scenario, faults }));
    await this.#giveBack();
    await this.#shorten();
    return { ...this.#best, runCount: this.#runCount };
  }

  get #scenario(): Scenario {
    return this.#best.result.scenario;
  }

  /** Steps on other keys than the guilty ones, all at once. */
  async #leaveOutKeys(): Promise<void> {
    const { keyspace, operations } = this.#best.finding;
    const keys = new Set(operations.map(({ key }) => key));
    if (keyspace === undefined || keys.size === 0) return;
    const steps = this.#scenario.steps.filter((step) =>
      step.keyspace === keyspace && keys.has(String(step.key))
    );
    await this.#accept({ ...this.#scenario, steps });
  }

  async #leaveOutClients(): Promise<void> {
    for (const client of new Set(this.#scenario.steps.map((step) => step.client))) {
      const steps = this.#scenario.steps.filter((step) => step.client !== client);
      await this.#accept({ ...this.#scenario, steps });
    }
  }

  /** Leaves out parts of a list, ever smaller ones, until none of its items can be left out. */
  async #leaveOut<T>(
    listOf: (scenario: Scenario) => readonly T[],
    withList: (scenario: Scenario, list: readonly T[]) => Scenario,
  ): Promise<void> {
    for (let size = Math.ceil(listOf(this.#scenario).length / 2); size >= 1; size = Math.floor(size / 2)) {
      for (let hasShrunk = true; hasShrunk;) {
        hasShrunk = false;
        // Why from the end: what is late depends on what is early.
        for (let end = listOf(this.#scenario).length; end > 0; end -= size) {
          const list = listOf(this.#scenario);
          const rest = [...list.slice(0, Math.max(0, end - size)), ...list.slice(end)];
          if (rest.length < list.length && await this.#accept(withList(this.#scenario, rest))) {
            hasShrunk = true;
          }
        }
        // A list that is tried one by one again and again is worth it only while it is short.
        if (size > 1) break;
      }
    }
  }

  /** Makes network, disks, clocks and configuration as good and as plain as they may be. */
  async #giveBack(): Promise<void> {
    await this.#accept({ ...this.#scenario, network: { ...this.#scenario.network, ...GOOD.network } });
    await this.#accept({ ...this.#scenario, disk: { ...this.#scenario.disk, ...GOOD.disk } });
    await this.#accept({ ...this.#scenario, clocks: [] });
    await this.#accept({
      ...this.#scenario,
      clocks: this.#scenario.clocks.map((clock) => ({ ...clock, driftPpm: 0 })),
    });
    if (this.#scenario.faults.every(({ change }) => change === 0)) {
      await this.#accept({ ...this.#scenario, changes: [] });
    }
    await this.#accept({
      ...this.#scenario,
      steps: this.#scenario.steps.map((step) => ({ ...step, valueChars: 0, escaped: false, trace: false })),
    });
  }

  /** Ends the faults soon after the last step. */
  async #shorten(): Promise<void> {
    const { phases, steps, faults } = this.#scenario;
    const lastMs = Math.max(
      0,
      ...steps.map(({ atMs }) => atMs),
      ...faults.map(({ atMs, forMs }) => atMs + forMs),
    );
    const shorter: Phases = { ...phases, faultsMs: Math.min(phases.faultsMs, Math.ceil(lastMs) + 1000) };
    await this.#accept({ ...this.#scenario, phases: shorter });
  }

  /** Takes a scenario in place of the best one if it goes wrong in the same way. */
  async #accept(scenario: Scenario): Promise<boolean> {
    if (this.#runCount >= (this.#options.runsMax ?? RUNS_MAX)) return false;
    if (scenario.steps.length === 0 && this.#best.finding.operations.length > 0) return false;
    this.#runCount++;
    const { bugs } = this.#options;
    const result = await runScenario(scenario, bugs === undefined ? {} : { bugs });
    const { judge, kind } = this.#best.finding;
    const finding = result.findings.find((each) => each.judge === judge && each.kind === kind);
    if (finding === undefined) return false;
    this.#best = { result, finding, runCount: this.#runCount };
    return true;
  }
}
