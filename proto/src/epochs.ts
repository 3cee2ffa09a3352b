/** The counters an answer was computed under. Each only grows; an answer older than a known epoch is not cached. */
export interface Epochs {
  readonly release_seq: number;
  readonly trust: number;
  readonly labels: number;
  readonly kill: number;
}

/** Whether nothing moved between the two. */
export function sameEpochs(a: Epochs, b: Epochs): boolean {
  return a.release_seq === b.release_seq && a.trust === b.trust && a.labels === b.labels && a.kill === b.kill;
}

/** Whether one of the counters of `a` is behind that of `b`. */
export function isBehind(a: Epochs, b: Epochs): boolean {
  return a.release_seq < b.release_seq || a.trust < b.trust || a.labels < b.labels || a.kill < b.kill;
}
