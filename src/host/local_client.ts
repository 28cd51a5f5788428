/** A client within the replica's own process: asks as one on the wire does, and waits for the one reply. @module */
import { fail, type Result } from "../base/failure.ts";
import type { Failure } from "../protocol/error_codes.ts";
import { HTTP_REQUESTS_MAX } from "../protocol/limits.ts";
import type { Reply } from "../protocol/reply.ts";
import type { Request } from "../protocol/request.ts";
import type { RequestId } from "../replica/event.ts";

/** Asks the replica of this process. */
export class LocalClient {
  readonly #feed: (id: RequestId, request: Request) => void;
  readonly #waiting = new Map<RequestId, (result: Result<Reply, Failure>) => void>();
  /** Below zero, where no transport numbers anything. */
  #lastId = 0;

  /** `feed` hands a request to the replica, which replies through `onReply`. */
  constructor(feed: (id: RequestId, request: Request) => void) {
    this.#feed = feed;
  }

  /** Requests that have no reply yet. */
  get waitingCount(): number {
    return this.#waiting.size;
  }

  /** Asks, and resolves to the reply; never rejects. */
  ask(request: Request): Promise<Result<Reply, Failure>> {
    if (this.#waiting.size >= HTTP_REQUESTS_MAX) {
      const message =
        `${this.#waiting.size} requests over HTTP are in flight, the most it takes; try again or elsewhere`;
      return Promise.resolve(fail({ code: "overloaded", message }));
    }
    return new Promise((resolve) => {
      const id = --this.#lastId;
      this.#waiting.set(id, resolve);
      this.#feed(id, request);
    });
  }

  /** Takes a reply; false where the request was not asked here. */
  onReply(id: RequestId, result: Result<Reply, Failure>): boolean {
    if (id >= 0) return false;
    const resolve = this.#waiting.get(id);
    this.#waiting.delete(id);
    resolve?.(result);
    return true;
  }
}
