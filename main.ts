/** The `quartet` binary: two subcommands and no third. @module */
import { clientCommand } from "./src/cli/client_command.ts";
import { replicaCommand } from "./src/cli/replica_command.ts";
import { topCommand, unlessOutputIsLost } from "./src/cli/top_command.ts";

const [name, ...rest] = Deno.args;

Deno.exit(
  await unlessOutputIsLost(() => {
    const isCommand = name === "replica" || name === "client";
    if (isCommand && rest[0] === "--version") return topCommand(rest);
    if (name === "replica") return replicaCommand(rest);
    if (name === "client") return clientCommand(rest);
    return topCommand(Deno.args);
  }),
);
