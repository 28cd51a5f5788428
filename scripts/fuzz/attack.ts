/** What an attack is given. @module */
import type { Random } from "../../src/base/random.ts";
import type { Budget } from "./budget.ts";
import { HostileConnection } from "./hostile_connection.ts";
import type { Target } from "./target.ts";

/** One attack under way. */
export class Scene {
  readonly random: Random;
  readonly target: Target;
  readonly budget: Budget;
  readonly #place: Target["replicas"][number];

  constructor(random: Random, target: Target, budget: Budget) {
    this.random = random;
    this.target = target;
    this.budget = budget;
    this.#place = random.pick(target.replicas);
  }

  /** Who is under attack. */
  get replicaId(): string {
    return this.#place.id;
  }

  /** Another connection to the replica under attack. */
  connect(): Promise<HostileConnection | undefined> {
    return HostileConnection.open(this.#place, this.budget);
  }

  /** Takes answers of a connection that has proved nothing: where there is a secret, only a refusal may come. */
  takeUnproven(connection: HostileConnection, kind: string): void {
    if (this.target.secret === undefined) connection.takeAnswers();
    else connection.takeRefusal(kind);
  }

  /** Connects, and lets `act` do what it likes until it ends; then ends the connection. */
  async with(act: (connection: HostileConnection) => Promise<void>): Promise<void> {
    const connection = await this.connect();
    if (connection === undefined) return;
    const ending = this.random.pick(["half_close", "close", "reset"] as const);
    await act(connection);
    await connection.end(ending);
  }

  /** Milliseconds that pass between two actions. */
  async dawdle(minMs: number, maxMs: number): Promise<void> {
    await this.budget.pause(this.random.between(minMs, maxMs));
  }
}

/** One kind of attack. */
export interface Attack {
  readonly name: string;
  /** How often it is drawn, beside others. */
  readonly weight: number;
  /** Connections that it opens at a time. */
  readonly connections: number;
  run(scene: Scene): Promise<void>;
}
