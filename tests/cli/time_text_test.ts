import { assertEquals } from "@std/assert";
import { ageText, durationText, momentText } from "../../src/cli/time_text.ts";

const NOON_MS = new Date(2026, 0, 31, 12, 5, 4, 7).getTime();

Deno.test("a moment of today is a time, any other has its date", () => {
  assertEquals(momentText(NOON_MS, NOON_MS + 3_600_000), "12:05:04.007");
  assertEquals(momentText(NOON_MS, NOON_MS + 86_400_000), "2026-01-31 12:05:04.007");
});

Deno.test("an age says so when the writer's clock is ahead of this one", () => {
  assertEquals(ageText(NOON_MS, NOON_MS + 3000), "3 s ago");
  assertEquals(ageText(NOON_MS, NOON_MS + 420), "420 ms ago");
  assertEquals(ageText(NOON_MS, NOON_MS), "now");
  assertEquals(ageText(NOON_MS, NOON_MS - 50), "now");
  assertEquals(ageText(NOON_MS, NOON_MS - 2000), "2 s ahead of this clock");
});

Deno.test("a length of time has one unit", () => {
  assertEquals(
    [999, 1000, 59_999, 60_000, 3_600_000, 86_400_000, 2 * 86_400_000].map(durationText),
    ["999 ms", "1 s", "59 s", "1 min", "1 h", "24 h", "2 d"],
  );
});
