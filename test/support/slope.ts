/** A trend that single measurements cannot bend. */

/** One measurement. */
export type Point = readonly [x: number, y: number];

/** The median of the slopes between all pairs of points (Theil and Sen); holds with up to 29 % of wild points. `NaN` for fewer than two. */
export function robustSlope(points: readonly Point[]): number {
  const slopes = points.flatMap(([x, y], at) =>
    points.slice(at + 1).flatMap(([otherX, otherY]) => (otherX === x ? [] : [(otherY - y) / (otherX - x)])),
  );
  slopes.sort((a, b) => a - b);
  const middle = slopes.length / 2;
  const low = slopes[Math.ceil(middle) - 1] ?? Number.NaN;
  const high = slopes[Math.floor(middle)] ?? Number.NaN;
  return (low + high) / 2;
}
