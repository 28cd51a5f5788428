/**
 * The HTTP API of one replica: who may ask, which path answers. Routing is Hono's; requests and answers are plain values,
 * so that no web stream stands between a socket and the replica.
 * @module
 */
import { createHash, timingSafeEqual } from "node:crypto";
import { Hono } from "hono";
import { bytesOf, type ByteString, encodeText } from "../base/bytes.ts";
import { isLoopback, type Place } from "../replica/cluster_config.ts";
import { DOCS_ANSWER } from "./docs_page.ts";
import { type Answer, type Asked, failureAnswer, jsonAnswer, malformed } from "./exchange.ts";
import { decodeEscapes } from "./fields.ts";
import { itemRoutes } from "./item_routes.ts";
import { keyRoutes } from "./key_routes.ts";
import { kvStoreRoutes } from "./kv_store_routes.ts";
import { describeApi } from "./openapi.ts";
import { pageRoutes } from "./page_routes.ts";
import type { Backend, Route } from "./route.ts";
import { statusRoutes } from "./status_routes.ts";

/** What Hono hands through to a handler: the request, and a place for its answer. */
interface Exchange {
  readonly asked: Asked;
  answer?: Answer;
}

/** Said to Hono in place of an answer: the real one lies in the exchange. */
const ANSWERED = new Response();

/** Answers requests. Knows no sockets. */
export class HttpApi {
  readonly routes: readonly Route[];
  readonly #hono = new Hono<{ Bindings: Exchange }>({
    // Why: a path is not decoded before it is taken apart, so that %2F stays within its segment.
    getPath: (request) => (request as unknown as Asked).path,
  });
  readonly #secretHash: Uint8Array | undefined;
  readonly #openPaths: ReadonlySet<string>;
  /** Names under which a page may ask for us; undefined where any may. */
  readonly #hosts: ReadonlySet<string> | undefined;

  /** `place`: where it is listened for requests. */
  constructor(backend: Backend, place: Place) {
    const { secret } = backend.config;
    this.#secretHash = secret === undefined ? undefined : hashOf(encodeText(secret));
    this.#hosts = isLoopback(place.host) ? new Set([place.host.toLowerCase()]) : undefined;
    const routes = [
      ...keyRoutes(backend),
      ...pageRoutes(backend),
      ...itemRoutes(backend),
      ...kvStoreRoutes(backend),
      ...statusRoutes(backend),
    ];
    this.routes = [...routes, ...describingRoutes(routes, { hasSecret: secret !== undefined })];
    this.#openPaths = new Set(this.routes.filter(({ isOpen }) => isOpen).map(({ path }) => path));
    // Why: an exception is a bug, and not for Hono to make an answer of.
    this.#hono.onError((cause) => {
      throw cause;
    });
    for (const route of this.routes) {
      const path = route.path.replaceAll(/\{(\w+)\}/g, ":$1");
      this.#hono.on(route.method, [path], async (context): Promise<Response> => {
        context.env.answer = await route.answer(context.env.asked, context.req.param());
        return ANSWERED;
      });
    }
  }

  /** Answers one request; rejects only for a bug. */
  async answer(asked: Asked): Promise<Answer> {
    const refusal = this.refusal(asked);
    if (refusal !== undefined) return refusal;
    const isHead = asked.method === "HEAD";
    const exchange: Exchange = { asked: isHead ? { ...asked, method: "GET" } : asked };
    await this.#hono.fetch(exchange.asked as unknown as Request, exchange);
    return exchange.answer ?? this.#noRoute(asked);
  }

  /** Why nobody should look at a request further, nor wait for its body. */
  refusal({ path, headers }: Pick<Asked, "path" | "headers">): Answer | undefined {
    const host = headers.get("host");
    if (this.#hosts !== undefined && host !== undefined && !isOwnName(host, this.#hosts)) {
      // Why: a page from elsewhere can give its own name this address, and would be let in as one of ours.
      return malformed(
        `the header Host is ${
          JSON.stringify(host.slice(0, 80))
        }; this replica listens on loopback and answers to ` +
          "localhost, 127.x.x.x and [::1] only",
      );
    }
    if (path.includes("%") && path.split("/").some((segment) => decodeEscapes(segment) === undefined)) {
      return malformed("the path holds percent-escapes that are no UTF-8");
    }
    if (this.#secretHash === undefined || this.#openPaths.has(path)) return undefined;
    const [, token] = /^Bearer +(.+)$/i.exec(headers.get("authorization") ?? "") ?? [];
    // A header is bytes: where the secret is more than ASCII, they are its UTF-8.
    if (token !== undefined && timingSafeEqual(hashOf(bytesOf(token as ByteString)), this.#secretHash)) {
      return undefined;
    }
    const what = token === undefined ? "is missing" : "is wrong";
    const answer = failureAnswer({
      code: "unauthorized",
      message: `the cluster's secret ${what}; send Authorization: Bearer SECRET`,
    });
    return { ...answer, headers: { "WWW-Authenticate": 'Bearer realm="quartet"' } };
  }

  #noRoute({ method, path }: Asked): Answer {
    const known = this.routes.filter((route) => isAt(route, path)).map((route) => route.method);
    if (known.length === 0) {
      return malformed(
        `there is no path ${JSON.stringify(path.slice(0, 80))}; /docs shows those that there are`,
        404,
      );
    }
    const allow = known.includes("GET") ? ["HEAD", ...known] : known;
    const answer = malformed(`${method} is not known at this path; allowed: ${allow.join(", ")}`, 405);
    return { ...answer, headers: { Allow: allow.join(", ") } };
  }
}

/** Where the API describes itself. Open: they are the same for every cluster, and a browser sends no secret with a page. */
function describingRoutes(routes: readonly Route[], { hasSecret }: { readonly hasSecret: boolean }): Route[] {
  const describing: Route[] = [
    {
      method: "GET",
      path: "/openapi.json",
      isOpen: true,
      described: {
        summary: "This description",
        responses: {
          200: {
            description: "OpenAPI 3.1",
            content: { "application/json": { schema: { type: "object" } } },
          },
        },
      },
      answer: () => description,
    },
    {
      method: "GET",
      path: "/docs",
      isOpen: true,
      described: {
        summary: "This description, for people",
        responses: {
          200: { description: "a page", content: { "text/html": { schema: { type: "string" } } } },
        },
      },
      answer: () => DOCS_ANSWER,
    },
  ];
  const description = jsonAnswer(200, describeApi([...routes, ...describing], { hasSecret }));
  return describing;
}

function isAt(route: Route, path: string): boolean {
  const pattern = route.path.split("/");
  const segments = path.split("/");
  return pattern.length === segments.length &&
    pattern.every((part, index) => part.startsWith("{") ? segments[index] !== "" : part === segments[index]);
}

/** Whether a Host header, with or without a port, names this machine from within. */
function isOwnName(header: string, hosts: ReadonlySet<string>): boolean {
  const [, name = ""] = /^(\[[0-9A-Fa-f:.]+\]|[^:\[\]@/]+)(?::[0-9]{1,5})?$/.exec(header) ?? [];
  const host = name.toLowerCase();
  return isLoopback(host) || hosts.has(host);
}

/** Why hashed: what is compared in constant time must be of one length. */
function hashOf(secret: Uint8Array): Uint8Array {
  return createHash("sha256").update(secret).digest();
}
