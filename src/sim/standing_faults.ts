/**
 * What a test has broken and not mended: told where it waits for copies that cannot become equal. Knows what was asked for, and
 * not what came of it.
 * @module
 */

/** A fault of either cluster. */
export interface AskedFault {
  readonly kind: string;
  readonly replicas: readonly string[];
  /** All others where it is empty or left out. */
  readonly peers?: readonly string[];
  /** Until all is healed where it is 0 or left out. */
  readonly forMs?: number;
}

interface StandingFault {
  readonly fault: AskedFault;
  readonly endMs: number;
}

/** How those are told that last, and whose peers belong to it. What is over at once, and a clock, keeps no copies apart. */
const TOLD: Readonly<Record<string, { readonly as: string; readonly way?: "from" | "to" }>> = {
  kill: { as: "down" },
  power: { as: "down" },
  wipe: { as: "down" },
  rot: { as: "down" },
  pause: { as: "paused" },
  partition: { as: "cut", way: "from" },
  one_way: { as: "cut one way", way: "to" },
  slow_link: { as: "slow", way: "to" },
  slow_disk: { as: "with a slow disk" },
  short_writes: { as: "with short writes" },
  full_disk: { as: "with a full disk" },
  delay: { as: "with late lines" },
  drop: { as: "with lost lines" },
};

/** These end with the process. */
const OF_PROCESSES = ["pause", "delay", "drop"];

/** The faults of one cluster that are in force. */
export class StandingFaults {
  readonly #ids: readonly string[];
  #standing: StandingFault[] = [];

  /** For a cluster of these replicas. */
  constructor(ids: readonly string[]) {
    this.#ids = ids;
  }

  /** Something goes wrong from now on. */
  onFault(fault: AskedFault, nowMs: number): void {
    if (TOLD[fault.kind]?.as === "down") this.#endProcesses(fault.replicas);
    const { forMs = 0 } = fault;
    this.#standing.push({ fault, endMs: forMs > 0 ? nowMs + forMs : Infinity });
  }

  /** All is mended. */
  onHeal(): void {
    this.#standing = [];
  }

  /** `; still cut: r1 from r2 r3`, and so on; empty where nothing is. */
  tell(nowMs: number, isDown: (id: string) => boolean): string {
    const told = this.#standing.filter(({ endMs }) => endMs > nowMs).flatMap(({ fault }) => {
      const { kind, replicas, peers = [] } = fault;
      const { as, way } = TOLD[kind] ?? {};
      const victims = as === "down" ? replicas.filter(isDown) : replicas;
      if (as === undefined || victims.length === 0) return [];
      const others = (peers.length > 0 ? peers : this.#ids).filter((id) => !replicas.includes(id));
      return [`; still ${as}: ${victims.join(" ")}${way === undefined ? "" : ` ${way} ${others.join(" ")}`}`];
    });
    return [...new Set(told)].join("");
  }

  #endProcesses(ids: readonly string[]): void {
    this.#standing = this.#standing.map(({ fault, endMs }) => {
      if (!OF_PROCESSES.includes(fault.kind)) return { fault, endMs };
      return { fault: { ...fault, replicas: fault.replicas.filter((id) => !ids.includes(id)) }, endMs };
    });
  }
}
