/** The book of approvals as a question that nobody carries out sees it: nobody is asked, nothing is used up or recorded. */

import type { ApprovalBook } from '../approvals/book.js';
import type { ApprovalStore } from '../approvals/port.js';

/**
 * A hold stays one, whatever people agreed to: an approval is for one exact attempt, and only making that attempt uses it
 * up. Standing grants that have something left count.
 */
export function createUnaskedBook(book: ApprovalBook): ApprovalBook {
  const { store } = book;
  const unasked: ApprovalStore = {
    present: async ({ attempt: _attempt, after: _after, lifetimeMs, ...terms }) => {
      const createdAt = book.now();
      const fresh = { state: 'pending', createdAt, expiresAt: createdAt + lifetimeMs, votes: [], why: '' } as const;
      return { outcome: 'pending', approval: { ...terms, ...fresh }, isNew: false, voided: undefined };
    },
    find: async () => undefined,
    list: async () => [],
    vote: async () => ({ outcome: 'missing' }),
    revoke: async () => ({ outcome: 'missing' }),
    overdue: async () => [],
    keepGrant: async () => false,
    grantsFor: (target) => store.grantsFor(target),
    grants: async () => [],
    findGrant: async () => undefined,
    draw: async (tenant, id, micros) => {
      const grant = await store.findGrant(tenant, id);
      if (grant?.state !== 'active' || grant.used >= grant.count) return 'nothing';
      const isWithin = grant.budget === undefined || grant.spentMicros + micros <= grant.budget.micros;
      return isWithin ? 'drawn' : 'nothing';
    },
    revokeGrant: async () => false,
    close: async () => undefined,
  };
  return { ...book, store: unasked, tell: () => undefined, record: async () => undefined };
}
