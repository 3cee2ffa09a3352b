/** Which of the anchors of a text a recogniser asks for. */

import type { Anchor, Anchors, DigitCluster, Place } from './anchors.js';

/** Gives the places of anchors. Many ask for the same digits: looked up once. */
export function placing(anchors: Anchors): (anchor: Anchor) => readonly Place[] {
  const known = new Map<number, readonly Place[]>();
  const [digits, solid] = mostOf(anchors.clusters);
  // Most have few digits: who asks for more does not look at them again.
  const atLeast = [anchors.clusters];
  const withDigits = (least: number): readonly DigitCluster[] => {
    for (let next = atLeast.length; next <= least; next += 1) {
      atLeast.push((atLeast.at(-1) ?? []).filter((one) => one.digits >= next));
    }
    return atLeast[least] ?? anchors.clusters;
  };
  return (anchor) => {
    if (!('digits' in anchor)) return placesOf(anchor, anchors);
    if (anchor.digits > digits || (anchor.solid ?? 1) > solid) return NOWHERE;
    const key = anchor.digits * 65_536 + (anchor.solid ?? 1);
    const places = known.get(key) ?? placesOf(anchor, { ...anchors, clusters: withDigits(anchor.digits) });
    known.set(key, places);
    return places;
  };
}

/** No place. */
export const NOWHERE: readonly Place[] = [];

function mostOf(clusters: readonly DigitCluster[]): readonly [digits: number, solid: number] {
  let [most, together] = [0, 0];
  for (const { digits, solid } of clusters) {
    most = Math.max(most, digits);
    together = Math.max(together, solid);
  }
  return [most, together];
}

/** Where an anchor is, in order. */
export function placesOf(anchor: Anchor, anchors: Anchors): readonly Place[] {
  if ('digits' in anchor) {
    const { digits: least, solid: together = 1 } = anchor;
    return anchors.clusters.filter(({ digits, solid }) => digits >= least && solid >= together);
  }
  if ('run' in anchor) return anchors.runs.filter(({ start, end }) => end - start >= anchor.run);
  if ('sign' in anchor) return anchors.signs[anchor.sign];
  if (anchors.literals.size === 0) return NOWHERE;
  let places = NOWHERE;
  let isMixed = false;
  for (const literal of anchor.literals) {
    const own = anchors.literals.get(literal);
    if (own === undefined) continue;
    isMixed ||= places.length > 0;
    places = places.length > 0 ? [...places, ...own] : own;
  }
  return isMixed ? places.toSorted((a, b) => a.start - b.start) : places;
}
