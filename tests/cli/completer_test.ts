import { assertEquals } from "@std/assert";
import { complete, type Grammar } from "../../src/cli/completer.ts";
import { completeShell, joinAssignments } from "../../src/cli/completion_verb.ts";
import { completeLine } from "../../src/cli/console.ts";
import { LINE_FLAGS } from "../../src/cli/session.ts";
import { SessionState } from "../../src/cli/session_state.ts";
import { ALIASES, VERBS } from "../../src/cli/verbs.ts";

const GRAMMAR: Grammar = {
  commands: VERBS,
  aliases: ALIASES,
  flags: {
    ...LINE_FLAGS,
    config: { value: "FILE", help: "a file" },
    coordinator: { value: "ID", help: "who" },
  },
  knowledge: { keyspaces: ["items", "main"], replicas: ["r1", "r2", "r10"], keys: ["7", "12"] },
};

function texts(...typed: string[]): string[] | "files" {
  const completion = complete(typed.slice(0, -1), typed.at(-1)!, GRAMMAR);
  return completion === "files" ? completion : completion.map(({ text }) => text);
}

Deno.test("the first word is a verb; an alias is offered when nothing else fits", () => {
  assertEquals(texts(""), VERBS.map(({ name }) => name));
  assertEquals(texts("de"), ["delete"]);
  assertEquals(texts("fault", "--f"), ["--for"]);
  assertEquals(texts("rem"), ["remove"]);
  assertEquals(texts("xyz"), []);
});

Deno.test("what a word is follows from what the verb says that it takes", () => {
  assertEquals(texts("get", ""), ["7", "12"]);
  assertEquals(texts("get", "7", ""), ["ONE", "TWO", "THREE", "QUORUM", "ALL"]);
  assertEquals(texts("get", "7", "T"), ["TWO", "THREE"]);
  assertEquals(texts("set", "7", "x", "t"), ["two", "three"]);
  assertEquals(texts("put", "7", ""), []);
  assertEquals(texts("put", "7", "x", "one", ""), []);
  assertEquals(texts("inspect", "7", "12", "1"), ["12"]);
  assertEquals(texts("keys", "1"), ["12"]);
  assertEquals(texts("scan", "--level", "t"), ["two", "three"]);
  assertEquals(texts("keys", "--after", ""), ["7", "12"]);
  assertEquals(texts("wait", ""), ["up", "converged"]);
  assertEquals(texts("fault", "p"), ["partition", "pause"]);
  assertEquals(texts("fault", "one"), ["one-way"]);
  assertEquals(texts("fault", "partition", "r2", "r1"), ["r1", "r10"]);
  assertEquals(texts("fault", "partition", "r2,"), ["r2,r1", "r2,r10"]);
  assertEquals(texts("nothing", ""), []);
});

Deno.test("flags and their values are completed, and do not count as words", () => {
  assertEquals(texts("get", "--k"), ["--keyspace"]);
  assertEquals(texts("--keyspace", "main", "get", "7", "--key"), []);
  assertEquals(texts("inspect", "--d"), ["--differs"]);
  assertEquals(texts("get", "--d"), []);
  assertEquals(texts("--keyspace", ""), ["items", "main"]);
  assertEquals(texts("--keyspace=m"), ["--keyspace=main"]);
  assertEquals(texts("--coordinator", "r1"), ["r1", "r10"]);
  assertEquals(texts("--config", ""), "files");
  assertEquals(texts("--config="), "files");
  assertEquals(texts("inspect", "--replica", "r1,"), ["r1,r2", "r1,r10"]);
  assertEquals(texts("--json", "--keyspace", "main", "get", ""), ["7", "12"]);
  assertEquals(texts("put", "7", "-1", "o"), ["one"]);
  assertEquals(texts("put", "--", "7", "--json", "O"), ["ONE"]);
});

Deno.test("the console completes its own verbs too, and ends a word that is certain", () => {
  const state = new SessionState({
    replicas: ["r1", "r2"],
    keyspaces: new Map([["main", "QUORUM"]]),
    defaultKeyspace: "main",
  }, "r1");
  state.onKey("two words");
  const complete = (line: string): [string[], string] => completeLine(line, { state });
  assertEquals([complete("work"), complete("chec")], [[[], "work"], [[], "chec"]]);
  assertEquals(complete("coo"), [["coordinator "], "coo"]);
  assertEquals(complete("coordinator "), [["r1", "r2"], ""]);
  assertEquals(complete("use "), [["main "], ""]);
  assertEquals(complete("consistency d"), [["default "], "d"]);
  assertEquals(complete("trace o"), [["on", "off"], "o"]);
  assertEquals(complete("help pu"), [["put "], "pu"]);
  assertEquals(complete("get "), [["'two words' "], ""]);
  assertEquals(complete("get 'tw"), [["'two words' "], "'tw"]);
});

Deno.test("a shell's command line is completed from its first word on, and without a verb only what fits there", () => {
  const { knowledge } = GRAMMAR;
  const shell = (...words: string[]): string[] | "files" => {
    const completion = completeShell(words, knowledge);
    return completion === "files" ? completion : completion.map(({ text }) => text);
  };
  assertEquals(shell(""), ["client", "replica", "help"]);
  assertEquals(shell("--v"), ["--version"]);
  assertEquals(shell("help", "r"), ["replica"]);
  assertEquals(shell("client", "--fail"), ["--failover"]);
  assertEquals(shell("client", "get", "--fail"), []);
  assertEquals(shell("client", "completion", ""), ["bash", "zsh", "fish"]);
  assertEquals(shell("client", "help", "comp"), ["completion"]);
  assertEquals(shell("replica", "--id", "r1"), ["r1", "r10"]);
  assertEquals(shell("replica", "")[0], "--config");
  assertEquals(shell("replica", "--data", ""), "files");
});

Deno.test("what bash takes apart at = is put together again", () => {
  assertEquals(joinAssignments(["client", "--keyspace", "=", "ma"]), ["client", "--keyspace=ma"]);
  assertEquals(joinAssignments(["client", "--keyspace", "="]), ["client", "--keyspace="]);
  assertEquals(joinAssignments(["client", "put", "7", "="]), ["client", "put", "7", "="]);
  assertEquals(joinAssignments(["--a", "=", "b", "c", "=", "d"]), ["--a=b", "c", "=", "d"]);
});
