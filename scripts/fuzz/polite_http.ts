/** A polite client's way over HTTP: one connection that stays, and answers in the words of the wire. @module */
import { fail, ok, type Result } from "../../src/base/failure.ts";
import { type Failure, isErrorCode } from "../../src/protocol/error_codes.ts";
import type { Receipt, Reply } from "../../src/protocol/reply.ts";
import type { Request } from "../../src/protocol/request.ts";
import { isFields, parseJson } from "../../src/transport/fields.ts";
import type { PoliteLink } from "./polite_client.ts";

/** Asks `/v1/keyspaces`. */
export class PoliteHttp implements PoliteLink {
  readonly #base: string;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #client = Deno.createHttpClient({ poolMaxIdlePerHost: 1 });
  #isClosed = false;

  constructor(place: { readonly host: string; readonly port: number }, secret: string | undefined) {
    this.#base = `http://${place.host}:${place.port}`;
    this.#headers = secret === undefined ? {} : { authorization: `Bearer ${secret}` };
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Asks for a put or a get; whatever is not an answer of the API is `connection_lost`. */
  async request(
    request: Request,
    { timeoutMs }: { readonly timeoutMs: number },
  ): Promise<Result<Reply, Failure>> {
    if (request.op !== "put" && request.op !== "get") throw new TypeError(`${request.op} is not asked here`);
    const { op, key, level } = request;
    const path = `/v1/keyspaces/${request.keyspace}/keys/${encodeURIComponent(key)}`;
    try {
      const response = await fetch(`${this.#base}${path}?level=${level}`, {
        client: this.#client,
        method: op.toUpperCase(),
        signal: AbortSignal.timeout(timeoutMs),
        headers: op === "put" ? { ...this.#headers, "content-type": "text/plain" } : this.#headers,
        ...(op === "put" ? { body: request.value } : {}),
      });
      return read(await response.text(), response.status);
    } catch (error) {
      this.close();
      if (error instanceof DOMException) return fail({ code: "timeout", message: "no answer over HTTP" });
      return fail({ code: "connection_lost", message: String(error) });
    }
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#client.close();
  }
}

function read(text: string, status: number): Result<Reply, Failure> {
  const body = parseJson(text);
  if (!isFields(body)) return fail({ code: "connection_lost", message: `${status} ${text.slice(0, 200)}` });
  if (isFields(body.error)) {
    const { code, message, definite } = body.error;
    return fail({
      code: isErrorCode(code) ? code : "internal",
      message: `${status} ${String(message)}`,
      definite: definite === true,
    });
  }
  const receipt = body as unknown as Receipt;
  return ok(
    typeof body.value === "string"
      ? { kind: "value", value: body.value, receipt }
      : { kind: "written", receipt },
  );
}
