/**
 * A scenario as a document: the object that a TOML file holds, with fields in snake case and nothing that is as usual.
 * Reading and writing the text of the file is somebody else's business.
 * @module
 */
import { fail, ok, type Result } from "../base/failure.ts";
import { type FieldKind, KEY, LineFields, NAME, NAMES, oneOf, TEXT } from "../checker/line_fields.ts";
import { LEVELS } from "../protocol/level.ts";
import {
  type ClientProfile,
  type ClockProfile,
  type ClusterPlan,
  configOf,
  type DiskProfile,
  type Fault,
  FAULT_KINDS,
  type NetworkProfile,
  NO_FAULT,
  type Phases,
  replicaName,
  type Scenario,
  type Step,
} from "./scenario.ts";

/** A table in a document. */
type Table = Readonly<Record<string, unknown>>;

/** What each field of a table may be; where `usual` does not name it, it must be there. */
interface Shape<T> {
  readonly kinds: { readonly [K in keyof T]: FieldKind<T[K]> };
  readonly usual: Partial<T>;
}

const NUMBER: FieldKind<number> = {
  is: (value): value is number => typeof value === "number" && Number.isFinite(value),
  allowed: "a number",
  blank: 0,
};

const DURATION: FieldKind<number> = {
  is: (value): value is number => NUMBER.is(value) && value >= 0 && value <= 3_600_000,
  allowed: "milliseconds, from 0 to 3600000",
  blank: 0,
};

const WHOLE: FieldKind<number> = {
  is: (value): value is number => Number.isSafeInteger(value) && value as number >= 0,
  allowed: "an integer from 0 on",
  blank: 0,
};

const PER_MILLE: FieldKind<number> = {
  is: (value): value is number => WHOLE.is(value) && value <= 1000,
  allowed: "thousandths, an integer from 0 to 1000",
  blank: 0,
};

const FLAG: FieldKind<boolean> = {
  is: (value): value is boolean => typeof value === "boolean",
  allowed: "true or false",
  blank: false,
};

const TABLE: FieldKind<Table> = { is: isTable, allowed: "a table", blank: {} };

const TABLES: FieldKind<readonly Table[]> = {
  is: (value): value is readonly Table[] => Array.isArray(value) && value.every(isTable),
  allowed: "tables, written with double brackets",
  blank: [],
};

const PHASES: Shape<Phases> = {
  kinds: { faultsMs: DURATION, calmMs: DURATION, readsMs: DURATION, okPerMilleMin: PER_MILLE },
  usual: { faultsMs: 35_000, calmMs: 15_000, readsMs: 10_000, okPerMilleMin: 0 },
};

const CLUSTER: Shape<ClusterPlan> = {
  kinds: { replicas: WHOLE, keyspace: TABLE, settings: TABLE },
  usual: { replicas: 4, keyspace: { main: {} }, settings: {} },
};

const NETWORK: Shape<NetworkProfile> = {
  kinds: {
    sites: NAMES,
    nearMs: DURATION,
    farMs: DURATION,
    lossPerMille: PER_MILLE,
    duplicatePerMille: PER_MILLE,
    stragglerPerMille: PER_MILLE,
  },
  usual: { sites: [], nearMs: 2, farMs: 60, lossPerMille: 0, duplicatePerMille: 0, stragglerPerMille: 0 },
};

const DISK: Shape<DiskProfile> = {
  kinds: { syncFirstMs: DURATION, syncLastMs: DURATION, shortWritesPerMille: PER_MILLE },
  usual: { syncFirstMs: 1, syncLastMs: 3, shortWritesPerMille: 0 },
};

const CLIENTS: Shape<ClientProfile> = {
  kinds: { timeoutMs: DURATION, backOffMs: DURATION, sessions: FLAG },
  usual: { timeoutMs: 3000, backOffMs: 0, sessions: false },
};

const CLOCK: Shape<ClockProfile> = {
  kinds: { replica: NAME, skewMs: NUMBER, driftPpm: NUMBER },
  usual: { skewMs: 0, driftPpm: 0 },
};

const FAULT: Shape<Fault> = {
  kinds: {
    kind: oneOf(FAULT_KINDS),
    atMs: DURATION,
    forMs: DURATION,
    replicas: NAMES,
    peers: NAMES,
    onAck: FLAG,
    onSync: FLAG,
    delayMs: DURATION,
    skewMs: NUMBER,
    firstMs: WHOLE,
    lastMs: WHOLE,
    perMille: PER_MILLE,
    bytes: WHOLE,
    growthBytes: WHOLE,
    count: WHOLE,
    change: WHOLE,
    seed: WHOLE,
  },
  usual: NO_FAULT,
};

const STEP: Shape<Step> = {
  kinds: {
    atMs: DURATION,
    client: WHOLE,
    op: oneOf(["put", "get", "delete"]),
    keyspace: NAME,
    key: KEY,
    level: oneOf(LEVELS),
    value: TEXT,
    valueChars: WHOLE,
    escaped: FLAG,
    isBlind: FLAG,
    trace: FLAG,
    coordinator: TEXT,
  },
  usual: {
    keyspace: "main",
    level: "QUORUM",
    value: "",
    valueChars: 0,
    escaped: false,
    isBlind: false,
    trace: false,
    coordinator: "",
  },
};

/** The scenario in a parsed document, or what is wrong with it first. */
export function parseScenario(document: unknown): Result<Scenario, string> {
  const problems: string[] = [];
  const top = new LineFields(document);
  const table = <T extends object>(name: string, shape: Shape<T>): T =>
    parseTable(top.optional(name, TABLE) ?? {}, shape, `[${name}]`, problems);
  const tables = <T extends object>(name: string, shape: Shape<T>): T[] =>
    (top.optional(name, TABLES) ?? []).map((item, index) =>
      parseTable(item, shape, `[[${name}]] number ${index + 1}`, problems)
    );
  const scenario: Scenario = {
    name: top.required("name", TEXT),
    seed: top.optional("seed", WHOLE) ?? 0,
    phases: table("phases", PHASES),
    cluster: table("cluster", CLUSTER),
    changes: top.optional("change", TABLES) ?? [],
    network: table("network", NETWORK),
    disk: table("disk", DISK),
    clients: table("clients", CLIENTS),
    clocks: tables("clock", CLOCK),
    faults: tables("fault", FAULT),
    steps: tables("step", STEP),
  };
  top.finish();
  const problem = top.problem ?? problems[0] ?? problemIn(scenario);
  return problem === undefined ? ok(scenario) : fail(problem);
}

/** The document of a scenario. `parseScenario` gives the scenario back. */
export function scenarioDocument(scenario: Scenario): Record<string, unknown> {
  const { name, seed, phases, cluster, changes, network, disk, clients, clocks, faults, steps } = scenario;
  const lists = {
    change: changes,
    clock: clocks.map((clock) => tableOf(clock, CLOCK)),
    fault: faults.map((fault) => tableOf(fault, FAULT)),
    step: steps.map((step) => tableOf(step, STEP)),
  };
  return {
    name,
    seed,
    phases: tableOf(phases, PHASES),
    cluster: tableOf(cluster, CLUSTER),
    network: tableOf(network, NETWORK),
    disk: tableOf(disk, DISK),
    clients: tableOf(clients, CLIENTS),
    ...Object.fromEntries(Object.entries(lists).filter(([, list]) => list.length > 0)),
  };
}

function parseTable<T extends object>(input: Table, shape: Shape<T>, where: string, problems: string[]): T {
  const fields = new LineFields(input);
  const values: Partial<T> = {};
  for (const name of namesOf(shape)) {
    const kind = shape.kinds[name];
    const usual = shape.usual[name];
    values[name] = usual === undefined
      ? fields.required(snakeCase(name), kind)
      : fields.optional(snakeCase(name), kind) ?? usual;
  }
  fields.finish();
  if (fields.problem !== undefined) problems.push(`${where}: ${fields.problem}`);
  return values as T;
}

function tableOf<T extends object>(value: T, { kinds, usual }: Shape<T>): Record<string, unknown> {
  const table: Record<string, unknown> = {};
  for (const name of namesOf({ kinds, usual })) {
    if (JSON.stringify(value[name]) !== JSON.stringify(usual[name])) table[snakeCase(name)] = value[name];
  }
  return table;
}

/** What names something that is not there. */
function problemIn(scenario: Scenario): string | undefined {
  const { cluster, changes, clocks, faults, steps } = scenario;
  const config = configOf(cluster);
  if (!config.ok) return `[cluster]: ${config.failure}`;
  const last = configOf(cluster, changes);
  if (!last.ok) return `[[change]]: ${last.failure}`;
  const names = Array.from({ length: cluster.replicas }, (_, index) => replicaName(index));
  const used = [
    ...clocks.map(({ replica }) => replica),
    ...faults.flatMap(({ replicas, peers }) => [...replicas, ...peers]),
    ...steps.flatMap(({ coordinator }) => coordinator === "" ? [] : [coordinator]),
  ];
  const stranger = used.find((name) => !names.includes(name));
  if (stranger !== undefined) return `there is no replica ${stranger}; replicas: ${names.join(", ")}`;
  const step = steps.find(({ keyspace }) => !last.value.keyspaces.has(keyspace));
  if (step) return `[[step]]: there is no keyspace ${step.keyspace}`;
  const change = faults.find((fault) => fault.change > changes.length)?.change;
  return change === undefined ? undefined : `[[fault]]: there is no change ${change}`;
}

function namesOf<T extends object>({ kinds }: Shape<T>): (keyof T & string)[] {
  return Object.keys(kinds) as (keyof T & string)[];
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function isTable(value: unknown): value is Table {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
