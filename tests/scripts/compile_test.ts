import { assert, assertEquals, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { UsageError } from "../../src/cli/arguments.ts";
import { parseOrder } from "../../scripts/compile.ts";
import { keepingUnlessMade } from "../../scripts/compile/binary.ts";
import {
  binaryName,
  HEAD_BYTES,
  systemOf,
  targetName,
  targetOf,
  TARGETS,
} from "../../scripts/compile/target.ts";

Deno.test("compile makes one binary, one for another system, or one for each", () => {
  assertEquals(parseOrder([]), { kind: "here", output: undefined });
  assertEquals(parseOrder(["--output", "q"]), { kind: "here", output: "q" });
  assertEquals(parseOrder(["--all"]), { kind: "systems", targets: TARGETS });
  const arm = targetOf("linux-arm64")!;
  assertEquals(parseOrder(["--target", "linux-arm64"]), { kind: "systems", targets: [arm] });
  assertEquals(parseOrder(["--target", "aarch64-unknown-linux-gnu"]), { kind: "systems", targets: [arm] });
  assertThrows(
    () => parseOrder(["--target", "amiga"]),
    UsageError,
    "known: linux-x64, linux-arm64, macos-x64",
  );
  assertThrows(() => parseOrder(["--all", "--output", "q"]), UsageError, "do not go together");
  assertThrows(() => parseOrder(["quartet"]), UsageError, "takes flags only");
});

Deno.test("binaries are named after version and system", () => {
  assertEquals(TARGETS.map((target) => binaryName("1.2.3", target)), [
    "quartet-1.2.3-linux-x64",
    "quartet-1.2.3-linux-arm64",
    "quartet-1.2.3-macos-x64",
    "quartet-1.2.3-macos-arm64",
    "quartet-1.2.3-windows-x64.exe",
  ]);
});

Deno.test("a binary made before stays where none can be made, and nothing else stays beside it", async () => {
  const directory = await Deno.makeTempDir({ prefix: "quartet-test-" });
  try {
    const path = join(directory, "quartet");
    const cases: [make: () => Promise<string | undefined>, content: string][] = [
      [() => Deno.writeTextFile(path, "first").then(() => undefined), "first"],
      [() => Deno.remove(path).then(() => "no base"), "first"],
      [() => Promise.resolve("it is in the way"), "first"],
      [() => Deno.remove(path).then(() => Deno.writeTextFile(path, "next")).then(() => undefined), "next"],
    ];
    for (const [make, content] of cases) {
      await keepingUnlessMade(path, make);
      assertEquals([...Deno.readDirSync(directory)].map(({ name }) => name), ["quartet"]);
      assertEquals(await Deno.readTextFile(path), content);
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("a binary tells for which system it is", async () => {
  const here = TARGETS.find(({ triple }) => triple === Deno.build.target);
  using file = await Deno.open(Deno.execPath());
  const head = new Uint8Array(HEAD_BYTES);
  const length = await file.read(head);
  if (here !== undefined) assertEquals(systemOf(head.subarray(0, length!)), targetName(here));
  assertEquals(systemOf(new TextEncoder().encode("#!/bin/sh\n")), undefined);
  assertEquals(systemOf(new Uint8Array(0)), undefined);
  const mac = new Uint8Array(8);
  mac.set([0xcf, 0xfa, 0xed, 0xfe, 0x0c, 0, 0, 1]);
  assertEquals(systemOf(mac), "macos-arm64");
  const windows = new Uint8Array(0x90);
  windows.set([0x4d, 0x5a]);
  windows[0x3c] = 0x80;
  windows.set([0x50, 0x45, 0, 0, 0x64, 0x86], 0x80);
  assertEquals(systemOf(windows), "windows-x64");
  const linux = new Uint8Array(24);
  linux.set([0x7f, 0x45, 0x4c, 0x46]);
  linux[18] = 0xb7;
  assertEquals(systemOf(linux), "linux-arm64");
  assert(TARGETS.every((target) => targetOf(targetName(target)) === target));
});
