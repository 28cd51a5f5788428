import { assert, assertEquals, assertMatch } from "@std/assert";
import { clusterTest } from "../harness/processes.ts";

clusterTest(
  "commands on stdin are carried out one after another, and the first failure ends them",
  { replicas: 3 },
  async (cluster) => {
    const script = [
      "# a comment, and a line without anything",
      "",
      "put 7 'two words' all",
      "get 7",
      "level two",
      "SET 8 one",
      "get 8",
      "get 9",
      "put 7 never",
    ].join("\r\n");
    const stopped = await cluster.clientWithInput(script);
    assertEquals([stopped.code, stopped.stdout], [4, "two words\none\n"]);
    const notes = stopped.stderr.split("\n");
    assertMatch(notes[0]!, /^ok .*ALL of 3/);
    assertEquals(notes[2], "level TWO");
    assertMatch(notes[3]!, /^warning: this stores the text "one"/);
    assertMatch(notes[4]!, /^ok .*TWO of 3/);
    assertEquals(
      notes.slice(-2),
      ["line 8 failed with exit code 4: get 9; stopped here (--keep-going goes on)", ""],
    );
    // deno-lint-ignore no-control-regex
    assert(!/\x1b|> /.test(stopped.stdout + stopped.stderr), "a script has no colours and no prompt");

    const wrong = "put 7\nget 9\nput 7 'x\nput 7 -\nnonsense\nput 7 last\nget 7\nexit\nget 9\n";
    const whole = await cluster.clientWithInput(wrong, "--keep-going");
    assertEquals([whole.code, whole.stdout], [2, "last\n"]);
    assertMatch(whole.stderr, /line 1 failed with exit code 2: put 7\n/);
    assertMatch(whole.stderr, /line 2 failed with exit code 4: get 9\n/);
    assertMatch(whole.stderr, /error: the quote ' is never closed.*\nline 3 failed/);
    assertMatch(
      whole.stderr,
      /error: a value of - is read from stdin, and stdin is where these commands come from/,
    );
    assertMatch(whole.stderr, /error: unknown verb "nonsense".*\nline 5 failed with exit code 2: nonsense\n/);

    const shell = await cluster.clientWithInput(
      "help\nworkload --history x.ndjson\ncheck x.ndjson --model quorum\nSIM 7\nhelp completion\nworklode\nxyz\n",
      "--keep-going",
    );
    assert(!/^ {2}(workload|check|sim|completion)\b/m.test(shell.stdout), shell.stdout);
    assertEquals(shell.stderr.split("\n").filter((note) => note.startsWith("error: ")), [
      "error: workload runs from the shell: quartet client workload --history FILE",
      "error: check runs from the shell: quartet client check FILE",
      "error: sim runs from the shell: quartet client sim SEED|FIRST..LAST|FILE.toml",
      "error: completion runs from the shell: quartet client completion bash|zsh|fish",
      'error: unknown verb "worklode"; known: get put delete resolve keys scan status inspect locate repair wait fault use level coordinator trace ' +
      "history clear help exit",
      'error: unknown verb "xyz"; known: get put delete resolve keys scan status inspect locate repair wait fault use level coordinator trace ' +
      "history clear help exit",
    ]);

    const json = await cluster.clientWithInput("put 7 x\nlevel one\nget 7\nget 9 two words\n", "--json");
    assertEquals([json.code, json.stderr], [2, ""]);
    const objects = json.stdout.trimEnd().split("\n").map((line) =>
      JSON.parse(line) as Record<string, unknown>
    );
    assertEquals(
      objects.map(({ line, ok, level, value, error }) => [line, ok, level, value, error]),
      [
        [1, true, "QUORUM", undefined, undefined],
        [2, true, "ONE", undefined, undefined],
        [3, true, "ONE", "x", undefined],
        [4, false, undefined, undefined, "malformed_request"],
      ],
    );
    assertEquals((await cluster.clientWithInput("# nothing\n")).code, 0);
  },
);

clusterTest(
  "a script stays with its coordinator, and with --failover goes on with another",
  { replicas: 3 },
  async (cluster) => {
    await cluster.kill9("r1");
    await cluster.waitUp("r2", "r3");
    const begun = await cluster.clientWithInput("put 7 x two\ncoordinator\n");
    assertEquals(begun.code, 0, begun.stderr);
    assertMatch(begun.stderr, /coordinator r2 {2}known: r1 r2 r3/);

    const pinned = await cluster.clientWithInput("put 7 y two\n", "--coordinator", "r1");
    assertEquals(pinned.code, 5);
    assertMatch(
      pinned.stderr,
      /^unavailable: nobody listens at .* Nothing was sent\.\nr1 does not answer; live: r2 r3\. "coordinator r2" goes on with r2\nline 1 failed/,
    );

    const moved = await cluster.clientWithInput(
      "put 7 z two\nget 7 two\n",
      "--coordinator",
      "r1",
      "--failover",
    );
    assertEquals([moved.code, moved.stdout], [0, "z\n"], moved.stderr);
    assertMatch(
      moved.stderr,
      /^ok .*coordinator r2.*\nr1 cannot be reached: moved on to r2\nok .*coordinator r2/,
    );
  },
);
