/** Merges lists of ascending numbers without allocating: which is the smallest number at or after a given one. */
export interface Cursors {
  /** Forgets every list. */
  clear(): void;
  /** Adds the numbers `list[start]` … `list[end - 1]`. */
  add(list: Int32Array, start: number, end: number): void;
  /** Adds one number. */
  addOne(number: number): void;
  /** The smallest number at or after `from`, which must not descend from call to call; -1 when there is none. */
  next(from: number): number;
}

/** No lists at first. */
export function createCursors(): Cursors {
  const lists: Int32Array[] = [];
  let starts = new Int32Array(16);
  let ends = new Int32Array(16);
  let open = 0;
  let ones = new Int32Array(16);
  let oneCount = 0;
  const add = (list: Int32Array, start: number, end: number): void => {
    if (open === starts.length) {
      starts = grown(starts);
      ends = grown(ends);
    }
    lists[open] = list;
    starts[open] = start;
    ends[open] = end;
    open += 1;
  };
  return {
    clear() {
      open = 0;
      oneCount = 0;
    },
    add,
    addOne(number) {
      if (oneCount === ones.length) ones = grown(ones);
      ones[oneCount] = number;
      // After growing, earlier lists of one go on reading the array that they were added with.
      add(ones, oneCount, oneCount + 1);
      oneCount += 1;
    },
    next(from) {
      let smallest = -1;
      for (let index = 0; index < open; index += 1) {
        const list = lists[index] as Int32Array;
        const end = ends[index] as number;
        let at = starts[index] as number;
        if (at < end && (list[at] as number) < from) at = firstNotBelow(list, { from: at + 1, end }, from);
        starts[index] = at;
        if (at === end) {
          open -= 1;
          lists[index] = lists[open] as Int32Array;
          starts[index] = starts[open] as number;
          ends[index] = ends[open] as number;
          index -= 1;
          continue;
        }
        const number = list[at] as number;
        if (smallest === -1 || number < smallest) smallest = number;
      }
      return smallest;
    },
  };
}

function grown(array: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(2 * array.length);
  larger.set(array);
  return larger;
}

/** Gallops: most of the time the wanted number is the next one, and at the end of a set it is far away. */
function firstNotBelow(
  list: Int32Array,
  range: { readonly from: number; readonly end: number },
  value: number,
): number {
  let low = range.from;
  let step = 1;
  while (low + step < range.end && (list[low + step - 1] as number) < value) {
    low += step;
    step *= 2;
  }
  let high = Math.min(range.end, low + step);
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((list[middle] as number) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
