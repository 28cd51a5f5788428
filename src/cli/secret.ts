/** The cluster's secret: where it may stand, which place counts, and who may read it. Its value is never part of a message. @module */
import { dirname, resolve } from "@std/path";
import { fail, ok, type Result } from "../base/failure.ts";
import { type ClusterConfig, isLoopback } from "../replica/cluster_config.ts";

/** The environment variables that may hold it, or the path of a file with it. They count before the configuration. */
const VALUE_NAME = "QUARTET_SECRET";
const FILE_NAME = "QUARTET_SECRET_FILE";

const LENGTH_MIN = 16;
const LENGTH_MAX = 1024;

/** A secret, and where it was found. */
export interface Secret {
  readonly value: string;
  /** The name of the variable, or a path. */
  readonly from: string;
}

/**
 * The secret that counts: that of the environment, else that of the configuration read from `path` (neither where there
 * is no file). Undefined where nobody has set one; a failure says what is wrong, in one line.
 */
export async function findSecret(
  config?: Pick<ClusterConfig, "secret" | "secretFile">,
  path = "",
): Promise<Result<Secret | undefined, string>> {
  const value = Deno.env.get(VALUE_NAME);
  const file = Deno.env.get(FILE_NAME);
  if (value !== undefined && file !== undefined) {
    return fail(`both ${VALUE_NAME} and ${FILE_NAME} are set; unset one of them`);
  }
  if (value !== undefined) return checkLength({ value, from: VALUE_NAME });
  if (file !== undefined) return await readSecret(file, FILE_NAME);
  if (config?.secret !== undefined) return ok({ value: config.secret, from: path });
  if (config?.secretFile === undefined) return ok(undefined);
  return await readSecret(resolve(dirname(path), config.secretFile), `${path}: secret_file`);
}

/** Why these addresses must not be listened at: without a secret everybody who reaches one can read, write and join. */
export function openAddressProblem({ members, secret }: ClusterConfig): string | undefined {
  const open = members.flatMap(({ id, host, http = { host } }) =>
    [...new Set([host, http.host])].filter((each) => !isLoopback(each)).map((each) => `${id} ${each}`)
  );
  if (secret !== undefined || open.length === 0) return undefined;
  return `others can reach ${open.join(", ")}, and no secret is set`;
}

/** The way out of `openAddressProblem`. */
export const OPEN_ADDRESS_MEND =
  'set secret = "…" of at least 16 characters (or secret_file, or QUARTET_SECRET) on all replicas, or start with ' +
  "--insecure where everybody on the network is trusted";

/** Why nobody may break anything on purpose in this cluster, although its file says so. */
export function openFaultsProblem(config: ClusterConfig): string | undefined {
  const problem = config.faults ? openAddressProblem(config) : undefined;
  return problem === undefined ? undefined : `faults = true, and ${problem}: anybody could break the cluster`;
}

/** The way out of `openFaultsProblem`. */
export const OPEN_FAULTS_MEND = "set a secret on all replicas, or leave faults out";

/** Whether others than the owner may read a file or look into a directory. */
export function isOpenToOthers({ mode }: Deno.FileInfo): boolean {
  // Windows has no such bits.
  return mode !== null && (mode & 0o077) !== 0;
}

/** Such as `0644`. */
export function modeText({ mode }: Deno.FileInfo): string {
  return ((mode ?? 0) & 0o7777).toString(8).padStart(4, "0");
}

async function readSecret(path: string, by: string): Promise<Result<Secret, string>> {
  let text: string;
  try {
    const file = await Deno.stat(path);
    if (isOpenToOthers(file)) {
      return fail(`${by}: others can read ${path} (mode ${modeText(file)}); chmod 600 ${path}`);
    }
    text = await Deno.readTextFile(path);
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) {
      return fail(`${by}: there is no ${path}; write the secret into it, on one line, and chmod 600 it`);
    }
    const reason = cause instanceof Error ? cause.message : String(cause);
    return fail(`${by}: ${path} cannot be read: ${reason}; it must belong to the user who runs this`);
  }
  const value = text.replace(/\r?\n$/, "");
  if (/[\r\n]/.test(value)) {
    return fail(`${by}: ${path} has more than one line; write the secret alone into it`);
  }
  return checkLength({ value, from: path });
}

function checkLength(secret: Secret): Result<Secret, string> {
  const { length } = [...secret.value];
  if (length >= LENGTH_MIN && length <= LENGTH_MAX) return ok(secret);
  return fail(`${secret.from} holds ${length} characters; a secret has ${LENGTH_MIN} to ${LENGTH_MAX}`);
}
