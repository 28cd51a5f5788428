/** A client within the test's own process: the real one over real connections, without the command line. @module */
import type { Result } from "../../src/base/failure.ts";
import { Caller } from "../../src/cli/caller.ts";
import { TcpLink } from "../../src/cli/tcp_link.ts";
import type { Failure } from "../../src/protocol/error_codes.ts";
import type { Held, Reply, Status } from "../../src/protocol/reply.ts";
import type { Request, WireKey } from "../../src/protocol/request.ts";
import type { Place } from "./cluster_toml.ts";

const TIMEOUT_MS = 3000;

/** Asks the replicas of one cluster. */
export class ClusterClient implements Disposable {
  readonly #caller: Caller;

  constructor({ places }: { readonly places: readonly Place[] }, timeoutMs = TIMEOUT_MS) {
    const link = new TcpLink({ cluster: "test" });
    this.#caller = new Caller({ link, replicas: places, areAllMembers: true, timeoutMs });
  }

  /** Has this replica do the request, and no other. */
  async ask(replica: string, request: Request): Promise<Result<Reply, Failure>> {
    return (await this.#caller.ask(replica, request)).result;
  }

  /** `ask` that has to succeed. */
  async expect(replica: string, request: Request): Promise<Reply> {
    const result = await this.ask(replica, request);
    if (result.ok) return result.value;
    throw new Error(`${replica} answered a ${request.op} with ${JSON.stringify(result.failure)}`);
  }

  /** What the replica says of itself. */
  async status(replica: string): Promise<Status> {
    const reply = await this.expect(replica, { op: "status" });
    if (reply.kind !== "status") throw new Error(`${replica} answered a status with ${reply.kind}`);
    return reply.status;
  }

  /** What the replica itself holds: all versions by key. Requires: byte keys, which fit one page. */
  async held(replica: string): Promise<Map<WireKey, Held["versions"]>> {
    const reply = await this.expect(replica, { op: "inspect" });
    if (reply.kind !== "held" || reply.more) {
      throw new Error(`${replica} answered an inspect with ${reply.kind}`);
    }
    return new Map(reply.entries.map(({ key, versions }) => [key, versions]));
  }

  /** The values of all keys that the replica itself holds, without those deleted. */
  async values(replica: string): Promise<Record<string, string>> {
    const values: Record<string, string> = {};
    for (const [key, [version]] of await this.held(replica)) {
      if (version?.value !== undefined) values[key] = version.value;
    }
    return values;
  }

  [Symbol.dispose](): void {
    this.#caller.close();
  }
}
