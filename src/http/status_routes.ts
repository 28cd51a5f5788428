/** Whether the process is up, whether it serves, who its members are: for people, probes and balancers. @module */
import { placeText } from "../replica/cluster_config.ts";
import { type Answer, jsonAnswer } from "./exchange.ts";
import { replyAnswer } from "./key_request.ts";
import { metricsPage } from "./metrics_page.ts";
import { answerOf, answersOf } from "./openapi_words.ts";
import type { Backend, Route } from "./route.ts";

/** A member as `/peers` tells of it. */
interface Peer {
  readonly id: string;
  readonly address: string;
  readonly http?: string;
  readonly alive: boolean;
}

/** The paths. */
export function statusRoutes(backend: Backend): Route[] {
  const { ask, status } = backend;
  return [
    {
      method: "GET",
      path: "/v1/status",
      described: {
        summary: "What this replica says of itself and its peers",
        responses: answerOf("Status", [503]),
      },
      answer: async () => {
        const result = await ask({ op: "status" });
        return result.ok && result.value.kind === "status"
          ? jsonAnswer(200, result.value.status)
          : replyAnswer(result);
      },
    },
    {
      method: "GET",
      path: "/healthz",
      isOpen: true,
      described: { summary: "The process is up", responses: answersOf({ 200: "Health" }) },
      answer: () => jsonAnswer(200, { status: "up" }),
    },
    {
      method: "GET",
      path: "/readyz",
      isOpen: true,
      described: {
        summary: "Requests are served, and answers count for a level",
        responses: answersOf({ 200: "Readiness", 503: "Readiness" }),
      },
      answer: () => readiness(backend),
    },
    {
      method: "GET",
      path: "/peers",
      described: {
        summary: "All members, and who is alive as this one sees it",
        responses: answersOf({ 200: "Peers" }),
      },
      answer: () => jsonAnswer(200, { peers: peersOf(backend) }),
    },
    {
      method: "GET",
      path: "/peers/healthcheck",
      described: {
        summary: "Whether all members are alive",
        responses: answersOf({ 200: "PeersHealth", 503: "PeersHealth" }),
      },
      answer: () => {
        const peers = peersOf(backend);
        const alive = peers.filter((peer) => peer.alive).map(({ id }) => id);
        const dead = peers.filter((peer) => !peer.alive).map(({ id }) => id);
        const healthy = dead.length === 0;
        return jsonAnswer(healthy ? 200 : 503, { healthy, alive, dead });
      },
    },
    {
      method: "GET",
      path: "/metrics",
      described: {
        summary: "Counts since the start, for Prometheus",
        responses: {
          200: {
            description: "Text format 0.0.4",
            content: { "text/plain": { schema: { type: "string" } } },
          },
        },
      },
      answer: () => ({
        status: 200,
        type: "text/plain; version=0.0.4; charset=utf-8",
        body: metricsPage(status(), backend.metrics()),
      }),
    },
  ];
}

function readiness({ status }: Backend): Answer {
  const { ready, recovering, disk_full } = status();
  const reason = !ready
    ? "it is still reading what its directory holds"
    : recovering
    ? "its directory may lack something: it takes writes, and its answers count for no level until it is filled"
    : undefined;
  if (reason !== undefined) return jsonAnswer(503, { ready: false, reason });
  return jsonAnswer(200, { ready: true, ...(disk_full ? { disk_full } : {}) });
}

function peersOf({ config, selfId, status }: Backend): Peer[] {
  const alive = new Set([selfId, ...status().peers.filter((peer) => peer.alive).map(({ id }) => id)]);
  return config.members.map(({ id, host, port, http }) => ({
    id,
    address: placeText({ host, port }),
    ...(http === undefined ? {} : { http: placeText(http) }),
    alive: alive.has(id),
  }));
}
