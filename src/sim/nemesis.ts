/** Who makes things go wrong: a drawn schedule of crashes, cuts, pauses, clock jumps and disk trouble, and its end. @module */
import type { Random } from "../base/random.ts";
import type { DiskLoss } from "../checker/history.ts";
import type { EventQueue } from "./event_queue.ts";
import type { SimDisk } from "./sim_disk.ts";
import type { SimNetwork } from "./sim_network.ts";
import type { SimReplica } from "./sim_replica.ts";

/** All that can go wrong. */
export const FAULTS = [
  "kill",
  "power",
  "blackout",
  "wipe",
  "partition",
  "one_way",
  "reset",
  "pause",
  "skew",
  "slow_disk",
  "full_disk",
  "failed_sync",
] as const;

/** One kind of fault. */
export type Fault = typeof FAULTS[number];

/** What a process under the nemesis is put through in one run. */
export interface NemesisProfile {
  readonly faults: readonly Fault[];
  /** Mean pause between two faults. */
  readonly pauseMs: number;
  readonly skewMsMax: number;
}

/** The faults of one run. */
export class Nemesis {
  readonly diskLosses: DiskLoss[] = [];
  /** Invariant: how far clocks were apart at most so far, with what each restart may add. */
  #restartCount = 0;
  #skewMin = 0;
  #skewMax = 0;
  #isOver = false;
  /** A crash that waits for the next acknowledgement. */
  #armed: ((coordinator: SimReplica) => void) | undefined;
  readonly #queue: EventQueue;
  readonly #random: Random;
  readonly #network: SimNetwork;
  readonly #replicas: readonly SimReplica[];
  readonly #profile: NemesisProfile;
  readonly #trace: (line: string) => void;

  constructor(options: {
    readonly queue: EventQueue;
    readonly random: Random;
    readonly network: SimNetwork;
    readonly replicas: readonly SimReplica[];
    readonly profile: NemesisProfile;
    readonly trace: (line: string) => void;
  }) {
    this.#queue = options.queue;
    this.#random = options.random;
    this.#network = options.network;
    this.#replicas = options.replicas;
    this.#profile = options.profile;
    this.#trace = options.trace;
  }

  /** How far any two clocks may have been apart: true skew, and a second for each restart (the ceiling's lead). */
  get clockSpreadMs(): number {
    return this.#skewMax - this.#skewMin + 1100 * (this.#restartCount + 1);
  }

  /** Sets the clocks, and lets faults begin after a while. */
  start(): void {
    for (const replica of this.#replicas) this.#skew(replica);
    const { faults, pauseMs } = this.#profile;
    if (faults.length === 0) return;
    const turn = (): void => {
      if (this.#isOver) return;
      this.#strike(this.#random.pick(faults));
      this.#queue.after(this.#random.below(2 * pauseMs), turn);
    };
    this.#queue.after(2000 + this.#random.below(pauseMs), turn);
  }

  /** A replica has just acknowledged a write to a client: the worst moment for it to die. */
  onAcknowledged(coordinator: SimReplica): void {
    const strike = this.#armed;
    this.#armed = undefined;
    if (!strike || this.#isOver) return;
    this.#queue.after(this.#random.below(1500) / 1000, () => strike(coordinator));
  }

  /** Ends all faults: ways open, processes run, disks have room. */
  heal(): void {
    this.#isOver = true;
    this.#trace("heal");
    this.#network.calm();
    for (const replica of this.#replicas) {
      mend(replica.disk);
      replica.resume();
      if (!replica.isUp) replica.start();
    }
  }

  #strike(fault: Fault): void {
    const random = this.#random;
    const replica = random.pick(this.#replicas);
    this.#trace(`fault ${fault} ${replica.id}`);
    switch (fault) {
      case "kill":
      case "power":
        this.#armed = (coordinator): void => this.#crash(coordinator, fault, 100 + random.below(1500));
        return;
      case "blackout":
        // Why: with every second fault a blackout, nothing would ever succeed.
        if (random.chance(600)) return;
        this.#armed = (): void => {
          for (const each of this.#replicas) this.#crash(each, "power", 100 + random.below(1500));
        };
        return;
      case "wipe":
        if (this.#replicas.some((each) => !each.isUp || each.isRecovering)) return;
        this.diskLosses.push({ replica: replica.id, atMs: this.#queue.nowMs });
        return this.#crash(replica, "wipe", 100 + random.below(1000));
      case "partition":
        return this.#partition(random.shuffle(this.#replicas));
      case "one_way":
        return this.#oneWay(replica, random.pick(this.#replicas));
      case "reset":
        return this.#reset(replica);
      case "pause":
        replica.pause();
        return this.#later(100 + random.below(3000), () => replica.resume());
      case "skew":
        return this.#skew(replica);
      case "slow_disk":
        replica.disk.syncMs = { first: 5, last: 5 + random.below(300) };
        return this.#later(random.below(4000), () => mend(replica.disk));
      case "full_disk":
        replica.disk.bytesMax = replica.disk.usedBytes();
        if (random.chance(300)) replica.disk.writableBytes = random.below(3000);
        return this.#later(500 + random.below(3000), () => mend(replica.disk));
      case "failed_sync":
        replica.disk.failingSyncs = 1;
        return;
    }
  }

  #crash(replica: SimReplica, kind: "kill" | "power" | "wipe", downMs: number): void {
    replica.crash(kind);
    const { life } = replica;
    this.#restartCount++;
    this.#queue.after(downMs, () => {
      if (replica.life === life) replica.start();
    });
  }

  #partition(shuffled: readonly SimReplica[]): void {
    const cut = this.#random.between(1, shuffled.length - 1);
    for (const a of shuffled.slice(0, cut)) {
      for (const b of shuffled.slice(cut)) {
        this.#network.block(a.id, b.id);
        this.#network.block(b.id, a.id);
      }
    }
    this.#later(500 + this.#random.below(6000), () => this.#network.heal());
  }

  #oneWay(from: SimReplica, to: SimReplica): void {
    if (from === to) return;
    this.#network.block(from.id, to.id);
    this.#later(500 + this.#random.below(4000), () => this.#network.heal());
  }

  /** Connections of one replica break, as when somebody pulls its cable and puts it back. */
  #reset(replica: SimReplica): void {
    for (const other of this.#replicas) {
      if (other === replica) continue;
      if (this.#random.chance(500)) this.#network.reset(replica.id, other.id);
      if (this.#random.chance(500)) this.#network.reset(other.id, replica.id);
    }
  }

  #skew(replica: SimReplica): void {
    replica.skewMs = this.#random.below(2 * this.#profile.skewMsMax + 1) - this.#profile.skewMsMax;
    this.#skewMin = Math.min(this.#skewMin, replica.skewMs);
    this.#skewMax = Math.max(this.#skewMax, replica.skewMs);
    this.#trace(`clock of ${replica.id} is off by ${replica.skewMs} ms`);
  }

  #later(delayMs: number, run: () => void): void {
    this.#queue.after(delayMs, () => {
      if (!this.#isOver) run();
    });
  }
}

function mend(disk: SimDisk): void {
  disk.syncMs = { first: 1, last: 3 };
  disk.bytesMax = Infinity;
  disk.writableBytes = Infinity;
  disk.failingSyncs = 0;
}
