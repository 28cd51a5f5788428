/**
 * A 64-bit hash of byte strings that spreads short and similar keys evenly: FNV-1a in 64 bits (Fowler, Noll, Vo), then the
 * finaliser of MurmurHash3 (`fmix64`, Appleby). Where keys lie depends on it. Not for secrets. Disk format: never change.
 * @module
 */
import type { ByteString } from "./bytes.ts";

/** Sixty-four bits as two unsigned halves. */
export interface Hash64 {
  readonly high: number;
  readonly low: number;
}

/** FNV's offset basis, 0xcbf29ce484222325. */
const BASIS: Hash64 = { high: 0xcbf29ce4, low: 0x84222325 };
/** FNV's prime is 2^40 and this. */
const PRIME_LOW = 0x1b3;

/** FNV-1a, 64 bits, of the bytes. */
export function fnv1a64(bytes: ByteString): Hash64 {
  let { high, low } = BASIS;
  for (let i = 0; i < bytes.length; i++) {
    low = (low ^ bytes.charCodeAt(i)) >>> 0;
    // What the product carries into the upper half: below 2^9, from products of 16 bits that stay below 2^32.
    const carry = (low >>> 16) * PRIME_LOW + ((low & 0xffff) * PRIME_LOW >>> 16) >>> 16;
    high = Math.imul(high, PRIME_LOW) + carry + (low << 8) >>> 0;
    low = Math.imul(low, PRIME_LOW) >>> 0;
  }
  return { high, low };
}

/** MurmurHash3's `fmix64`: every bit of the input moves half of the bits of the output. One to one. */
export function mix64({ high, low }: Hash64): Hash64 {
  // A shift by 33 leaves the upper half's bits but one in the lower half.
  low = (low ^ high >>> 1) >>> 0;
  ({ high, low } = multiply(high, low, 0xff51afd7, 0xed558ccd));
  low = (low ^ high >>> 1) >>> 0;
  ({ high, low } = multiply(high, low, 0xc4ceb9fe, 0x1a85ec53));
  return { high, low: (low ^ high >>> 1) >>> 0 };
}

/** The hash of the bytes. */
export function hash64(bytes: ByteString): Hash64 {
  return mix64(fnv1a64(bytes));
}

/** Sixteen hex digits; their order is that of the numbers. */
export function hexOf({ high, low }: Hash64): string {
  return high.toString(16).padStart(8, "0") + low.toString(16).padStart(8, "0");
}

/** The lower 64 bits of the product of a·2^32 + b and c·2^32 + d. Why by hand: whoever places a key, or stores one, waits for it. */
function multiply(a: number, b: number, c: number, d: number): Hash64 {
  const b1 = b >>> 16;
  const b0 = b & 0xffff;
  const d1 = d >>> 16;
  const d0 = d & 0xffff;
  // Each of these sums stays below 2^32, so that its halves can be taken by shifts.
  const middle = b1 * d0 + (b0 * d0 >>> 16);
  const other = b0 * d1 + (middle & 0xffff);
  const upper = b1 * d1 + (middle >>> 16) + (other >>> 16);
  return {
    high: (Math.imul(a, d) + Math.imul(b, c) + upper) >>> 0,
    low: Math.imul(b, d) >>> 0,
  };
}
