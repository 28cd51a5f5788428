/** Clients of a simulated run: each asks one thing after the other through the real client, and writes down what it saw. @module */
import type { Result } from "../base/failure.ts";
import { Client } from "../client/client.ts";
import type { Operation } from "../checker/history.ts";
import type { Failure } from "../protocol/error_codes.ts";
import type { Reply } from "../protocol/reply.ts";
import { type KeyRequest, recordOperation, requestOf } from "./client_record.ts";
import { ClientContexts } from "./client_contexts.ts";
import { ClientSession } from "./client_session.ts";
import type { ClientProfile, Step } from "./scenario.ts";
import { RequestNumbers, SimLink } from "./sim_link.ts";
import type { SimReplica } from "./sim_replica.ts";
import type { SimWorld } from "./sim_world.ts";

/** What a workload needs. */
export interface WorkloadOptions {
  readonly world: SimWorld;
  readonly replicas: readonly SimReplica[];
  readonly profile: ClientProfile;
  /** Copies of each keyspace. */
  readonly copiesOf: (keyspace: string) => number;
  /** Whether values stand side by side in a keyspace. */
  readonly hasSiblings: (keyspace: string) => boolean;
}

interface SimClient {
  readonly number: number;
  readonly client: Client;
  readonly steps: Step[];
  readonly session: ClientSession;
  readonly contexts: ClientContexts;
  /** Asks something, or waits after a failure. */
  isBusy: boolean;
}

/** The clients of one run. */
export class Workload {
  /** Operations that have ended, by keyspace, in the order of their ends. */
  readonly operations = new Map<string, Operation[]>();
  /** Those whose answer waited for all steps of their trace, however early the level was met. */
  readonly traced = new Set<Operation>();
  readonly #options: WorkloadOptions;
  readonly #clients = new Map<number, SimClient>();
  readonly #numbers = new RequestNumbers();
  #isOver = false;
  #endedCount = 0;
  #okCount = 0;

  constructor(options: WorkloadOptions) {
    this.#options = options;
  }

  /** How many of 1000 operations that have ended succeeded; all, before the first. */
  get okPerMille(): number {
    return this.#endedCount === 0 ? 1000 : 1000 * this.#okCount / this.#endedCount;
  }

  /** Lets each step happen at its time. */
  start(steps: readonly Step[]): void {
    const { queue } = this.#options.world;
    for (const step of steps) {
      queue.after(Math.max(0, step.atMs - queue.nowMs), () => {
        const client = this.#clientOf(step.client);
        client.steps.push(step);
        this.#goOn(client);
      });
    }
  }

  /** No client begins anything more. */
  stop(): void {
    this.#isOver = true;
  }

  /**
   * One operation, written down when it ends; `done` gets what it failed with, too. Where values stand side by side a put or
   * delete that is not blind names what its client knows. Requires: this client is doing nothing
   * else.
   */
  ask(
    number: number,
    plain: KeyRequest,
    done: (operation: Operation, result: Result<Reply, Failure>) => void,
    { isBlind } = { isBlind: false },
  ): void {
    const { world, profile, hasSiblings } = this.#options;
    const { client, session, contexts } = this.#clientOf(number);
    const named = hasSiblings(plain.keyspace) ? contexts.name(plain, { isBlind }) : undefined;
    const request = named?.request ?? plain;
    const { queue } = world;
    const invokedMs = queue.nowMs;
    client.request(invokedMs, request, ({ result, replica }) => {
      const operation = recordOperation({
        client: number,
        coordinator: replica,
        request,
        invokedMs,
        endedMs: queue.nowMs,
        copies: this.#options.copiesOf(request.keyspace),
        ...(named === undefined ? {} : { context: named.context }),
        ...(request.session === undefined ? {} : { session: session.name }),
      }, result);
      session.onAnswer(result);
      if (named !== undefined) contexts.onAnswer(named, operation, result);
      world.trace(`client ${number} `, JSON.stringify(operation));
      this.#endedCount++;
      if (operation.outcome === "ok") this.#okCount++;
      if (request.trace) this.traced.add(operation);
      const list = this.operations.get(request.keyspace);
      if (list) list.push(operation);
      else this.operations.set(request.keyspace, [operation]);
      done(operation, result);
    });
    queue.after(profile.timeoutMs, () => client.onTick(queue.nowMs));
  }

  /** Has a client ask this replica first from now on. */
  turnTo(number: number, replica: string, { stays }: { readonly stays: boolean }): void {
    this.#clientOf(number).client.turnTo(replica, { stays });
  }

  /** Begins the next step whose time has come. */
  #goOn(client: SimClient): void {
    if (client.isBusy || this.#isOver) return;
    const step = client.steps.shift();
    if (step === undefined) return;
    client.isBusy = true;
    if (step.coordinator !== "") client.client.turnTo(step.coordinator, { stays: false });
    const { world, profile } = this.#options;
    const request = requestOf(step);
    const done = ({ outcome }: Operation): void => {
      const goOn = (): void => {
        client.isBusy = false;
        this.#goOn(client);
      };
      if (outcome === "ok" || profile.backOffMs === 0) goOn();
      else world.queue.after(profile.backOffMs, goOn);
    };
    this.ask(client.number, profile.sessions ? client.session.carried(request) : request, done, step);
  }

  #clientOf(number: number): SimClient {
    const known = this.#clients.get(number);
    if (known !== undefined) return known;
    const { world, replicas, profile } = this.#options;
    const random = world.draw(`client ${number}`);
    const link = new SimLink({ world, random, replicas, numbers: this.#numbers });
    const ids = replicas.map(({ id }) => id);
    const client = new Client({ replicas: ids, timeoutMs: profile.timeoutMs, link });
    client.turnTo(random.pick(ids), { stays: false });
    const made = {
      number,
      client,
      steps: [],
      session: new ClientSession(number),
      contexts: new ClientContexts(),
      isBusy: false,
    };
    this.#clients.set(number, made);
    return made;
  }
}
