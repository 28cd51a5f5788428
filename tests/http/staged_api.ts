/** The HTTP API over one real replica on a stage: no sockets, no time. @module */
import { assert } from "@std/assert";
import { HttpApi } from "../../src/http/api.ts";
import type { Answer } from "../../src/http/exchange.ts";
import type { Request } from "../../src/protocol/request.ts";
import type { ClusterConfig } from "../../src/replica/cluster_config.ts";
import { ReplicaStage, type StageOptions } from "../harness/replica_stage.ts";

/** What a test says of a request. */
export interface AskedOptions {
  readonly headers?: Readonly<Record<string, string>>;
  /** Text as it is; anything else as JSON, with its media type. */
  readonly body?: unknown;
}

/** An answer, with its body as JSON. */
export interface ReadAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  // deno-lint-ignore no-explicit-any -- Why: tests look into answers of every form.
  readonly json: any;
}

const encoder = new TextEncoder();

/** An API under test. */
export class StagedApi {
  readonly stage: ReplicaStage;
  readonly api: HttpApi;
  /** What the replica was asked, in order. */
  readonly requests: Request[] = [];

  constructor(
    options: StageOptions & {
      readonly secret?: string;
      readonly host?: string;
      readonly httpKeyspace?: string;
      readonly isWhole?: boolean;
    } = {},
  ) {
    const stageOptions: StageOptions = {
      memberCount: 1,
      others: { items: { keys: "text" } },
      ...options,
    };
    const isWhole = options.isWhole ?? true;
    this.stage = isWhole ? ReplicaStage.whole(stageOptions) : new ReplicaStage(stageOptions);
    const host = options.host ?? "127.0.0.1";
    const { config } = this.stage;
    const given: ClusterConfig = {
      ...config,
      members: config.members.map((member, index) => ({ ...member, http: { host, port: 8411 + index } })),
      ...(options.secret === undefined ? {} : { secret: options.secret }),
      ...(options.httpKeyspace === undefined ? {} : { httpKeyspace: options.httpKeyspace }),
    };
    this.api = new HttpApi({
      config: given,
      selfId: this.stage.id,
      ask: (request) => {
        this.requests.push(request);
        const id = this.stage.request(request);
        this.stage.tick();
        const result = this.stage.reply(id);
        assert(result !== undefined, `${JSON.stringify(request)} has no answer`);
        return Promise.resolve(result);
      },
      status: () => this.stage.status(),
      metrics: () => ({
        ...this.stage.metrics(),
        httpConnections: 1,
        httpRefused: 0,
        httpEvicted: 0,
        httpDisplaced: 0,
        httpInternalErrors: 0,
        httpHeldBytes: 0,
        wireConnections: 2,
        peerQueueBytes: {},
      }),
    }, { host, port: 8411 });
  }

  /** Asks as a client does: `ask("PUT", "/items/a?level=ONE", { body: { value: 1 } })`. */
  async answer(method: string, target: string, { headers = {}, body }: AskedOptions = {}): Promise<Answer> {
    const [path = "", query = ""] = target.split(/\?(.*)/s);
    const isText = typeof body === "string";
    const given = new Map([
      ["host", "localhost:8411"],
      ...(body === undefined || isText ? [] : [["content-type", "application/json"] as [string, string]]),
      ...Object.entries(headers).map(([name, value]): [string, string] => [name.toLowerCase(), value]),
    ]);
    const text = body === undefined ? "" : isText ? body : JSON.stringify(body);
    return await this.api.answer({ method, path, query, headers: given, body: encoder.encode(text) });
  }

  /** The same, and reads what comes as JSON. */
  async ask(method: string, target: string, options: AskedOptions = {}): Promise<ReadAnswer> {
    const { status, body, headers = {} } = await this.answer(method, target, options);
    return { status, headers, json: JSON.parse(body) };
  }
}
