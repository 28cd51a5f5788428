import { assertEquals, assertThrows } from "@std/assert";
import { type Answer, bytesOf, type Dialect, textOf } from "../../scripts/bench/dialect.ts";
import { QuartetDialect } from "../../scripts/bench/quartet_dialect.ts";
import { RedisDialect } from "../../scripts/bench/redis_dialect.ts";

const TEXTS = { keyCount: 3, values: ['a "value"'], clientCount: 2 };
const QUARTET = new QuartetDialect(
  { kind: "quartet", keyspace: "bench", putLevel: "TWO", getLevel: "ONE" },
  TEXTS,
);
const REDIS = new RedisDialect({ kind: "redis", waitCount: 1 }, TEXTS);

/** The bytes of one request as they go out. */
function requestText({ parts }: Dialect, op: "put" | "get", key: number, client: number): string {
  const value = op === "put" ? [parts.values[0]!] : [];
  const head = (op === "put" ? parts.puts : parts.gets)[key]!;
  return [head, ...value, parts.tails[client]!].map(textOf).join("");
}

/** Reads an answer that begins behind other bytes; every shorter piece of it must say that more is to come. */
function readWhole(dialect: Dialect, text: string, op: "put" | "get"): Answer | undefined {
  const bytes = bytesOf(`xx${text}`);
  for (let end = 2; end < bytes.length; end++) {
    assertEquals(
      dialect.readAnswer(bytes, 2, end, () => op === "put"),
      undefined,
      `${end - 2} bytes of ${text}`,
    );
  }
  const answer = dialect.readAnswer(bytes, 2, bytes.length, () => op === "put");
  assertEquals(answer?.end, bytes.length);
  return answer;
}

Deno.test("The load speaks quartet's own format", () => {
  const put = requestText(QUARTET, "put", 2, 1);
  const get = requestText(QUARTET, "get", 0, 0);
  assertEquals(JSON.parse(put), {
    op: "put",
    keyspace: "bench",
    key: "k0000002",
    level: "TWO",
    value: 'a "value"',
    id: 1,
  });
  assertEquals(JSON.parse(get), { op: "get", keyspace: "bench", key: "k0000000", level: "ONE", id: 0 });
  for (const line of [put, get]) assertEquals(line.indexOf("\n"), line.length - 1);
});

Deno.test("The load understands quartet's answers, whole ones only", () => {
  const read = (text: string): [number | undefined, string | undefined] => {
    const answer = readWhole(QUARTET, text, "put")!;
    return [answer.client, answer.error];
  };
  assertEquals(read('{"id":12,"ok":true,"coordinator":"r1"}\n'), [12, undefined]);
  // Fields in another order cost time, not truth.
  assertEquals(read('{"ok":true,"id":7}\n'), [7, undefined]);
  assertEquals(read('{"hello":{"protocol":1}}\n'), [undefined, undefined]);
  assertEquals(read('{"id":3,"ok":false,"error":"timeout","message":"late"}\n'), [3, "timeout: late"]);
  assertThrows(() => read('{"id":null,"ok":false,"error":"overloaded","message":"full"}\n'), Error, "full");
});

Deno.test("A put to Redis is SET and WAIT in one packet, a get is GET", () => {
  assertEquals(
    requestText(REDIS, "put", 2, 0),
    '*3\r\n$3\r\nSET\r\n$8\r\nk0000002\r\n$9\r\na "value"\r\n*3\r\n$4\r\nWAIT\r\n$1\r\n1\r\n$1\r\n0\r\n',
  );
  assertEquals(requestText(REDIS, "get", 0, 0), "*2\r\n$3\r\nGET\r\n$8\r\nk0000000\r\n");
  const alone = new RedisDialect({ kind: "redis", waitCount: 0 }, TEXTS);
  assertEquals(
    requestText(alone, "put", 0, 0),
    '*3\r\n$3\r\nSET\r\n$8\r\nk0000000\r\n$9\r\na "value"\r\n',
  );
  assertEquals(readWhole(alone, "+OK\r\n", "put")!.error, undefined);
});

Deno.test("A put to Redis is done with both answers, and only if enough replicas confirm", () => {
  const put = (text: string): string | undefined => readWhole(REDIS, text, "put")!.error;
  assertEquals(put("+OK\r\n:1\r\n"), undefined);
  assertEquals(put("+OK\r\n:2\r\n"), undefined);
  assertEquals(put("+OK\r\n:0\r\n"), "WAIT 1 0 was answered with :0");
  assertEquals(put("-OOM no room\r\n:1\r\n"), "SET was answered with -OOM no room");
});

Deno.test("A get from Redis is done with its whole value", () => {
  const get = (text: string): string | undefined => readWhole(REDIS, text, "get")!.error;
  assertEquals(get("$5\r\nhello\r\n"), undefined);
  assertEquals(get("$6\r\nhe\r\nlo\r\n"), undefined);
  assertEquals(get("$0\r\n\r\n"), undefined);
  assertEquals(get("$-1\r\n"), "GET found nothing");
  assertEquals(get("-ERR no\r\n"), "GET was answered with -ERR no");
});
