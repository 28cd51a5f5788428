/** Who is to hold which key, as the configuration says it, or a replica's digest of one. @module */
import { PARTITIONERS } from "../membership/partitioner.ts";
import type { Status } from "../protocol/reply.ts";
import type { WireKey } from "../protocol/request.ts";
import type { KeyspaceConfig } from "../replica/keyspace_config.ts";
import { Keyspace } from "../replica/keyspace.ts";
import type { ReplicaAddress } from "./tcp_link.ts";

/** What of a keyspace says where its keys lie. */
export type PlacementConfig = Pick<KeyspaceConfig, "name" | "keys" | "partitioner" | "replication">;

/** The keyspace of that placement. What keyspaces do beside placing keys is not asked of it here. */
export function keyspaceOf(placement: PlacementConfig, members: readonly ReplicaAddress[]): Keyspace {
  const rest = {
    defaultLevel: "ONE",
    readRepair: "off",
    hintedHandoff: false,
    antiEntropy: false,
    siblings: false,
    siblingsMax: 1,
    coordination: "asked",
  } as const;
  return new Keyspace({ ...placement, ...rest }, members);
}

/** The replicas of each key of a keyspace. */
export class KeyHolders {
  /** Those that are to hold any key. */
  readonly any: ReadonlySet<string>;
  readonly #keyspace: Keyspace;
  readonly #sets = new Map<readonly string[], ReadonlySet<string>>();

  constructor(placement: PlacementConfig, members: readonly ReplicaAddress[]) {
    this.#keyspace = keyspaceOf(placement, members);
    this.any = new Set(members.map(({ id }) => id).filter((id) => this.#keyspace.isHeldBy(id)));
  }

  /** Whether all that hold any key hold each. */
  get isUniform(): boolean {
    return this.#keyspace.config.partitioner === "all";
  }

  /** Those that are to hold this key; all that hold any for what is no key here. */
  of(key: WireKey): ReadonlySet<string> {
    const parsed = this.#keyspace.parseKey(key);
    if (!parsed.ok) return this.any;
    const naturals = this.#keyspace.naturalsOf(parsed.value);
    const known = this.#sets.get(naturals) ?? new Set(naturals);
    this.#sets.set(naturals, known);
    return known;
  }
}

/**
 * Where keys lie, as a digest tells it; undefined where it does not, or no keyspace is named and theirs are placed
 * differently.
 */
export function placementIn(
  digest: Status["digest"],
  keyspace: string | undefined,
): PlacementConfig | undefined {
  const placements = Object.entries(digest ?? {}).flatMap(([name, text]) => {
    const isMeant = keyspace === undefined ? name.startsWith("keyspace.") : name === `keyspace.${keyspace}`;
    const placement = isMeant ? parsePlacement(name.slice("keyspace.".length), text) : undefined;
    return placement === undefined ? [] : [placement];
  });
  const forms = new Set(placements.map((placement) => JSON.stringify({ ...placement, name: "", keys: "" })));
  return forms.size === 1 ? placements[0] : undefined;
}

function parsePlacement(name: string, text: string): PlacementConfig | undefined {
  const [, keys, partitionerText, copies] =
    /^keys=(byte|text) partitioner=(\S+) replication=(\d{1,3})(?: siblings=true)?$/.exec(text) ?? [];
  const partitioner = PARTITIONERS.find((each) => each === partitionerText);
  if (partitioner === undefined || (keys !== "byte" && keys !== "text")) return undefined;
  return { name, keys, partitioner, replication: Number(copies) };
}
