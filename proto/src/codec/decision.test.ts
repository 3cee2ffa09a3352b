import { describe, expect, test } from '@jest/globals';
import type { Checked, Decision } from '@portcullis/policy/model';
import { loadDecisionService } from '../decision-service.js';
import type { Epochs } from '../epochs.js';
import type * as Wire from '../wire.js';
import { type EpochedDecision, fromWireDecision, toWireDecision } from './decision.js';

const service = loadDecisionService();
const DIGEST = '5e'.repeat(32);
const EPOCHS: Epochs = { release_seq: 4, trust: 3, labels: 2, kill: 0 };

const ALLOW: Decision = {
  decision_id: 'd-1',
  allow: true,
  effect: 'allow',
  deny: [],
  conditions: [],
  obligations: [],
  cache: { ttl_seconds: 0, scope: '' },
  matched: [{ policy: 'reads', version: '1', layer: 'tenant', effect: 'allow', conditions: ['tool.name'] }],
  diagnostics: { errors: [] },
  meta: {
    policy_version: '1.2.0',
    evaluation_ms: 0.25,
    bundle_digest: 'ab'.repeat(32),
    release_seq: 4,
    arm: 'stable',
    engine: 'portcullis/0.1.0',
    cached: false,
  },
  request_digest: DIGEST,
};

const CONDITIONED: Decision = {
  ...ALLOW,
  conditions: [
    { type: 'mask_fields', value: ['ssn', 'email'] },
    { type: 'rate_limit', value: '10_per_minute' },
  ],
  obligations: [{ type: 'log_intent_signals', value: true }],
  cache: { ttl_seconds: 30, scope: 'agent.id+tool.name' },
};

const DENY: Decision = {
  ...ALLOW,
  allow: false,
  effect: 'deny',
  deny: [
    { code: 'POLICY_DENIED', message: 'outside the folder', path: 'tenant/paths', reason_code: 'PATH_OUTSIDE' },
    { code: 'POLICY_ERROR', message: 'user.team is not text', path: 'platform/teams' },
  ],
  diagnostics: { errors: [{ policy: 'teams', layer: 'platform', path: 'when', message: 'user.team is not text' }] },
};

const HOLD: Decision = {
  ...ALLOW,
  allow: false,
  effect: 'hold',
  deny: [{ code: 'APPROVAL_REQUIRED', message: 'ask a security officer', path: 'tenant/payments' }],
  conditions: [{ type: 'require_approval', value: 'security_officer' }],
};

const SAMPLES: readonly [string, Decision][] = [
  ['a bare allow', ALLOW],
  ['a conditioned allow', CONDITIONED],
  ['a denial', DENY],
  ['a hold', HOLD],
];

/** What a byte is XORed with. 3 makes ALLOW of DENY. */
const EVERY_BIT = [1, 2, 4, 8, 16, 32, 64, 128, 3, 255];
const EVERY_CHANGE = Array.from({ length: 255 }, (_, index) => index + 1);

function encode(decision: Decision): Buffer {
  return service.Evaluate.responseSerialize({ decision: toWireDecision(decision, EPOCHS) });
}

/** What a PEP does with an answer; `undefined` when the bytes are no message at all. */
function decode(bytes: Buffer): Checked<EpochedDecision> | undefined {
  let message: Wire.EvaluateResponse__Output;
  try {
    message = service.Evaluate.responseDeserialize(bytes);
  } catch {
    return undefined;
  }
  return fromWireDecision(message.decision ?? {});
}

/**
 * The oracle of every test that damages an answer: either it is refused, or it is, word for word, what the PDP said.
 * So no damage turns a denial into an allow, and none takes a condition, an obligation or an epoch from an allow.
 */
function isRefusedOrExactly(original: Decision, bytes: Buffer): boolean {
  const checked = decode(bytes);
  if (checked === undefined || !checked.ok) return true;
  return JSON.stringify(checked.value) === JSON.stringify({ decision: original, epochs: EPOCHS });
}

/** A varint or tag byte in front of the message, so that a change of its length does not hide behind a broken prefix. */
function rewrapped(inner: Buffer): Buffer {
  const length = inner.length;
  return Buffer.concat([Buffer.from([0x0a, (length & 0x7f) | 0x80, length >> 7]), inner]);
}

function innerBytes(decision: Decision): Buffer {
  const bytes = encode(decision);
  const inner = bytes.subarray(3);
  expect(rewrapped(inner)).toEqual(bytes);
  return inner;
}

describe('the codec of the decision', () => {
  test.each(SAMPLES)('is lossless for %s', (_name, decision) => {
    expect(decode(encode(decision))).toStrictEqual({ ok: true, value: { decision, epochs: EPOCHS } });
  });

  test.each<[string, Decision, readonly number[]]>([
    ['a denial', DENY, EVERY_CHANGE],
    ['a conditioned allow', CONDITIONED, EVERY_BIT],
    ['a bare allow', ALLOW, EVERY_BIT],
    ['a hold', HOLD, EVERY_BIT],
  ])('refuses %s with any byte changed, or reads it unchanged', (_name, decision, masks) => {
    const bytes = encode(decision);
    const wrong: string[] = [];
    for (let offset = 0; offset < bytes.length; offset += 1) {
      for (const mask of masks) {
        const damaged = Buffer.from(bytes);
        damaged[offset] = (damaged[offset] ?? 0) ^ mask;
        if (!isRefusedOrExactly(decision, damaged)) wrong.push(`${offset}^${mask}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  test.each(SAMPLES)('refuses %s cut short, or with bytes taken out or put in', (_name, decision) => {
    const inner = innerBytes(decision);
    const wrong: string[] = [];
    const check = (what: string, damaged: Buffer): void => {
      if (!isRefusedOrExactly(decision, damaged)) wrong.push(what);
    };
    for (let offset = 0; offset <= inner.length; offset += 1) {
      const head = inner.subarray(0, offset);
      check(`bare cut at ${offset}`, encode(decision).subarray(0, offset));
      check(`cut at ${offset}`, rewrapped(head));
      for (let width = 1; width <= 16; width += 1) {
        check(`${width} out at ${offset}`, rewrapped(Buffer.concat([head, inner.subarray(offset + width)])));
      }
      // The tag and value of `effect: ALLOW`, wherever a parser might come upon it.
      check(`ALLOW at ${offset}`, rewrapped(Buffer.concat([head, Buffer.from([0x10, 0x01]), inner.subarray(offset)])));
    }
    expect(wrong).toEqual([]);
  });

  test('never mixes two answers into one, though protobuf reads the last of each field', () => {
    for (const [, first] of SAMPLES) {
      for (const [, second] of SAMPLES) {
        const merged = rewrapped(Buffer.concat([innerBytes(first), innerBytes(second)]));
        expect(decode(merged)).toMatchObject({ ok: false });
        expect(isRefusedOrExactly(second, Buffer.concat([encode(first), encode(second)]))).toBe(true);
      }
    }
  });

  test.each([
    ['no bytes', Buffer.alloc(0)],
    ['an empty decision', Buffer.from([0x0a, 0x00])],
    ['a decision that only says ALLOW', Buffer.from([0x0a, 0x02, 0x10, 0x01])],
    ['fields that nobody knows', Buffer.from([0xfa, 0x01, 0x00])],
  ])('never reads %s as an answer', (_name, bytes) => {
    expect(decode(bytes)).toMatchObject({ ok: false });
  });

  test.each<[string, (message: Record<string, unknown>) => void, string]>([
    ['an unspecified effect', (m) => Object.assign(m, { effect: 'DECISION_EFFECT_UNSPECIFIED' }), 'effect'],
    ['no effect', (m) => delete m['effect'], 'effect'],
    ['an unknown effect', (m) => Object.assign(m, { effect: 77 }), 'effect'],
    ['the number of ALLOW', (m) => Object.assign(m, { effect: 1 }), 'effect'],
    ['no decision id', (m) => delete m['decision_id'], 'decision_id'],
    ['an unknown arm', (m) => Object.assign(m, { arm: 77 }), 'meta.arm'],
    ['no request digest', (m) => delete m['request_digest'], 'request_digest'],
    ['an empty request digest', (m) => Object.assign(m, { request_digest: Buffer.alloc(0) }), 'request_digest'],
    ['a short request digest', (m) => Object.assign(m, { request_digest: Buffer.alloc(31) }), 'request_digest'],
    ['no epochs', (m) => delete m['epochs'], 'epochs'],
    ['no content digest', (m) => delete m['content_digest'], 'content_digest'],
    ['conditions lost', (m) => delete m['conditions'], 'content_digest'],
    ['obligations lost', (m) => delete m['obligations'], 'content_digest'],
    ['another request digest', (m) => Object.assign(m, { request_digest: Buffer.alloc(32) }), 'content_digest'],
    ['older epochs', (m) => Object.assign(m, { epochs: { release_seq: 4, trust: 2, labels: 2 } }), 'content_digest'],
    [
      'an unknown condition',
      (m) => Object.assign(m, { conditions: [{ type: 77, value_json: Buffer.from('1') }] }),
      'conditions[0].type',
    ],
    [
      'a condition without a value',
      (m) => Object.assign(m, { conditions: [{ type: 'CONDITION_TYPE_REDACT' }] }),
      'conditions[0].value',
    ],
    [
      'an obligation without a type',
      (m) => Object.assign(m, { obligations: [{ value_json: Buffer.from('1') }] }),
      'obligations[0].type',
    ],
    [
      'an unknown layer',
      (m) => Object.assign(m, { matched: [{ layer: 77, effect: 'RULE_EFFECT_ALLOW' }] }),
      'matched[0].layer',
    ],
    ['a time that is not a number', (m) => Object.assign(m, { evaluation_ms: Number.NaN }), 'meta.evaluation_ms'],
    ['a list that is none', (m) => Object.assign(m, { deny: 'x' }), 'deny'],
  ])('refuses an allow with %s', (_name, damage, path) => {
    const message: Wire.Decision__Output = service.Evaluate.responseDeserialize(encode(CONDITIONED)).decision ?? {};
    damage(message as Record<string, unknown>);
    expect(fromWireDecision(message)).toEqual({ ok: false, problems: [expect.objectContaining({ path })] });
  });

  test('refuses an allow that gives reasons for a denial, even when it was sent so', () => {
    expect(decode(encode({ ...ALLOW, deny: DENY.deny }))).toEqual({
      ok: false,
      problems: [expect.objectContaining({ code: 'ERR_WIRE_CONTRADICTION', path: 'deny' })],
    });
  });

  test('says allow exactly when the effect does, whatever the sender had in `allow`', () => {
    expect(decode(encode({ ...DENY, allow: true }))).toMatchObject({ ok: true, value: { decision: { allow: false } } });
  });

  test.each<[string, Decision]>([
    ['a fraction of a second', { ...ALLOW, cache: { ttl_seconds: 0.5, scope: '' } }],
    ['a release number that is too large', { ...ALLOW, meta: { ...ALLOW.meta, release_seq: 2 ** 32 } }],
    ['a condition with a lone surrogate', { ...ALLOW, conditions: [{ type: 'redact', value: '\ud800' }] }],
    ['a message with a lone surrogate', { ...DENY, deny: [{ code: 'POLICY_DENIED', message: '\ud800', path: '' }] }],
    ['a request digest that is not hex', { ...ALLOW, request_digest: 'zz'.repeat(32) }],
  ])('refuses what the wire cannot carry: %s', (_name, decision) => {
    expect(decode(encode(decision))).toMatchObject({ ok: false });
  });
});
