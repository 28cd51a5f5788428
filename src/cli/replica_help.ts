/** The page of `quartet replica --help`. @module */
import type { Flags } from "./arguments.ts";
import { exitRows, REPLICA_EXITS } from "./exit_codes.ts";
import { flagLines, rowLines } from "./help_text.ts";
import { VIEW_ENVIRONMENT } from "./view_start.ts";

/** What `quartet replica` takes. */
export const REPLICA_FLAGS: Flags = {
  config: { value: "FILE", help: "the cluster's file; cluster.toml unless given" },
  id: { value: "ID", help: "which replica of the file this is" },
  data: { value: "DIR", help: "its data directory; data/ID beside the file unless given" },
  log: { value: "FILE", help: "append the log to this file; stderr unless given" },
  insecure: { help: "allow addresses that others can reach although the file has no secret" },
  check: { help: "start nothing: say what a start would stumble over, and what to mend" },
  json: { help: "with --check: one JSON object on stdout" },
  rebuild: { help: "set the data directory aside and refill from the other replicas" },
  help: { help: "this text", short: "h" },
};

/** Where a secret may come from, besides the file. */
export const SECRET_ENVIRONMENT: readonly (readonly [name: string, meaning: string])[] = [
  ["QUARTET_SECRET", "the cluster's secret; counts before that of the file"],
  ["QUARTET_SECRET_FILE", "the path of a file with it, which nobody but its owner may read"],
];

/** The page of `quartet replica --help`. */
export function replicaPage(): string {
  return `quartet replica – runs one replica of a cluster

USAGE
  quartet replica --config FILE --id ID [FLAG…]
  VIEW=IP:PORT,… IPPORT=IP:PORT K=N quartet replica
  PORT=PORT quartet replica

DESCRIPTION
Recovers what its data directory holds, listens at its address, dials the other replicas of the file,
and then prints one line on stdout: ready ID ADDRESS data=DIR epoch=EPOCH. From then on it serves
clients and peers until it is told to stop. All replicas need files that name the same cluster, the
same replicas and the same keyspaces.

SIGTERM and SIGINT end it in good order: what is in flight is answered, everything is synced. A
second signal ends it at once. SIGKILL loses nothing that was acknowledged.

A directory belongs to one replica of one cluster, and is locked while it is in use. A replica with an
emptied directory is filled from the others before its answers count; a new one counts once more than
half of the others have said that they never knew it.

Without --config and --id the environment may say it all, and no file is read: VIEW lists the HTTP
addresses of all members, IPPORT is that of this one, and K says how many of them hold copies: the first
K by address; the others pass requests on. With fewer members than K all hold copies. Peers and clients
of the wire are answered at the HTTP port + 10000. There is one keyspace, kv: text keys, level ONE; over
HTTP it is /kv-store and /v1/keyspaces/kv. Data lies in data/IP_PORT below the current directory. Such a
start needs no secret, and warns where others can reach it. A member's id is its address with zeros
before the numbers (010-000-000-001_08080), so that it stays the same when VIEW grows.

--check looks at the file, the secret, the data directory, its disk, the port, the other replicas and
the clocks: one line each, ok, warn or FAIL, with the way out. It changes nothing, does not disturb a
replica that runs, and exits with 0 when nothing fails, else as a start would: with 5 too where a
peer cannot be reached or clocks are apart, as at the first start of a cluster.

FLAGS
${flagLines(REPLICA_FLAGS).join("\n")}

ENVIRONMENT
${rowLines([...VIEW_ENVIRONMENT, ...SECRET_ENVIRONMENT]).join("\n")}

FILES
${
    rowLines([
      ["cluster.toml", "who the replicas are, where they listen, which keyspaces there are, the settings"],
      ["data/ID", "log, checkpoint and identity; made when it is missing"],
      ["data/ID.TIME", "what --rebuild set aside; remove it when the replica is filled"],
    ]).join("\n")
  }

EXIT CODES
${rowLines(exitRows(REPLICA_EXITS)).join("\n")}

EXAMPLES
  quartet replica --config cluster.toml --id r1
  quartet replica --config cluster.toml --id r1 --check
  quartet replica --config cluster.toml --id r1 --data /var/lib/quartet/r1 --log /var/log/quartet-r1.log
  quartet replica --config cluster.toml --id r1 --rebuild
  VIEW=10.0.0.1:80,10.0.0.2:80 IPPORT=10.0.0.1:80 K=2 quartet replica
  PORT=7777 quartet replica
`;
}
