/**
 * `cluster.json` in the data directory: how later commands find the running supervisor and its replicas. Only its
 * owner may read it, because the token in it opens the supervisor's control port.
 * @module
 */
import { join } from "@std/path";
import type { OsProcess } from "./os_process.ts";

/** What the supervisor tells of itself. */
export interface ClusterFile {
  readonly supervisor: OsProcess;
  /** On loopback. */
  readonly controlPort: number;
  readonly token: string;
  readonly configFile: string;
  /** Those that run now. */
  readonly replicas: readonly ({ readonly id: string } & OsProcess)[];
}

/** Where it lies. */
export function clusterFilePath(dataDirectory: string): string {
  return join(dataDirectory, "cluster.json");
}

/** What the file says; undefined when there is none or it is half written, which no running supervisor leaves. */
export function readClusterFile(dataDirectory: string): ClusterFile | undefined {
  try {
    const input: unknown = JSON.parse(Deno.readTextFileSync(clusterFilePath(dataDirectory)));
    return isClusterFile(input) ? input : undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Claims the data directory: false when another file is there. Requires: the directory exists. */
export function claimClusterFile(dataDirectory: string, content: ClusterFile): boolean {
  try {
    Deno.writeTextFileSync(clusterFilePath(dataDirectory), encode(content), { createNew: true, mode: 0o600 });
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return false;
    throw error;
  }
}

/** Replaces the file, so that a reader sees the old or the new one. */
export function updateClusterFile(dataDirectory: string, content: ClusterFile): void {
  const path = clusterFilePath(dataDirectory);
  Deno.writeTextFileSync(`${path}.new`, encode(content), { mode: 0o600 });
  Deno.renameSync(`${path}.new`, path);
}

/** Removes the file, if it is there. */
export function removeClusterFile(dataDirectory: string): void {
  try {
    Deno.removeSync(clusterFilePath(dataDirectory));
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

function encode(content: ClusterFile): string {
  return JSON.stringify(content, undefined, 2) + "\n";
}

function isClusterFile(input: unknown): input is ClusterFile {
  if (typeof input !== "object" || input === null) return false;
  const { supervisor, controlPort, token, configFile, replicas } = input as Record<string, unknown>;
  return isOsProcess(supervisor) && typeof controlPort === "number" && typeof token === "string" &&
    typeof configFile === "string" && Array.isArray(replicas) &&
    replicas.every((replica) => isOsProcess(replica) && typeof (replica as { id?: unknown }).id === "string");
}

function isOsProcess(input: unknown): input is OsProcess {
  if (typeof input !== "object" || input === null) return false;
  const { pid, startMark } = input as Record<string, unknown>;
  return Number.isSafeInteger(pid) && Number(pid) > 0 && typeof startMark === "string";
}
