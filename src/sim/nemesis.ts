/** Who makes things go wrong: carries out the faults of a scenario, each at its time, and ends them all at last. @module */
import { unreachable } from "../base/assert.ts";
import { Random } from "../base/random.ts";
import type { DiskLoss, HistoryFault } from "../checker/history.ts";
import type { ClusterConfig } from "../replica/cluster_config.ts";
import type { Disturbances } from "./disturbances.ts";
import type { Fault, FaultKind } from "./scenario.ts";
import type { SimNetwork } from "./sim_network.ts";
import type { Death, SimReplica } from "./sim_replica.ts";
import type { SimWorld } from "./sim_world.ts";

/** What a restart may add to how far clocks seem to be apart: the lead of the ceiling, and what passes meanwhile. */
const RESTART_SPREAD_MS = 1100;

/** An operator who finds a damaged directory has an empty one in its place after this. */
const REBUILD_MS = 500;

/** What a nemesis needs. */
export interface NemesisOptions {
  readonly world: SimWorld;
  readonly network: SimNetwork;
  readonly replicas: readonly SimReplica[];
  readonly disturbances: Disturbances;
  /** The configuration after the change of this number, counted from 1. */
  readonly configAfter: (change: number) => ClusterConfig;
  /** Whether a fault of the scenario may begin now. */
  readonly mayStrike: () => boolean;
}

/** The faults of one run. */
export class Nemesis {
  readonly diskLosses: DiskLoss[] = [];
  /** What was done, for the picture. */
  readonly struck: HistoryFault[] = [];
  /** How many of each kind were done. */
  readonly counts = new Map<FaultKind, number>();
  readonly #options: NemesisOptions;
  /** Faults that wait for the next acknowledgement. */
  readonly #armed: Fault[] = [];
  /** Faults that wait for a sync of their first replica, and for how many of them. */
  #awaitingSync: { readonly fault: Fault; count: number }[] = [];
  /** Grows when all is healed: what was begun before then ends nothing any more. */
  #era = 0;

  constructor(options: NemesisOptions) {
    this.#options = options;
  }

  /** How far any two clocks may have been apart: true skew, and a second for each restart (the ceiling's lead). */
  get clockSpreadMs(): number {
    const { world, replicas } = this.#options;
    const bounds = replicas.map(({ clock }) => clock.bounds(world.queue.nowMs));
    const startCount = replicas.reduce((sum, replica) => sum + replica.startCount - 1, 0);
    return Math.max(...bounds.map(({ greatestMs }) => greatestMs)) -
      Math.min(...bounds.map(({ leastMs }) => leastMs)) + RESTART_SPREAD_MS * (startCount + 1);
  }

  /** Lets each fault strike at its time. */
  start(faults: readonly Fault[]): void {
    for (const fault of faults) {
      this.#later(fault.atMs, () => {
        if (!this.#mayBegin(fault)) return;
        if (fault.onAck) this.#armed.push(fault);
        else if (fault.onSync) this.#awaitingSync.push({ fault, count: fault.count });
        else this.strike(fault);
      });
    }
  }

  /** A replica has just acknowledged a write to a client: what waits for that strikes. */
  onAcknowledged(coordinator: SimReplica): void {
    const fault = this.#armed.shift();
    if (fault === undefined) return;
    const replicas = fault.replicas.length > 0 ? fault.replicas : [coordinator.id];
    this.#later(fault.delayMs, () => {
      if (this.#mayBegin(fault)) this.strike({ ...fault, replicas });
    });
  }

  /** A disk has begun to sync something: what waits for that strikes while it is at it. */
  onSync({ id }: SimReplica): void {
    const waiting = this.#awaitingSync.find(({ fault }) => fault.replicas[0] === id);
    if (waiting === undefined || --waiting.count > 0) return;
    this.#awaitingSync = this.#awaitingSync.filter((other) => other !== waiting);
    const { fault } = waiting;
    this.#later(fault.delayMs, () => {
      if (this.#mayBegin(fault)) this.strike(fault);
    });
  }

  /** A replica refuses to start on its damaged directory: the operator gives it an empty one. */
  onCorrupt(replica: SimReplica): void {
    this.#lose(replica);
    replica.crash("wipe");
    this.#startAfter(replica, REBUILD_MS);
  }

  /** Ends all faults, also those to come: ways open, processes run, disks have room. */
  heal(): void {
    this.#era++;
    this.#armed.length = 0;
    this.#awaitingSync = [];
    this.#options.world.trace("heal");
    this.#options.network.heal();
    for (const replica of this.#options.replicas) {
      replica.mend();
      replica.resume();
      if (replica.isDown) replica.start();
    }
  }

  /** Whether a fault of the scenario may begin now. Clients count on what a change of the configuration brings. */
  #mayBegin({ kind }: Fault): boolean {
    return kind === "reconfigure" || this.#options.mayStrike();
  }

  /** Lets one fault happen now. */
  strike(fault: Fault): void {
    const victims = this.#options.replicas.filter(({ id }) => fault.replicas.includes(id));
    this.#options.world.trace(`fault ${fault.kind} ${fault.replicas.join(" ")}`);
    for (const { id } of victims) this.#options.disturbances.note(id);
    switch (fault.kind) {
      case "kill":
      case "power":
        for (const replica of victims) this.#crash(replica, fault.kind, fault);
        return;
      case "wipe":
      case "rot":
        for (const replica of victims) this.#ruin(replica, fault);
        return;
      case "pause":
        this.#note(fault, "paused");
        for (const replica of victims) replica.pause();
        return this.#end(fault, () => victims.forEach((replica) => replica.resume()));
      case "partition":
        return this.#cut(fault, { isBothWays: true });
      case "one_way":
        return this.#cut(fault, { isBothWays: false });
      case "slow_link":
        return this.#slow(fault);
      case "reset":
        this.#note(fault, `connections to ${this.#peersOf(fault).join(", ")} break`);
        for (const [from, to] of this.#ways(fault)) {
          this.#options.network.reset(from, to);
          this.#options.disturbances.note(`${from}>${to}`);
        }
        return;
      case "clock":
        this.#note(
          { ...fault, forMs: 0 },
          `clock ${fault.skewMs < 0 ? "−" : "+"}${Math.abs(fault.skewMs)} ms from true time`,
        );
        for (const replica of victims) replica.clock.set(this.#options.world.queue.nowMs, fault.skewMs);
        return;
      case "slow_disk":
      case "short_writes":
      case "full_disk":
      case "failed_sync":
        for (const replica of victims) this.#hurtDisk(replica, fault);
        return;
      case "reconfigure": {
        this.#note({ ...fault, replicas: [] }, `all end, and start with change ${fault.change}`);
        const config = this.#options.configAfter(fault.change);
        for (const replica of this.#options.replicas) {
          replica.crash("kill");
          replica.config = config;
          this.#startAfter(replica, fault.forMs);
        }
        return;
      }
      default:
        unreachable(fault.kind);
    }
  }

  #crash(replica: SimReplica, death: Death, fault: Fault): void {
    this.#note({ ...fault, replicas: [replica.id] }, death === "power" ? "without power" : "killed");
    replica.crash(death);
    if (fault.forMs > 0) this.#startAfter(replica, fault.forMs);
  }

  /** A directory is lost, or damaged where it was safe. Why not with others away: then nobody need hold what is lost. */
  #ruin(replica: SimReplica, fault: Fault): void {
    if (this.#options.replicas.some((each) => !each.isUp || each.isRecovering)) return;
    if (fault.kind === "wipe") {
      this.#lose(replica);
      this.#note({ ...fault, replicas: [replica.id] }, "loses its directory");
      replica.crash("wipe");
    } else {
      if (!replica.flipBit(new Random(fault.seed))) return;
      this.#note({ ...fault, replicas: [replica.id] }, "a bit of its directory flips, killed");
      replica.crash("kill");
    }
    if (fault.forMs > 0) this.#startAfter(replica, fault.forMs);
  }

  #hurtDisk(replica: SimReplica, fault: Fault): void {
    const { disk } = replica;
    switch (fault.kind) {
      case "slow_disk":
        disk.syncMs = { first: fault.firstMs, last: Math.max(fault.firstMs, fault.lastMs) };
        break;
      case "short_writes":
        disk.shortWritesPerMille = fault.perMille;
        break;
      case "full_disk":
        disk.bytesMax = disk.usedBytes() + fault.growthBytes;
        disk.writableBytes = fault.bytes;
        break;
      case "failed_sync":
        disk.failingSyncs = fault.count;
        return this.#note({ ...fault, forMs: 0, replicas: [replica.id] }, "a sync fails");
    }
    this.#note({ ...fault, replicas: [replica.id] }, fault.kind.replace("_", " "));
    this.#end(fault, () => replica.mend(disk));
  }

  #cut(fault: Fault, { isBothWays }: { readonly isBothWays: boolean }): void {
    const peers = this.#peersOf(fault).join(", ");
    this.#note(fault, isBothWays ? `cut off from ${peers}` : `nothing of it reaches ${peers}`);
    const ways = this.#ways(fault);
    if (isBothWays) ways.push(...ways.map(([from, to]): [string, string] => [to, from]));
    const { network } = this.#options;
    for (const [from, to] of ways) network.block(from, to);
    this.#end(fault, () => ways.forEach(([from, to]) => network.unblock(from, to)));
  }

  #slow(fault: Fault): void {
    this.#note(fault, `${fault.delayMs} ms slower to ${this.#peersOf(fault).join(", ")}`);
    const { network } = this.#options;
    const ways = this.#ways(fault);
    for (const [from, to] of ways) network.slow(from, to, fault.delayMs);
    this.#end(fault, () => ways.forEach(([from, to]) => network.slow(from, to, -fault.delayMs)));
  }

  #lose({ id }: SimReplica): void {
    this.diskLosses.push({ replica: id, atMs: this.#options.world.queue.nowMs });
  }

  /** Starts a replica after a while, unless something else began or ended a life of it before. */
  #startAfter(replica: SimReplica, ms: number): void {
    const { life } = replica;
    // Also after healing: an operator who has begun brings his work to its end.
    this.#options.world.queue.after(ms, () => {
      if (replica.life === life) replica.start();
    });
  }

  #end({ forMs }: Fault, end: () => void): void {
    if (forMs > 0) this.#later(forMs, end);
  }

  #later(delayMs: number, run: () => void): void {
    const era = this.#era;
    this.#options.world.queue.after(delayMs, () => {
      if (era === this.#era) run();
    });
  }

  #peersOf({ replicas, peers }: Fault): readonly string[] {
    if (peers.length > 0) return peers;
    return this.#options.replicas.map(({ id }) => id).filter((id) => !replicas.includes(id));
  }

  #ways(fault: Fault): [string, string][] {
    return fault.replicas.flatMap((from) =>
      this.#peersOf(fault).filter((to) => to !== from).map((to): [string, string] => [from, to])
    );
  }

  #note({ kind, replicas, forMs }: Fault, text: string): void {
    this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1);
    const atMs = this.#options.world.queue.nowMs;
    this.struck.push({ atMs, ...(forMs > 0 ? { untilMs: atMs + forMs } : {}), replicas, text });
  }
}
