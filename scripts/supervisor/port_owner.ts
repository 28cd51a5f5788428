/** Whether an address can be listened on, and if not, who is in the way. @module */
import { printable } from "../../src/cli/output.ts";
import { commandLine } from "./os_process.ts";

/** Why nobody can listen on `host`:`port` now, as the end of a sentence, or undefined when it is free. */
export function whyTaken(host: string, port: number): string | undefined {
  try {
    Deno.listen({ hostname: host, port }).close();
    return undefined;
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) return `is taken by ${describeOwner(host, port)}`;
    if (error instanceof Deno.errors.AddrNotAvailable) return "is not an address of this machine";
    return `cannot be listened on (${error instanceof Error ? error.message : String(error)})`;
  }
}

function describeOwner(host: string, port: number): string {
  const pid = ownerOf(host, port);
  if (pid === undefined) return "another process";
  const command = printable(commandLine(pid).join(" ").replaceAll(/\s+/g, " "));
  return `process ${pid}${
    command === "" ? "" : ` (${command.length > 80 ? command.slice(0, 79) + "…" : command})`
  }`;
}

/** The pid that listens there, where the system lets us see it (Linux). */
function ownerOf(host: string, port: number): number | undefined {
  const inodes = new Set(
    ["/proc/net/tcp", "/proc/net/tcp6"].flatMap((table) => listeningInodes(table, host, port)),
  );
  if (inodes.size === 0) return undefined;
  for (const { name } of entriesOf("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    for (const descriptor of entriesOf(`/proc/${name}/fd`)) {
      const [, inode = ""] = /^socket:\[(\d+)\]$/.exec(linkOf(`/proc/${name}/fd/${descriptor.name}`)) ?? [];
      if (inodes.has(inode)) return Number(name);
    }
  }
  return undefined;
}

function listeningInodes(table: string, host: string, port: number): string[] {
  const hexPort = port.toString(16).toUpperCase().padStart(4, "0");
  const listening = "0A";
  try {
    return Deno.readTextFileSync(table).split("\n").slice(1).map((line) => line.trim().split(/\s+/))
      .filter(([, local = "", , state]) => {
        const [address = "", localPort] = local.split(":");
        return state === listening && localPort === hexPort && mayBe(address, host);
      })
      .map((fields) => fields[9]!);
  } catch {
    // No such table on this system.
    return [];
  }
}

/** Whether an address of the table (hexadecimal, IPv4 with its bytes reversed) stands in the way of `host`. */
function mayBe(address: string, host: string): boolean {
  if (/^0+$/.test(address) || !/^\d+(\.\d+){3}$/.test(host)) return true;
  const reversed = host.split(".").reverse().map((byte) => Number(byte).toString(16).padStart(2, "0")).join(
    "",
  );
  return address.endsWith(reversed.toUpperCase());
}

function entriesOf(directory: string): Deno.DirEntry[] {
  try {
    return [...Deno.readDirSync(directory)];
  } catch {
    // Another user's process, or one that ended while we looked.
    return [];
  }
}

function linkOf(path: string): string {
  try {
    return Deno.readLinkSync(path);
  } catch {
    return "";
  }
}
