/** When, of which code and on what a report was made. @module */
import { QUARTET_VERSION } from "../../src/base/quartet_version.ts";
import { commitName, cpuModel } from "../bench/machine.ts";

/** What a report says of itself. */
export interface Surroundings {
  /** Such as `2026-11-20 10:31 UTC`. */
  readonly madeAt: string;
  /** Short name of the commit; with `+` behind it when other files than the report differ from it. */
  readonly commit: string;
  readonly quartet: string;
  readonly deno: string;
  readonly v8: string;
  readonly typescript: string;
  readonly system: string;
  readonly cpuCount: number;
  readonly cpu: string;
}

/** Looks around. `output` is the report itself, which may differ from the one before. */
export async function lookAround(output: string): Promise<Surroundings> {
  return {
    madeAt: `${new Date().toISOString().slice(0, 16).replace("T", " ")} UTC`,
    commit: await commitName([output]),
    quartet: QUARTET_VERSION,
    ...Deno.version,
    system: `${Deno.build.os} ${Deno.osRelease()} ${Deno.build.arch}`,
    cpuCount: navigator.hardwareConcurrency,
    cpu: cpuModel(),
  };
}
