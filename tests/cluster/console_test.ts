import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { quartetCommand } from "../../scripts/supervisor/replica_process.ts";
import { unless, whyNoProgram } from "../harness/abilities.ts";
import { binaryUnderTest, LocalCluster } from "../harness/processes.ts";
import { KEYS, Terminal } from "../harness/terminal.ts";

const whyNot = await whyNoProgram("script");

function consoleTest(name: string, replicas: number, body: (cluster: LocalCluster) => Promise<void>): void {
  Deno.test({
    ...unless(whyNot, name),
    fn: async () => {
      // Why long: no test here waits for it, and on a busy machine a replica may stand still for a second.
      await using cluster = await LocalCluster.start({
        replicas,
        settings: { failure_timeout_ms: 10_000, staleness_bound_ms: 60_000 },
      });
      try {
        await body(cluster);
      } catch (error) {
        cluster.keepDirectory();
        throw new Error(`failed with these logs\n${cluster.logs()}\nkept: ${cluster.directory}`, {
          cause: error,
        });
      }
    },
  });
}

function openConsole(cluster: LocalCluster, ...flags: string[]): Terminal {
  const [command, args] = quartetCommand(binaryUnderTest(), ["client", "--config", cluster.config, ...flags]);
  // So wide that no message is wrapped.
  const env = { QUARTET_HISTORY: join(cluster.directory, "history") };
  return Terminal.open(command, args, { columns: 200, env });
}

/** Types letters, waits until they are there, and presses Tab: readline takes what comes at once for a paste. */
async function complete(terminal: Terminal, typed: string, completed: string): Promise<void> {
  await terminal.type(typed);
  await terminal.shows(typed);
  await terminal.type(KEYS.tab);
  await terminal.shows(completed);
}

consoleTest(
  "a console has a prompt, verbs, Tab, Ctrl-C, and a history that outlives it",
  3,
  async (cluster) => {
    {
      await using terminal = openConsole(cluster);
      await terminal.shows("main QUORUM r1> ");
      await terminal.enter("put 7 'two words' two");
      await terminal.shows(/ok .*acked r1.*TWO of 3.*coordinator r1/s);
      await terminal.shows("main QUORUM r1> ");

      await complete(terminal, "ge", "t ");
      await complete(terminal, "", "7 ");
      await complete(terminal, "on", "e ");
      await terminal.type(KEYS.enter);
      await terminal.shows(/\ntwo words\n/);
      await terminal.shows(/ONE of 3/);
      await terminal.shows("r1> ");
      await complete(terminal, "coordinator ", "r");
      await terminal.type(KEYS.tab);
      await terminal.shows(/r1 +r2 +r3/);
      await terminal.type("2", KEYS.enter);
      await terminal.shows("main QUORUM r2> ");

      await terminal.type("put 7 wrong");
      await terminal.shows("put 7 wrong");
      await terminal.type(KEYS.ctrlC);
      await terminal.shows("r2> ");
      await terminal.enter("consistency one");
      await terminal.shows("main ONE r2> ");
      await terminal.enter("put 8 one");
      await terminal.shows('warning: this stores the text "one"');
      await terminal.shows("r2> ");
      await terminal.enter("put 7 a b c");
      await terminal.shows(
        /error: put takes KEY VALUE \[LEVEL\], and 4 words were given: put a value with spaces in quotes/,
      );
      await terminal.enter("get 7");
      await terminal.shows(/\ntwo words\n/);

      await terminal.enter("trace on");
      await terminal.shows("main ONE r2 trace> ");
      await terminal.enter("put 7 traced all");
      await terminal.shows(/received/);
      await terminal.shows(/r1/);
      await terminal.shows("trace> ");
      await terminal.enter("exit");
      assertEquals(await terminal.ended(), 0);
    }
    await using terminal = openConsole(cluster);
    await terminal.shows("main QUORUM r1> ");
    await terminal.type(KEYS.up, KEYS.up);
    await terminal.shows("put 7 traced all");
    await terminal.type(KEYS.enter);
    await terminal.shows(/acked r1 r2 r3/);
    await terminal.enter("history 3");
    await terminal.shows(/exit\n.*put 7 traced all\n.*history 3\n/);
    await terminal.shows("r1> ");
    await terminal.type(KEYS.ctrlD);
    assertEquals(await terminal.ended(), 0);
  },
);

consoleTest(
  "lines pasted at once stand before their answers, Ctrl-Z keeps the console, and help is that of a console",
  3,
  async (cluster) => {
    await using terminal = openConsole(cluster);
    await terminal.shows("main QUORUM r1> ");
    await terminal.type("put 1 a\rlevel one\rget 1\r");
    await terminal.shows(/acked .*\n.*main QUORUM r1> level one\n.*level ONE\n.*main ONE r1> get 1\na\nok/s);
    await terminal.shows("main ONE r1> ");
    await terminal.type("get 1");
    await terminal.shows("get 1");
    await terminal.type(KEYS.ctrlZ);
    await terminal.shows("(Ctrl-Z does not suspend; exit or Ctrl-D leaves)\nmain ONE r1> get 1");
    await terminal.type(KEYS.enter);
    await terminal.shows(/\na\nok/);
    await terminal.enter("help use");
    await terminal.shows(/USAGE\n {2}use \[KEYSPACE\]\n\nEXAMPLES\n {2}use main\n/);
    await terminal.enter("help put");
    const [page] = await terminal.shows(/DESCRIPTION[^]*EXAMPLES/);
    assert(!page.includes("stdin"), page);
    await terminal.shows("main ONE r1> ");
    await terminal.type(KEYS.ctrlD);
    assertEquals(await terminal.ended(), 0);
  },
);

consoleTest("a console says when its coordinator dies, and names who lives", 3, async (cluster) => {
  await using terminal = openConsole(cluster);
  await terminal.shows("main QUORUM r1> ");
  await terminal.enter("put 7 x");
  await terminal.shows("coordinator r1");
  await terminal.shows("r1> ");
  await terminal.type("get 7");
  await terminal.shows("get 7");
  // At once, and what was being typed stays.
  await cluster.kill9("r1");
  await terminal.shows('r1 does not answer; live: r2 r3. "coordinator r2" goes on with r2');
  await terminal.shows("main QUORUM r1> get 7");
  await terminal.type(KEYS.enter);
  await terminal.shows(/unavailable: nobody listens at /);
  await terminal.shows('"coordinator r2" goes on with r2');
  await terminal.enter("coordinator r2");
  await terminal.shows("main QUORUM r2> ");
  await terminal.enter("get 7");
  await terminal.shows(/\nx\n/);
  await terminal.enter("coordinator r1");
  await terminal.shows(/unavailable: nobody listens at .*; is r1 running\? \(staying with r2\)/);
});

consoleTest(
  "Ctrl-C stops waiting for a paused coordinator; --failover leaves it, and repeats no write",
  3,
  async (cluster) => {
    await using terminal = openConsole(cluster, "--failover");
    await terminal.shows("main QUORUM r1> ");
    await terminal.enter("put 7 x");
    await terminal.shows("coordinator r1");
    await terminal.shows("r1> ");
    await cluster.pause("r1");
    await terminal.enter("put 7 y");
    await terminal.shows("put 7 y\n");
    await terminal.type(KEYS.ctrlC);
    await terminal.shows(
      "stopped waiting; the put may have happened, or may still happen: get the key to know",
    );
    await terminal.shows("r1> ");
    await terminal.enter("put 7 z");
    await terminal.shows(/timeout: no answer from r1/);
    await terminal.shows(
      "r1 does not answer: moved on to r2; the put was not repeated, because it may have happened: get the key to know",
    );
    await terminal.shows("main QUORUM r2> ");
    await terminal.enter("get 7");
    assertMatch((await terminal.shows(/\n[xyz]\nok/))[0], /x/);
    cluster.resume("r1");
  },
);
