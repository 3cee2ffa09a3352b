/** Requests that are closed before they are answered: what becomes of their ids. */

import { expect, test } from '@jest/globals';
import { memoryLog } from '../../../testing/proxy-harness.js';
import { createOpenRequests, MAX_GIVEN_UP, MAX_UNWANTED, type OpenRequests } from './open-requests.js';

/** Those under the ids from 1 to `last` need no answer; of the oldest, none is waited for. */
function unanswered(last: number): { readonly requests: OpenRequests; readonly ended: unknown[] } {
  const unasked = (): never => {
    throw new Error('asked');
  };
  const ended: unknown[] = [];
  const requests = createOpenRequests({
    session: { end: (id) => ended.push(id) },
    refuser: { refuse: unasked },
    toAgent: { say: unasked },
    settle: () => undefined,
    log: memoryLog().log,
  });
  for (let id = 1; id <= last; id += 1) {
    requests.add({ id, era: 'legacy', permit: {}, account: {}, over: () => undefined } as Parameters<
      OpenRequests['add']
    >[0]);
    requests.needNoAnswer(id);
  }
  return { requests, ended };
}

test('the oldest leaves room, but its id to nobody before its answer has come', () => {
  const { requests, ended } = unanswered(MAX_UNWANTED + 1);
  expect(ended).toEqual([1]);
  expect([requests.isFree(1), requests.isFree('1')]).toEqual([false, true]);
  requests.unasked(1);
  expect(requests.isFree(1)).toBe(true);
});

test('no request is taken once too many ids wait for their answers, and one is when an answer came', () => {
  const { requests } = unanswered(MAX_UNWANTED + MAX_GIVEN_UP);
  expect(requests.isFree('another')).toBe(false);
  requests.unasked(7);
  expect(requests.isFree('another')).toBe(true);
});
