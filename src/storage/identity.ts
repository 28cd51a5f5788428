/** Whose data directory this is, and since when: cluster, replica id and the epoch drawn when it was created (HAZARD H7). @module */
import { assert } from "../base/assert.ts";
import { NO_BUGS, type PlantedBug } from "../base/planted_bug.ts";
import type { Result } from "../base/failure.ts";
import { mark } from "../base/mark.ts";
import type { Derivation, Disk, Entropy, Log } from "../ports.ts";
import { checkpointNumbers } from "./checkpoint.ts";
import { CorruptionError, type Damage } from "./corruption.ts";
import { MANIFEST } from "./manifest.ts";
import { refuseOrphanFrames } from "./recovery.ts";
import { readSealed, unseal, writeSealed } from "./sealed_file.ts";
import { removeIfThere } from "./transfer.ts";
import { logNumbers } from "./wal.ts";

/** Its lock makes a directory belong to one process. */
export const LOCK_FILE = "LOCK";
/** The two files, alike. Why two: without it a replica cannot know whether it may speak under its old name (H17). */
export const IDENTITY_FILES = ["identity", "identity.copy"] as const;
const EPOCH = /^[0-9a-f]{8}$/;

/** The directory cannot be used by this replica: another process has it, it belongs to somebody else, or it does not fit the settings. */
export class DirectoryError extends Error {
  override readonly name = "DirectoryError";
}

/** Who opens the directory. */
export interface IdentityOptions {
  readonly cluster: string;
  readonly id: string;
  readonly entropy: Entropy;
  /** Knows what may stand in the checkpoint of a store in which nothing was written. */
  readonly derive?: Pick<Derivation, "isOwn">;
  /** Hears of a repaired copy. */
  readonly log?: Log;
  readonly bugs?: ReadonlySet<PlantedBug>;
}

/** What the directory says. */
export interface Identity {
  /** Eight hex digits. */
  readonly epoch: string;
  /** Whether there is no store here: a first start, or one after a wipe. */
  readonly isNew: boolean;
}

/** Whose a directory is. */
export interface Owner {
  readonly cluster: string;
  readonly id: string;
  readonly epoch: string;
}

/**
 * Locks the directory for the life of the process and finds out, or decides, whose it is. One good copy is enough: the
 * other is written again, and the log is told. An identity without a store beside it gets another epoch: either its first
 * start was cut short, and nobody heard of it, or its store is lost, and then it must not pass for whole (HAZARD H7).
 * Throws `DirectoryError`, `CorruptionError` or `DiskFullError`.
 */
export async function openIdentity(
  disk: Disk,
  { cluster, id, entropy, derive, log, bugs = NO_BUGS }: IdentityOptions,
): Promise<Identity> {
  if (!await disk.lock(LOCK_FILE)) {
    throw new DirectoryError(
      `the data directory of ${id} is in use by another process; stop that one, or give this one another directory with --data DIR`,
    );
  }
  const names = await disk.list();
  const isNew = !names.includes(MANIFEST);
  const copies = new Map<string, Result<Owner, Damage>>();
  for (const file of IDENTITY_FILES) {
    if (names.includes(file)) copies.set(file, parseOwner(file, await readSealed(disk, file, "identity")));
  }
  const found = ownerOf(copies, names, { cluster, id });
  if (found !== undefined && isNew) {
    await refuseOrphanFrames(disk, names, derive);
    // Why: an old copy beside a new one would be a contradiction, if the power fails between the two.
    await removeIfThere(disk, IDENTITY_FILES[1]);
    await disk.syncDirectory();
    mark("identity: one without a store begins anew");
    log?.write("warn", "the directory has an identity and no store: it begins anew, under another epoch");
  }
  if (found === undefined || isNew) {
    const number = bugs.has("reuse_dots") ? 1 : entropy.uint32();
    const owner = { cluster, id, epoch: number.toString(16).padStart(8, "0") };
    for (const file of IDENTITY_FILES) await writeSealed(disk, file, "identity", { ...owner });
    return { epoch: owner.epoch, isNew };
  }
  for (const file of IDENTITY_FILES) {
    if (copies.get(file)?.ok) continue;
    await writeSealed(disk, file, "identity", { ...found });
    mark("identity: one copy written again from the other");
    log?.write("warn", "repaired one of the two copies of the identity from the other", { file });
  }
  return { epoch: found.epoch, isNew };
}

/**
 * Whose the directory with these `names` is, from the bytes of its identity files; undefined where nobody used it yet.
 * Throws `DirectoryError` when it is not `who`'s, or `CorruptionError`.
 */
export function checkOwner(
  files: ReadonlyMap<string, Uint8Array>,
  names: readonly string[],
  who: Pick<Owner, "cluster" | "id">,
): Owner | undefined {
  const copies = new Map<string, Result<Owner, Damage>>();
  for (const [file, bytes] of files) copies.set(file, parseOwner(file, unseal(file, "identity", bytes)));
  return ownerOf(copies, names, who);
}

function ownerOf(
  copies: ReadonlyMap<string, Result<Owner, Damage>>,
  names: readonly string[],
  { cluster, id }: Pick<Owner, "cluster" | "id">,
): Owner | undefined {
  if (copies.size === 0) {
    refuseOrphans(names);
    return undefined;
  }
  const owner = settle(copies);
  if (owner.cluster !== cluster || owner.id !== id) {
    throw new DirectoryError(
      `this data directory belongs to replica ${owner.id} of cluster ${owner.cluster}, not to ${id} of ${cluster}; ` +
        "give each replica a directory of its own with --data DIR",
    );
  }
  return owner;
}

/** The owner that the good copies name. Throws when there is none, or when they disagree. Requires: a copy. */
function settle(copies: ReadonlyMap<string, Result<Owner, Damage>>): Owner {
  let owner: Owner | undefined;
  let damage: Damage | undefined;
  for (const [file, copy] of copies) {
    if (!copy.ok) damage ??= copy.failure;
    else if (owner && text(owner) !== text(copy.value)) {
      const expected = `the same as in ${IDENTITY_FILES[0]}: ${text(owner)}`;
      throw new CorruptionError({ file, offset: 0, expected, found: text(copy.value) });
    } else owner = copy.value;
  }
  if (owner) return owner;
  assert(damage !== undefined, "no copy of the identity to settle");
  throw new CorruptionError(damage);
}

function text(owner: Owner): string {
  return JSON.stringify(owner);
}

function parseOwner(
  file: string,
  sealed: Result<Readonly<Record<string, unknown>>, Damage>,
): Result<Owner, Damage> {
  if (!sealed.ok) return sealed;
  const { cluster, id, epoch } = sealed.value;
  if (
    typeof cluster === "string" && typeof id === "string" && typeof epoch === "string" && EPOCH.test(epoch)
  ) return { ok: true, value: { cluster, id, epoch } };
  const found = JSON.stringify(sealed.value);
  return { ok: false, failure: { file, offset: 0, expected: "cluster, id and epoch", found } };
}

/** Data without an identity: somebody removed it, and with it the knowledge under which name this data was written. */
function refuseOrphans(names: readonly string[]): void {
  const orphan = names.find((name) =>
    name === MANIFEST || logNumbers([name]).length > 0 || checkpointNumbers([name]).length > 0
  );
  if (orphan === undefined) return;
  throw new CorruptionError({
    file: IDENTITY_FILES[0],
    offset: 0,
    expected: `an identity, because ${orphan} is beside it`,
    found: "no such file",
  });
}
