/** What one client asks, step by step, drawn from its own stream: for imagined clusters and for real ones. @module */
import type { Random } from "../base/random.ts";
import type { Level } from "../protocol/level.ts";
import type { WireKey } from "../protocol/request.ts";
import type { Step } from "./scenario.ts";

/** A keyspace whose keys are asked for. */
export interface StepKeyspace {
  readonly name: string;
  /** Not empty. */
  readonly keys: readonly WireKey[];
  /** Whether values stand side by side. */
  readonly siblings: boolean;
}

/** Why short: what stands side by side has the room of one value. */
const SIBLING_CHARS_MAX = 200;

/** Chance of a put or delete that names nothing, though its client has read the key. */
const BLIND_PER_MILLE = 200;

/** What is not left to chance. */
export interface StepProfile {
  readonly client: number;
  /** Who may coordinate. */
  readonly replicas: readonly string[];
  /** Chances in thousandths: of a get; of a delete, where it is none. */
  readonly getPerMille: number;
  readonly deletePerMille: number;
  /** Most characters that a value is filled up to. */
  readonly valueChars: number;
  /** Chance of turning to another coordinator. */
  readonly wanderPerMille: number;
  readonly tracePerMille: number;
  readonly levelsOf: (op: Step["op"]) => readonly Level[];
  /** Those that exist at a time; not empty. */
  readonly keyspacesAt: (atMs: number) => readonly StepKeyspace[];
  /** Never gives the same one twice. Called once for each put that is taken. */
  readonly nextValue: () => string;
  /** The first step comes within a second after this. */
  readonly firstMs: number;
  /** Between two steps. */
  readonly meanMs: number;
}

/** The steps of one client, without an end: whoever asks for them stops at a time. */
export function* drawClientSteps(random: Random, profile: StepProfile): Generator<Step> {
  const { client, replicas, firstMs, meanMs, levelsOf, keyspacesAt } = profile;
  let atMs = firstMs + random.below(1000);
  for (let isFirst = true;; isFirst = false) {
    const keyspace = random.pick(keyspacesAt(atMs));
    const charsMax = keyspace.siblings ? Math.min(profile.valueChars, SIBLING_CHARS_MAX) : profile.valueChars;
    const isGet = random.chance(profile.getPerMille);
    const op = isGet ? "get" : random.chance(profile.deletePerMille) ? "delete" : "put";
    yield {
      atMs,
      client,
      op,
      keyspace: keyspace.name,
      key: random.pick(keyspace.keys),
      level: random.pick(levelsOf(op)),
      value: op === "put" ? profile.nextValue() : "",
      valueChars: op === "put" ? random.below(charsMax + 1) : 0,
      // One in ten is filled with what JSON writes with six bytes for one; more of them would be most of what a run costs.
      escaped: op === "put" && random.chance(100),
      isBlind: keyspace.siblings && op !== "get" && random.chance(BLIND_PER_MILLE),
      trace: random.chance(profile.tracePerMille),
      coordinator: isFirst || random.chance(profile.wanderPerMille) ? random.pick(replicas) : "",
    };
    // Bursts with rests between them: only who asks at nearly the same time can meet.
    atMs += Math.max(1, Math.round(random.below(1000) / 500 * meanMs * (random.chance(800) ? 0.25 : 4)));
  }
}
