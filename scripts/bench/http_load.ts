/**
 * Puts at ONE over HTTP beside the same over the wire: in each round our own clients with JSON lines, then `wrk`, then `ab`, all
 * at one replica and over connections that stay. The programs are others' on purpose: what they count as failed is failed.
 * @module
 */
import { join } from "@std/path";
import { type BenchCluster, KEYSPACE } from "./bench_cluster.ts";
import { keyName } from "./dialect.ts";
import type { LoadProcesses } from "./load_process.ts";
import { type Spread, spreadOf } from "./median.ts";
import type { BenchOptions } from "./options.ts";
import type { Place } from "./system.ts";

/** Programs that ask over HTTP, and Debian's packages with them. */
const PROGRAMS = { wrk: "wrk", ab: "apache2-utils" } as const;

/** One of them. */
export type HttpProgram = keyof typeof PROGRAMS;

/** What one program counted in one round. */
export interface HttpCount {
  readonly perSecond: number;
  /** Answers that were no success, and connections that went wrong. */
  readonly errorCount: number;
}

/** All rounds of one number of clients. */
export interface HttpRow {
  readonly clientCount: number;
  readonly wire: Spread;
  readonly programs: readonly {
    readonly program: HttpProgram;
    readonly perSecond: Spread;
    /** Of the rate over the wire in the same round. */
    readonly ratio: Spread;
    readonly errorCount: number;
  }[];
}

const WARM_UP_MS = 300;
/** More than any of these asks for within its time. */
const AB_COUNT = 50_000_000;

/** Those that are installed, and what to install for the others. */
export async function findHttpPrograms(): Promise<{ found: HttpProgram[]; missing: string[] }> {
  const found: HttpProgram[] = [];
  const missing: string[] = [];
  for (const [program, name] of Object.entries(PROGRAMS) as [HttpProgram, string][]) {
    try {
      await new Deno.Command(program, { args: ["-h"], stdout: "null", stderr: "null" }).output();
      found.push(program);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      missing.push(`${program} (Debian: apt-get install ${name})`);
    }
  }
  return { found, missing };
}

/** Measures with these programs. `onProgress` gets a line for a person. */
export async function measureHttp(
  cluster: BenchCluster,
  load: LoadProcesses,
  { options, programs, directory, onProgress }: {
    readonly options: BenchOptions;
    readonly programs: readonly HttpProgram[];
    /** For what the programs read; removed by the caller. */
    readonly directory: string;
    readonly onProgress: (line: string) => void;
  },
): Promise<HttpRow[]> {
  const [valueBytes] = options.valueSizes as [number];
  const { coordinator = cluster.places[0]!.id, keyCount, seconds, rounds } = options;
  const place = cluster.httpPlaces.find(({ id }) => id === coordinator)!;
  const files = await writeFiles(directory, { place, valueBytes, keyCount });
  const rows: HttpRow[] = [];
  for (const clientCount of options.clientCounts) {
    const samples: { wire: number; http: Record<string, HttpCount> }[] = [];
    // Round 0 warms up.
    for (let round = 0; round <= rounds; round++) {
      const { perSecond, errorCount, firstError } = await load.run({
        requests: cluster.requestsOf({ op: "put", level: "ONE" }),
        getShare: 0,
        keyCount,
        keys: "uniform",
        valueBytes,
        clientCount,
        connectionCount: clientCount,
        places: cluster.places.filter(({ id }) => id === coordinator),
        warmUpMs: WARM_UP_MS,
        until: { durationMs: seconds * 1000 },
      });
      if (errorCount > 0) throw new Error(`${errorCount} puts over the wire failed: ${firstError}`);
      const http: Record<string, HttpCount> = {};
      for (const program of programs) {
        http[program] = await run(program, files, { clientCount, seconds, place });
      }
      if (round > 0) samples.push({ wire: perSecond, http });
      const told = Object.entries(http).map(([name, count]) => `${name} ${Math.round(count.perSecond)}/s`);
      onProgress(
        `round ${round} of ${rounds}  put-ONE at ${clientCount} clients: wire ${Math.round(perSecond)}/s, ${
          told.join(", ")
        }`,
      );
    }
    rows.push({
      clientCount,
      wire: spreadOf(samples.map(({ wire }) => wire)),
      programs: programs.map((program) => ({
        program,
        perSecond: spreadOf(samples.map(({ http }) => http[program]!.perSecond)),
        ratio: spreadOf(samples.map(({ wire, http }) => http[program]!.perSecond / wire)),
        errorCount: samples.reduce((sum, { http }) => sum + http[program]!.errorCount, 0),
      })),
    });
  }
  return rows;
}

interface Files {
  readonly script: string;
  readonly body: string;
}

/** A script that draws keys for `wrk`, and the body for `ab`, which knows one path only. */
async function writeFiles(
  directory: string,
  { place, valueBytes, keyCount }: {
    readonly place: Place;
    readonly valueBytes: number;
    readonly keyCount: number;
  },
): Promise<Files> {
  const files = { script: join(directory, "put.lua"), body: join(directory, "body.txt") };
  const value = "v".repeat(valueBytes);
  const keys = Array.from({ length: Math.min(keyCount, 10_000) }, (_, key) => `"${keyName(key)}"`);
  await Deno.writeTextFile(files.body, value);
  await Deno.writeTextFile(
    files.script,
    `local keys = {${keys.join(",")}}
local requests = {}
function init()
  for i, key in ipairs(keys) do
    requests[i] = wrk.format("PUT", "${pathOf("")}" .. key .. "${QUERY}",
      { ["Content-Type"] = "text/plain", ["Host"] = "${place.host}" }, "${value}")
  end
end
function request()
  return requests[math.random(#requests)]
end
`,
  );
  return files;
}

const QUERY = "?level=ONE";

function pathOf(key: string): string {
  return `/v1/keyspaces/${KEYSPACE}/keys/${key}`;
}

async function run(
  program: HttpProgram,
  { script, body }: Files,
  { clientCount, seconds, place }: {
    readonly clientCount: number;
    readonly seconds: number;
    readonly place: Place;
  },
): Promise<HttpCount> {
  const base = `http://${place.host}:${place.port}`;
  const clients = String(clientCount);
  // `-l`: an answer names a version, and so its length differs from one to the next; to ab that alone is a failure.
  const args = program === "wrk" ? ["-t", "1", "-c", clients, "-d", `${seconds}s`, "-s", script, base] : [
    ...["-k", "-q", "-l", "-c", clients, "-t", String(seconds), "-n", String(AB_COUNT)],
    ...["-u", body, "-T", "text/plain", `${base}${pathOf(keyName(0))}${QUERY}`],
  ];
  const { stdout, stderr, success } = await new Deno.Command(program, { args }).output();
  const text = new TextDecoder().decode(stdout);
  if (!success) throw new Error(`${program} failed: ${new TextDecoder().decode(stderr).trim()}`);
  return readCount(program, text);
}

/** What the program's report says. Throws where it says no rate. */
export function readCount(program: HttpProgram, text: string): HttpCount {
  const number = (pattern: RegExp): number => Number(pattern.exec(text)?.[1] ?? 0);
  const perSecond = program === "wrk"
    ? number(/^Requests\/sec: +([\d.]+)/m)
    : number(/^Requests per second: +([\d.]+)/m);
  if (perSecond === 0) throw new Error(`${program} tells no rate: ${text.slice(-500)}`);
  if (program === "ab") {
    return {
      perSecond,
      errorCount: number(/^Failed requests: +(\d+)/m) + number(/^Non-2xx responses: +(\d+)/m),
    };
  }
  const [, ...counts] = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(text) ??
    [];
  return {
    perSecond,
    errorCount: counts.reduce((sum, count) => sum + Number(count), 0) +
      number(/Non-2xx or 3xx responses: (\d+)/),
  };
}

/** Rows as lines for a person. */
export function httpLines(rows: readonly HttpRow[]): string[] {
  const spread = ({ median, min, max }: Spread, digits: number): string =>
    `${median.toFixed(digits)} (${min.toFixed(digits)}–${max.toFixed(digits)})`;
  return rows.flatMap(({ clientCount, wire, programs }) => [
    `put-ONE at ${clientCount} clients: wire ${spread(wire, 0)}/s`,
    ...programs.map(({ program, perSecond, ratio, errorCount }) =>
      `  HTTP by ${program}: ${spread(perSecond, 0)}/s, of the wire's ${
        spread(ratio, 2)
      }, errors ${errorCount}`
    ),
  ]);
}
