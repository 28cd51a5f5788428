/** How many connections the operating system's limit of open files leaves room for. @module */
import type { Log } from "../ports.ts";
import {
  CONNECTIONS_BEYOND_MAX,
  CONNECTIONS_MAX,
  FILES_RESERVED,
  HTTP_CONNECTIONS_MAX,
} from "../protocol/limits.ts";

/** Fewer would shut everybody out; then the limit is too low to run with at all. */
const CONNECTIONS_MIN = 16;

/** Connections to accept at a time; the log says when they are fewer than usual. Requires: read access to /proc, where there is one. */
export function pickConnectionsMax(log: Log): number {
  const filesMax = readFilesMax();
  if (filesMax === undefined) return CONNECTIONS_MAX;
  const connectionsMax = connectionsWithin(filesMax);
  if (connectionsMax < CONNECTIONS_MAX) {
    const text = "few files may be open, so fewer connections are taken; raise the limit (ulimit -n)";
    log.write("warn", text, { files: filesMax, connections: connectionsMax, usual: CONNECTIONS_MAX });
  }
  return connectionsMax;
}

/** Connections that leave room for all else. Why half: one that was closed here may linger in the system as long again. */
export function connectionsWithin(filesMax: number): number {
  const room = Math.floor((filesMax - FILES_RESERVED) / 2);
  return Math.min(CONNECTIONS_MAX, Math.max(CONNECTIONS_MIN, room));
}

/** The same for a replica that answers HTTP too. Where there is not room for all, HTTP gets a quarter of it. */
export function shareWithHttp(connectionsMax: number): { readonly wire: number; readonly http: number } {
  if (connectionsMax >= CONNECTIONS_MAX) return { wire: connectionsMax, http: HTTP_CONNECTIONS_MAX };
  const http = Math.max(CONNECTIONS_MIN, Math.min(HTTP_CONNECTIONS_MAX, Math.floor(connectionsMax / 4)));
  // One over HTTP does not linger, so it takes the place of half a connection.
  const wire = connectionsMax - Math.ceil((http + CONNECTIONS_BEYOND_MAX) / 2);
  return { wire: Math.max(CONNECTIONS_MIN, wire), http };
}

/** What Linux says; undefined elsewhere. */
function readFilesMax(): number | undefined {
  try {
    const found = /^Max open files\s+(\d+)/m.exec(Deno.readTextFileSync("/proc/self/limits"));
    return found === null ? undefined : Number(found[1]);
  } catch {
    // No /proc: Deno has raised the limit as far as it goes.
    return undefined;
  }
}
