/** Which cluster a command line is about: its configuration where there is a file, and how to call it. @module */
import { type ClusterConfig, isLoopback } from "../replica/cluster_config.ts";
import { type Arguments, parseAddress, UsageError } from "./arguments.ts";
import type { CallerOptions } from "./caller.ts";
import { isNoFile, readConfigFile } from "./config_file.ts";
import { findSecret } from "./secret.ts";
import { TcpLink } from "./tcp_link.ts";

/** How much longer than a replica the client waits: the replica's own timeout tells more. */
const GRACE_MS = 500;

/** Wait for an answer where no file tells `request_timeout_ms`. */
const TIMEOUT_DEFAULT_MS = 2500;

/** Whom to call and how, and the configuration where it was read from a file. */
export async function accessOf(
  flags: Arguments["flags"],
  timeoutMs: number | undefined,
): Promise<{ options: CallerOptions; config?: ClusterConfig }> {
  const connect = flags.get("connect");
  const coordinator = flags.get("coordinator");
  const path = flags.get("config") ?? (connect === undefined ? "cluster.toml" : undefined);
  const config = path === undefined ? undefined : await configOf(path, { isGiven: flags.has("config") });
  // A configuration has looked at the environment already.
  const found = config === undefined ? await findSecret() : undefined;
  if (found?.ok === false) throw new UsageError(found.failure);
  const value = config === undefined ? found?.value?.value : config.secret;
  const secret = value === undefined ? {} : { secret: value };
  if (connect !== undefined) {
    if (coordinator !== undefined) {
      throw new UsageError(
        `--coordinator ${coordinator}: --connect ${connect} names the coordinator already; leave one of them out`,
      );
    }
    return {
      options: {
        link: new TcpLink(secret),
        replicas: [{ id: connect, ...parseAddress(connect, "connect") }],
        areAllMembers: false,
        timeoutMs: timeoutMs ?? TIMEOUT_DEFAULT_MS,
      },
    };
  }
  const { members, cluster, settings } = config!;
  if (coordinator !== undefined && !members.some(({ id }) => id === coordinator)) {
    const known = members.map(({ id }) => id).join(" ");
    throw new UsageError(`--coordinator ${coordinator}: no such replica in ${path}; known: ${known}`);
  }
  return {
    config: config!,
    options: {
      link: new TcpLink({ cluster, ...secret }),
      replicas: members,
      areAllMembers: true,
      ...(coordinator === undefined ? {} : { coordinator }),
      timeoutMs: timeoutMs ?? settings.requestTimeoutMs + GRACE_MS,
      ...wayOutOf(members, path!),
    },
  };
}

/** How to start a cluster that lies on this machine alone, where its sources are at hand. */
function wayOutOf(members: ClusterConfig["members"], path: string): { readonly wayOut?: string } {
  if (Deno.build.standalone || !members.every(({ host }) => isLoopback(host))) return {};
  const config = path === "cluster.toml" ? "" : ` --config ${path}`;
  return { wayOut: `deno task cluster -d${config} starts it` };
}

async function configOf(path: string, { isGiven }: { isGiven: boolean }): Promise<ClusterConfig> {
  const config = await readConfigFile(path);
  if (config.ok) return config.value;
  const isElsewhere = !isGiven && config.failure.some(isNoFile);
  const way = isElsewhere ? "; say where the cluster is with --config FILE or --connect HOST:PORT" : "";
  throw new UsageError(config.failure.join("\n") + way);
}
