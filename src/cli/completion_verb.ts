/** `completion`: the script that makes a shell complete `quartet`, and the candidates that such a script asks for. @module */
import { type Arguments, UsageError } from "./arguments.ts";
import { CLIENT_FLAGS, SESSION_FLAGS } from "./client_help.ts";
import { type CommandShape, complete, type Completion, type Grammar, type Knowledge } from "./completer.ts";
import { CHECK } from "./check_verb.ts";
import { COMPLETION_SCRIPTS, FILES_MARK, SHELLS } from "./completion_scripts.ts";
import { readConfigFile } from "./config_file.ts";
import type { LocalVerb } from "./local_verb.ts";
import type { Output } from "./output.ts";
import { SIM } from "./sim_verb.ts";
import { REPLICA_FLAGS } from "./replica_help.ts";
import { ALIASES, VERBS } from "./verbs.ts";

/** `completion bash|zsh|fish` */
export const COMPLETION: LocalVerb = {
  name: "completion",
  words: "bash|zsh|fish",
  summary: "prints the script that makes a shell complete quartet",
  details:
    `Completed are verbs, flags, levels, and the keyspaces and replicas of cluster.toml or --config FILE.

  bash  in ~/.bashrc:                 source <(quartet client completion bash)
  zsh   in ~/.zshrc, behind compinit: source <(quartet client completion zsh)
  fish  once: quartet client completion fish > ~/.config/fish/completions/quartet.fish

The scripts ask quartet itself: "quartet client completion words -- WORD…" prints what may stand in
place of the last WORD of a command line that begins behind "quartet". One line each: the candidate,
a tab, what it is. One line "${FILES_MARK}" means any file.

EXAMPLES
  source <(quartet client completion bash)
  quartet client completion words -- client get 7 t`,
  flags: {},
  run: completionCommand,
};

/** All verbs that ask no cluster. */
export const LOCAL_VERBS: readonly LocalVerb[] = [CHECK, SIM, COMPLETION];

const HELP: CommandShape = {
  name: "help",
  words: "[VERB]",
  summary: "more on one verb, with examples",
};

const TOP: readonly CommandShape[] = [
  { name: "client", words: "", summary: "ask a cluster" },
  { name: "replica", words: "", summary: "run one replica" },
  { name: "help", words: "[client|replica]", summary: "a page of help" },
];

async function completionCommand({ words, flags }: Arguments, output: Output): Promise<number> {
  const [what, ...rest] = words;
  const foreign = [...flags.keys()][0];
  if (foreign !== undefined) throw new UsageError(`completion takes no --${foreign}`);
  if (what === "words") {
    const typed = joinAssignments(rest);
    const completion = completeShell(typed, await knowledgeOf(typed));
    if (completion === "files") output.line(FILES_MARK);
    else for (const { text, summary } of completion) output.line(`${text}\t${summary ?? ""}`);
    return 0;
  }
  const shell = SHELLS.find((name) => name === what);
  if (shell === undefined || rest.length > 0) {
    const given = words.length === 0 ? "nothing" : `"${words.join(" ")}"`;
    throw new UsageError(`completion takes one of ${SHELLS.join(", ")}, and ${given} was given`);
  }
  output.line(COMPLETION_SCRIPTS[shell].trimEnd());
  return 0;
}

/** Candidates for the last word of a command line that begins behind `quartet`. */
export function completeShell(typed: readonly string[], knowledge: Knowledge): Completion {
  const words = typed.slice(0, -1);
  const partial = typed.at(-1) ?? "";
  const grammar = { aliases: new Map<string, string>(), flags: {}, knowledge };
  switch (words[0]) {
    case "client":
      return complete(words.slice(1), partial, clientGrammar(knowledge));
    case "replica":
      return complete(words.slice(1), partial, { ...grammar, commands: [], flags: REPLICA_FLAGS });
    default:
      return complete(words, partial, {
        ...grammar,
        commands: TOP,
        flags: { help: { help: "what quartet is" }, version: { help: "its version" } },
      });
  }
}

function clientGrammar(knowledge: Knowledge): Grammar {
  return {
    commands: [...VERBS, ...LOCAL_VERBS, HELP],
    aliases: ALIASES,
    flags: CLIENT_FLAGS,
    flagsAlone: SESSION_FLAGS,
    knowledge,
  };
}

/** Bash takes `--flag=value` for three words. */
export function joinAssignments(words: readonly string[]): string[] {
  const joined: string[] = [];
  for (const [at, word] of words.entries()) {
    const last = joined.at(-1);
    const isValue = words[at - 1] === "=" && last?.endsWith("=");
    if (last?.startsWith("--") && (word === "=" || isValue)) joined[joined.length - 1] = last + word;
    else joined.push(word);
  }
  return joined;
}

/** What the file that the command line is about tells; nothing where it cannot be read: completing is no time for errors. */
async function knowledgeOf(typed: readonly string[]): Promise<Knowledge> {
  const config = await readConfigFile(configPath(typed));
  if (!config.ok) return { keyspaces: [], replicas: [], keys: [] };
  const { keyspaces, members } = config.value;
  return { keyspaces: [...keyspaces.keys()], replicas: members.map(({ id }) => id), keys: [] };
}

function configPath(typed: readonly string[]): string {
  const at = typed.findIndex((word) => word === "--config" || word.startsWith("--config="));
  const path = at < 0 ? undefined : typed[at]!.startsWith("--config=") ? typed[at]!.slice(9) : typed[at + 1];
  return path === undefined || path === ""
    ? "cluster.toml"
    : path.replace(/^~(?=\/)/, Deno.env.get("HOME") ?? "~");
}
