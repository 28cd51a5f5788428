import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { parseConfigText, readConfigFile } from "../../src/cli/config_file.ts";

const GOOD = await Deno.readTextFile(new URL("../../cluster.toml", import.meta.url));

function problems(text: string): string {
  const result = parseConfigText(text, "cluster.toml");
  return result.ok ? "no problem" : result.failure.join("\n");
}

Deno.test("the shipped cluster.toml is read", () => {
  const result = parseConfigText(GOOD, "cluster.toml");
  assert(result.ok);
  assertEquals(result.value.members.map(({ id }) => id), ["r1", "r2", "r3", "r4"]);
  assertEquals(result.value.keyspaces.get("main")?.replication, 4);
  assert(result.value.faults);
});

Deno.test("all problems come at once, each with its line, key, value and what is allowed", () => {
  assertEquals(
    problems(`cluster = "La b"
colour = "red"
[[replica]]
id = "r1"
address = "127.0.0.1:7411"
[[replica]]
id = "r2"
address = "127.0.0.1:99999"
port = 7
[keyspace.main]
keys = "bits"
replication = 9   # too many
[settings]
heartbeat_interval_ms = "often"
`),
    `cluster.toml:1: cluster: "La b" is not allowed; allowed: 1 to 32 of a–z, 0–9, - and _, not starting with - or _
cluster.toml:8: replica[2].address: port 99999 is out of range; allowed: 1 to 65535
cluster.toml:9: replica[2].port: unknown key; known here: id, address, http
cluster.toml:11: keyspace.main.keys: "bits" is not allowed; allowed: byte, text
cluster.toml:12: keyspace.main.replication: 9 is not allowed; allowed: an integer from 1 to 2
cluster.toml:14: settings.heartbeat_interval_ms: "often" is not allowed; allowed: an integer from 10 to 60000
cluster.toml:2: colour: unknown key; known here: cluster, secret, secret_file, faults, replica, keyspace, default_keyspace, http_keyspace, settings`,
  );
});

Deno.test("a missing key is reported at its table, and a missing table without a line", () => {
  assertEquals(
    problems(`cluster = "lab"
[[replica]]
id = "r1"
`),
    `cluster.toml:2: replica[1].address: missing; allowed: HOST:PORT, such as "127.0.0.1:7411"
cluster.toml: keyspace: missing: declare at least one [keyspace.NAME]
cluster.toml: default_keyspace: missing; allowed: the name of a keyspace`,
  );
});

Deno.test("an id or address that is declared twice is reported where it is declared again", () => {
  assertEquals(
    problems(`cluster = "lab"
[[replica]]
id = "r1"
address = "127.0.0.1:7411"
[[replica]]
id = "r1"
address = "127.0.0.1:7411"
[[replica]]
id = "r0"
address = "127.0.0.1:7412"
[keyspace.main]
`),
    `cluster.toml:6: replica.id: "r1" is declared twice; each id names one replica
cluster.toml:7: replica.address: "127.0.0.1:7411" belongs to both r1 and r1`,
  );
});

Deno.test("text that is not TOML is reported with line and column", () => {
  assertEquals(
    problems(`cluster = "lab"\ncluster = "again"\n`),
    `cluster.toml:2:1: trying to redefine an already defined table or value: cluster = …`,
  );
});

Deno.test("what is easily left out is told as that, and not as what follows from it", () => {
  const cases: readonly (readonly [string, string])[] = [
    ['cluster = "lab\ndefault_keyspace = "main"\n', ":1:15: a quote is opened and not closed: cluster = …"],
    ['cluster = "lab', ":1:11: a quote is opened and not closed: cluster = …"],
    [
      GOOD.replaceAll("[[replica]]", "[replica]"),
      ":12:2: trying to redefine an already defined table or value (each replica begins with [[replica]], " +
      "in double brackets): [replica]",
    ],
    [
      GOOD.replace("[[replica]]", "[replica]"),
      ":12:3: trying to redefine an already defined table or value (each replica begins with [[replica]], " +
      "in double brackets): [[replica]]",
    ],
    [
      GOOD.replace("[keyspace.main]", "[keyspace]"),
      ":27: keyspace: its name is missing; write [keyspace.NAME], such as [keyspace.main]",
    ],
    [
      GOOD.replace("replication = 4", "request_timeout_ms = 500"),
      ":30: keyspace.main.request_timeout_ms: unknown key here; it belongs under [settings]",
    ],
    [
      `hint_count_max = 5\n${GOOD}`,
      ":1: hint_count_max: unknown key here; it belongs under [settings]",
    ],
  ];
  for (const [text, problem] of cases) assertEquals(problems(text), `cluster.toml${problem}`);
});

Deno.test("an address that stands for all of a machine is refused: others dial it too", () => {
  for (const host of ["0.0.0.0", "[::]", "0", "[0:0:0:0:0:0:0:0]"]) {
    assertEquals(
      problems(GOOD.replace("127.0.0.1:7412", `${host}:7412`)),
      `cluster.toml:14: replica.address: "${host}:7412" is no address that others can dial; ` +
        "write the address of r2's machine",
    );
  }
  assertEquals(
    problems(GOOD.replace("127.0.0.1:8412", "0.0.0.0:8412")),
    `cluster.toml:15: replica.http: "0.0.0.0:8412" is no address that others can dial; write the address of r2's machine`,
  );
  for (const host of ["10.0.0.1", "[::1]", "h0.example"]) {
    assertEquals(problems(GOOD.replace("127.0.0.1:7412", `${host}:7412`)), "no problem");
  }
});

Deno.test("text without quotes is met with them", () => {
  const config = parseConfigText("cluster = lab\n", "cluster.toml");
  assert(!config.ok);
  assertEquals(config.failure, ["cluster.toml:1:11: invalid value (text stands in quotes): cluster = …"]);
});

Deno.test("a secret is never printed, whether its value or its line is wrong", () => {
  const wrongValue = problems(GOOD.replace(/^# secret = .*$/m, 'secret = "hunter2"'));
  assertEquals(
    wrongValue,
    "cluster.toml:4: secret: this value is not allowed; allowed: 16 to 1024 characters",
  );
  const lines = [
    'secret = "hunter2',
    'sceret = "hunter2',
    'secret = """\nhunter2',
    'secret = """\nabc\n""" hunter2 = 1',
    'secret = ["a",\nhunter2',
    "hunter2hunter2hunter2",
    "secret = 4711hunter2",
  ];
  for (const line of lines) {
    const wrong = problems(GOOD.replace(/^# secret = .*$/m, line));
    assert(/^cluster.toml:[4-9]:/.test(wrong), wrong);
    assert(!wrong.includes("hunter2"), wrong);
  }
});

Deno.test("a file that does not exist is named", async () => {
  const result = await readConfigFile("/nonexistent/cluster.toml");
  assertEquals(result, { ok: false, failure: ["/nonexistent/cluster.toml: no such file"] });
});

Deno.test("a mistyped key is met with the one that was meant", () => {
  assertEquals(
    problems(GOOD.replace("default_level", "defualt_level")),
    "cluster.toml:31: keyspace.main.defualt_level: unknown key; did you mean default_level? known here: keys, " +
      "partitioner, replication, default_level, read_repair, hinted_handoff, anti_entropy, siblings, siblings_max, coordination",
  );
});

Deno.test("a secret stands in the file or in a file of its own, and not in both", () => {
  const both = GOOD.replace(/^# secret = .*$/m, 'secret = "0123456789abcdef"\nsecret_file = "secret"');
  assertEquals(problems(both), "cluster.toml:5: secret_file: secret is set as well; keep one of the two");
});

Deno.test("a file that is none, or far too large, is not read", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const large = join(directory, "large.toml");
    await Deno.writeTextFile(large, "");
    await Deno.truncate(large, 10 * 1024 ** 3);
    const cases = [[directory, "is no file"], [
      large,
      "has 10737418240 bytes, at most 1048576 are read",
    ]] as const;
    for (const [path, expected] of cases) {
      const result = await readConfigFile(path);
      assert(!result.ok);
      assertStringIncludes(result.failure.join(), expected);
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("hostile TOML is problems with lines, never an exception", () => {
  const deep = 100_000;
  const texts = [
    `a = ${"[".repeat(deep)}`,
    `a = ${"[".repeat(deep)}${"]".repeat(deep)}`,
    `a = ${"{b=".repeat(deep)}1${"}".repeat(deep)}`,
    `${"a.".repeat(deep)}b = 1`,
    `[${"a.".repeat(deep)}b]`,
    "__proto__ = 1\nconstructor = 2",
    '[__proto__]\ncluster = "lab"',
    '[keyspace.__proto__]\nkeys = "byte"',
    '[settings]\n"__proto__" = 7\nvalue_bytes_max = 1e400',
    'cluster = "\\uD800"',
    "\0",
  ];
  for (const text of texts) {
    const result = parseConfigText(text, "cluster.toml");
    assert(!result.ok && result.failure.length > 0, text.slice(0, 40));
    for (const line of result.failure) assert(line.length < 1000, line.slice(0, 200));
  }
});
