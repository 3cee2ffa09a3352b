/** Which of the anchors of a text a recogniser asks for. */

import type { Anchor, Anchors, Place } from './anchors.js';

/** No place. */
const NOWHERE: readonly Place[] = [];

/**
 * Where an anchor is, in order.
 * @param unbroken UTF-16 units that must stand around a literal without a space, a quotation mark or a backslash; 0: whatever stands there
 */
export function placesOf(
  anchor: Anchor,
  { runs, signs, literals }: Anchors,
  text: string,
  unbroken: number,
): readonly Place[] {
  if ('run' in anchor) return runs.filter(({ start, end }) => end - start >= anchor.run);
  if ('sign' in anchor) return signs[anchor.sign];
  if (literals.size === 0) return NOWHERE;
  let places = NOWHERE;
  let isMixed = false;
  for (const literal of anchor.literals) {
    const own = literals.get(literal)?.filter((place) => isUnbroken(text, place, unbroken));
    if (own === undefined || own.length === 0) continue;
    isMixed ||= places.length > 0;
    places = places.length > 0 ? [...places, ...own] : own;
  }
  return isMixed ? places.toSorted((a, b) => a.start - b.start) : places;
}

/** Whether so many units around a place have nothing in them that breaks. */
function isUnbroken(text: string, { start, end }: Place, units: number): boolean {
  let after = end;
  while (after < text.length && after - start < units && !isBreak(text.charCodeAt(after))) after += 1;
  let before = start;
  while (before > 0 && after - before < units && !isBreak(text.charCodeAt(before - 1))) before -= 1;
  return after - before >= units;
}

/** A space or a control character, a quotation mark, a backslash. */
function isBreak(code: number): boolean {
  return code <= 0x20 || code === 0x22 || code === 0x5c;
}
