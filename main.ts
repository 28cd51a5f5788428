/** The `quartet` binary: two subcommands and no third. @module */
import { clientCommand } from "./src/cli/client_command.ts";
import { replicaCommand } from "./src/cli/replica_command.ts";
import { topCommand } from "./src/cli/top_command.ts";

const [name, ...rest] = Deno.args;

if (name === "replica") Deno.exit(await replicaCommand(rest));
if (name === "client") Deno.exit(await clientCommand(rest));
Deno.exit(topCommand(Deno.args));
