/** A transport with a scripted replica behind it, and a client that speaks raw lines: for tests of real sockets. @module */
import { assert } from "@std/assert";
import { ok, type Result } from "../../src/base/failure.ts";
import type { Failure } from "../../src/protocol/error_codes.ts";
import type { Reply } from "../../src/protocol/reply.ts";
import type { Request } from "../../src/protocol/request.ts";
import { type ClusterConfig, parseClusterConfig } from "../../src/replica/cluster_config.ts";
import { isAnswer, type Message } from "../../src/replica/envelope.ts";
import type { LineFaults } from "../../src/transport/obstruction.ts";
import { TcpTransport } from "../../src/transport/tcp_transport.ts";

/** What differs from the plain test cluster. */
export interface ConfigOptions {
  /** By replica id; 0 lets the system choose. */
  readonly ports: Readonly<Record<string, number>>;
  readonly secret?: string;
  readonly cluster?: string;
  readonly keys?: "byte" | "text";
  readonly settings?: Readonly<Record<string, number>>;
}

/** A configuration of replicas on this machine with the byte keyspace `main`. */
export function configOf(
  { ports, secret, cluster = "lab", keys = "byte", settings = {} }: ConfigOptions,
): ClusterConfig {
  const replica = Object.keys(ports).map((id, index) => ({ id, address: `127.0.0.1:${index + 1}` }));
  const parsed = parseClusterConfig({
    cluster,
    replica,
    keyspace: { main: { keys } },
    settings: { redial_cap_ms: 50, ...settings },
    ...(secret === undefined ? {} : { secret }),
  });
  assert(parsed.ok, JSON.stringify(parsed));
  const members = parsed.value.members.map((member) => ({ ...member, port: ports[member.id]! }));
  return { ...parsed.value, members };
}

/** Ports that are free now. Reserved together, so that they differ. */
export function freePorts<Id extends string>(...ids: Id[]): Record<Id, number> {
  const listeners = ids.map(() => Deno.listen({ hostname: "127.0.0.1", port: 0 }));
  const entries = listeners.map((listener, index) => [ids[index], listener.addr.port]);
  for (const listener of listeners) listener.close();
  return Object.fromEntries(entries);
}

/** A value reply for tests. */
export function valueReply(value: string): Result<Reply, Failure> {
  return ok({
    kind: "value",
    value,
    receipt: {
      coordinator: "r1",
      keyspace: "main",
      level: "ONE",
      required: 1,
      copies: 1,
      acked: ["r1"],
      owed: [],
      repaired: [],
    },
  });
}

/** A transport whose replica answers a get with its key and keeps everything it hears. */
export class FakeReplica implements AsyncDisposable {
  readonly transport: TcpTransport;
  readonly links: string[] = [];
  readonly logged: string[] = [];
  readonly messages: { readonly from: string; readonly message: Message }[] = [];
  readonly requests: { readonly id: number; readonly request: Request }[] = [];
  /** False: requests wait for `answer`. */
  isAnswering = true;
  #watchers: (() => void)[] = [];

  constructor(
    config: ClusterConfig,
    selfId: string,
    limits: {
      readonly connectionsMax?: number;
      readonly heldBytesMax?: number;
      readonly faults?: LineFaults;
    } = {},
  ) {
    this.transport = TcpTransport.start({
      ...limits,
      config,
      selfId,
      epoch: "9f3a",
      log: {
        write: (_level, text, fields) => {
          this.logged.push(`${text} ${JSON.stringify(fields ?? {})}`);
          this.#changed();
        },
      },
      onMessages: (from, messages) => {
        for (const message of messages) {
          this.messages.push({ from, message });
          if (isAnswer(message) || !("round" in message)) continue;
          this.transport.send({ to: [from], message: { type: "written", round: message.round } });
        }
        this.transport.flush();
        this.#changed();
      },
      onLink: (peer, state) => {
        this.links.push(`${peer} ${state}`);
        this.#changed();
      },
      onRequest: (id, request) => {
        this.requests.push({ id, request });
        if (this.isAnswering) this.answer(id);
        this.#changed();
      },
      halt: (cause) => {
        throw cause;
      },
    });
  }

  /** Answers one request with its key as the value. */
  answer(id: number): void {
    const { request } = this.requests.find((entry) => entry.id === id)!;
    this.transport.reply(id, valueReply("key" in request ? String(request.key) : "none"));
    queueMicrotask(() => this.transport.flush());
  }

  /** Resolves as soon as `condition` holds; events of this replica make it look again. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.#watchers.push(resolve));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.transport.stop({ drainMs: 0 });
  }

  #changed(): void {
    const watchers = this.#watchers;
    this.#watchers = [];
    for (const resolve of watchers) resolve();
  }
}

/** A connection that sends and reads raw lines. */
export class RawClient implements Disposable {
  readonly conn: Deno.TcpConn;
  readonly #lines: string[] = [];
  #rest = "";

  private constructor(conn: Deno.TcpConn) {
    this.conn = conn;
  }

  static async open(port: number, hostname = "127.0.0.1"): Promise<RawClient> {
    return new RawClient(await Deno.connect({ hostname, port }));
  }

  async send(text: string): Promise<void> {
    let bytes: Uint8Array = new TextEncoder().encode(text);
    while (bytes.length > 0) bytes = bytes.subarray(await this.conn.write(bytes));
  }

  /** The next line as JSON; undefined at the end of input. */
  // deno-lint-ignore no-explicit-any -- tests look into whatever came.
  async line(): Promise<any> {
    const buffer = new Uint8Array(64 * 1024);
    while (this.#lines.length === 0) {
      const count = await this.conn.read(buffer);
      if (count === null) return undefined;
      const parts = (this.#rest + new TextDecoder().decode(buffer.subarray(0, count))).split("\n");
      this.#rest = parts.pop()!;
      this.#lines.push(...parts);
    }
    return JSON.parse(this.#lines.shift()!);
  }

  [Symbol.dispose](): void {
    try {
      this.conn.close();
    } catch {
      // The server closed it first, as some tests want.
    }
  }
}
