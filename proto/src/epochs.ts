/** The counters an answer was computed under. Each only grows; an answer older than a known epoch is not cached. */
export interface Epochs {
  readonly release_seq: number;
  readonly trust: number;
  readonly labels: number;
  readonly kill: number;
}
