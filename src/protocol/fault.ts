/** What can be broken on purpose in a running replica. Types only. Wire format: only append. @module */

/** One fault, as one replica has it. It concerns lines between replicas, the replica as a whole, or its clock. */
export type Fault =
  /** Nothing goes to these peers (`to`), nothing comes from them (`from`), or neither (`both`). */
  | { readonly kind: "cut"; readonly peers: readonly string[]; readonly way: "both" | "to" | "from" }
  /** Each line to and from every peer takes so much longer. */
  | { readonly kind: "delay"; readonly delay_ms: number }
  /** So many of a hundred lines to and from every peer are lost. */
  | { readonly kind: "drop"; readonly percent: number }
  /** The replica stands still: it hears nobody, answers nobody, and does not see time pass. */
  | { readonly kind: "pause" }
  /** Its wall clock is so far ahead; behind where it is negative. */
  | { readonly kind: "skew"; readonly skew_ms: number };

/** A fault at work. */
export type ActiveFault = Fault & {
  /** Until it ends by itself. */
  readonly left_ms: number;
};
