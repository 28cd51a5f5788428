/** Several replicas on stages, with messages between them carried by hand or at once. @module */
import type { Message } from "../../src/replica/envelope.ts";
import { ReplicaStage, type StageOptions } from "./replica_stage.ts";

/** A message on its way. */
export interface Carried {
  readonly from: string;
  readonly to: string;
  readonly message: Message;
}

/** A cluster whose links stand between all replicas that are up. */
export class StagedCluster {
  readonly stages = new Map<string, ReplicaStage>();
  /** Messages for which this is false are lost. */
  isCarried: (message: Carried) => boolean = () => true;
  readonly #options: StageOptions;
  readonly #down = new Set<string>();

  constructor(options: StageOptions = {}) {
    this.#options = options;
    for (let index = 1; index <= (options.memberCount ?? 4); index++) {
      this.stages.set(`r${index}`, new ReplicaStage({ ...options, id: `r${index}`, epoch: `e${index}` }));
    }
    this.tick();
    for (const id of this.stages.keys()) this.#connect(id);
    this.tick();
  }

  stage(id: string): ReplicaStage {
    return this.stages.get(id)!;
  }

  /** Lets time pass for all that are up, and carries what they say until nobody says any more. */
  tick(passMs = 0): void {
    let leftMs = passMs;
    do {
      const stepMs = Math.min(50, leftMs);
      leftMs -= stepMs;
      for (const [id, stage] of this.stages) {
        if (this.#down.has(id)) stage.nowMs += stepMs;
        else stage.tick(stepMs);
      }
      this.carry();
    } while (leftMs > 0);
  }

  /** Delivers messages, and those that follow from them, until there are none. */
  carry(): void {
    for (let count = 1; count > 0;) {
      const sent = [...this.stages].flatMap(([from, stage]) =>
        stage.takeAll().map(({ to, message }) => ({ from, to, message }))
      );
      count = sent.length;
      for (const carried of sent) {
        if (this.#down.has(carried.from) || this.#down.has(carried.to) || !this.isCarried(carried)) continue;
        this.stage(carried.to).deliver(carried.from, structuredClone(carried.message));
      }
    }
  }

  /** A replica loses power: what was not synced is gone, and all links to it break. */
  crash(id: string): void {
    this.#down.add(id);
    this.stage(id).restart();
    for (const [other, stage] of this.stages) if (other !== id) stage.lose(id);
  }

  /** A crashed replica begins its next life, with a new directory if its disk was lost. */
  start(id: string, fresh?: { readonly epoch: string }): void {
    const { nowMs } = this.stage(id);
    if (fresh) {
      this.stages.set(id, new ReplicaStage({ ...this.#options, id, epoch: fresh.epoch }));
      this.stage(id).nowMs = nowMs;
    }
    this.#down.delete(id);
    this.stage(id).tick();
    this.#connect(id);
  }

  /** Values of a key, by replica. */
  values(key: number | string, keyspace = "main"): string[] {
    return [...this.stages].map(([id, stage]) => `${id}=${stage.values(key, keyspace)}`);
  }

  #connect(id: string): void {
    for (const other of this.stages.keys()) {
      if (other === id || this.#down.has(other)) continue;
      this.stage(id).linkUp(other);
      this.stage(other).linkUp(id);
    }
    this.carry();
  }
}
