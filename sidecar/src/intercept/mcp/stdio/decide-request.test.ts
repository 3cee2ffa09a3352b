/** A request behind the stdio wrapper that waits for people, from the wait to what is made of the answer. */

import { expect, test } from '@jest/globals';
import type { Attempt } from '../../../enforce/guard.js';
import { fakePolicyClient } from '../../../testing/fake-policy-client.js';
import type { Instead } from '../held/holds.js';
import { createSession, type Session } from '../sessions.js';
import type { Sighting } from '../to-attempt.js';
import { createDecideRequest } from './decide-request.js';

test('whoever has waited for people waits no more once they have answered, and before anything comes of it', async () => {
  const told: string[] = [];
  const real = createSession(true);
  const session: Session = {
    ...real,
    waiting(id) {
      told.push(`waits ${id}`);
      const { signal, done } = real.waiting(id);
      return {
        signal,
        done() {
          told.push('done');
          done();
        },
      };
    },
  };
  const unasked = (): never => {
    throw new Error('asked');
  };
  const answer: Instead = { instead: 'people said no' };
  const decideRequest = createDecideRequest({
    holds: {
      async decide(_attempt, _admitted, _seen, party) {
        party.waits();
        return answer;
      },
    },
    tools: { ofCall: unasked },
    ownLists: { fetch: unasked },
    session,
    gone: new AbortController().signal,
    async carryOut(outcome) {
      told.push('carried out');
      expect(outcome).toBe(answer);
    },
    client: fakePolicyClient(),
    toAgent: { say: unasked },
    refuser: { fault: unasked },
  });
  const message = { kind: 'request', id: 7, method: 'prompts/get', params: {}, value: {} } as const;
  const made = { request: {} } as Attempt;
  await decideRequest(made, { message, held: undefined }, {} as Sighting, Promise.resolve());
  await new Promise((resolve) => setImmediate(resolve));
  expect(told).toEqual(['waits 7', 'done', 'carried out']);
});
