/**
 * Many TCP connections and one place to wait for all of them: Linux's own calls, without Deno's sockets between.
 * Why: the load must cost little and wait for nobody. Deno's connections take several times the processor time, and where
 * more than 128 of them are busy in one process some starve: that would be measured as the server's doing.
 * @module
 */

/** What `wait` says of one connection. */
export interface Ready {
  readonly socket: number;
  readonly canRead: boolean;
  readonly canWrite: boolean;
}

const AF_INET = 2;
const SOCK_STREAM = 1;
const IPPROTO_TCP = 6;
const TCP_NODELAY = 1;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
const EPOLL_CTL_ADD = 1;
const EPOLL_CTL_MOD = 3;
const EPOLLIN = 1;
const EPOLLOUT = 4;
const EAGAIN = 11;
const EINTR = 4;

/** `struct epoll_event` is packed on x64 only: four bytes of flags, then eight that are ours. */
const EVENT_BYTES = Deno.build.arch === "x86_64" ? 12 : 16;
const EVENT_SOCKET_AT = EVENT_BYTES - 8;
const EVENT_COUNT_MAX = 512;
/** The byte order of every processor that Deno runs on. */
const LITTLE_ENDIAN = true;

const libc = Deno.dlopen(
  "libc.so.6",
  {
    socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
    connect: { parameters: ["i32", "buffer", "u32"], result: "i32" },
    setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
    epoll_create1: { parameters: ["i32"], result: "i32" },
    epoll_ctl: { parameters: ["i32", "i32", "i32", "buffer"], result: "i32" },
    epoll_wait: { parameters: ["i32", "buffer", "i32", "i32"], result: "i32" },
    send: { parameters: ["i32", "buffer", "usize", "i32"], result: "i32" },
    recv: { parameters: ["i32", "buffer", "usize", "i32"], result: "i32" },
    close: { parameters: ["i32"], result: "i32" },
    __errno_location: { parameters: [], result: "pointer" },
  } as const,
).symbols;

/** A group of connections, each known by the number that Linux gave it. */
export class Sockets {
  readonly #epoll = libc.epoll_create1(0);
  readonly #events = new Uint8Array(EVENT_BYTES * EVENT_COUNT_MAX);
  readonly #view = new DataView(this.#events.buffer);
  readonly #open = new Set<number>();

  /** Connects to an IPv4 address. Throws when nobody listens there. */
  connect(host: string, port: number): number {
    const address = new Uint8Array(16);
    const view = new DataView(address.buffer);
    view.setUint16(0, AF_INET, LITTLE_ENDIAN);
    view.setUint16(2, port);
    address.set(host.split(".").map(Number), 4);
    const socket = libc.socket(AF_INET, SOCK_STREAM, 0);
    if (socket < 0) throw new Error(`no socket could be made (errno ${errno()}); is ulimit -n large enough?`);
    if (libc.connect(socket, address, address.length) !== 0) {
      const code = errno();
      libc.close(socket);
      throw new Error(`could not connect to ${host}:${port} (errno ${code})`);
    }
    libc.setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, new Uint8Array([1, 0, 0, 0]), 4);
    this.#open.add(socket);
    this.#control(EPOLL_CTL_ADD, socket, EPOLLIN);
    return socket;
  }

  /** Sends what fits now; how many bytes that were. Undefined: the connection is lost. */
  send(socket: number, bytes: Uint8Array): number | undefined {
    return countOf(libc.send(socket, bytes, BigInt(bytes.length), MSG_DONTWAIT | MSG_NOSIGNAL));
  }

  /** Receives what is there, up to the length of `into`. Undefined: the other side has ended it, or it is lost. */
  receive(socket: number, into: Uint8Array): number | undefined {
    const result = libc.recv(socket, into, BigInt(into.length), MSG_DONTWAIT);
    return result === 0 ? undefined : countOf(result);
  }

  /** Whether `wait` tells of room to write as well; not, unless asked. */
  watchRoom(socket: number, isWanted: boolean): void {
    this.#control(EPOLL_CTL_MOD, socket, isWanted ? EPOLLIN | EPOLLOUT : EPOLLIN);
  }

  /** Waits until some connection is ready, at most so long. */
  *wait(timeoutMs: number): Generator<Ready> {
    const count = libc.epoll_wait(this.#epoll, this.#events, EVENT_COUNT_MAX, timeoutMs);
    for (let i = 0; i < count; i++) {
      const flags = this.#view.getUint32(i * EVENT_BYTES, LITTLE_ENDIAN);
      yield {
        socket: this.#view.getInt32(i * EVENT_BYTES + EVENT_SOCKET_AT, LITTLE_ENDIAN),
        // Errors show when reading, as an end does.
        canRead: (flags & ~EPOLLOUT) !== 0,
        canWrite: (flags & EPOLLOUT) !== 0,
      };
    }
  }

  /** Closes one connection. */
  close(socket: number): void {
    if (this.#open.delete(socket)) libc.close(socket);
  }

  /** Closes everything; the group is of no use afterwards. */
  end(): void {
    for (const socket of this.#open) libc.close(socket);
    this.#open.clear();
    libc.close(this.#epoll);
  }

  #control(operation: number, socket: number, flags: number): void {
    const event = new Uint8Array(EVENT_BYTES);
    const view = new DataView(event.buffer);
    view.setUint32(0, flags, LITTLE_ENDIAN);
    view.setInt32(EVENT_SOCKET_AT, socket, LITTLE_ENDIAN);
    if (libc.epoll_ctl(this.#epoll, operation, socket, event) !== 0) {
      throw new Error(`connection ${socket} cannot be waited for (errno ${errno()})`);
    }
  }
}

function countOf(result: number): number | undefined {
  if (result >= 0) return result;
  const code = errno();
  return code === EAGAIN || code === EINTR ? 0 : undefined;
}

function errno(): number {
  return new Deno.UnsafePointerView(libc.__errno_location()!).getInt32();
}
