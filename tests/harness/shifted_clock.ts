/**
 * `quartet` on a machine whose clock is wrong: run it with `QUARTET_TEST_SHIFT_MS` in the environment, and the words of
 * a command line. Only the wall clock is shifted.
 * @module
 */
const wallMs = Date.now;
const shiftMs = Number(Deno.env.get("QUARTET_TEST_SHIFT_MS"));
Date.now = () => wallMs() + shiftMs;

// Why not above: what is imported must find the clock shifted already.
await import("../../main.ts");
