/** The systems that a binary can be made for: their names with Deno and with us, and how a binary of each begins. @module */

/** One system. */
export interface Target {
  /** Deno's name for it. */
  readonly triple: string;
  readonly os: "linux" | "macos" | "windows";
  readonly arch: "x64" | "arm64";
}

/** All of them. */
export const TARGETS: readonly Target[] = [
  { triple: "x86_64-unknown-linux-gnu", os: "linux", arch: "x64" },
  { triple: "aarch64-unknown-linux-gnu", os: "linux", arch: "arm64" },
  { triple: "x86_64-apple-darwin", os: "macos", arch: "x64" },
  { triple: "aarch64-apple-darwin", os: "macos", arch: "arm64" },
  { triple: "x86_64-pc-windows-msvc", os: "windows", arch: "x64" },
];

/** `linux-x64`, as it is typed and as it stands in file names. */
export function targetName({ os, arch }: Target): string {
  return `${os}-${arch}`;
}

/** The target with this name, ours or Deno's; undefined where there is none. */
export function targetOf(name: string): Target | undefined {
  return TARGETS.find((target) => name === target.triple || name === targetName(target));
}

/** `quartet-0.1.0-linux-x64`, on Windows with `.exe`. */
export function binaryName(version: string, target: Target): string {
  return `quartet-${version}-${targetName(target)}${target.os === "windows" ? ".exe" : ""}`;
}

/** Bytes that are looked at to tell for which system a binary is. */
export const HEAD_BYTES = 4096;

/** The name of the system whose binary begins like this; undefined where it is none of ours. */
export function systemOf(head: Uint8Array): string | undefined {
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const word = (at: number): number | undefined =>
    // deno-lint-ignore no-boolean-literal-for-arguments
    at + 4 <= view.byteLength ? view.getUint32(at, true) : undefined;
  const first = word(0);
  if (first === 0x464c457f) return nameOf("linux", (word(18) ?? 0) & 0xffff, { x64: 0x3e, arm64: 0xb7 });
  if (first === 0xfeedfacf) return nameOf("macos", word(4), { x64: 0x01000007, arm64: 0x0100000c });
  if (first === undefined || (first & 0xffff) !== 0x5a4d) return undefined;
  const header = word(0x3c) ?? 0;
  if (word(header) !== 0x4550) return undefined;
  return nameOf("windows", (word(header + 4) ?? 0) & 0xffff, { x64: 0x8664, arm64: 0xaa64 });
}

function nameOf(
  os: Target["os"],
  machine: number | undefined,
  machines: Readonly<Record<Target["arch"], number>>,
): string | undefined {
  if (machine === machines.x64) return `${os}-x64`;
  return machine === machines.arm64 ? `${os}-arm64` : undefined;
}
