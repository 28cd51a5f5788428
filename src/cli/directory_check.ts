/**
 * Looks at a data directory as a start would find it, and leaves it as it is: whose it is, who may read it, whether
 * another process has it, whether it can be written and synced, whether what it holds is whole, and how much room is left.
 * @module
 */
import { dirname, join } from "@std/path";
import { DenoDisk } from "../host/deno_disk.ts";
import { diskRoom } from "../host/machine_gauge.ts";
import type { ClusterConfig } from "../replica/cluster_config.ts";
import { keysProblem } from "../replica/keys_record.ts";
import { mergeOf } from "../replica/merge.ts";
import { KEYS_KEY } from "../replica/store_keys.ts";
import { checkpointNumbers } from "../storage/checkpoint.ts";
import { CorruptionError } from "../storage/corruption.ts";
import { checkOwner, DirectoryError, IDENTITY_FILES, LOCK_FILE } from "../storage/identity.ts";
import { recover } from "../storage/recovery.ts";
import { FAIL_EXIT, failing, type Finding, fine, splitWayOut, type Topic, warning } from "./finding.ts";
import { bytesText } from "./machine_table.ts";
import { isOpenToOthers, modeText } from "./secret.ts";

/** Segments of the log that a replica needs room for: the one in use and the next. */
const SEGMENTS_NEEDED = 2;

const OTHER_DIRECTORY = "or give another with --data DIR";

/** What was found, and whether a running replica has the directory. */
export interface DirectoryLook {
  readonly findings: readonly Finding[];
  readonly isInUse: boolean;
}

/** Looks at the data directory of replica `id`. */
export async function checkDirectory(
  directory: string,
  config: ClusterConfig,
  id: string,
): Promise<DirectoryLook> {
  const { cluster, settings } = config;
  try {
    const here = await statOf(directory);
    if (here === undefined) {
      return { findings: await checkPlace(directory, settings.segmentBytes), isInUse: false };
    }
    if (!here.isDirectory) {
      const text = `${directory} is no directory`;
      return {
        findings: [failing("data", text, "give another with --data DIR", FAIL_EXIT.change)],
        isInUse: false,
      };
    }
    const names = [...Deno.readDirSync(directory)].map(({ name }) => name);
    const findings = [await ownerFinding(directory, names, { cluster, id })];
    if (isOpenToOthers(here)) {
      findings.push(
        warning(
          "data",
          `others can look into ${directory} (mode ${modeText(here)})`,
          `chmod 700 ${directory}`,
        ),
      );
    }
    const isInUse = names.includes(LOCK_FILE) && await isLocked(join(directory, LOCK_FILE));
    if (isInUse) {
      findings.push(failing(
        "data",
        `${directory} is in use by a running replica`,
        `stop that one, ${OTHER_DIRECTORY}`,
        FAIL_EXIT.passes,
      ));
    } else {
      findings.push(await writeFinding("data", directory));
      if (findings.every(({ level }) => level !== "fail")) {
        findings.push(...await contentFindings(directory, config));
      }
    }
    const checkpoints = checkpointNumbers(names).map((number) => `checkpoint-${number}`);
    const bytes = checkpoints.reduce((sum, name) => sum + Deno.statSync(join(directory, name)).size, 0);
    findings.push(...roomFindings(directory, SEGMENTS_NEEDED * settings.segmentBytes + bytes));
    return { findings, isInUse };
  } catch (cause) {
    const { code, message } = cause as Error & { readonly code?: string };
    // Only the system's errors have a code.
    if (code === undefined) throw cause;
    const finding = failing(
      "data",
      `${directory} cannot be read: ${message.split(":")[0]}`,
      `let the user who runs this own it, ${OTHER_DIRECTORY}`,
      FAIL_EXIT.change,
    );
    return { findings: [finding], isInUse: false };
  }
}

/** Whether a file can be made, filled, synced and removed in a directory; all that stays is the time it was changed. */
export async function writeFinding(topic: Topic, directory: string): Promise<Finding> {
  const path = join(directory, `quartet-check-${Deno.pid}.tmp`);
  const begin = performance.now();
  try {
    // Why a file: a mode that allows it, and a disk that is mounted read-only, look the same until one tries.
    const file = await Deno.open(path, { createNew: true, write: true, mode: 0o600 });
    try {
      await file.write(new Uint8Array(4096));
      await file.syncData();
    } finally {
      file.close();
      await Deno.remove(path);
    }
    const durationMs = (performance.now() - begin).toFixed(1);
    return fine(topic, `${directory} can be written and synced (${durationMs} ms)`);
  } catch (cause) {
    const { code, message } = cause as Error & { readonly code?: string };
    const text = `${directory} cannot be written: ${message.split(":")[0]}`;
    if (code === "ENOSPC" || code === "EDQUOT") return failing(topic, text, "make room", FAIL_EXIT.passes);
    const mend = code === "EROFS"
      ? `mount it read-write, ${OTHER_DIRECTORY}`
      : `let the user who runs this own it and write there, ${OTHER_DIRECTORY}`;
    return failing(topic, text, mend, FAIL_EXIT.change);
  }
}

/** A directory that a start would make: whether it could. */
async function checkPlace(directory: string, segmentBytes: number): Promise<Finding[]> {
  let parent = dirname(directory);
  let found = await statOf(parent);
  while (found === undefined && dirname(parent) !== parent) {
    parent = dirname(parent);
    found = await statOf(parent);
  }
  if (!found?.isDirectory) {
    const text = `${directory} cannot be made: ${parent} is no directory`;
    return [failing("data", text, "give another with --data DIR", FAIL_EXIT.change)];
  }
  const write = await writeFinding("data", parent);
  if (write.level === "fail") return [{ ...write, text: `${directory} cannot be made: ${write.text}` }];
  return [
    fine("data", `${directory} is not there yet; a start makes it, for a new replica`),
    ...roomFindings(parent, SEGMENTS_NEEDED * segmentBytes),
  ];
}

async function ownerFinding(
  directory: string,
  names: readonly string[],
  who: { readonly cluster: string; readonly id: string },
): Promise<Finding> {
  const files = new Map<string, Uint8Array>();
  for (const name of IDENTITY_FILES) {
    if (names.includes(name)) files.set(name, await Deno.readFile(join(directory, name)));
  }
  try {
    const owner = checkOwner(files, names, who);
    if (owner === undefined) return fine("data", `${directory} holds no replica yet`);
    return fine(
      "data",
      `${directory} belongs to ${owner.id} of cluster ${owner.cluster}, epoch ${owner.epoch}`,
    );
  } catch (cause) {
    if (!(cause instanceof CorruptionError || cause instanceof DirectoryError)) throw cause;
    const [text, mend] = splitWayOut(cause.message, OTHER_DIRECTORY);
    const exit = cause instanceof CorruptionError ? FAIL_EXIT.damaged : FAIL_EXIT.change;
    return failing("data", `${directory}: ${text}`, mend, exit);
  }
}

/**
 * What a start would find damaged, or written with other kinds of keys: reads everything, as a start does, and writes
 * nothing. Requires: nobody else writes there.
 */
async function contentFindings(directory: string, config: ClusterConfig): Promise<Finding[]> {
  try {
    const disk = await DenoDisk.open(directory);
    const { memtable } = await recover({ disk, merge: mergeOf(config), log: { write: () => {} } });
    const problem = keysProblem(memtable.get(KEYS_KEY), config);
    if (problem === undefined) return [];
    const [text, mend] = splitWayOut(problem, OTHER_DIRECTORY);
    return [failing("data", `${directory}: ${text}`, mend, FAIL_EXIT.change)];
  } catch (cause) {
    if (!(cause instanceof CorruptionError)) throw cause;
    const [text, mend] = splitWayOut(cause.message, OTHER_DIRECTORY);
    return [failing("data", `${directory}: ${text}`, mend, FAIL_EXIT.damaged)];
  }
}

async function isLocked(path: string): Promise<boolean> {
  using file = await Deno.open(path, { read: true });
  // Why shared: two checks at a time must not take each other for a replica.
  // deno-lint-ignore no-boolean-literal-for-arguments
  return !await file.tryLock(false);
}

function roomFindings(directory: string, neededBytes: number): Finding[] {
  const room = diskRoom(directory);
  if (room === undefined) return [];
  const text = `${bytesText(room.freeBytes)} free of ${bytesText(room.bytes)}`;
  if (room.freeBytes >= neededBytes) return [fine("disk", text)];
  return [failing(
    "disk",
    `${text}, and a start needs ${bytesText(neededBytes)}`,
    `make room, lower segment_bytes, ${OTHER_DIRECTORY}`,
    FAIL_EXIT.passes,
  )];
}

async function statOf(path: string): Promise<Deno.FileInfo | undefined> {
  try {
    return await Deno.stat(path);
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound || cause instanceof Deno.errors.NotADirectory) return undefined;
    throw cause;
  }
}
