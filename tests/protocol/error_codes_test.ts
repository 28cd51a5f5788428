/** Tests of `src/protocol/error_codes.ts`. @module */
import { assert, assertEquals } from "@std/assert";
import { type ErrorCode, ERRORS, isDefinite, isErrorCode } from "../../src/protocol/error_codes.ts";

Deno.test("Only what may have reached a replica is indefinite (H15)", () => {
  const indefinite = Object.keys(ERRORS).filter((code) =>
    !isDefinite({ code: code as ErrorCode, message: "" })
  );
  assertEquals(indefinite, ["timeout", "connection_lost", "session_expired", "internal"]);
});

Deno.test("A failure may override its code's definiteness both ways", () => {
  assert(isDefinite({ code: "timeout", message: "", definite: true }));
  assert(!isDefinite({ code: "unavailable", message: "", definite: false }));
});

Deno.test("Error codes from outside are own names of the table", () => {
  assertEquals(["timeout", "toString", "__proto__", 7, undefined].map(isErrorCode), [
    true,
    false,
    false,
    false,
    false,
  ]);
});
