/** So many of so many. */
export interface Share {
  readonly covered: number;
  readonly total: number;
}

/** `99.60 %`, never rounded up: what is not all of it never reads as 100. All of nothing is 100. */
export function percentText({ covered, total }: Share): string {
  return `${percentOf({ covered, total }).toFixed(2)} %`;
}

/** The percentage with two decimals, cut and not rounded. */
export function percentOf({ covered, total }: Share): number {
  return total === 0 ? 100 : Math.floor((covered * 10_000) / total) / 100;
}

/** Whether a share reaches a threshold in percent. Compares exactly, not what is printed. */
export function reaches({ covered, total }: Share, threshold: number): boolean {
  return total === 0 || covered * 100 >= threshold * total;
}
