/** What stands in the way of starting a cluster here, found before anything is started. @module */
import { openAddressProblem } from "../../src/cli/secret.ts";
import { placeText } from "../../src/replica/cluster_config.ts";
import { type ClusterFile, clusterFilePath, readClusterFile, removeClusterFile } from "./cluster_file.ts";
import { isRunning } from "./os_process.ts";
import { whyTaken } from "./port_owner.ts";
import { type ClusterSetup, shortPath } from "./supervisor.ts";

/** Who of an earlier start is still there. */
export type Remains =
  | { readonly kind: "none" }
  /** The file is left over; nobody it names runs. */
  | { readonly kind: "stale"; readonly file: ClusterFile }
  /** The supervisor is gone, these replicas run on. */
  | { readonly kind: "orphans"; readonly file: ClusterFile; readonly ids: readonly string[] }
  | { readonly kind: "running"; readonly file: ClusterFile };

/** Looks at `cluster.json` and at the processes it names. */
export function findRemains(dataDirectory: string): Remains {
  const file = readClusterFile(dataDirectory);
  if (!file) return { kind: "none" };
  if (isRunning(file.supervisor)) return { kind: "running", file };
  const ids = file.replicas.filter((replica) => isRunning(replica)).map(({ id }) => id);
  return ids.length > 0 ? { kind: "orphans", file, ids } : { kind: "stale", file };
}

/** One line for each obstacle, with the way out; empty when the cluster can start. Clears what is merely left over. */
export function findObstacles(
  { launch, config, clusterCommand }: ClusterSetup,
  say: (line: string) => void,
): string[] {
  const path = shortPath(clusterFilePath(launch.dataDirectory));
  try {
    Deno.mkdirSync(launch.dataDirectory, { recursive: true, mode: 0o700 });
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const directory = shortPath(launch.dataDirectory);
    return [`the directory ${directory} cannot be made: ${error.message}; give another with --data DIR`];
  }
  const remains = findRemains(launch.dataDirectory);
  switch (remains.kind) {
    case "running":
      return [
        `a cluster runs here already (supervisor ${remains.file.supervisor.pid}, ${path}); ` +
        `see ${clusterCommand} status, or end it: ${clusterCommand} stop`,
      ];
    case "orphans":
      return [
        `${remains.ids.join(", ")} of an earlier cluster still run, their supervisor ` +
        `${remains.file.supervisor.pid} is gone (${path}); end them: ${clusterCommand} stop`,
      ];
    case "stale":
      say(`${path} was left over from supervisor ${remains.file.supervisor.pid}, which is gone; removed`);
      removeClusterFile(launch.dataDirectory);
      break;
    case "none":
      // Half a file names nobody; whoever wrote it did not live to start anything.
      removeClusterFile(launch.dataDirectory);
  }
  const open = openAddressProblem(config);
  if (open !== undefined) {
    return [
      `${open}; all replicas run on this machine: give them addresses such as 127.0.0.1 in ` +
      `${shortPath(launch.configFile)}, or set a secret of at least 16 characters there`,
    ];
  }
  return config.members.flatMap(({ id, host, port, http }) => {
    const places = [{ what: "address", host, port }, ...(http ? [{ what: "http", ...http }] : [])];
    return places.flatMap(({ what, ...place }) => {
      const why = whyTaken(place.host, place.port);
      if (why === undefined) return [];
      const whose = what === "http" ? `${id} (http)` : id;
      const another = `give ${id} another ${what} in ${shortPath(launch.configFile)}`;
      return [`${placeText(place)} of ${whose} ${why}; end that process, or ${another}`];
    });
  });
}
