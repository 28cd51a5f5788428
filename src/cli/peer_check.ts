/** Calls a member of the cluster and compares what it says of itself with the configuration here. @module */
import { QUARTET_VERSION } from "../base/quartet_version.ts";
import { ConnectError, Connection } from "../client/connection.ts";
import type { Status } from "../protocol/reply.ts";
import type { ClusterConfig, Member } from "../replica/cluster_config.ts";
import { digestProblem } from "../transport/handshake.ts";
import { digestOf } from "../transport/hello.ts";
import { FAIL_EXIT, failing, type Finding, fine, splitWayOut, warning } from "./finding.ts";

/** Time for the connection, and then for the answer. */
const WAIT_MS = 2000;

/** What came of one call. */
export interface PeerLook {
  readonly finding: Finding;
  /** Present where the right replica answered. */
  readonly answer?: {
    readonly id: string;
    readonly status: Status;
    /** Its wall clock minus ours, good to half of the time that the answer took. */
    readonly aheadMs?: number;
  };
}

/**
 * Calls one member as a client: it proves the secret both ways, and the other side notices nothing but a client.
 *
 * Why not as a peer: the replica of our own id, if it runs, would lose its connection to this one.
 */
export async function checkPeer(member: Member, config: ClusterConfig): Promise<PeerLook> {
  const { id, host, port } = member;
  const at = `${id} at ${host}:${port}`;
  const fails = (text: string, mend: string, exit: number): PeerLook => ({
    finding: failing("peer", `${at}: ${text}`, mend, exit),
  });
  let connection: Connection;
  try {
    connection = await Connection.open({
      host,
      port,
      timeoutMs: WAIT_MS,
      ...(config.secret === undefined ? {} : { secret: config.secret }),
    });
  } catch (cause) {
    if (!(cause instanceof ConnectError)) throw cause;
    if (cause.kind === "rejected") {
      return fails(...splitWayOut(cause.message, `look at the log of ${id}`), FAIL_EXIT.change);
    }
    return fails(
      unreachedText(cause),
      `start ${id} if it does not run; else look at its address in the file, and at the firewall of its machine`,
      FAIL_EXIT.passes,
    );
  }
  try {
    const { hello } = connection;
    if (hello.cluster !== config.cluster) {
      const text =
        `a replica of cluster "${hello.cluster}" answers there, and the file says "${config.cluster}"`;
      return fails(text, "correct the address, or the name of the cluster", FAIL_EXIT.change);
    }
    if (hello.id !== id) {
      return fails(`${hello.id} answers there`, `correct the address of ${id} in the file`, FAIL_EXIT.change);
    }
    const sentMs = Date.now();
    const { value } = await statusOf(connection);
    const middleMs = (sentMs + Date.now()) / 2;
    if (typeof value === "string") {
      return fails(value, `look at the log of ${id}`, FAIL_EXIT.passes);
    }
    const problem = value.digest && digestProblem(digestOf(config), value.digest, id);
    if (problem) {
      return fails(...splitWayOut(problem.message, "use the same file everywhere"), FAIL_EXIT.change);
    }
    const answer = {
      id,
      status: value,
      ...(value.wall_ms === undefined ? {} : { aheadMs: value.wall_ms - middleMs }),
    };
    if (value.version === QUARTET_VERSION) return { finding: fine("peer", `${at} answers`), answer };
    const text = `${at} runs quartet ${value.version}, and this is ${QUARTET_VERSION}`;
    return { finding: warning("peer", text, "use the same version everywhere"), answer };
  } finally {
    connection.close();
  }
}

async function statusOf(connection: Connection): Promise<{ readonly value: Status | string }> {
  const result = await connection.request({ op: "status" }, { timeoutMs: WAIT_MS });
  if (!result.ok) return { value: `${result.failure.code}: ${result.failure.message}` };
  if (result.value.kind === "status") return { value: result.value.status };
  return { value: `it answers a status with ${result.value.kind}` };
}

function unreachedText({ kind, message }: ConnectError): string {
  if (kind === "timeout") return `nobody answers within ${WAIT_MS} ms`;
  if (message.includes("ConnectionRefused")) return "nobody listens there";
  return message.split("; ")[0]!;
}
