import { assertEquals, assertThrows } from "@std/assert";
import { pickTests } from "../../scripts/test.ts";

const FILES = ["tests/base/bytes_test.ts", "tests/storage/engine_test.ts", "tests/storage/memtable_test.ts"];

Deno.test("The test task runs everything without a filter", () => {
  assertEquals(pickTests([], FILES), { paths: ["tests"] });
});

Deno.test("The test task takes folders and parts of file names as filters", () => {
  assertEquals(pickTests(["storage", "./tests/base/bytes_test.ts"], FILES).paths, [
    FILES[1]!,
    FILES[2]!,
    FILES[0]!,
  ]);
  assertEquals(pickTests(["engine", "storage"], FILES).paths, [FILES[1]!, FILES[2]!]);
});

Deno.test("The test task takes what is no file as a part of a test's name", () => {
  assertEquals(pickTests(["storage", "keeps acknowledged writes"], FILES), {
    paths: [FILES[1]!, FILES[2]!],
    name: "keeps acknowledged writes",
  });
  assertThrows(() => pickTests(["keeps", "acknowledged"], FILES), TypeError, "quote it");
});
