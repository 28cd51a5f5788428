import { assertEquals, assertThrows } from "@std/assert";
import {
  nearestOf,
  parseAddress,
  parseArguments,
  parseDurationMs,
  UsageError,
} from "../../src/cli/arguments.ts";

const FLAGS = {
  timeout: { value: "TIME", help: "" },
  replica: { value: "IDS", help: "" },
  json: { help: "" },
  help: { help: "", short: "h" },
};

function parsed(...args: string[]): { words: readonly string[]; flags: Record<string, string> } {
  const { words, flags } = parseArguments(args, FLAGS);
  return { words, flags: Object.fromEntries(flags) };
}

function problem(...args: string[]): string {
  return assertThrows(() => parseArguments(args, FLAGS), UsageError).message;
}

Deno.test("words stay exactly as they were typed", () => {
  assertEquals(parsed("put", "007", "1e3", "").words, ["put", "007", "1e3", ""]);
});

Deno.test("a word of a dash and a digit is a value, and so is a single dash", () => {
  assertEquals(parsed("put", "7", "-12").words, ["put", "7", "-12"]);
  assertEquals(parsed("put", "7", "-1.5", "-").words, ["put", "7", "-1.5", "-"]);
});

Deno.test("flags may stand before, between and after words", () => {
  assertEquals(parsed("--json", "wait", "--timeout", "10s", "up", "--replica=r1,r3", "-h"), {
    words: ["wait", "up"],
    flags: { json: "", timeout: "10s", replica: "r1,r3", help: "" },
  });
});

Deno.test("two dashes end the flags", () => {
  assertEquals(parsed("put", "--json", "--", "7", "--json", "-1", "--"), {
    words: ["put", "7", "--json", "-1", "--"],
    flags: { json: "" },
  });
});

Deno.test("an unknown flag is an error that names the nearest known one", () => {
  const way = "(a value that starts with - goes after --)";
  assertEquals(problem("--time-out", "2s"), `unknown flag --time-out; did you mean --timeout? ${way}`);
  assertEquals(problem("--rep", "r1"), `unknown flag --rep; did you mean --replica? ${way}`);
  assertEquals(
    problem("get", "--xyzzy"),
    `unknown flag --xyzzy; known: --timeout --replica --json --help ${way}`,
  );
  assertEquals(problem("-x"), `unknown flag -x; known: --timeout --replica --json --help ${way}`);
  assertThrows(() => parseArguments(["--constructor"], FLAGS), UsageError);
});

Deno.test("a flag without its value, or with one that it does not take, is an error", () => {
  assertEquals(problem("--timeout"), "--timeout needs a value: --timeout TIME");
  assertEquals(problem("--timeout="), "--timeout needs a value: --timeout TIME");
  assertEquals(
    problem("--timeout", "--json"),
    '--timeout needs a value, and "--json" follows: write --timeout=--json if that is the value',
  );
  assertEquals(problem("--json=yes"), '--json takes no value, and "yes" was given');
});

Deno.test("times are read with their unit and refused without", () => {
  assertEquals(["500ms", "2s", "1.5m", "24h"].map((text) => parseDurationMs(text, "timeout")), [
    500,
    2000,
    90_000,
    86_400_000,
  ]);
  const wrong: [string, string][] = [
    ...["2", "s", "-1s", "1e9s", "2 s", ""].map((text): [string, string] => [text, "not a time"]),
    ["0s", "too short"],
    ["25h", "too long"],
  ];
  for (const [text, problem] of wrong) {
    const error = assertThrows(() => parseDurationMs(text, "timeout"), UsageError);
    assertEquals(
      error.message,
      `--timeout ${text}: ${problem}; allowed: 1ms to 24h, such as 500ms, 2s, 1m`,
    );
  }
});

Deno.test("addresses are host and port", () => {
  assertEquals(parseAddress("127.0.0.1:7411", "connect"), { host: "127.0.0.1", port: 7411 });
  assertEquals(parseAddress("[::1]:1", "connect"), { host: "::1", port: 1 });
  for (const text of ["127.0.0.1", ":7411", "a:0", "a:65536", "a b:1"]) {
    assertThrows(() => parseAddress(text, "connect"), UsageError, `--connect ${text}: not an address`);
  }
});

Deno.test("the nearest word is found, and nothing where none is near", () => {
  assertEquals(nearestOf("statsu", ["status", "get", "put"]), "status");
  assertEquals(nearestOf("gt", ["status", "get", "put"]), "get");
  assertEquals(nearestOf("frobnicate", ["status", "get", "put"]), undefined);
});
