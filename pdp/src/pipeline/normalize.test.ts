import { beforeAll, describe, expect, test } from '@jest/globals';
import type { CanonicalRequest } from '@portcullis/policy/model';
import type { PeerIdentity } from '@portcullis/proto';
import { asking, keeping, readingRelease, type Subject, subjectOf } from '../fixtures/decisions.js';
import { GATEWAY, toolCall } from '../fixtures/requests.js';
import type { Attempt } from './chain.js';
import type { DecideParts } from './decide.js';
import type { Snapshot } from './ports.js';

let snapshot: Snapshot;
beforeAll(async () => {
  snapshot = await readingRelease();
});
const subject = (changes: Partial<DecideParts> = {}): Subject => subjectOf(snapshot, changes);

describe('what is not a request of this caller is denied', () => {
  const other: PeerIdentity = { kind: 'agent', trustDomain: 'portcullis.test', tenant: 'rival', agent: 'analyst' };
  const broken = toolCall('read');
  const wrongDigest = Buffer.alloc(32, 1);

  test.each<[string, Partial<Attempt>, string, string]>([
    [
      'bytes that are no request',
      { subject: { ok: false, problems: [{ code: 'X', message: 'no', path: 'tool' }] } },
      'REQUEST_INVALID',
      'tool',
    ],
    [
      'an approval that the caller brings along',
      asking({ ...broken, context: { ...broken.context, approval: { granted: ['platform/s/p'] } } }),
      'REQUEST_INVALID',
      'context.approval',
    ],
    ['no problem named', { subject: { ok: false, problems: [] } }, 'REQUEST_INVALID', ''],
    ['an unknown member', asking({ ...broken, extra: 1 } as unknown as CanonicalRequest), 'REQUEST_INVALID', 'extra'],
    [
      'another version',
      asking({ ...broken, version: '2.0' } as unknown as CanonicalRequest),
      'REQUEST_INVALID',
      'version',
    ],
    ['another tenant', asking(toolCall('read', { tenant_id: 'rival' })), 'REQUEST_INVALID', 'tenant_id'],
    ['another agent', asking(toolCall('read', { agent: { id: 'admin' } })), 'REQUEST_INVALID', 'agent.id'],
    [
      'another tenant in the context',
      asking(toolCall('read', { context: { ...broken.context, tenant_id: 'rival' } })),
      'REQUEST_INVALID',
      'context.tenant_id',
    ],
    ['a certificate of another tenant', { ...asking(broken), caller: other }, 'REQUEST_INVALID', 'tenant_id'],
    [
      'a gateway for a tenant that is not its own',
      { ...asking(toolCall('read', { tenant_id: 'rival' })), caller: GATEWAY },
      'REQUEST_INVALID',
      'tenant_id',
    ],
    [
      'a gateway that is not configured',
      { ...asking(broken), caller: { ...GATEWAY, name: 'other' } as PeerIdentity },
      'REQUEST_INVALID',
      'tenant_id',
    ],
    [
      'a PDP',
      { ...asking(broken), caller: { kind: 'pdp', trustDomain: 'portcullis.test', name: 'p' } },
      'IDENTITY_REJECTED',
      '',
    ],
    [
      'a publisher',
      { ...asking(broken), caller: { kind: 'publisher', trustDomain: 'portcullis.test', name: 'p' } },
      'IDENTITY_REJECTED',
      '',
    ],
    [
      'a digest of something else',
      { ...asking(broken), claimedDigest: wrongDigest },
      'REQUEST_INVALID',
      'request_digest',
    ],
    [
      'a digest that is too short',
      { ...asking(broken), claimedDigest: Buffer.alloc(31) },
      'REQUEST_INVALID',
      'request_digest',
    ],
  ])('%s', async (_name, attempt, code, path) => {
    const sink = keeping();
    const decision = await subject({ sink }).decide(attempt);
    expect([decision.allow, decision.effect, decision.deny.map((reason) => [reason.code, reason.path])]).toEqual([
      false,
      'deny',
      [[code, path]],
    ]);
    expect(sink.records).toHaveLength(1);
    expect(sink.records[0]).toMatchObject({ effect: 'deny', deny: [code] });
  });

  test('a gateway speaks for any agent of its tenants', async () => {
    const request = toolCall('read', { agent: { id: 'somebody' } });
    expect((await subject().decide({ ...asking(request), caller: GATEWAY })).allow).toBe(true);
  });

  test('a refusal echoes the digest that the caller claims, so that it reaches whoever asked', async () => {
    const { decide } = subject();
    const claimed = Buffer.alloc(32, 9);
    expect((await decide({ claimedDigest: claimed })).request_digest).toBe(claimed.toString('hex'));
    expect((await decide({ subject: { ok: false, problems: [] } })).request_digest).toBe('0'.repeat(64));
  });
});
