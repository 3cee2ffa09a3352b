/** Neighbours are looked for this many times between two numbers. */
const HALVINGS = 60;

/**
 * Numbers that comparisons with the given ones can tell apart: each of them, one from each gap, and one beyond either
 * end. Complete: any other number compares like one of these with each given number.
 */
export function numberSamples(given: readonly number[], isNumber: (value: number) => boolean): readonly number[] {
  const points = [...new Set(given)].sort((a, b) => a - b);
  const samples = [...[1, 0].filter((value) => isNumber(value)), ...points.filter(isNumber)];
  const add = (low: number, high: number): void => {
    const found = between(low, high, isNumber);
    if (found !== undefined) samples.push(found);
  };
  const [first] = points;
  const last = points.at(-1);
  if (first === undefined || last === undefined) return samples.length > 0 ? samples : [1];
  for (const [index, low] of points.entries()) {
    const high = points[index + 1];
    if (high !== undefined) add(low, high);
  }
  for (const value of [first - 1, first / 2, first - Math.abs(first) - 1, below(first)]) {
    if (value < first && isNumber(value)) {
      samples.push(value);
      break;
    }
  }
  for (const value of [last + 1, (last + 1) / 2, last + Math.abs(last) + 1, above(last)]) {
    if (value > last && isNumber(value)) {
      samples.push(value);
      break;
    }
  }
  return [...new Set(samples)];
}

function between(low: number, high: number, isNumber: (value: number) => boolean): number | undefined {
  for (const value of [low + 1, Math.floor((low + high) / 2), Math.ceil(low), (low + high) / 2]) {
    if (value > low && value < high && isNumber(value)) return value;
  }
  let upper = high;
  for (let round = 0; round < HALVINGS; round += 1) {
    const middle = (low + upper) / 2;
    if (middle > low && middle < high && isNumber(middle)) return middle;
    upper = middle;
  }
  return undefined;
}

function below(value: number): number {
  return value - Math.abs(value) * Number.EPSILON * 2 - Number.MIN_VALUE;
}

function above(value: number): number {
  return value + Math.abs(value) * Number.EPSILON * 2 + Number.MIN_VALUE;
}
