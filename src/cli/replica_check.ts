/**
 * `quartet replica --check`: all that a start would stumble over, found before it, on this machine and on the others.
 * Starts nothing, changes nothing, and does not disturb the same replica where it runs already.
 * @module
 */
import { dirname } from "@std/path";
import { type ClusterConfig, type Member, placeText } from "../replica/cluster_config.ts";
import { nearestOf } from "./arguments.ts";
import { clockFindings } from "./clock_check.ts";
import { isNoFile, loadConfigFile } from "./config_file.ts";
import { checkDirectory, writeFinding } from "./directory_check.ts";
import { FAIL_EXIT, failing, type Finding, fine, splitWayOut, warning } from "./finding.ts";
import { checkPeer, type PeerLook } from "./peer_check.ts";
import {
  isOpenToOthers,
  modeText,
  OPEN_ADDRESS_MEND,
  OPEN_FAULTS_MEND,
  openAddressProblem,
  openFaultsProblem,
} from "./secret.ts";

/** What a start would be told. */
export interface StartWords {
  /** The path of the configuration. */
  readonly path: string;
  readonly id: string | undefined;
  readonly dataDirectory: (id: string) => string;
  readonly log: string | undefined;
  readonly isInsecure: boolean;
}

/** Looks at everything, as far as the first things allow to look at the next. */
export async function checkReplica(words: StartWords): Promise<Finding[]> {
  const { path, id } = words;
  const loaded = await loadConfigFile(path);
  if (!loaded.ok) {
    return loaded.failure.map((problem) => {
      return failing("config", ...splitWayOut(problem, wayOutOf(problem)), FAIL_EXIT.change);
    });
  }
  const { config, secretFrom } = loaded.value;
  const findings = [fine("config", configText(path, config))];
  findings.push(...await secretFindings(words, config, secretFrom));
  const self = config.members.find((member) => member.id === id);
  if (self === undefined) return [...findings, unknownId(id, config, path)];
  const others = config.members.filter((member) => member.id !== self.id);
  const { findings: ofDirectory, isInUse } = await checkDirectory(
    words.dataDirectory(self.id),
    config,
    self.id,
  );
  findings.push(...ofDirectory);
  if (words.log !== undefined) findings.push(await writeFinding("log", dirname(words.log)));
  const [port, ...looks] = await Promise.all([
    checkPort(self, config, path),
    ...others.map((member) => checkPeer(member, config)),
  ]);
  findings.push(port, ...httpFindings(self, path), ...looks.map(({ finding }) => finding));
  if (!isInUse && port.level === "ok") findings.push(...twinFindings(self.id, looks));
  const clocks = looks.flatMap(({ answer }) =>
    answer?.aheadMs === undefined ? [] : [{ id: answer.id, aheadMs: answer.aheadMs }]
  );
  findings.push(...clockFindings(clocks, config.settings.clockSkewMaxMs));
  if (clocks.length === 0 && others.length > 0) {
    const text = "no other clock could be asked";
    findings.push(warning("clock", text, "check again when another replica runs"));
  }
  return findings;
}

/** What to do about a problem of the file that does not say so itself. */
function wayOutOf(problem: string): string {
  if (isNoFile(problem)) return "say which file with --config FILE";
  return /: missing\b/.test(problem) ? "add it" : "correct that line";
}

function configText(path: string, { cluster, members, keyspaces }: ClusterConfig): string {
  const ids = members.map(({ id }) => id).join(" ");
  return `${path}: cluster ${cluster}, replicas ${ids}, keyspaces ${[...keyspaces.keys()].join(" ")}`;
}

function unknownId(id: string | undefined, { members }: ClusterConfig, path: string): Finding {
  const ids = members.map((member) => member.id);
  const known = `replicas in ${path}: ${ids.join(" ")}`;
  if (id === undefined) {
    return failing("id", "--id is missing", `say which of the ${known}`, FAIL_EXIT.change);
  }
  const nearest = nearestOf(id, ids);
  const mend = `${nearest === undefined ? "" : `did you mean ${nearest}? `}${known}`;
  return failing("id", `--id ${id}: no such replica`, mend, FAIL_EXIT.change);
}

async function secretFindings(
  { path, isInsecure }: StartWords,
  config: ClusterConfig,
  from: string | undefined,
): Promise<Finding[]> {
  const faultsProblem = openFaultsProblem(config);
  if (faultsProblem !== undefined) {
    return [failing("secret", faultsProblem, OPEN_FAULTS_MEND, FAIL_EXIT.change)];
  }
  const problem = openAddressProblem(config);
  if (problem !== undefined) {
    return isInsecure
      ? [warning("secret", problem, "right only where everybody on the network is trusted (--insecure)")]
      : [failing("secret", problem, OPEN_ADDRESS_MEND, FAIL_EXIT.change)];
  }
  if (from === undefined) return [fine("secret", "none, and none is needed: all addresses are loopback")];
  const findings = [fine("secret", `from ${from}`)];
  const file = from === path ? await Deno.stat(path) : undefined;
  if (file !== undefined && isOpenToOthers(file)) {
    const mend = `chmod 600 ${path}, or use secret_file`;
    findings.push(
      warning("secret", `others can read ${path} (mode ${modeText(file)}), and the secret in it`, mend),
    );
  }
  return findings;
}

/** Whether the replica could listen at its address, tried for a moment. */
async function checkPort(self: Member, config: ClusterConfig, path: string): Promise<Finding> {
  const { id, host, port } = self;
  const address = `${host}:${port}`;
  try {
    Deno.listen({ hostname: host, port }).close();
    return fine("port", `${address} is free, and an address of this machine`);
  } catch (cause) {
    if (cause instanceof Deno.errors.AddrInUse) {
      const { answer } = await checkPeer(self, config);
      return answer === undefined
        ? failing(
          "port",
          `${address} is taken`,
          `stop the program that listens there (ss -ltnp shows it), or give ${id} another address in ${path}`,
          FAIL_EXIT.passes,
        )
        : failing("port", `${id} itself runs at ${address} already`, "stop it first", FAIL_EXIT.passes);
    }
    if (cause instanceof Deno.errors.AddrNotAvailable) {
      return failing(
        "port",
        `${address} of ${id} is no address of this machine`,
        `start ${id} on its own machine, or another --id here, or give ${id} another address in ${path}`,
        FAIL_EXIT.change,
      );
    }
    const reason = cause instanceof Error ? cause.message : String(cause);
    const mend = `give ${id} another address in ${path}`;
    return failing("port", `${address} cannot be listened at: ${reason}`, mend, FAIL_EXIT.change);
  }
}

/** The same for HTTP, where it has such an address. */
function httpFindings({ id, http }: Member, path: string): Finding[] {
  if (http === undefined) return [];
  const address = placeText(http);
  try {
    Deno.listen({ hostname: http.host, port: http.port }).close();
    return [fine("http", `${address} is free, and an address of this machine`)];
  } catch (cause) {
    return [httpFailure(cause, { id, address, path })];
  }
}

function httpFailure(
  cause: unknown,
  { id, address, path }: { readonly id: string; readonly address: string; readonly path: string },
): Finding {
  const another = `give ${id} another http in ${path}`;
  if (cause instanceof Deno.errors.AddrInUse) {
    const mend =
      `stop ${id} if it runs already, or what else listens there (ss -ltnp shows it), or ${another}`;
    return failing("http", `${address} is taken`, mend, FAIL_EXIT.passes);
  }
  const reason = cause instanceof Deno.errors.AddrNotAvailable
    ? "is no address of this machine"
    : `cannot be listened at: ${cause instanceof Error ? cause.message : String(cause)}`;
  return failing("http", `${address} of ${id} ${reason}`, another, FAIL_EXIT.change);
}

/** Peers that see this replica alive although it does not run here: it runs elsewhere. */
function twinFindings(id: string, looks: readonly PeerLook[]): Finding[] {
  const seeing = looks.flatMap(({ answer }) =>
    answer?.status.peers.some((peer) => peer.id === id && peer.alive) ? [answer.id] : []
  );
  if (seeing.length === 0) return [];
  return [failing(
    "id",
    `another ${id} runs on another machine: ${seeing.join(" ")} ${
      seeing.length === 1 ? "sees" : "see"
    } it alive`,
    "stop that one, or start this one with its own --id",
    FAIL_EXIT.passes,
  )];
}
