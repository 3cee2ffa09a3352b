/** Promise P0 is only as good as its oracle: each way to break it is fabricated here, and must be found. */
import { describe, expect, test } from '@jest/globals';
import { argumentsDigestHex } from '@portcullis/proto';
import type { DecisionRecord } from '../support/audit-segments.js';
import { jcsDigest, judge, type ViolationKind, type WitnessedCall } from '../support/oracle.js';

const digestOf = (nonce: string): string => nonce.repeat(64).slice(0, 64);

function decision(id: string, changes: Partial<DecisionRecord> = {}): DecisionRecord {
  return {
    decision_id: id,
    request_digest: digestOf(id),
    effect: 'allow',
    deny: [],
    tenant: 'acme',
    agent: 'analyst',
    tool: { server: 'files', name: 'read', operation: 'tools/call' },
    arguments_digest: jcsDigest({ nonce: id }),
    ...changes,
  };
}

interface CallParts {
  readonly decision?: string;
  readonly digest?: string;
  readonly name?: string;
  readonly args?: unknown;
}

function call(id: string, parts: CallParts = {}): WitnessedCall {
  const params = { name: parts.name ?? 'read', arguments: 'args' in parts ? parts.args : { nonce: id } };
  return {
    httpMethod: 'POST',
    path: '/mcp',
    headers: {
      'portcullis-decision-id': parts.decision ?? id,
      'portcullis-request-digest': parts.digest ?? digestOf(id),
    },
    body: Buffer.from(JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params })),
  };
}

const DECIDED = ['a', 'b', 'c'].map((id) => decision(id));
const CALLED = ['a', 'b', 'c'].map((id) => call(id));
const kinds = (calls: readonly WitnessedCall[], decisions: readonly DecisionRecord[] = DECIDED): ViolationKind[] =>
  judge(calls, decisions).violations.map(({ kind }) => kind);

describe('the oracle', () => {
  test('is content when every call has its own allow', () => {
    expect(judge(CALLED, DECIDED)).toEqual({ violations: [], checked: 3, argumentsCompared: 3 });
  });

  test('does not mind an allow that was never used', () => {
    expect(kinds(CALLED.slice(1))).toEqual([]);
  });

  test.each<[string, WitnessedCall, ViolationKind[]]>([
    ['a call that nobody decided', call('x'), ['unknown_decision']],
    ['a call that claims no decision', { ...call('x'), headers: {} }, ['unclaimed']],
    ['a call that claims half of one', { ...call('x'), headers: { 'portcullis-decision-id': 'x' } }, ['unclaimed']],
    ['a repeated call', call('a'), ['reused']],
    [
      'another call on the decision of an earlier one',
      call('x', { decision: 'a', digest: digestOf('a') }),
      ['reused', 'other_arguments'],
    ],
    ['a stream that nobody decided', { ...call('x'), httpMethod: 'GET', body: Buffer.alloc(0) }, ['unknown_decision']],
    ['a body that nobody can read', { ...call('d'), body: Buffer.from('{') }, ['other_target']],
    ['a denied call', call('denied'), ['not_allowed']],
    ['a held call', call('held'), ['not_allowed']],
    ['a changed argument', call('d', { args: { nonce: 'd', force: true } }), ['other_arguments']],
    ['a lost argument', call('d', { args: {} }), ['other_arguments']],
    ['lost arguments', call('d', { args: undefined }), ['other_arguments']],
    ['another tool', call('d', { name: 'delete' }), ['other_target']],
    ['another digest', call('d', { digest: digestOf('e') }), ['other_request']],
    ['a decision that two PDPs recorded', call('twice'), ['ambiguous_decision']],
  ])('finds %s', (_what, extra, expected) => {
    const decisions = [
      ...DECIDED,
      decision('d'),
      decision('denied', { effect: 'deny', deny: ['POLICY_DENIED'] }),
      decision('held', { effect: 'hold', deny: ['APPROVAL_REQUIRED'] }),
      decision('twice'),
      decision('twice'),
    ];
    expect(kinds([...CALLED, extra], decisions)).toEqual(expected);
    expect(judge([...CALLED, extra], decisions).violations.every((violation) => violation.call === 3)).toBe(true);
  });

  test('finds a call whose decision is about another method', () => {
    const listing = decision('a', { tool: { server: 'files', operation: 'tools/list' } });
    expect(kinds([call('a')], [listing])).toEqual(['other_target']);
  });

  test.each<[string, Record<string, unknown>]>([
    [
      'order',
      { b: 1, a: [2, { d: null, c: true }], '\u20ac': 'é', '\ud83d\ude00': -0, '\ufb33': 1e21, 10: 0.1, 9: '\u0007' },
    ],
    ['nothing', {}],
  ])('agrees with the product on the canonical form: %s', (_what, value) => {
    expect(jcsDigest(value)).toBe(argumentsDigestHex(value as never));
  });

  test('tells arguments apart that only look alike', () => {
    expect(new Set([{ a: 1 }, { a: '1' }, { a: [1] }, { a: null }, {}].map(jcsDigest)).size).toBe(5);
  });
});
