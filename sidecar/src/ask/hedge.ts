/**
 * How often a question may go to a second PDP. A cluster that is slow as a whole must not get twice the load for it, so
 * hedges are paid from a budget that questions fill; a PDP that went silent is another matter (see dispatch.ts).
 */
export interface HedgeBudget {
  /** A question was asked: adds its share. */
  earn(): void;
  /** Takes one hedge out of the budget; false when it is empty. */
  spend(): boolean;
}

/** Creates a full budget. `ratio` is hedges per question, `burst` the most that may be saved up. */
export function createHedgeBudget(ratio: number, burst: number): HedgeBudget {
  let tokens = burst;
  return {
    earn() {
      tokens = Math.min(burst, tokens + ratio);
    },
    spend() {
      if (tokens < 1) {
        return false;
      }
      tokens -= 1;
      return true;
    },
  };
}
