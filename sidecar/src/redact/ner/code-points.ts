/** Places in a text as Python counts them, and as JavaScript does. */

const FIRST_PAIR = 0x1_00_00;

/**
 * Turns places in code points into places in UTF-16 units. A lone surrogate is one of each.
 * @returns nothing for a place that the text does not have
 */
export function placesOfCodePoints(text: string): (codePoint: number) => number | undefined {
  // Most texts have no pairs: both counts are the same then.
  if (!/[\ud800-\udbff][\udc00-\udfff]/.test(text)) {
    return (at) => (Number.isSafeInteger(at) && at >= 0 && at <= text.length ? at : undefined);
  }
  const places: number[] = [];
  for (let at = 0; at < text.length; at += (text.codePointAt(at) ?? 0) >= FIRST_PAIR ? 2 : 1) places.push(at);
  places.push(text.length);
  return (at) => places[at];
}
