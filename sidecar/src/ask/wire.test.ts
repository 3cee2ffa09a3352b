import { describe, expect, test } from '@jest/globals';
import { loadDecisionService, type Wire as Message, toWireDecision } from '@portcullis/proto';
import * as fc from 'fast-check';
import { ofUser, UserToken } from '../behalf/user-token.js';
import { askRequest } from './ask-bench.js';
import { allowing } from './fake-pdp.js';
import { createWire, type Reply } from './wire.js';

const wire = createWire();
const { Decide, Watch } = loadDecisionService();
const EPOCHS = { release_seq: 3, trust: 2, labels: 1, kill: 0 };

function encode(answer: Message.Answer): Buffer {
  return Decide.responseSerialize({ answers: [answer] });
}

/** The only reply in a message. */
function decodeReply(bytes: Buffer): Reply | undefined {
  const replies = wire.decodeReplies(bytes);
  expect(replies).toHaveLength(1);
  return replies[0];
}

describe('a question', () => {
  test('carries its id, the request and the digest of exactly that', () => {
    const { frame, digest } = wire.encodeQuestion(7, askRequest('r1'));
    const { questions = [] } = Decide.requestDeserialize(frame);
    expect(questions).toHaveLength(1);
    expect(questions[0]).toMatchObject({ id: 7, ask: 'evaluate' });
    expect(questions[0]?.evaluate?.request?.context?.request_id).toBe('r1');
    expect(questions[0]?.evaluate?.request_digest?.toString('hex')).toBe(digest);
    expect(wire.encodeQuestion(7, askRequest('r2')).digest).not.toBe(digest);
  });

  test('carries the token of its user beside the request', () => {
    const token = UserToken.read('eyJh.YW5uYQ.c2ln', 1024);
    if (token === undefined) throw new Error('unread');
    const { frame, digest } = wire.encodeQuestion(7, ofUser(askRequest('r1'), token));
    expect(Decide.requestDeserialize(frame).questions?.[0]?.evaluate?.user_token).toBe('eyJh.YW5uYQ.c2ln');
    expect(digest).toBe(wire.encodeQuestion(7, askRequest('r1')).digest);
  });

  test('concatenates with others to one message', () => {
    const frames = [wire.encodeQuestion(7, askRequest('r1')).frame, wire.encodePing(8)];
    const { questions = [] } = Decide.requestDeserialize(Buffer.concat(frames));
    expect(questions.map(({ id, ask }) => [id, ask])).toEqual([
      [7, 'evaluate'],
      [8, 'ping'],
    ]);
  });
});

describe('a reply', () => {
  const { digest } = wire.encodeQuestion(7, askRequest('r1'));
  const bytes = encode({ id: 7, decision: toWireDecision(allowing(digest), EPOCHS) });

  test('that is whole is the decision', () => {
    expect(decodeReply(bytes)).toEqual({ kind: 'decision', id: 7, decision: allowing(digest), epochs: EPOCHS });
  });

  test('that was cut anywhere is none', () => {
    for (let length = 0; length < bytes.length; length += 1) {
      expect(decodeReply(bytes.subarray(0, length))?.kind).not.toBe('decision');
    }
  });

  test('in which any bit was flipped allows nothing else than what was said', () => {
    const whole = allowing(digest);
    let altered = 0;
    for (let at = 0; at < bytes.length; at += 1) {
      for (let bit = 0; bit < 8; bit += 1) {
        const mutant = Buffer.from(bytes);
        mutant[at] = (mutant[at] ?? 0) ^ (1 << bit);
        for (const reply of wire.decodeReplies(mutant)) {
          // Another id finds no question, or one with another digest. Anything else must be the very same decision.
          if (reply.kind !== 'decision' || reply.id !== 7) continue;
          if (JSON.stringify(reply.decision) !== JSON.stringify(whole)) altered += 1;
        }
      }
    }
    expect(altered).toBe(0);
  });

  test('keeps its place among others: one that is invalid spoils none of them', () => {
    const bad = encode({ id: 8, decision: { ...toWireDecision(allowing(digest), EPOCHS), decision_id: '' } });
    const fault = encode({ id: 9, fault: { code: 'DENY_CODE_NO_VALID_BUNDLE', message: 'm' } });
    const replies = wire.decodeReplies(Buffer.concat([bad, bytes, fault, encode({ id: 10, pong: {} })]));
    expect(replies).toMatchObject([
      { kind: 'invalid', id: 8 },
      { kind: 'decision', id: 7, decision: { allow: true } },
      { kind: 'fault', id: 9 },
      { kind: 'pong', id: 10 },
    ]);
  });

  test('of random bytes is none, and no exception', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (noise) => {
        const kinds = wire.decodeReplies(Buffer.from(noise)).map(({ kind }) => kind);
        expect(kinds).not.toContain('decision');
        expect(kinds.length).toBeGreaterThan(0);
      }),
      { numRuns: 2000 },
    );
  });

  test.each([
    ['an unspecified effect', { effect: 'DECISION_EFFECT_UNSPECIFIED' }],
    ['an effect of a later version', { effect: 77 }],
    ['no effect', { effect: undefined }],
    ['no id', { decision_id: '' }],
    ['no digest', { request_digest: undefined }],
    ['a short digest', { request_digest: Buffer.alloc(31) }],
    ['a condition of a later version', { conditions: [{ type: 99, value_json: Buffer.from('1') }] }],
    ['a condition that is not JSON', { conditions: [{ type: 'CONDITION_TYPE_REDACT', value_json: Buffer.from('{') }] }],
  ])('with %s is invalid', (_name, over) => {
    const message = { ...toWireDecision(allowing(digest), EPOCHS), ...over } as Message.Decision;
    expect(decodeReply(encode({ id: 7, decision: message }))).toMatchObject({ kind: 'invalid', id: 7 });
  });

  test.each([
    ['DENY_CODE_NO_VALID_BUNDLE', { kind: 'fault', failure: { code: 'NO_VALID_BUNDLE' } }],
    ['DENY_CODE_POLICY_DENIED', { kind: 'fault', failure: { code: 'INTERNAL_ERROR' } }],
    ['DENY_CODE_UNSPECIFIED', { kind: 'invalid' }],
    [99, { kind: 'invalid' }],
  ])('with the fault %s is a failure with a code of ours', (code, reply) => {
    const fault = { code, message: 'm' } as Message.Fault;
    expect(decodeReply(encode({ id: 7, fault }))).toMatchObject({ id: 7, ...reply });
  });
});

describe('an epoch event', () => {
  test.each([
    ['empty', Buffer.alloc(0)],
    ['garbage', Buffer.from('ffffffff', 'hex')],
    ['without epochs', Watch.responseSerialize({ bundle_digest: 'ab', freshness: 'BUNDLE_FRESHNESS_FRESH' })],
    ['of unknown freshness', Watch.responseSerialize({ epochs: EPOCHS, freshness: 9 as never })],
  ])('that is %s is none', (_name, bytes) => {
    expect(wire.decodeWatch(bytes)).toBeUndefined();
  });
});
