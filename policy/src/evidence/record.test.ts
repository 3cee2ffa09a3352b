import { createHash } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import canonicalize from 'canonicalize';
import fc from 'fast-check';
import { type ApprovalEntry, sealApproval } from './approval-record.js';
import { createChainVerifier } from './chain.js';
import { GENESIS, readRecord, sealDecision } from './record.js';
import { sealRefusal } from './refusal-record.js';
import { sampleEntry } from './testing/sample-chain.js';

/** As it was written by a PDP of before. */
const OLD_LINE =
  '{"agent":"analyst","at":"2026-11-22T12:00:00.000Z","bundle_digest":"2222222222222222222222222222222222222222222222222222222222222222","decision_id":"d-1","deny":["POLICY_DENIED"],"effect":"deny","kind":"decision","matched":[{"effect":"deny","layer":"tenant","policy":"hosts"}],"policy_version":"1.0.0","prev":"0000000000000000000000000000000000000000000000000000000000000000","record_id":"r","release_seq":1,"request_digest":"1111111111111111111111111111111111111111111111111111111111111111","seq":1,"tenant":"acme","timings_us":{"evaluation":40},"tool":{"operation":"CONNECT"},"writer":"w","hash":"1f80af14676c0dc090009c85a3d64326d236b34d80c24cb5e6ca389039725574"}';
const link = { record_id: 'r', writer: 'w', seq: 1, prev: GENESIS };

describe('a sealed record', () => {
  test('is the RFC 8785 text, with its SHA-256 as one more member at the end', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary' }),
        fc.string(),
        fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), fc.nat(), { maxKeys: 4 }),
        fc.nat(),
        (agent, tool, timings, seq) => {
          const entry = sampleEntry({ agent, tool: { name: tool }, timings_us: { ...timings, evaluation: 5 } });
          const { line, hash } = sealDecision(entry, { ...link, seq: seq + 1 });
          const { hash: carried, ...rest } = JSON.parse(line) as Record<string, unknown>;
          const text = canonicalize(rest) ?? '';
          expect(carried).toBe(hash);
          expect(line).toBe(`${text.slice(0, -1)},"hash":"${hash}"}`);
          expect(createHash('sha256').update(text).digest('hex')).toBe(hash);
          expect(readRecord(line)).toMatchObject({ ok: true, hash, link: { ...link, seq: seq + 1 } });
        },
      ),
    );
  });

  test('of a reuse names the decision that was kept, and is in canonical form as well', () => {
    const { line } = sealDecision(sampleEntry({ reuse_of: 'd-1' }), link);
    expect(readRecord(line)).toMatchObject({ ok: true, record: { reuse_of: 'd-1' } });
    expect(readRecord(sealDecision(sampleEntry(), link).line)).not.toHaveProperty('record.reuse_of');
  });

  test('of a hold names what it is bound to, and is in canonical form whatever the rules are called', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (hold, who) => {
        const needs = [{ who, type: 'require_approval', quorum: 2, hold }];
        const held = { target: 't', needs, definition: '', binding: 'b' };
        const { line } = sealDecision(sampleEntry({ held }), link);
        const wellFormed = [{ ...needs[0], who: who.toWellFormed(), hold: hold.toWellFormed() }];
        expect(readRecord(line)).toMatchObject({ ok: true, record: { held: { ...held, needs: wellFormed } } });
      }),
    );
    expect(readRecord(sealDecision(sampleEntry(), link).line)).not.toHaveProperty('record.held');
  });

  test('names what would be reached and what that was thought to be after, in canonical form', () => {
    const text = fc.string({ unit: 'binary' });
    const members = { host: text, method: text, model: text, peer: text, port: fc.nat(), provider: text, scheme: text };
    const targets = fc.record({ ...members, skill: text }, { requiredKeys: [] });
    const risks = fc.record(
      {
        signals: fc.array(text),
        score: fc.double({ noNaN: true, noDefaultInfinity: true }),
        decision: fc.constantFrom('BLOCK', 'UNKNOWN'),
      },
      { requiredKeys: ['signals', 'decision'] },
    );
    fc.assert(
      fc.property(targets, risks, (target, risk) => {
        const { line } = sealDecision(sampleEntry({ target, risk }), link);
        expect(readRecord(line)).toMatchObject({ ok: true, link });
        const known = JSON.parse(JSON.stringify({ target, risk }), (_key, value: unknown) =>
          typeof value === 'string' ? value.toWellFormed() : value,
        ) as object;
        expect(JSON.parse(line)).toMatchObject(known);
      }),
    );
  });

  test('says nothing of what it would reach and of its risk where nothing is known', () => {
    const { line } = sealDecision(sampleEntry(), link);
    expect(readRecord(line)).not.toHaveProperty('record.target');
    expect(readRecord(line)).not.toHaveProperty('record.risk');
  });

  test('of before records said what was reached still verifies, alone and with new ones behind it', () => {
    const reading = readRecord(OLD_LINE);
    expect(reading).toMatchObject({ ok: true, hash: OLD_LINE.slice(-66, -2), record: { deny: ['POLICY_DENIED'] } });
    const next = { ...link, record_id: 'r2', seq: 2, prev: OLD_LINE.slice(-66, -2) };
    const verifier = createChainVerifier();
    verifier.line(OLD_LINE);
    verifier.line(sealDecision(sampleEntry({ target: { host: 'site.test', port: 443 } }), next).line);
    expect(verifier.finish()).toMatchObject({ ok: true, records: 2 });
  });

  test('replaces lone surrogates, which have no canonical form', () => {
    const { line } = sealDecision(sampleEntry({ agent: 'a\ud800b' }), link);
    expect(readRecord(line)).toMatchObject({ ok: true, record: { agent: 'a\ufffdb' } });
  });

  test('keeps a text that only looks like one', () => {
    const { line } = sealDecision(sampleEntry({ agent: 'a\\ud800b' }), link);
    expect(readRecord(line)).toMatchObject({ ok: true, record: { agent: 'a\\ud800b' } });
  });
});

test('a record of refusals reads like a denial, and is canonical whatever was refused', () => {
  const text = fc.string({ unit: 'binary' });
  fc.assert(
    fc.property(
      fc.record({ server: text, name: text, operation: text }, { requiredKeys: [] }),
      text,
      fc.option(fc.record({ scheme: text, port: fc.nat(), host: text }, { requiredKeys: [] }), { nil: undefined }),
      (tool, reason, target) => {
        const { line } = sealRefusal(
          {
            kind: 'refusal',
            refusal_id: 'r-1',
            ...(tool.name === undefined ? {} : { decision_id: 'd-1' }),
            tenant: 'acme',
            agent: 'a1',
            source: 'mcp_proxy',
            code: 'REQUEST_INVALID',
            reason,
            status: 400,
            tool,
            ...(target === undefined ? {} : { target }),
            count: 2,
            at: '2026-01-01T00:00:00.000Z',
            last_at: '2026-01-01T00:00:01.000Z',
          },
          link,
        );
        const record = { kind: 'refusal', effect: 'deny', deny: ['REQUEST_INVALID'], count: 2, tenant: 'acme' };
        expect(readRecord(line)).toMatchObject({ ok: true, link, record });
      },
    ),
  );
});

test('a record of an approval is canonical whatever it says, and is a link like any other', () => {
  const text = fc.string({ unit: 'binary' });
  const optional = fc.record(
    { by: text, comment: text, grant_id: text, request_digest: text, approvers: fc.array(text) },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(text, optional, (agent, more) => {
      const entry: ApprovalEntry = {
        kind: 'approval',
        event: 'approve',
        approval_id: 'a',
        binding: 'b',
        tenant: 'acme',
        agent,
        bundle_digest: 'c',
        release_seq: 1,
        at: '2026-11-22T00:00:00.000Z',
        ...more,
      };
      const { line, hash } = sealApproval(entry, link);
      expect(readRecord(line)).toMatchObject({ ok: true, hash, link, record: { kind: 'approval', event: 'approve' } });
    }),
  );
});

describe('reading a line', () => {
  const { line } = sealDecision(sampleEntry(), link);
  const rehashed = (text: string): string =>
    `${text.slice(0, -1)},"hash":"${createHash('sha256').update(text).digest('hex')}"}`;
  const text = `${line.slice(0, -75)}}`;

  test.each([
    ['nothing', '', 'unreadable'],
    ['half a line', line.slice(0, 100), 'unreadable'],
    ['what is no JSON', rehashed('{"a":}'), 'unreadable'],
    ['what is no object', rehashed('[1}'), 'unreadable'],
    ['a changed value', line.replace('analyst', 'analysT'), 'altered'],
    ['a member twice', rehashed(text.replace('{"agent"', '{"agent":"x","agent"')), 'unreadable'],
    ['white space', rehashed(text.replace('{"agent"', '{ "agent"')), 'unreadable'],
    ['a number of zero', rehashed(text.replace('"seq":1', '"seq":0')), 'unreadable'],
    ['no writer', rehashed(text.replace(',"writer":"w"', '')), 'unreadable'],
  ] as const)('refuses %s', (_name, changed, why) => {
    expect(readRecord(changed)).toMatchObject({ ok: false, why });
  });
});
