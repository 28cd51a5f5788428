/**
 * Who may connect: the checks that each side makes of the other's hello, and the proof that it has the secret (H23).
 * Pure: nonces and the keyed hash come from outside.
 *
 * The proof is HMAC-SHA256(secret, text) in hex; the text is the JSON of
 * `["quartet", protocol, prover, role, cluster, listener id, dialler id, listener nonce, dialler nonce]`.
 * Both nonces make it fresh, prover and role keep one side's proof from serving as the other's, the ids and the cluster
 * keep it from serving elsewhere.
 * @module
 */
import { fail, ok, type Result } from "../base/failure.ts";
import type { Failure } from "../protocol/error_codes.ts";
import { PROTOCOL_VERSION } from "../protocol/limits.ts";
import type { ReplicaId } from "../replica/envelope.ts";
import { show } from "./fields.ts";
import type { ClientHello, Digest, PeerHello, ServerHello, Welcome } from "./hello.ts";

/** A hash keyed with the cluster's secret: text to hex. */
export type Hmac = (text: string) => string;

/** What a replica knows of itself when it meets another. */
export interface Self {
  readonly id: ReplicaId;
  readonly cluster: string;
  readonly epoch: string;
  readonly digest: Digest;
  readonly memberIds: ReadonlySet<ReplicaId>;
  /** Absent where the cluster has no secret. */
  readonly hmac?: Hmac;
}

/** The two sides of a connection, as a proof names them. */
interface Encounter {
  readonly role: "peer" | "client";
  readonly cluster: string;
  readonly listenerId: ReplicaId;
  /** Empty for a client. */
  readonly diallerId: ReplicaId;
  readonly listenerNonce: string;
  readonly diallerNonce: string;
}

function proofText(prover: "listener" | "dialler", encounter: Encounter): string {
  const { role, cluster, listenerId, diallerId, listenerNonce, diallerNonce } = encounter;
  return JSON.stringify([
    "quartet",
    PROTOCOL_VERSION,
    prover,
    role,
    cluster,
    listenerId,
    diallerId,
    listenerNonce,
    diallerNonce,
  ]);
}

/** Equality that takes the same time wherever the texts differ. */
export function equalsInConstantTime(a: string, b: string): boolean {
  let difference = a.length ^ b.length;
  for (let i = 0; i < a.length; i++) difference |= a.charCodeAt(i) ^ b.charCodeAt(i % (b.length || 1));
  return difference === 0;
}

/** The hello of a replica that dialled `server`. */
export function peerHello(self: Self, server: ServerHello, nonce: string): PeerHello {
  const { id, cluster, epoch, digest, hmac } = self;
  const encounter = peerEncounter(server, id, nonce);
  const proven = hmac === undefined ? {} : { proof: hmac(proofText("dialler", encounter)) };
  return { role: "peer", cluster, id, epoch, nonce, digest, ...proven };
}

/** The hello of a client that dialled `server`. */
export function clientHello(server: ServerHello, nonce: string, hmac: Hmac | undefined): ClientHello {
  const encounter = clientEncounter(server, nonce);
  return {
    role: "client",
    nonce,
    ...(hmac === undefined ? {} : { proof: hmac(proofText("dialler", encounter)) }),
  };
}

/** What the server that said `server` thinks of a dialler: its welcome, or the refusal. */
export function welcomeFor(
  self: Self,
  server: ServerHello,
  hello: PeerHello | ClientHello,
): Result<Welcome, Failure> {
  const isPeer = hello.role === "peer";
  if (isPeer && hello.cluster !== self.cluster) return fail(otherCluster(self, hello.cluster));
  if (isPeer && (hello.id === self.id || !self.memberIds.has(hello.id))) {
    const what = hello.id === self.id ? `is this replica's own` : "is not in this replica's configuration";
    return fail({
      code: "wrong_cluster",
      message: `the id ${show(hello.id)} ${what}; members here: ${self.digest.members}`,
    });
  }
  const encounter = isPeer
    ? peerEncounter(server, hello.id, hello.nonce)
    : clientEncounter(server, hello.nonce);
  const unproven = proofProblem(self.hmac, hello.proof, "dialler", encounter);
  if (unproven !== undefined) return fail(unproven);
  if (isPeer) {
    const problem = digestProblem(self.digest, hello.digest, hello.id);
    if (problem !== undefined) return fail(problem);
  }
  return ok({
    ...(self.hmac === undefined ? {} : { proof: self.hmac(proofText("listener", encounter)) }),
    ...(isPeer ? { digest: self.digest } : {}),
  });
}

/** What is wrong with the server that answered where `expectedId` should be. */
export function serverProblem(self: Self, server: ServerHello, expectedId: ReplicaId): Failure | undefined {
  if (server.cluster !== self.cluster) return otherCluster(self, server.cluster);
  if (server.id !== expectedId) {
    return {
      code: "wrong_cluster",
      message:
        `replica ${server.id} answers at the address of ${expectedId}; check the addresses in the configuration`,
    };
  }
  return secretProblem(self.hmac !== undefined, server);
}

/** What is wrong with a welcome that a replica got as a peer. */
export function peerWelcomeProblem(
  self: Self,
  server: ServerHello,
  nonce: string,
  welcome: Welcome,
): Failure | undefined {
  const encounter = peerEncounter(server, self.id, nonce);
  return proofProblem(self.hmac, welcome.proof, "listener", encounter) ??
    digestProblem(self.digest, welcome.digest ?? {}, server.id);
}

/** What is wrong with a welcome that a client got. */
export function clientWelcomeProblem(
  server: ServerHello,
  nonce: string,
  hmac: Hmac | undefined,
  welcome: Welcome,
): Failure | undefined {
  return proofProblem(hmac, welcome.proof, "listener", clientEncounter(server, nonce));
}

/** A secret on one side only: neither may trust the other. */
export function secretProblem(hasSecret: boolean, server: ServerHello): Failure | undefined {
  if (hasSecret === server.auth) return undefined;
  const who = server.auth
    ? `replica ${server.id} asks for the cluster's secret, and none is set here`
    : `a secret is set here, and replica ${server.id} has none`;
  return { code: "unauthorized", message: `${who}; set the same \`secret\` in every configuration` };
}

function peerEncounter(server: ServerHello, diallerId: ReplicaId, diallerNonce: string): Encounter {
  return {
    role: "peer",
    cluster: server.cluster,
    listenerId: server.id,
    diallerId,
    listenerNonce: server.nonce,
    diallerNonce,
  };
}

function clientEncounter(server: ServerHello, diallerNonce: string): Encounter {
  return { ...peerEncounter(server, "", diallerNonce), role: "client" };
}

function proofProblem(
  hmac: Hmac | undefined,
  proof: string | undefined,
  prover: "listener" | "dialler",
  encounter: Encounter,
): Failure | undefined {
  if (hmac === undefined) return undefined;
  const isProven = proof !== undefined && equalsInConstantTime(proof, hmac(proofText(prover, encounter)));
  if (isProven) return undefined;
  const what = proof === undefined
    ? "no proof of the cluster's secret came"
    : "the proof of the cluster's secret is wrong";
  return { code: "unauthorized", message: `${what}; use the same \`secret\` on both sides` };
}

/** Characters of what two configurations differ in. Why more than of other words: the difference may stand at the end. */
const DIGEST_SHOWN_MAX = 200;

/** In what two configurations differ that must not. */
export function digestProblem(own: Digest, other: Digest, otherId: ReplicaId): Failure | undefined {
  for (const name of new Set([...Object.keys(own), ...Object.keys(other)])) {
    const here = Object.hasOwn(own, name) ? own[name] : undefined;
    const there = Object.hasOwn(other, name) ? other[name] : undefined;
    if (here === there) continue;
    return {
      code: "wrong_cluster",
      message:
        `the configurations differ in ${show(name)}: here ${show(here ?? "absent", DIGEST_SHOWN_MAX)}, ` +
        `on ${otherId} ${show(there ?? "absent", DIGEST_SHOWN_MAX)}; use the same file everywhere`,
    };
  }
  return undefined;
}

function otherCluster(self: Self, cluster: string): Failure {
  return {
    code: "wrong_cluster",
    message: `cluster ${show(cluster)} met cluster ${
      show(self.cluster)
    }; connect to a replica of one's own cluster`,
  };
}
