/** Tests of `src/sim/sim_network.ts`: what it does to messages and links when it is told to, and nothing else. @module */
import { assert, assertEquals } from "@std/assert";
import { NO_BUGS } from "../../src/base/planted_bug.ts";
import type { Message } from "../../src/replica/envelope.ts";
import type { EventQueue } from "../../src/sim/event_queue.ts";
import type { NetworkProfile } from "../../src/sim/scenario.ts";
import { type SimEndpoint, SimNetwork } from "../../src/sim/sim_network.ts";
import { SimWorld } from "../../src/sim/sim_world.ts";
import { encodeMessage } from "../../src/transport/message_codec.ts";

const GOOD: NetworkProfile = {
  sites: [],
  nearMs: 2,
  farMs: 100,
  lossPerMille: 0,
  duplicatePerMille: 0,
  stragglerPerMille: 0,
};

/** A process that writes down what reaches it. */
class Listener implements SimEndpoint {
  isUp = true;
  life = 1;
  readonly rounds: number[] = [];
  readonly messages: Message[] = [];
  readonly links: string[] = [];

  onMessages(_from: string, messages: readonly Message[]): void {
    for (const message of messages) {
      this.messages.push(message);
      if ("round" in message) this.rounds.push(message.round);
    }
  }

  onLink(peer: string, state: "up" | "down"): void {
    this.links.push(`${peer} ${state}`);
  }
}

/** Two processes, and the network between them after its links have come up. */
function pair(profile: Partial<NetworkProfile> = {}): {
  queue: EventQueue;
  network: SimNetwork;
  a: Listener;
  b: Listener;
  send(round: number): void;
  pass(ms: number): void;
} {
  const world = new SimWorld({ seed: 5, bugs: NO_BUGS });
  const { queue } = world;
  const network = new SimNetwork(world, { ...GOOD, ...profile }, { lineBytesMax: 100_000 });
  const [a, b] = [new Listener(), new Listener()];
  network.join("a", a);
  network.join("b", b);
  const pass = (ms: number): void => {
    const endMs = queue.nowMs + ms;
    while (queue.runNext(endMs));
  };
  const send = (round: number): void =>
    network.send("a", "b", [encodeMessage({ type: "read", round, keyspace: "main", key: 7 })], {
      needsLink: true,
    });
  pass(2000);
  return { queue, network, a, b, send, pass };
}

Deno.test("A good network brings up links, and carries each message once, through the codec", () => {
  const { a, b, send, pass, network } = pair();
  assertEquals([a.links, b.links], [["b up"], ["a up"]]);
  const message: Message = { type: "answer", round: 1, versions: [{ stamp: 5, origin: "r1.a", value: "é" }] };
  network.send("a", "b", [encodeMessage(message)], { needsLink: false });
  send(2);
  pass(10);
  assertEquals(b.rounds.toSorted(), [1, 2]);
  const carried = b.messages.find(({ type }) => type === "answer");
  assertEquals(carried, message);
  assert(carried !== message, "nothing is shared");
});

Deno.test("A lossy network loses, a repetitive one repeats, and calm ends both", () => {
  const lossy = pair({ lossPerMille: 500 });
  for (let round = 1; round <= 200; round++) lossy.send(round);
  lossy.pass(10);
  assert(lossy.b.rounds.length > 60 && lossy.b.rounds.length < 140, `${lossy.b.rounds.length} of 200`);
  const repetitive = pair({ duplicatePerMille: 1000, lossPerMille: 0 });
  repetitive.send(1);
  repetitive.pass(10);
  assertEquals(repetitive.b.rounds, [1, 1]);
  repetitive.network.calm();
  repetitive.send(2);
  repetitive.pass(10);
  assertEquals(repetitive.b.rounds, [1, 1, 2]);
});

Deno.test("Messages overtake each other", () => {
  const { b, send, pass } = pair({ nearMs: 40 });
  for (let round = 1; round <= 50; round++) send(round);
  pass(100);
  assertEquals(b.rounds.toSorted((x, y) => x - y), Array.from({ length: 50 }, (_, index) => index + 1));
  assert(b.rounds.some((round, index) => index > 0 && round < b.rounds[index - 1]!));
});

Deno.test("A cut stops one way only, standing links learn nothing, and healing opens it", () => {
  const { network, a, b, send, pass } = pair();
  network.block("a", "b");
  send(1);
  network.send("b", "a", [encodeMessage({ type: "written", round: 2 })], { needsLink: true });
  pass(2000);
  assertEquals([a.rounds, b.rounds], [[2], []]);
  assertEquals([a.links, b.links], [["b up"], ["a up"]]);
  network.heal();
  send(3);
  pass(10);
  assertEquals(b.rounds, [3]);
});

Deno.test("A death breaks the link to it, and loses what was on the way; the next life is dialled again", () => {
  const { network, a, b, send, pass } = pair();
  send(1);
  b.isUp = false;
  b.life++;
  network.onDeath("b");
  pass(100);
  assertEquals([a.links, b.rounds], [["b up", "b down"], []]);
  send(2);
  b.isUp = true;
  b.life++;
  pass(2000);
  assertEquals(a.links, ["b up", "b down", "b up"]);
  assertEquals(b.rounds, [], "questions need a standing link");
});

Deno.test("A reset loses what is on its way over that connection, is told to who dialled, and is mended by a dial", () => {
  const { network, a, b, send, pass } = pair();
  send(1);
  network.send("b", "a", [encodeMessage({ type: "written", round: 2 })], { needsLink: false });
  network.send("b", "a", [encodeMessage({ type: "read", round: 3, keyspace: "main", key: 7 })], {
    needsLink: true,
  });
  network.reset("a", "b");
  send(4);
  assertEquals([a.links.at(-1), b.links.at(-1)], ["b down", "a up"]);
  pass(2000);
  assertEquals([a.links.at(-1), a.rounds, b.rounds], ["b up", [3], []]);
  send(5);
  pass(100);
  assertEquals(b.rounds, [5]);
});

Deno.test("A death takes some of what it had sent with it, and leaves the rest on its way", () => {
  const { network, a, b, send, pass } = pair();
  for (let round = 1; round <= 200; round++) send(round);
  a.isUp = false;
  a.life++;
  network.onDeath("a");
  pass(10);
  assert(b.rounds.length > 60 && b.rounds.length < 140, `${b.rounds.length} of 200`);
});

Deno.test("Two cuts of one way end one by one", () => {
  const { network, b, send, pass } = pair();
  network.block("a", "b");
  network.block("a", "b");
  network.unblock("a", "b");
  send(1);
  pass(10);
  assertEquals(b.rounds, []);
  network.unblock("a", "b");
  send(2);
  pass(10);
  assertEquals(b.rounds, [2]);
});

Deno.test("Those who stand at different places are far from each other, and a slow way is slower still", () => {
  const far = pair({ sites: ["here", "there"], farMs: 1000 });
  for (let round = 1; round <= 50; round++) far.send(round);
  far.pass(100);
  assert(far.b.rounds.length < 20, `${far.b.rounds.length} of 50`);
  far.pass(1000);
  assertEquals(far.b.rounds.length, 50);
  const slow = pair();
  slow.network.slow("a", "b", 500);
  slow.send(1);
  slow.pass(499);
  assertEquals(slow.b.rounds, []);
  slow.network.slow("a", "b", -500);
  slow.send(2);
  slow.pass(100);
  assertEquals(slow.b.rounds.toSorted(), [1, 2]);
});
