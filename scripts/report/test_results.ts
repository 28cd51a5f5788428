/** How each test ended, read from the JUnit file that `deno test --junit-path` writes. @module */

/** One test. Its steps belong to it. */
export interface TestResult {
  /** From the top of the repository, with `/`. */
  readonly file: string;
  readonly name: string;
  readonly outcome: "passed" | "failed" | "ignored";
}

const CASE = /<testcase name="([^"]*)" classname="([^"]*)"[^>]*?(?:\/>|>([\s\S]*?)<\/testcase>)/g;

const ENTITIES: Readonly<Record<string, string>> = { lt: "<", gt: ">", amp: "&", quot: '"', apos: "'" };

/** The tests in the file's text, by file and in the order of the file. Why no XML library: Deno alone writes these lines. */
export function parseTestResults(xml: string): TestResult[] {
  const cases = [...xml.matchAll(CASE)].map(([, name = "", file = "", inside = ""]): TestResult => ({
    file: unescape(file).replace(/^\.\//, ""),
    name: unescape(name),
    outcome: inside.includes("<failure") || inside.includes("<error")
      ? "failed"
      : inside.includes("<skipped")
      ? "ignored"
      : "passed",
  }));
  const known = new Set(cases.map(({ file, name }) => `${file}\n${name}`));
  const isStep = ({ file, name }: TestResult): boolean =>
    name.split(" > ").some((_, index, parts) =>
      index > 0 && known.has(`${file}\n${parts.slice(0, index).join(" > ")}`)
    );
  return byFile(cases.filter((each) => !isStep(each)));
}

/**
 * The results with the test file that each belongs to, by file. Why: Deno names the file that calls `Deno.test`, and for tests
 * that a harness defines that is the harness. Their home is the test file that says the longest end of their name, whose
 * beginning may be made of parts. `testFiles` is path to text.
 */
export function atHome(results: readonly TestResult[], testFiles: ReadonlyMap<string, string>): TestResult[] {
  const homeOf = ({ file, name }: TestResult): string => {
    if (testFiles.has(file)) return file;
    const words = name.split(" ");
    for (let first = 0; first < words.length; first++) {
      const end = words.slice(first).join(" ");
      for (const [path, text] of testFiles) if (text.includes(end)) return path;
    }
    return file;
  };
  return byFile(results.map((result) => ({ ...result, file: homeOf(result) })));
}

/** Files run side by side, so that they come in any order; a stable sort keeps that of the tests inside. */
function byFile(results: TestResult[]): TestResult[] {
  return results.sort((a, b) => a.file < b.file ? -1 : a.file > b.file ? 1 : 0);
}

/** Why a test is ignored, where its name says it. */
export function whyIgnored({ name }: TestResult): string | undefined {
  return /\(ignored: (.*)\)$/.exec(name)?.[1];
}

/** The name without the reason. */
export function plainName({ name }: TestResult): string {
  return name.replace(/ \(ignored: .*\)$/, "");
}

function unescape(text: string): string {
  return text.replaceAll(/&(?:#(\d+)|#x([0-9a-f]+)|(\w+));/gi, (whole, decimal, hex, name) => {
    if (name !== undefined) return ENTITIES[name] ?? whole;
    return String.fromCodePoint(decimal !== undefined ? Number(decimal) : parseInt(hex, 16));
  });
}
