/**
 * H14 against the worst network there is: any message that was ever sent comes again, at any later time, while replicas die, are
 * wiped and cut off, and clocks jump. What was acknowledged stays, and what was deleted stays deleted.
 * @module
 */
import { assert } from "@std/assert";
import { Random } from "../../src/base/random.ts";
import type { Message } from "../../src/replica/envelope.ts";
import { compareVersions, type Version } from "../../src/versions/version.ts";
import { StagedCluster } from "../harness/staged_cluster.ts";

const IDS = ["r1", "r2", "r3"];
const KEYS = 6;
const STEPS = 250;
const KEPT_MESSAGES_MAX = 4000;

/** Questions are taken by whoever lives there now; answers and heartbeats belong to two lives. */
const QUESTIONS: readonly Message["type"][] = ["write", "read", "fill", "compare", "list", "give"];

interface Kept {
  readonly from: string;
  readonly to: string;
  readonly message: Message;
  readonly lives: string;
}

interface Asked {
  readonly coordinator: string;
  readonly life: number;
  readonly id: number;
  readonly key: number;
  readonly isDelete: boolean;
}

interface Written {
  readonly stamp: number;
  readonly origin: string;
  readonly isDelete: boolean;
}

class Ordeal {
  readonly #random: Random;
  readonly #cluster: StagedCluster;
  readonly #kept: Kept[] = [];
  readonly #lives = new Map(IDS.map((id) => [id, 1]));
  readonly #down = new Set<string>();
  #cutOff: string | undefined;
  #epochCount = 10;
  readonly #open: Asked[] = [];
  readonly #acknowledged = new Map<number, Written>();
  /** Keys with a delete of which nobody knows whether it happened. */
  readonly #maybeDeleted = new Set<number>();
  valueCount = 0;

  constructor(seed: number) {
    this.#random = new Random(seed);
    this.#cluster = new StagedCluster({
      memberCount: IDS.length,
      main: {
        read_repair: this.#random.pick(["background", "off"]),
        hinted_handoff: this.#random.chance(500),
      },
      settings: {
        tombstone_grace_ms: 50,
        anti_entropy_interval_ms: 100,
        hints_per_second: 20,
        request_timeout_ms: 1000,
      },
    });
    this.#cluster.isCarried = ({ from, to, message }) => {
      const kept = { from, to, message: structuredClone(message), lives: this.#livesOf(from, to) };
      if (this.#kept.length < KEPT_MESSAGES_MAX) this.#kept.push(kept);
      else this.#kept[this.#random.below(KEPT_MESSAGES_MAX)] = kept;
      return from !== this.#cutOff && to !== this.#cutOff;
    };
  }

  run(): void {
    for (let step = 0; step < STEPS; step++) this.#step();
    this.#mend();
    for (let count = 0; count < 300; count++) this.#repeat();
    this.#cluster.tick(10_000);
  }

  get collectedCount(): number {
    return IDS.reduce((sum, id) => sum + this.#cluster.stage(id).counter("tombstones_collected"), 0);
  }

  /** What is wrong in the end. */
  problem(): string | undefined {
    for (let key = 0; key < KEYS; key++) {
      const held = IDS.map((id) => this.#cluster.stage(id).held(key)[0]);
      const names = held.map((version) => version?.value === undefined ? "nothing" : version.value);
      if (new Set(names).size > 1) return `key ${key} differs: ${names}`;
      const last = this.#acknowledged.get(key);
      if (last === undefined) continue;
      const found = held.find((version): version is Version => version !== undefined);
      if (found !== undefined && compareVersions(found, last) < 0) {
        return `key ${key} holds ${names[0]}, older than what was acknowledged last`;
      }
      if (names[0] === "nothing" && !last.isDelete && !this.#maybeDeleted.has(key) && found === undefined) {
        return `key ${key} holds nothing, though its last acknowledged write was a put`;
      }
    }
    return undefined;
  }

  #step(): void {
    const random = this.#random;
    const kind = random.below(100);
    if (kind < 45) this.#ask();
    else if (kind < 50) this.#crash();
    else if (kind < 58) this.#restart();
    else if (kind < 61) this.#wipe();
    else if (kind < 64) this.#cut();
    else if (kind < 68) this.#join();
    else if (kind < 72) this.#cluster.stage(random.pick(IDS)).skewMs = random.between(-3000, 3000);
    else for (let count = random.below(20); count > 0; count--) this.#repeat();
    this.#cluster.carry();
    this.#cluster.tick(random.pick([0, 50, 100, 400]));
    this.#hear();
  }

  #ask(): void {
    const coordinator = this.#random.pick(IDS);
    if (this.#down.has(coordinator)) return;
    const stage = this.#cluster.stage(coordinator);
    const key = this.#random.below(KEYS);
    const isDelete = this.#random.chance(450);
    if (this.#random.chance(200)) return void stage.get(key, this.#random.pick(["TWO", "ALL"]));
    const level = this.#random.pick(["TWO", "TWO", "ALL"] as const);
    const id = isDelete ? stage.delete(key, level) : stage.put(key, `v${++this.valueCount}`, level);
    this.#open.push({ coordinator, life: this.#lives.get(coordinator)!, id, key, isDelete });
  }

  #hear(): void {
    for (const asked of this.#open.splice(0)) {
      const { coordinator, life, id, key, isDelete } = asked;
      const isSameLife = this.#lives.get(coordinator) === life;
      const result = isSameLife ? this.#cluster.stage(coordinator).reply(id) : undefined;
      if (isSameLife && result === undefined) this.#open.push(asked);
      else if (result?.ok && result.value.kind === "written") {
        const written = { ...result.value.receipt.version!, isDelete };
        const before = this.#acknowledged.get(key);
        if (before === undefined || compareVersions(written, before) > 0) {
          this.#acknowledged.set(key, written);
        }
      } else if (isDelete) this.#maybeDeleted.add(key);
    }
  }

  #crash(): void {
    const id = this.#random.pick(IDS);
    if (this.#down.size > 0 || this.#cutOff !== undefined) return;
    this.#hear();
    this.#down.add(id);
    this.#lives.set(id, this.#lives.get(id)! + 1);
    this.#cluster.crash(id);
  }

  #restart(): void {
    for (const id of this.#down) this.#cluster.start(id);
    this.#down.clear();
  }

  /** Only while all others are up and count: else an acknowledged write may be lost with its disks. */
  #wipe(): void {
    if (this.#down.size > 0 || this.#cutOff !== undefined) return;
    if (IDS.some((id) => this.#cluster.stage(id).status().recovering)) return;
    const id = this.#random.pick(IDS);
    this.#hear();
    this.#lives.set(id, this.#lives.get(id)! + 1);
    this.#cluster.crash(id);
    this.#cluster.start(id, { epoch: `e${this.#epochCount++}` });
  }

  #cut(): void {
    if (this.#down.size === 0) this.#cutOff ??= this.#random.pick(IDS);
  }

  #join(): void {
    this.#cutOff = undefined;
  }

  #repeat(): void {
    if (this.#kept.length === 0) return;
    const { from, to, message, lives } = this.#random.pick(this.#kept);
    if (this.#down.has(to)) return;
    if (!QUESTIONS.includes(message.type) && lives !== this.#livesOf(from, to)) return;
    this.#cluster.stage(to).deliver(from, structuredClone(message));
  }

  #livesOf(from: string, to: string): string {
    return `${this.#lives.get(from)} ${this.#lives.get(to)}`;
  }

  #mend(): void {
    this.#restart();
    this.#join();
    for (const id of IDS) this.#cluster.stage(id).skewMs = 0;
    this.#cluster.tick(30_000);
    this.#hear();
  }
}

Deno.test("H14: whatever message comes again, whoever dies, nothing acknowledged is lost and nothing deleted returns", () => {
  let collectedCount = 0;
  for (let seed = 0; seed < 30; seed++) {
    const ordeal = new Ordeal(seed);
    ordeal.run();
    const problem = ordeal.problem();
    assert(problem === undefined, `seed ${seed}: ${problem}`);
    collectedCount += ordeal.collectedCount;
  }
  assert(collectedCount > 200, `only ${collectedCount} tombstones were collected`);
});
