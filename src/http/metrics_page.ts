/** `/metrics`: what this replica counts and measures, under conventional names. @module */
import type { PeerStatus, Status } from "../protocol/reply.ts";
import type { ReplicaMetrics } from "../replica/replica.ts";
import { REQUEST_TIME_BOUNDS_MS } from "../replica/request_meter.ts";
import { MetricsText } from "./metrics_text.ts";
import type { HostMetrics } from "./route.ts";

/** A family of one label that is made of several counters of the status. */
interface Group {
  readonly family: string;
  readonly help: string;
  readonly label: string;
  /** With which the counters' names begin; the rest is the value of the label. */
  readonly prefix: string;
  /** Values that are told before they were first counted, so that a rate over them begins at 0. */
  readonly values: readonly string[];
}

/** A counter belongs to the first group whose prefix it has. */
const GROUPS: readonly Group[] = [
  {
    family: "quartet_writes_received_total",
    help: "Versions that peers sent to be stored, by why: a client's put, read repair, or a hint.",
    label: "cause",
    prefix: "received_write_",
    values: ["put", "repair", "hint"],
  },
  {
    family: "quartet_messages_received_total",
    help: "Messages from peers, by what they are.",
    label: "type",
    prefix: "received_",
    values: ["heartbeat", "write", "read"],
  },
  {
    family: "quartet_hints_total",
    help: "Hints for replicas that missed a write, by what became of them.",
    label: "event",
    prefix: "hints_",
    values: ["kept", "delivered", "dropped", "refused"],
  },
  {
    family: "quartet_anti_entropy_passes_total",
    help: "Comparisons with a peer that this replica began, by how they ended.",
    label: "end",
    prefix: "anti_entropy_ended_",
    values: ["agreed", "compared", "unmended", "failed", "busy"],
  },
  {
    family: "quartet_anti_entropy_keys_total",
    help: "Keys whose copies anti-entropy moved: sent to a peer, or received and new here.",
    label: "direction",
    prefix: "anti_entropy_keys_",
    values: ["sent", "received"],
  },
  {
    family: "quartet_messages_lost_total",
    help: "Messages not sent for a peer that is down or slow, or not read.",
    label: "event",
    prefix: "messages_",
    values: ["dropped", "skipped"],
  },
  {
    family: "quartet_connections_closed_total",
    help: "Connections on the wire that were not kept, by why.",
    label: "reason",
    prefix: "connections_",
    values: ["refused", "evicted"],
  },
];

/** Counters of the status that are a family each. */
const SINGLES: Readonly<Record<string, readonly [family: string, help: string]>> = {
  syncs: ["quartet_syncs_total", "Syncs of the disk."],
  frames: ["quartet_log_frames_total", "Group commits written to the log."],
  logged_bytes: ["quartet_log_bytes_total", "Bytes written to the log."],
  checkpoints: ["quartet_checkpoints_total", "Checkpoints written."],
  keys_filled: [
    "quartet_keys_filled_total",
    "Keys fetched from other replicas while this one was recovering.",
  ],
  coordinated: [
    "quartet_coordinated_total",
    "Puts, gets and deletes that this replica coordinated, whoever was asked.",
  ],
  forwarded: [
    "quartet_forwarded_total",
    "Requests of clients that were handed to another replica to be coordinated.",
  ],
  session_gets: ["quartet_session_gets_total", "Gets of sessions that had seen something."],
  session_gets_fresh: [
    "quartet_session_gets_fresh_total",
    "Of these, those for which the copy of this replica was sure to be enough: nobody else was waited for.",
  ],
  read_repairs: ["quartet_read_repairs_total", "Stale copies that reads have mended."],
  anti_entropy_bytes: [
    "quartet_anti_entropy_sent_bytes_total",
    "Bytes of messages that anti-entropy sent, as the one who asks and as the one who answers.",
  ],
  anti_entropy_differing: [
    "quartet_anti_entropy_differing_keys_total",
    "Keys that were found to differ in passes that this replica began.",
  ],
  anti_entropy_too_large: [
    "quartet_anti_entropy_too_large_total",
    "Copies that a peer sent and that are too large here: they stay different.",
  ],
  dot_conflicts: [
    "quartet_dot_conflicts_total",
    "Versions of one name with different bytes: a lost disk, or a bug.",
  ],
};

/** Counted already: by `quartet_requests_total`, and by the ends of passes. */
const TOLD_ELSEWHERE = new Set(["puts", "gets", "deletes", "scans", "anti_entropy_passes"]);

/** The page. */
export function metricsPage(status: Status, metrics: ReplicaMetrics & HostMetrics): string {
  const text = new MetricsText();
  const { id, cluster, version, epoch } = status;
  text.family("quartet_info", "gauge", "Who this is; always 1.");
  text.sample("quartet_info", { id, cluster, version, epoch }, 1);
  requests(text, metrics);
  counters(text, status.counters);
  gauges(text, status, metrics);
  peers(text, status.peers, metrics.peerQueueBytes);
  return String(text);
}

function requests(text: MetricsText, { counts, times, requestsInFlight }: ReplicaMetrics): void {
  text.family(
    "quartet_requests_total",
    "counter",
    "Requests that this replica coordinated, whichever way they came.",
  );
  for (const { op, level, outcome, count } of counts) {
    text.sample("quartet_requests_total", { op, level, outcome }, count);
  }
  text.family(
    "quartet_request_duration_seconds",
    "histogram",
    "From the request to its answer, within this replica.",
  );
  const bounds = REQUEST_TIME_BOUNDS_MS.map((ms) => ms / 1000);
  for (const { op, counts: classes, sumMs } of times) {
    text.histogram("quartet_request_duration_seconds", { op }, {
      bounds,
      counts: classes,
      sum: sumMs / 1000,
    });
  }
  text.single("quartet_requests_in_flight", "gauge", "Requests that have no answer yet.", requestsInFlight);
}

function counters(text: MetricsText, all: Readonly<Record<string, number>>): void {
  for (const [name, [family, help]] of Object.entries(SINGLES)) {
    text.single(family, "counter", help, all[name] ?? 0);
  }
  const groupOf = (name: string): Group | undefined => GROUPS.find(({ prefix }) => name.startsWith(prefix));
  for (const group of GROUPS) {
    const { family, help, label, prefix, values } = group;
    const own = Object.entries(all).filter(([name]) => groupOf(name) === group)
      .map(([name, count]): [string, number] => [name.slice(prefix.length), count]);
    const counts = new Map([...values.map((value): [string, number] => [value, 0]), ...own]);
    text.family(family, "counter", help);
    for (const [value, count] of counts) text.sample(family, { [label]: value }, count);
  }
  text.family("quartet_events_total", "counter", "Everything else that this replica counts.");
  for (const [name, count] of Object.entries(all)) {
    const isTold = TOLD_ELSEWHERE.has(name) || Object.hasOwn(SINGLES, name) || groupOf(name) !== undefined;
    if (!isTold) text.sample("quartet_events_total", { event: name }, count);
  }
}

function gauges(text: MetricsText, status: Status, metrics: ReplicaMetrics & HostMetrics): void {
  const gauge = (name: string, help: string, value: number | undefined): void => {
    if (value !== undefined) text.single(name, "gauge", help, value);
  };
  const { machine } = status;
  gauge("quartet_ready", "1 when requests are served.", Number(status.ready));
  gauge("quartet_recovering", "1 while its answers count for no level.", Number(status.recovering));
  gauge("quartet_disk_full", "1 while writes are refused for want of room.", Number(status.disk_full));
  gauge("quartet_uptime_seconds", "Since the start.", status.uptime_ms / 1000);
  gauge("quartet_store_waiting_bytes", "Keys and values that wait for the disk.", metrics.storeBytesWaiting);
  text.family("quartet_connections", "gauge", "Open connections, by what they speak.");
  text.sample("quartet_connections", { protocol: "wire" }, metrics.wireConnections);
  text.sample("quartet_connections", { protocol: "http" }, metrics.httpConnections);
  text.family(
    "quartet_http_connections_closed_total",
    "counter",
    "HTTP connections that were not kept, by why.",
  );
  text.sample("quartet_http_connections_closed_total", { reason: "refused" }, metrics.httpRefused);
  text.sample("quartet_http_connections_closed_total", { reason: "evicted" }, metrics.httpEvicted);
  text.sample("quartet_http_connections_closed_total", { reason: "displaced" }, metrics.httpDisplaced);
  text.single(
    "quartet_http_internal_errors_total",
    "counter",
    "Answers over HTTP that met a bug.",
    metrics.httpInternalErrors,
  );
  gauge("quartet_http_held_bytes", "Requests begun and answers not taken over HTTP.", metrics.httpHeldBytes);
  gauge("process_resident_memory_bytes", "Memory of the process.", machine?.memory_bytes);
  gauge("quartet_heap_bytes", "The part of it that holds objects.", machine?.heap_bytes);
  gauge("quartet_data_bytes", "Files of the data directory.", machine?.data_bytes);
  gauge("quartet_log_segments", "Segments of the log among them.", machine?.segments);
  gauge("quartet_disk_bytes", "The file system below it.", machine?.disk_bytes);
  gauge("quartet_disk_free_bytes", "What is free of it.", machine?.disk_free_bytes);
}

function peers(
  text: MetricsText,
  all: readonly PeerStatus[],
  queueBytes: Readonly<Record<string, number>>,
): void {
  const family = (name: string, help: string, valueOf: (peer: PeerStatus) => number | undefined): void => {
    text.family(name, "gauge", help);
    for (const peer of all) {
      const value = valueOf(peer);
      if (value !== undefined) text.sample(name, { peer: peer.id }, value);
    }
  };
  family("quartet_peer_alive", "1 when this replica hears the peer.", ({ alive }) => Number(alive));
  family(
    "quartet_peer_recovering",
    "1 while the peer's answers count for no level.",
    (peer) => Number(peer.recovering),
  );
  family(
    "quartet_clock_offset_seconds",
    "The peer's wall clock minus ours.",
    ({ clock_offset_ms }) => clock_offset_ms === undefined ? undefined : clock_offset_ms / 1000,
  );
  family(
    "quartet_peer_heard_age_seconds",
    "Since anything was heard from the peer.",
    ({ heard_ms_ago }) => heard_ms_ago === undefined ? undefined : heard_ms_ago / 1000,
  );
  family(
    "quartet_anti_entropy_agreement_age_seconds",
    "Since the copies that both hold were last found, or made, equal.",
    ({ agreed_ms_ago }) => agreed_ms_ago === undefined ? undefined : agreed_ms_ago / 1000,
  );
  family(
    "quartet_anti_entropy_differing_keys",
    "Keys that differed in the last comparison of all of them.",
    ({ differed }) => differed,
  );
  family(
    "quartet_anti_entropy_left",
    "What the pass under way has left to look at: ranges and keys; 0 where none is.",
    ({ repair }) => repair?.left ?? 0,
  );
  family("quartet_hints_waiting", "Hints here for the peer.", ({ hints }) => hints);
  family("quartet_hint_waiting_bytes", "The same in bytes.", ({ hint_bytes }) => hint_bytes);
  family(
    "quartet_peer_queue_bytes",
    "Messages that wait to be sent to the peer.",
    ({ id }) => queueBytes[id],
  );
}
