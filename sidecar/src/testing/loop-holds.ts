/** How long one turn of the event loop holds up all others, in processor time: what else the machine does does not count. */

/** Looks from now on. @returns what ends it, and says the longest turn in ms */
export function watchLoop(): () => number {
  let longest = 0;
  let before = process.threadCpuUsage();
  let watching = true;
  const turn = (): void => {
    const { user, system } = process.threadCpuUsage(before);
    longest = Math.max(longest, (user + system) / 1_000);
    before = process.threadCpuUsage();
    if (watching) setImmediate(turn);
  };
  setImmediate(turn);
  return () => {
    watching = false;
    return longest;
  };
}
