/**
 * The first lines of a connection: who is there, what it speaks, and what its cluster looks like.
 * Wire format: only append.
 * @module
 */
import { fail, ok, type Result } from "../base/failure.ts";
import type { Failure } from "../protocol/error_codes.ts";
import { PROTOCOL_VERSION } from "../protocol/limits.ts";
import type { ClusterConfig } from "../replica/cluster_config.ts";
import type { ReplicaId } from "../replica/envelope.ts";
import { type Fields, isCount, isEpoch, isFields, isName, show, wrongField } from "./fields.ts";

/** What the two sides of a cluster must have in common: `members`, and one entry for each keyspace. */
export type Digest = Readonly<Record<string, string>>;

/** The server's first line. */
export interface ServerHello {
  readonly cluster: string;
  readonly id: ReplicaId;
  /** The server's directory epoch. */
  readonly epoch: string;
  /** 32 hex digits, drawn for this connection. */
  readonly nonce: string;
  /** Whether the other side must prove that it has the secret. */
  readonly auth: boolean;
  /** Bytes that one line may have. */
  readonly line_bytes_max: number;
}

/** The first line of a replica that dialled another. */
export interface PeerHello {
  readonly role: "peer";
  readonly cluster: string;
  readonly id: ReplicaId;
  readonly epoch: string;
  readonly nonce: string;
  readonly digest: Digest;
  /** Present where the cluster has a secret. */
  readonly proof?: string;
}

/** The first line of a client, needed where the server says `auth`. */
export interface ClientHello {
  readonly role: "client";
  readonly nonce: string;
  readonly proof?: string;
}

/** The server's answer to a hello that it accepts. */
export interface Welcome {
  readonly proof?: string;
  /** Present for peers. */
  readonly digest?: Digest;
}

const NONCE = /^[0-9a-f]{32}$/;
const NONCE_ALLOWED = "32 hex digits";
const PROOF = /^[0-9a-f]{64}$/;
const DIGEST_ENTRIES_MAX = 1024;
const DIGEST_CHARS_MAX = 4096;

/** What this configuration must have in common with every other member's. */
export function digestOf(config: ClusterConfig): Digest {
  const entries: [string, string][] = [["members", config.members.map((member) => member.id).join(",")]];
  for (const { name, keys, partitioner, replication, siblings } of config.keyspaces.values()) {
    const placed = `keys=${keys} partitioner=${partitioner} replication=${replication}`;
    // Why only then: the words of a keyspace with one winner are those of versions that knew no others.
    entries.push([`keyspace.${name}`, siblings ? `${placed} siblings=true` : placed]);
  }
  return Object.fromEntries(entries);
}

/** The line of a hello, without its end. */
export function encodeHello(hello: ServerHello | PeerHello | ClientHello): string {
  return JSON.stringify({ hello: { protocol: PROTOCOL_VERSION, ...hello } });
}

/** The line of a welcome, without its end. */
export function encodeWelcome(welcome: Welcome): string {
  return JSON.stringify({ welcome });
}

/** Whether a parsed line means to be a hello. */
export function isHello(input: unknown): input is { readonly hello: unknown } {
  return isFields(input) && Object.hasOwn(input, "hello");
}

/** A server's hello from a parsed line. */
export function parseServerHello(input: unknown): Result<ServerHello, Failure> {
  const fields = helloFields(input);
  if (!fields.ok) return fields;
  const { cluster, id, epoch, nonce, auth, line_bytes_max } = fields.value;
  if (!isName(cluster)) return fail(wrongField("cluster", cluster, "a cluster's name"));
  if (!isName(id)) return fail(wrongField("id", id, "a replica's id"));
  if (!isEpoch(epoch)) return fail(wrongField("epoch", epoch, "1 to 16 hex digits"));
  if (!isNonce(nonce)) return fail(wrongField("nonce", nonce, NONCE_ALLOWED));
  if (typeof auth !== "boolean") return fail(wrongField("auth", auth, "true, false"));
  if (!isCount(line_bytes_max)) return fail(wrongField("line_bytes_max", line_bytes_max, "a count of bytes"));
  return ok({ cluster, id, epoch, nonce, auth, line_bytes_max });
}

/** The hello of the side that dialled, from a parsed line. */
export function parseDiallerHello(input: unknown): Result<PeerHello | ClientHello, Failure> {
  const fields = helloFields(input);
  if (!fields.ok) return fields;
  const { role, cluster, id, epoch, nonce, digest, proof } = fields.value;
  if (role !== "peer" && role !== "client") return fail(wrongField("role", role, "peer, client"));
  if (!isNonce(nonce)) return fail(wrongField("nonce", nonce, NONCE_ALLOWED));
  // Why: a wrong proof is not shown, it might be somebody's secret in the wrong place.
  if (proof !== undefined && !isProof(proof)) {
    return fail({ code: "unauthorized", message: '"proof" has a wrong form; allowed: 64 hex digits' });
  }
  const proven = proof === undefined ? {} : { proof };
  if (role === "client") return ok({ role, nonce, ...proven });
  if (!isName(cluster)) return fail(wrongField("cluster", cluster, "a cluster's name"));
  if (!isName(id)) return fail(wrongField("id", id, "a replica's id"));
  if (!isEpoch(epoch)) return fail(wrongField("epoch", epoch, "1 to 16 hex digits"));
  if (!isDigest(digest)) return fail(wrongField("digest", digest, "an object of strings"));
  return ok({ role, cluster, id, epoch, nonce, digest, ...proven });
}

/** A welcome from a parsed line; undefined where it is none. */
export function parseWelcome(input: unknown): Welcome | undefined {
  if (!isFields(input) || !isFields(input.welcome)) return undefined;
  const { proof, digest } = input.welcome;
  if (proof !== undefined && !isProof(proof)) return undefined;
  if (digest !== undefined && !isDigest(digest)) return undefined;
  return { ...(proof === undefined ? {} : { proof }), ...(digest === undefined ? {} : { digest }) };
}

/** The fields of a hello in the protocol that we speak. */
function helloFields(input: unknown): Result<Fields, Failure> {
  if (!isHello(input) || !isFields(input.hello)) {
    const what = typeof input === "object" ? "no hello" : show(input);
    return fail({
      code: "malformed_request",
      message: `the first line is ${what}; allowed: {"hello":{"protocol":${PROTOCOL_VERSION},…}}`,
    });
  }
  const { protocol } = input.hello;
  if (protocol === PROTOCOL_VERSION) return ok(input.hello);
  return fail({
    code: "unsupported_version",
    message: `protocol ${show(protocol)} came, ${PROTOCOL_VERSION} was expected; ` +
      "use the same version of quartet on both sides",
  });
}

function isNonce(value: unknown): value is string {
  return typeof value === "string" && NONCE.test(value);
}

function isProof(value: unknown): value is string {
  return typeof value === "string" && PROOF.test(value);
}

/** Whether `value` is a digest of no more than any configuration makes. */
export function isDigest(value: unknown): value is Digest {
  if (!isFields(value)) return false;
  const entries = Object.values(value);
  return entries.length <= DIGEST_ENTRIES_MAX &&
    entries.every((text) => typeof text === "string" && text.length <= DIGEST_CHARS_MAX);
}
