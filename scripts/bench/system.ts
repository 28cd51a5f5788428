/** What a store must tell of itself to be measured: ours, or one that takes turns with it. @module */
import type { Level } from "../../src/protocol/level.ts";
import type { Requests } from "./load_run.ts";

/** One kind of load. `mix` is nine gets at ONE to one put at TWO. */
export interface Operation {
  readonly op: "put" | "get" | "mix";
  readonly level: Level;
}

/** Where one server listens. */
export interface Place {
  readonly id: string;
  readonly host: string;
  readonly port: number;
}

/** A process whose use of the machine counts as the system's. */
export interface ServerProcess {
  readonly name: string;
  readonly pid: number;
}

/** Running servers. Disposing ends them and removes what they stored. */
export interface System extends AsyncDisposable {
  readonly name: string;
  readonly processes: readonly ServerProcess[];
  /** Who takes requests of clients. */
  readonly places: readonly Place[];
  /** What to ask for an operation; undefined: nothing here compares with it. */
  requestsOf(operation: Operation): Requests | undefined;
  /** Syncs of all processes so far; undefined where nobody counts them. */
  syncCount(): Promise<number | undefined>;
}

/** Servers listen at loopback addresses only. */
export const HOST = "127.0.0.1";

/** Such as `put-TWO`, `mix`. */
export function operationName({ op, level }: Operation): string {
  return op === "mix" ? op : `${op}-${level}`;
}

/** Share of gets among the requests of an operation. */
export function getShareOf({ op }: Operation): number {
  return { put: 0, get: 1, mix: 0.9 }[op];
}

/** Ports that nobody listens at now. */
export function freePorts(count: number): number[] {
  const listeners = Array.from({ length: count }, () => Deno.listen({ hostname: HOST, port: 0 }));
  const ports = listeners.map(({ addr }) => addr.port);
  for (const listener of listeners) listener.close();
  return ports;
}
