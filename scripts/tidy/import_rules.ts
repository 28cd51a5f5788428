/** Who may import whom, checked: the table itself is a constant of `scripts/tidy.ts`. @module */
import type { Problem } from "./problem.ts";
import type { SourceText } from "./source_text.ts";

/**
 * For each folder of `src/` (or one file of it, which adds to its folder's row) what it may import besides itself:
 * `folder`, `folder/file.ts`, or a pattern with one `*` for any run of characters.
 */
export type ImportTable = Readonly<Record<string, readonly string[]>>;

/** One import, re-export or `import(…)`, of values or of types. */
interface Import {
  readonly specifier: string | undefined;
  readonly offset: number;
  readonly names: string;
  readonly isReexport: boolean;
}

/** Every import of a `src/` file (or of `main.ts`) that the table does not allow. */
export function checkImports(file: SourceText, table: ImportTable, edges: readonly string[]): Problem[] {
  const problems: Problem[] = [];
  const owner = ownerOf(file.path);
  const isEdge = file.path === "main.ts" || edges.some((edge) => matches(owner, edge));
  for (const found of importsOf(file)) {
    const report = (rule: string, wayOut: string): void =>
      void problems.push({ path: file.path, line: file.lineOf(found.offset), rule, wayOut });
    const { specifier } = found;
    if (found.isReexport) {
      report(`re-exports from "${specifier}"`, "import the file that owns the noun where it is used");
    }
    if (specifier === undefined) {
      report("import() of a name that is not a plain string", "name the file in a string");
    } else if (!specifier.startsWith(".")) {
      if (isEdge || isCrc32(found)) continue;
      report(
        `imports "${specifier}"; of packages only node:zlib's crc32 is allowed below the edge`,
        `move what needs it to ${edges.join(", ")}`,
      );
    } else {
      const target = ownerOf(resolvePath(file.path, specifier));
      if (isAllowed(owner, target, table)) continue;
      const folder = folderOf(owner);
      const allowed = [...(table[folder] ?? []), ...(table[owner] ?? [])].join(", ") || "nothing";
      report(
        `${owner} imports ${target}`,
        `${folder} may import: ${allowed}; move the code, or hand it in as a parameter`,
      );
    }
  }
  return problems;
}

function isAllowed(owner: string, target: string, table: ImportTable): boolean {
  const folder = folderOf(owner);
  if (target.startsWith("../")) return false;
  if (folder === folderOf(target)) return true;
  const allowed = [...(table[folder] ?? []), ...(owner === folder ? [] : table[owner] ?? [])];
  return allowed.some((pattern) => matches(target, pattern));
}

/** `src/base/bytes.ts` is `base/bytes.ts`, `src/ports.ts` is `ports`, `main.ts` is `main`; all else starts with `../`. */
function ownerOf(path: string): string {
  if (path === "main.ts") return "main";
  if (!path.startsWith("src/")) return `../${path}`;
  const inside = path.slice("src/".length);
  return inside.includes("/") ? inside : inside.replace(/\.ts$/, "");
}

function folderOf(owner: string): string {
  return owner.split("/")[0]!;
}

/** Whether `owner` (`folder/file.ts` or `folder`) is what the pattern names. */
export function matches(owner: string, pattern: string): boolean {
  if (!pattern.includes("/")) return pattern === "*" || folderOf(owner) === pattern;
  const [before = "", after] = pattern.split("*");
  if (after === undefined) return owner === pattern;
  return owner.length >= pattern.length - 1 && owner.startsWith(before) && owner.endsWith(after);
}

function isCrc32({ specifier, names }: Import): boolean {
  return specifier === "node:zlib" && /^\{\s*crc32(\s+as\s+\w+)?\s*,?\s*\}$/.test(names.trim());
}

function* importsOf(file: SourceText): Generator<Import> {
  const statement = /(?<![\w.$#])(import|export)\b(\s*\(|[^;"'`()=]*?\bfrom\s*(?=["'])|\s*(?=["']))/g;
  for (const match of file.code.matchAll(statement)) {
    const [whole, word, rest = ""] = match;
    const isCall = rest.trim() === "(";
    if (word === "export" && !rest.includes("from")) continue;
    const end = match.index + whole.length;
    const quote = end + /^\s*/.exec(file.code.slice(end))![0].length;
    const names = rest.replace(/\bfrom\s*$/, "").replace(/^\s*type\b/, "");
    const specifier = file.stringAt(quote);
    if (specifier === undefined && !isCall) continue;
    yield { specifier, offset: match.index, names, isReexport: word === "export" };
  }
}

function resolvePath(from: string, specifier: string): string {
  const parts = from.split("/").slice(0, -1);
  for (const part of specifier.split("/")) {
    if (part === "..") {
      if (parts.length === 0 || parts.at(-1) === "..") parts.push("..");
      else parts.pop();
    } else if (part !== ".") parts.push(part);
  }
  return parts.join("/");
}
