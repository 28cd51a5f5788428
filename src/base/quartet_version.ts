/** The version of quartet itself; the same as in `deno.json`, which a test checks. @module */

/** Shown by `--version` and `status`. */
export const QUARTET_VERSION = "0.1.0";
