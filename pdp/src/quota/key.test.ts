import { describe, expect, test } from '@jest/globals';
import { AGENT, GATEWAY, toolCall } from '../fixtures/requests.js';
import { holderName, reservationKey } from './key.js';

const attempt = { caller: GATEWAY, request: toolCall('read', { user: { id: 'ann' } }), digest: 'ab'.repeat(32) };

describe('the key of a reservation', () => {
  test('is the same for every repetition', () => {
    expect(reservationKey({ ...attempt, request: { ...attempt.request } })).toBe(reservationKey(attempt));
  });

  const { request } = attempt;
  test.each([
    ['another user, whom only a token names', { ...attempt, request: { ...request, user: { id: 'bob' } } }],
    ['no user', { ...attempt, request: toolCall('read') }],
    ['another tenant', { ...attempt, request: { ...request, tenant_id: 'rival' } }],
    ['another agent', { ...attempt, request: { ...request, agent: { id: 'other' } } }],
    ['another request', { ...attempt, request: { ...request, context: { ...request.context, request_id: 'r-2' } } }],
    ['other content', { ...attempt, digest: 'cd'.repeat(32) }],
    ['another caller', { ...attempt, caller: AGENT }],
  ])('is another for %s', (_name, other) => {
    expect(reservationKey(other)).not.toBe(reservationKey(attempt));
  });
});

test('nobody names a decision that somebody else was given', () => {
  const mine = holderName(AGENT, 'ab'.repeat(32), 'd1');
  const others = [
    holderName(GATEWAY, 'ab'.repeat(32), 'd1'),
    holderName(AGENT, 'cd'.repeat(32), 'd1'),
    holderName(AGENT, 'ab'.repeat(32), 'd2'),
  ];
  expect(new Set([mine, ...others]).size).toBe(4);
});
