/** `/openapi.json`: the description of the API (OpenAPI 3.1), made of the very routes that answer. @module */
import { ERRORS } from "../protocol/error_codes.ts";
import { LEVELS } from "../protocol/level.ts";
import { QUARTET_VERSION } from "../base/quartet_version.ts";
import { answersOf, schemaOf, type Words } from "./openapi_words.ts";
import type { Route } from "./route.ts";

/** A schema of an object: `?` behind a name says that the field may be absent. */
function object(fields: Readonly<Record<string, Words>>, more: Words = {}): Words {
  const names = Object.keys(fields);
  return {
    type: "object",
    properties: Object.fromEntries(names.map((name) => [name.replace("?", ""), fields[name]])),
    required: names.filter((name) => !name.endsWith("?")),
    ...more,
  };
}

const text = { type: "string" };
const count = { type: "integer", minimum: 0 };
const truth = { type: "boolean" };
const anything = {};
const replicaIds = { type: "array", items: text };
const result = (word: string): Words => ({ const: word });

const RECEIPT: Readonly<Record<string, Words>> = {
  coordinator: text,
  keyspace: text,
  level: { type: "string", enum: LEVELS },
  required: { ...count, description: "copies that the level needed" },
  copies: { ...count, description: "copies that the keyspace declares" },
  acked: { ...replicaIds, description: "who holds the write on disk, or who answered" },
  owed: { ...replicaIds, description: "who had not acknowledged yet" },
  repaired: { ...replicaIds, description: "who was made equal before this answer" },
  "version?": schemaOf("Version"),
  "created?": { const: true, description: "a put of a key that had no value on the coordinator's disk" },
  "beside?": { ...count, description: "versions beside what was written, where siblings stay" },
  "superseded_by?": schemaOf("Version"),
  "context?": { ...text, description: "what a write has to name to replace what was read here" },
  "session?": { ...text, description: "the session after this request" },
  "maybe_stale?": { const: true, description: "nobody who could be reached knew all of the session" },
};

const SCHEMAS: Readonly<Record<string, Words>> = {
  Version: object({
    stamp: { ...count, description: "the greater stamp wins" },
    origin: { ...text, description: "the replica that gave it, a dot, the epoch of its directory" },
    wall_ms: { type: "number", description: "when that was on its clock" },
  }),
  Receipt: object(RECEIPT),
  Value: object({ value: text, "siblings?": { type: "array", items: schemaOf("Sibling") }, ...RECEIPT }),
  Sibling: { allOf: [schemaOf("Version"), object({ "value?": text })] },
  Page: object({
    coordinator: text,
    keyspace: text,
    level: { type: "string", enum: LEVELS },
    required: { ...count, description: "copies of each key that were looked at, at least" },
    copies: { ...count, description: "copies that the keyspace declares" },
    entries: {
      type: "array",
      items: object({
        key: { oneOf: [text, count], description: "text, or a number where the keyspace has byte keys" },
        "value?": text,
        "siblings?": { type: "array", items: schemaOf("Sibling") },
        version: schemaOf("Version"),
      }),
    },
    more: { ...truth, description: "there may be keys behind this page, even where it is short" },
    "last?": { oneOf: [text, count], description: "the next page begins `after` it" },
  }),
  Item: object({ value: anything, "siblings?": { type: "array", items: schemaOf("Version") }, ...RECEIPT }),
  Put: object({ value: text, "level?": text, "context?": text, "session?": text }, {
    additionalProperties: false,
  }),
  PutItem: object({ value: anything, "level?": text, "context?": text, "session?": text }, {
    additionalProperties: false,
  }),
  Error: object({
    error: object({
      code: { type: "string", enum: Object.keys(ERRORS) },
      message: { ...text, description: "the value, the limit, the way out" },
      definite: { ...truth, description: "nothing happened and nothing will" },
      "required?": count,
      "live?": count,
      "acked?": replicaIds,
      "coordinator?": text,
      "version?": schemaOf("Version"),
      "context?": text,
      "session?": text,
      "maybe_stale?": { const: true },
    }),
  }),
  Status: object({
    id: text,
    cluster: text,
    epoch: text,
    version: text,
    ready: truth,
    recovering: truth,
    disk_full: truth,
    uptime_ms: count,
    peers: { type: "array", items: { type: "object" } },
    counters: { type: "object", additionalProperties: { type: "number" } },
  }),
  Health: object({ status: { const: "up" } }),
  Readiness: object({ ready: truth, "reason?": text, "disk_full?": { const: true } }),
  Peers: object({
    peers: { type: "array", items: object({ id: text, address: text, "http?": text, alive: truth }) },
  }),
  PeersHealth: object({ healthy: truth, alive: replicaIds, dead: replicaIds }),
  KvSuccess: object({
    result: result("success"),
    value: text,
    node_id: {
      ...text,
      description: "the replica that coordinated: for a put, the one that gave the version",
    },
    causal_payload: { ...text, description: "to be sent with the next request" },
    timestamp: {
      type: "number",
      description: "when the version was given, on the clock of its giver, in milliseconds",
    },
  }),
  KvError: object({ result: result("error"), msg: text }),
  KvErrorOrError: { anyOf: [schemaOf("KvError"), schemaOf("Error")] },
  KvNodeDetails: object({ result: result("success"), replica: { enum: ["Yes", "No"] } }),
  KvReplicas: object({ result: result("success"), replicas: { type: "array", items: text } }),
};

/** The document. */
export function describeApi(routes: readonly Route[], { hasSecret }: { readonly hasSecret: boolean }): Words {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const { method, path, isOpen, described } of routes) {
    (paths[path] ??= {})[method.toLowerCase()] = {
      operationId: `${method.toLowerCase()} ${path}`.replaceAll(/[^a-z0-9]+/gi, "_").replace(/_$/, ""),
      ...described,
      // Without a secret nobody is refused for want of it.
      ...(hasSecret && !isOpen
        ? { responses: { ...(described.responses as Words), ...answersOf({ 401: "Error" }) } }
        : {}),
      ...(isOpen && hasSecret ? { security: [] } : {}),
    };
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "quartet",
      version: QUARTET_VERSION,
      description:
        "A replicated key-value store. Every path asks the replica at whose address it stands; any of them can " +
        "coordinate any request. `definite` in an error says whether nothing happened for certain.",
      license: { name: "MIT", identifier: "MIT" },
    },
    servers: [{ url: "/" }],
    paths,
    components: {
      schemas: SCHEMAS,
      ...(hasSecret ? { securitySchemes: { secret: { type: "http", scheme: "bearer" } } } : {}),
    },
    ...(hasSecret ? { security: [{ secret: [] }] } : {}),
  };
}
