import { expect, test } from '@jest/globals';
import type { Decision } from '@portcullis/policy/model';
import { parseCanonicalRequest } from '@portcullis/proto';
import { toolCall } from '../fixtures/requests.js';
import { reviewShape } from '../reviews/review.js';
import { reviewOf } from './review.js';

test('the review of the longest request that is one can be read again: a PDP does not start with one that cannot', () => {
  // Both count characters of Unicode; what is cut on the way is cut in UTF-16 units.
  const long = (characters: number): string => '\u{1f600}'.repeat(characters);
  const tool = { server: long(1_024), name: long(1_024), operation: long(1_024) };
  const request = toolCall('read', {
    tenant_id: long(256),
    agent: { id: long(256) },
    user: { id: long(1_024) },
    tool,
  });
  expect(parseCanonicalRequest(JSON.parse(JSON.stringify(request)))).toMatchObject({ ok: true });
  const value = { policy: long(2_000), reason: long(5_000) };
  const obligations = Array.from({ length: 300 }, () => ({ type: 'review', value }));
  const decision = { decision_id: '00000000-0000-4000-8000-000000000001', obligations } as unknown as Decision;
  const asked = reviewOf(decision, request, 'ab'.repeat(32));
  const kept = { ...asked, opened_at: '2026-11-22T12:00:00.000Z', recorded: false, told: [] };
  expect(reviewShape().safeParse(JSON.parse(JSON.stringify(kept)))).toMatchObject({ success: true });
});
