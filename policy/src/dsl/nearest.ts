/** The edit distance with transpositions; strings longer than 64 are cut, since a suggestion is for typing slips. */
function editDistance(left: string, right: string): number {
  const a = left.slice(0, 64);
  const b = right.slice(0, 64);
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const current = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      let best = Math.min((previous[j] ?? 0) + 1, (current[j - 1] ?? 0) + 1, (previous[j - 1] ?? 0) + cost);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        best = Math.min(best, (beforePrevious[j - 2] ?? 0) + 1);
      }
      current.push(best);
    }
    beforePrevious = previous;
    previous = current;
  }
  return previous[b.length] ?? 0;
}

/** `production` for `prod`, and the other way round. */
function sharesPrefix(written: string, candidate: string): boolean {
  const [short, long] = written.length < candidate.length ? [written, candidate] : [candidate, written];
  return short.length >= 3 && short !== long && long.toLowerCase().startsWith(short.toLowerCase());
}

/** The candidate that was probably meant, or nothing when none is close (a third of the letters, at least two). */
export function nearest(written: string, candidates: Iterable<string>): string | undefined {
  const allowed = Math.max(2, Math.floor(written.length / 3));
  const all = [...candidates];
  let best: string | undefined;
  let bestDistance = allowed + 1;
  for (const candidate of all) {
    const distance = editDistance(written.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best ?? all.find((candidate) => sharesPrefix(written, candidate));
}

/** `; did you mean "x"?`, or nothing when no candidate is close: the tail of a problem's message. */
export function didYouMean(written: string, candidates: Iterable<string>): string {
  const meant = nearest(written, candidates);
  return meant === undefined ? '' : `; did you mean "${meant}"?`;
}
