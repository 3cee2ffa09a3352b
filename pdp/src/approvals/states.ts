import type { Approval, ApprovalState, Need } from './port.js';

/** The state as people are told it: what nobody answered, or used, in time is expired. */
export function shownState({ state, expiresAt }: Pick<Approval, 'state' | 'expiresAt'>, now: number): ApprovalState {
  return (state === 'pending' || state === 'approved') && expiresAt <= now ? 'expired' : state;
}

/** Whether it is pending, or approved and not used. */
export function isOpen(approval: Pick<Approval, 'state' | 'expiresAt'>, now: number): boolean {
  const state = shownState(approval, now);
  return state === 'pending' || state === 'approved';
}

/** One text per need; two needs ask the same exactly when their texts are equal. */
export function needText({ hold, type, who, quorum }: Need): string {
  return JSON.stringify([hold, type, who, quorum]);
}

/** Whether people who agreed to all of `asked` have agreed to everything that is `wanted` now. */
export function covers(asked: readonly Need[], wanted: readonly Need[]): boolean {
  const texts = new Set(asked.map(needText));
  return wanted.every((need) => texts.has(needText(need)));
}

/** Both, without repetition, in the order of their holds; of two needs of one hold the later one counts. */
export function unitedNeeds(some: readonly Need[], others: readonly Need[]): readonly Need[] {
  const byHold = new Map([...some, ...others].map((need) => [need.hold, need] as const));
  return [...byHold.values()].toSorted((a, b) => (a.hold < b.hold ? -1 : 1));
}
