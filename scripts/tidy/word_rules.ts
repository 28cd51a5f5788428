/** Words that code below the edge must not say, because they reach the clock, chance, the network or the engine. @module */
import type { Problem } from "./problem.ts";
import type { SourceText } from "./source_text.ts";

interface WordRule {
  readonly pattern: RegExp;
  readonly wayOut: string;
}

const TIME = "take the time from `now`, keep deadlines and compare them on `tick`";

/** Functions of `Math` whose results every engine version agrees on. */
const EXACT_MATH = "abs ceil clz32 floor imul max min round sign sqrt trunc".split(" ");

/** None of these may stand after a dot: `field.Deno` is somebody's own word. */
const BELOW_THE_EDGE: readonly WordRule[] = [
  { pattern: word("Deno"), wayOut: "go through a port of src/ports.ts; host/ implements it" },
  { pattern: word("Date"), wayOut: TIME },
  { pattern: word("performance"), wayOut: TIME },
  {
    pattern: word("(?:set|clear)(?:Timeout|Interval|Immediate)|AbortSignal\\s*\\.\\s*timeout"),
    wayOut: TIME,
  },
  {
    pattern: word(`Math(?!\\s*\\.\\s*(?:${EXACT_MATH.join("|")})\\b)`),
    wayOut: `only Math.${EXACT_MATH.join(", ")} give the same result everywhere; draw from base/random.ts`,
  },
  { pattern: word("crypto"), wayOut: "take chance from the Entropy port, hash with base/hash.ts" },
  { pattern: word("Intl"), wayOut: "format by hand; engines differ" },
  {
    pattern: /\.\s*(?:localeCompare|toLocale\w*)\b/g,
    wayOut: "compare bytes or with `<`, format by hand; engines differ",
  },
  { pattern: word("globalThis"), wayOut: "name what is needed, so that these rules see it" },
  {
    pattern: word("process|Buffer|fetch|WebSocket|Worker"),
    wayOut: "go through a port of src/ports.ts; host/ implements it",
  },
];

/** Names of ours: DESIGN and STYLE call these replica, member, peer or tree node. */
const BARE_NAME = /(?<![\w$-])(?:node|nodes|Node)(?![\w$-])/g;

/** What a file below the edge says and must not. */
export function checkWordsBelowTheEdge(file: SourceText): Problem[] {
  return BELOW_THE_EDGE.flatMap(({ pattern, wayOut }) =>
    [...file.code.matchAll(pattern)].map((match) => ({
      path: file.path,
      line: file.lineOf(match.index),
      rule: `says ${match[0].replaceAll(/\s/g, "")} below the edge`,
      wayOut,
    }))
  );
}

/** Names that no file of ours may use. */
export function checkNames(file: SourceText): Problem[] {
  return [...file.code.matchAll(BARE_NAME)].map((match) => ({
    path: file.path,
    line: file.lineOf(match.index),
    rule: `the bare name ${match[0]}`,
    wayOut: "say replica, member, peer or treeNode",
  }));
}

function word(source: string): RegExp {
  return new RegExp(`(?<![\\w$#]|(?<!\\.\\.)\\.\\s*)(?:${source})(?![\\w$])`, "g");
}
