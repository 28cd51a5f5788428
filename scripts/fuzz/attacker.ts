/**
 * The process of the attackers. Its argument is an `AttackerOrder` as JSON; a line `rest` or `go_on` on stdin lets it rest
 * or go on; each second it prints what was spent as a line of JSON, and its log names each attack before it begins.
 * @module
 */
import { Random } from "../../src/base/random.ts";
import { print } from "../print.ts";
import { type Attack, Scene } from "./attack.ts";
import { Budget } from "./budget.ts";
import { CLIENT_ATTACKS } from "./client_attacks.ts";
import { FAULT_ATTACKS } from "./fault_attacks.ts";
import { HELLO_ATTACKS } from "./hello_attacks.ts";
import { HTTP_ATTACKS } from "./http_attacks.ts";
import { PEER_ATTACKS } from "./peer_attacks.ts";
import type { Target } from "./target.ts";

/** What an attacker is told. */
export interface AttackerOrder {
  readonly target: Target;
  readonly seed: number;
  /** Attacks that begin in a second. */
  readonly rate: number;
  readonly logFile: string;
}

const ATTACKS: readonly Attack[] = [
  ...CLIENT_ATTACKS,
  ...HELLO_ATTACKS,
  ...PEER_ATTACKS,
  ...FAULT_ATTACKS,
  ...HTTP_ATTACKS,
];
const BAG: readonly Attack[] = ATTACKS.flatMap((attack) => Array<Attack>(attack.weight).fill(attack));

/** Draws attacks and lets them run beside each other until its stdin ends. */
async function attack({ target, seed, rate, logFile }: AttackerOrder): Promise<void> {
  const random = new Random(seed);
  const budget = new Budget();
  const log = await Deno.open(logFile, { create: true, append: true, mode: 0o600 });
  const obeying = obey(budget);
  const timer = setInterval(() => print(JSON.stringify(budget.spent)), 1000);
  let isOver = false;
  void obeying.then(() => isOver = true);
  for (let index = 0; !isOver; index++) {
    await budget.awake();
    const { name, connections, run } = random.pick(BAG);
    const scene = new Scene(random.fork(), target, budget);
    // Why begun and not awaited: many attacks last for seconds, and the next one is due.
    if (budget.hasRoom(connections)) {
      log.writeSync(new TextEncoder().encode(`${new Date().toISOString()} ${index} ${name}\n`));
      budget.onAttack(name);
      void run(scene);
    }
    await budget.pause(1000 / rate);
  }
  clearInterval(timer);
  print(JSON.stringify(budget.spent));
  Deno.exit(0);
}

async function obey(budget: Budget): Promise<void> {
  let rest = "";
  for await (const text of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    for (const line of lines) line === "rest" ? budget.rest() : budget.goOn();
  }
  budget.goOn();
}

if (import.meta.main) await attack(JSON.parse(Deno.args[0]!) as AttackerOrder);
