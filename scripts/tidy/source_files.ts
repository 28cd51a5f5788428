/** The TypeScript files of the repository, as they lie on the disk. @module */
import { join, relative } from "@std/path";

/** One file. */
export interface SourceFile {
  /** From the top of the repository, with `/`. */
  readonly path: string;
  readonly text: string;
}

/** The files at and below these paths of the repository at `root`; a file that is not there is left out. */
export async function readSources(root: string, paths: readonly string[]): Promise<SourceFile[]> {
  const files: SourceFile[] = [];
  for (const path of paths) {
    for await (const found of typescriptFiles(join(root, path))) {
      files.push({
        path: relative(root, found).replaceAll("\\", "/"),
        text: await Deno.readTextFile(found),
      });
    }
  }
  return files;
}

async function* typescriptFiles(path: string): AsyncGenerator<string> {
  if (path.endsWith(".ts")) {
    if (await Deno.stat(path).then(() => true, () => false)) yield path;
    return;
  }
  for await (const entry of Deno.readDir(path)) {
    if (entry.isDirectory || entry.name.endsWith(".ts")) yield* typescriptFiles(join(path, entry.name));
  }
}
