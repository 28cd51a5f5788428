/** Every bound on what comes from outside or waits inside, beside each other; how they must stand to each other, too. @module */
import { assert } from "../base/assert.ts";

/** The version that `hello` carries. Wire format: raise on an incompatible change. */
export const PROTOCOL_VERSION = 1;

/** Bytes in a UTF-8 text key. */
export const TEXT_KEY_BYTES_MAX = 1024;

/** Characters of a context or session token: room for hundreds of origins. */
export const TOKEN_CHARS_MAX = 16 * 1024;

/** Bytes of a value unless the configuration says otherwise. */
export const VALUE_BYTES_DEFAULT = 1024 * 1024;

/** Largest value that the configuration may allow. */
export const VALUE_BYTES_CEILING = 16 * 1024 * 1024;

/** Bytes of one line on the wire that hold a value of `valueBytesMax` in the worst JSON escaping (six bytes for one). */
export function lineBytesMin(valueBytesMax: number): number {
  return 6 * valueBytesMax + 64 * 1024;
}

/** Requests in one line (a batch). */
export const BATCH_COUNT_MAX = 1024;

/** Requests that one connection may have in flight; beyond it the replica stops reading from that connection. */
export const CONNECTION_REQUESTS_MAX = 1024;

/** Requests that one replica coordinates at a time; beyond it clients get `overloaded`. */
export const REQUESTS_IN_FLIGHT_MAX = 16 * 1024;

/** Traced requests that one replica coordinates at a time; beyond it they get `overloaded`. */
export const TRACES_MAX = 1024;

/** Characters of JSON in one trace; with three bytes for each it still fits into what `lineBytesMin` leaves. */
export const TRACE_CHARS_MAX = 16 * 1024;

/** Characters of a replica's message that a trace repeats. */
export const TRACE_MESSAGE_CHARS_MAX = 200;

/**
 * Bytes up to which a value is small. Limits in bytes leave small values alone, so that a flood of large ones does not
 * shut out everybody else; how many small ones there may be is bounded by their count.
 */
export const SMALL_VALUE_BYTES = 16 * 1024;

/** Value bytes of puts that one replica coordinates at a time; beyond it puts of larger values get `overloaded`. */
export const REQUEST_BYTES_IN_FLIGHT_MAX = 24 * 1024 * 1024;

/** The same of gets that wait for other replicas, each with its own copy in hand. */
export const READ_BYTES_IN_FLIGHT_MAX = 24 * 1024 * 1024;

/**
 * How much longer a replica waits for another one that coordinates in its place than that one waits for copies. Less than
 * what clients wait longer than `request_timeout_ms` by default: who knows more is heard.
 */
export const FORWARD_ROOM_MS = 250;

/** Requests handed on by one peer that are remembered, so that none is done twice. */
export const FORWARDS_REMEMBERED = 4096;

/** Bytes that may wait for this replica's own disk; beyond it peers' writes are refused, and hints make up for them. */
export const STORE_BYTES_WAITING_MAX = 256 * 1024 * 1024;

/** Bytes that may wait for one slow peer; beyond it messages to that peer are dropped, and hints make up for them. */
export const PEER_QUEUE_BYTES_MAX = 32 * 1024 * 1024;

/** Of these, bytes that only small messages may fill: heartbeats and acknowledgements get through a flood of values. */
export const PEER_QUEUE_BYTES_SMALL = 4 * 1024 * 1024;

/** Answer bytes that may wait for one slow client before the replica stops reading from it. */
export const CLIENT_QUEUE_BYTES_MAX = 4 * 1024 * 1024;

/** Answer bytes that may wait for one client at all; beyond it gets that were in flight are answered `overloaded`. */
export const CLIENT_ANSWER_BYTES_MAX = 64 * 1024 * 1024;

/**
 * Bytes that all clients together may make one replica keep: lines begun, requests not looked at, answers not taken.
 * Beyond it the connection that holds the most is closed.
 */
export const CLIENTS_HELD_BYTES_MAX = 256 * 1024 * 1024;

/** Bytes of the first line where it has to be a hello; whoever has not proved the secret gets no more of our memory. */
export const HELLO_BYTES_MAX = 256 * 1024;

/** Connections that one replica accepts at a time. */
export const CONNECTIONS_MAX = 4096;

/** Connections over HTTP that one replica accepts at a time. Each has one request in flight. */
export const HTTP_CONNECTIONS_MAX = 1024;

/** Bytes of the head of an HTTP request: room for a key in percent-escapes, a context and a session. */
export const HTTP_HEAD_BYTES_MAX = 64 * 1024;

/** Header fields of an HTTP request. */
export const HTTP_FIELDS_MAX = 100;

/** How deep arrays and objects of an item may stand within each other: `JSON.stringify` calls itself, up to a few thousand. */
export const HTTP_JSON_DEPTH_MAX = 256;

/** Bytes that all HTTP clients together may make one replica keep; beyond it the connection that holds the most is closed. */
export const HTTP_HELD_BYTES_MAX = 256 * 1024 * 1024;

/** Requests that HTTP may have in flight in the replica at a time; beyond it they get `overloaded`. */
export const HTTP_REQUESTS_MAX = 4096;

/** Entries in one page of `inspect` or of a scan, or of a fill between replicas. */
export const PAGE_COUNT_MAX = 256;

/** Of a scan: bytes of keys and values in one page; a value that is larger goes alone. */
export const SCAN_PAGE_BYTES_MAX = 128 * 1024;

/** Of a scan of keys alone: bytes of records that are looked at for one page. */
export const SCAN_KEYS_BYTES_MAX = 4 * 1024 * 1024;

/** Scans that one replica has under way at a time, fewer where values may be very large; the others wait for their turn. */
export const SCANS_MAX = 8;

/** Scans that wait; beyond it they get `overloaded`. */
export const SCANS_WAITING_MAX = 1024;

/** Of anti-entropy: ranges split in one message, and hashes or indexes of their parts. */
export const REPAIR_RANGES_MAX = 256;
export const REPAIR_COMPARISONS_MAX = 4096;

/** Of anti-entropy: spans of cells in one message. */
export const REPAIR_SPANS_MAX = 512;

/** Of anti-entropy: keys in one message, whether given, wanted or only named. */
export const REPAIR_KEYS_MAX = 1024;

/** Of anti-entropy: bytes of keys and values in one message; one that is larger goes alone. */
export const REPAIR_PAGE_BYTES_MAX = 48 * 1024;

/** Of anti-entropy: bytes that a list of keys and digests takes on the wire. */
export const REPAIR_LIST_BYTES_MAX = 30_000;

/** Keys by name in the answer to one `repair`, for each peer; the others are only counted. */
export const REPAIR_NAMED_MAX = 100;

/** Requests `repair` that wait in one replica; beyond it they get `overloaded`. */
export const REPAIR_REQUESTS_MAX = 16;

/** How long a `repair` may take; then it is answered with what was done. */
export const REPAIR_MS_MAX = 600_000;

/** Members of one cluster. */
export const MEMBERS_MAX = 64;

/** Greatest `siblings_max`: versions of a key beside which one replica puts another. */
export const SIBLINGS_CEILING = 255;

/** Versions of one key in one message. Why so many: each replica counts what it knows of, and what they bring together nobody drops. */
export const SIBLINGS_TOGETHER_MAX = 2 * MEMBERS_MAX * SIBLINGS_CEILING;

/** Faults at work in one replica at a time. */
export const FAULTS_MAX = 64;

/** A fault ends by itself after this time, or after the time that was asked for. */
export const FAULT_MS_DEFAULT = 60_000;

/** Longest time that may be asked for. Why: whoever forgets a fault should not hunt for it the next day. */
export const FAULT_MS_MAX = 3_600_000;

/** Longest delay of a line. */
export const FAULT_DELAY_MS_MAX = 60_000;

/** Furthest that a clock may be put, ahead or behind. */
export const FAULT_SKEW_MS_MAX = 86_400_000;

/** Connections beyond the limit that may show to be a peer, or hear why not, at a time. */
export const CONNECTIONS_BEYOND_MAX = 64;

/** Files and sockets that a replica needs beside the connections it takes: its directory, peers, what Deno opens. */
export const FILES_RESERVED = 64 + 2 * MEMBERS_MAX + CONNECTIONS_BEYOND_MAX;

// Why twice: a begun line is kept in a buffer that doubles as it grows. One client with the longest line is no flood.
assert(
  2 * lineBytesMin(VALUE_BYTES_CEILING) < CLIENTS_HELD_BYTES_MAX,
  "one line exceeds what clients may hold",
);
assert(2 * CLIENT_ANSWER_BYTES_MAX < CLIENTS_HELD_BYTES_MAX, "one slow client exceeds what clients may hold");
assert(
  CLIENT_QUEUE_BYTES_MAX < CLIENT_ANSWER_BYTES_MAX,
  "a client is answered overloaded before it is held back",
);
assert(BATCH_COUNT_MAX <= CONNECTION_REQUESTS_MAX, "a batch exceeds what its connection may have in flight");
assert(CONNECTION_REQUESTS_MAX < REQUESTS_IN_FLIGHT_MAX, "one connection can take all requests");
assert(VALUE_BYTES_CEILING < REQUEST_BYTES_IN_FLIGHT_MAX, "the largest value is alone in flight");
assert(VALUE_BYTES_CEILING < READ_BYTES_IN_FLIGHT_MAX, "the largest value is alone in flight");
assert(
  REQUEST_BYTES_IN_FLIGHT_MAX < PEER_QUEUE_BYTES_MAX,
  "puts are taken whose copies no peer's queue takes",
);
assert(READ_BYTES_IN_FLIGHT_MAX < PEER_QUEUE_BYTES_MAX, "gets are taken whose answers no peer's queue takes");
assert(
  2 * lineBytesMin(VALUE_BYTES_CEILING) < HTTP_HELD_BYTES_MAX,
  "one request exceeds what HTTP clients may hold",
);
assert(
  9 * TEXT_KEY_BYTES_MAX + 2 * TOKEN_CHARS_MAX < HTTP_HEAD_BYTES_MAX,
  "a head cannot hold the longest key and tokens",
);
assert(HTTP_REQUESTS_MAX < REQUESTS_IN_FLIGHT_MAX, "HTTP can take all requests");
assert(FAULT_MS_DEFAULT < FAULT_MS_MAX, "a fault lasts longer than any may");
assert(VALUE_BYTES_CEILING < STORE_BYTES_WAITING_MAX, "the largest value can never be stored");
