/** What an attack is given. @module */
import type { Random } from "../../src/base/random.ts";
import type { Budget } from "./budget.ts";
import { HostileConnection } from "./hostile_connection.ts";
import type { Target } from "./target.ts";

const SHOWN_CHARS_MAX = 500;
/** Kept of what was seen: a status line may come in two pieces. */
const TAIL_CHARS = 40;

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

  /** Another connection to its HTTP address. */
  connectHttp(): Promise<HostileConnection | undefined> {
    const { host, httpPort } = this.#place;
    return HostileConnection.open({ host, port: httpPort }, this.budget);
  }

  /** Takes answers over HTTP: none may tell of a bug, and where `kind` must be refused none may do what was asked. */
  takeHttp(connection: HostileConnection, kind?: string): void {
    let seen = "";
    connection.takeBytes((bytes) => {
      seen += new TextDecoder().decode(bytes);
      // Values cannot look like this: in JSON no line ends within them.
      if (seen.includes("HTTP/1.1 500 Internal Server Error\r\n")) {
        this.budget.onObjection("a bug showed over HTTP", seen.slice(0, SHOWN_CHARS_MAX));
      }
      if (kind !== undefined && /HTTP\/1\.1 20[0-9] .*\r\n/.test(seen)) this.budget.onBreach(kind);
      seen = seen.slice(-TAIL_CHARS);
    });
  }

  /** Takes answers of a connection that has proved nothing: where there is a secret, only a refusal may come. */
  takeUnproven(connection: HostileConnection, kind: string): void {
    if (this.target.secret === undefined) connection.takeAnswers();
    else connection.takeRefusal(kind);
  }

  /** Connects, and lets `act` do what it likes until it ends; then ends the connection. */
  with(act: (connection: HostileConnection) => Promise<void>): Promise<void> {
    return this.#act(() => this.connect(), act);
  }

  /** The same at the HTTP address. */
  withHttp(act: (connection: HostileConnection) => Promise<void>): Promise<void> {
    return this.#act(() => this.connectHttp(), act);
  }

  async #act(
    connect: () => Promise<HostileConnection | undefined>,
    act: (connection: HostileConnection) => Promise<void>,
  ): Promise<void> {
    const connection = await connect();
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
