/**
 * The index's hashes: 32-bit integers. They are never verified, because a collision only adds a candidate, and a
 * candidate's whole condition is evaluated anyway.
 */

const START = 0x811c9dc5 | 0;
const PRIME = 0x01000193;

/** The hash of no units; extend it unit by unit (FNV-1a). */
export const EMPTY_TEXT_HASH: number = START;

/** Adds one UTF-16 unit. */
export function extendHash(hash: number, unit: number): number {
  return Math.imul(hash ^ unit, PRIME);
}

/** The hash of a text's UTF-16 units. */
export function hashText(text: string): number {
  let hash = START;
  for (let index = 0; index < text.length; index += 1) hash = Math.imul(hash ^ text.charCodeAt(index), PRIME);
  return hash;
}

/** The hash of a 32-bit integer together with a small one, such as a masked address and its length. */
export function hashInts(a: number, b: number): number {
  return combineHash(combineHash(START, a), b);
}

/** Adds a part to the hash of a tuple; order counts. */
export function combineHash(hash: number, part: number): number {
  let mixed = Math.imul(part, 0xcc9e2d51);
  mixed = (mixed << 15) | (mixed >>> 17);
  const joined = hash ^ Math.imul(mixed, 0x1b873593);
  return (Math.imul((joined << 13) | (joined >>> 19), 5) + 0xe6546b64) | 0;
}

/** Spreads a hash over all bits, so that its low ones can choose a slot. */
export function spreadHash(hash: number): number {
  let spread = hash ^ (hash >>> 16);
  spread = Math.imul(spread, 0x85ebca6b);
  spread ^= spread >>> 13;
  return spread;
}

const FLOAT = 8;

/** Hashes numbers and booleans by value: equal values, equal hashes (0 and -0 are equal). */
export function createScalarHash(): (value: number | boolean) => number {
  const float = new Float64Array(1);
  const words = new Int32Array(float.buffer, 0, FLOAT / Int32Array.BYTES_PER_ELEMENT);
  return (value) => {
    if (typeof value === 'boolean') return value ? 1 : 2;
    // Adding zero turns -0 into 0.
    float[0] = value + 0;
    return hashInts(words[0] as number, words[1] as number);
  };
}
