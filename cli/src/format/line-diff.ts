/** Longer files are shown as a whole; the table below is quadratic. */
const MAX_LINES = 2000;
/** Unchanged lines around a change. */
const CONTEXT = 2;

type Step = readonly [mark: ' ' | '-' | '+', line: string];

/** The differences of two texts as lines marked with `-` and `+`, with a little of what is around them. */
export function lineDiff(before: string, after: string): readonly string[] {
  const steps = stepsOf(before.split('\n'), after.split('\n'));
  const near = steps.map((_, index) => {
    const around = steps.slice(Math.max(0, index - CONTEXT), index + CONTEXT + 1);
    return around.some(([mark]) => mark !== ' ');
  });
  return steps.flatMap(([mark, line], index) => {
    if (near[index] === true) return [`${mark} ${line}`.trimEnd()];
    return near[index - 1] === true ? ['  ...'] : [];
  });
}

function stepsOf(before: readonly string[], after: readonly string[]): readonly Step[] {
  if (before.length > MAX_LINES || after.length > MAX_LINES) {
    return [...before.map((line): Step => ['-', line]), ...after.map((line): Step => ['+', line])];
  }
  // The longest common subsequence, from the end.
  const width = after.length + 1;
  const lengths = new Uint16Array((before.length + 1) * width);
  for (let row = before.length - 1; row >= 0; row -= 1) {
    for (let column = after.length - 1; column >= 0; column -= 1) {
      const skip = Math.max(lengths[(row + 1) * width + column] ?? 0, lengths[row * width + column + 1] ?? 0);
      const same = before[row] === after[column] ? (lengths[(row + 1) * width + column + 1] ?? 0) + 1 : 0;
      lengths[row * width + column] = Math.max(skip, same);
    }
  }
  const steps: Step[] = [];
  let [row, column] = [0, 0];
  while (row < before.length || column < after.length) {
    const [one, other] = [before[row], after[column]];
    if (one !== undefined && one === other) {
      steps.push([' ', one]);
      row += 1;
      column += 1;
    } else if (
      other === undefined ||
      (one !== undefined && (lengths[(row + 1) * width + column] ?? 0) >= (lengths[row * width + column + 1] ?? 0))
    ) {
      steps.push(['-', one ?? '']);
      row += 1;
    } else {
      steps.push(['+', other]);
      column += 1;
    }
  }
  return steps;
}
