/**
 * Attempts of one and the same held call, one after the other. A client that comes back while its earlier attempt still
 * waits takes that one's place; and when two of them race, one is carried out and the other is told so, instead of asking
 * people a second time for what they have just agreed to.
 */

import { isRefusal } from '../../../enforce/guard.js';
import type { Permit } from '../../../enforce/permit.js';
import type { Refusal } from '../../../enforce/refuse.js';

/** One attempt in the lane of its call. */
export interface Place {
  /** Aborted when a later attempt takes this one's place. */
  readonly superseded: AbortSignal;
  /**
   * Asks when nobody else of the lane does. `spent`: another attempt of the lane was allowed; `passed`: a later attempt
   * has this one's place. Neither asks.
   */
  ask(question: () => Promise<Permit | Refusal>): Promise<Permit | Refusal | 'spent' | 'passed'>;
  leave(): void;
}

/** All lanes. As many as calls that wait. */
export interface Lanes {
  readonly size: number;
  has(call: string): boolean;
  /** Joins the lane of the call and takes the place of whoever was there. */
  join(call: string): Place;
}

interface Lane {
  newest: AbortController;
  members: number;
  spent: boolean;
  turn: Promise<unknown>;
}

/** No lanes. */
export function createLanes(): Lanes {
  const lanes = new Map<string, Lane>();
  return {
    get size() {
      return lanes.size;
    },
    has: (call) => lanes.has(call),
    join(call) {
      const mine = new AbortController();
      const lane = lanes.get(call) ?? { newest: mine, members: 0, spent: false, turn: Promise.resolve() };
      if (lane.newest !== mine) lane.newest.abort();
      lane.newest = mine;
      lane.members += 1;
      lanes.set(call, lane);
      // Whoever comes after it was spent asks anew.
      const close = (): void => {
        if (lanes.get(call) === lane) lanes.delete(call);
      };
      return {
        superseded: mine.signal,
        ask(question) {
          const asked = lane.turn.then(async () => {
            if (lane.spent) return 'spent' as const;
            if (mine.signal.aborted) return 'passed' as const;
            const outcome = await question();
            if (!isRefusal(outcome)) {
              lane.spent = true;
              close();
            }
            return outcome;
          });
          lane.turn = asked.catch(() => undefined);
          return asked;
        },
        leave() {
          lane.members -= 1;
          if (lane.members === 0) close();
        },
      };
    },
  };
}
