import { describe, expect, test } from '@jest/globals';
import type { CanonicalRequest, Decision } from '@portcullis/policy/model';
import { type Epochs, requestDigestHex, type WatchReport } from '@portcullis/proto';
import type { Given } from '../ask/port.js';
import { ofUser, UserToken } from '../behalf/user-token.js';
import { mintPermit } from '../enforce/permit.js';
import { createAnswerCache } from './answer-cache.js';

const BUNDLE = 'ab'.repeat(32);
const EPOCHS: Epochs = { release_seq: 3, trust: 2, labels: 1, kill: 0 };
const report = (over: Partial<Epochs> = {}, rest: Partial<WatchReport> = {}): WatchReport => ({
  epochs: { ...EPOCHS, ...over },
  bundle_digest: BUNDLE,
  policy_version: '1',
  freshness: 'fresh',
  ...rest,
});
const request = (name: string, requestId = 'r'): CanonicalRequest => ({
  version: '1.0',
  tenant_id: 'acme',
  source: 'mcp_proxy',
  agent: { id: 'a' },
  tool: { name, server: 'files', arguments: { path: `/${requestId}` } },
  context: { timestamp: '2026-01-01T00:00:00Z', request_id: requestId },
});
const allow = (about: CanonicalRequest, over: Partial<Decision> = {}): Decision => ({
  decision_id: 'original',
  allow: true,
  effect: 'allow',
  deny: [],
  conditions: [{ type: 'audit_level', value: 'high' }],
  obligations: [],
  cache: { ttl_seconds: 10, scope: 'agent.id+tool.name' },
  matched: [],
  diagnostics: { errors: [] },
  meta: {
    policy_version: '1',
    evaluation_ms: 0.5,
    bundle_digest: BUNDLE,
    release_seq: 3,
    arm: 'stable',
    engine: 'test',
    cached: false,
  },
  request_digest: requestDigestHex(about),
  ...over,
});

function subject() {
  const time = { now: Date.parse('2026-01-01T00:00:00Z'), monotonic: 0 };
  const unstored: string[] = [];
  let ids = 0;
  const cache = createAnswerCache({
    limits: { maxEntries: 100, maxBytes: 100_000 },
    clock: { now: () => time.now, monotonic: () => time.monotonic },
    newDecisionId: () => {
      ids += 1;
      return `reuse-${ids}`;
    },
    observer: { unstored: (reason) => unstored.push(reason) },
  });
  const give = (over: Partial<Given> = {}): void => {
    const about = request('read');
    cache.store({
      request: about,
      decision: allow(about),
      epochs: EPOCHS,
      endpoint: 'a',
      ticket: cache.ticket(),
      ...over,
    });
  };
  const serves = (name = 'read'): boolean => cache.find(request(name, 'other')) !== undefined;
  return { cache, time, unstored, give, serves };
}

describe('a question of a user', () => {
  const token = (text: string): UserToken => {
    const read = UserToken.read(text, 1024);
    if (read === undefined) throw new Error('unread');
    return read;
  };
  const anna = token('eyJh.YW5uYQ.c2ln');
  const bob = token('eyJh.Ym9i.c2ln');

  test('is answered by nothing that was kept, whosever it was, and its answer is not kept', () => {
    const { cache, give, serves } = subject();
    cache.watched('a', report());
    const about = ofUser(request('read'), anna);
    give({ request: about, decision: allow(about) });
    expect(cache.entries).toBe(0);
    give();
    expect(serves()).toBe(true);
    for (const user of [anna, bob]) expect(cache.find(ofUser(request('read', 'other'), user))).toBeUndefined();
  });
});

describe('an allow that was kept', () => {
  test('is served about the new request: its digest, a fresh id, and a report that names both decisions', () => {
    const { cache, give } = subject();
    cache.watched('a', report());
    give();
    const asked = request('read', 'other');
    const served = cache.find(asked);
    expect(served?.decision).toMatchObject({
      allow: true,
      decision_id: 'reuse-1',
      request_digest: requestDigestHex(asked),
      conditions: [{ type: 'audit_level', value: 'high' }],
      meta: { cached: true, bundle_digest: BUNDLE },
    });
    expect(served?.reuse).toMatchObject({
      decision_id: 'reuse-1',
      reuse_of: 'original',
      request_digest: requestDigestHex(asked),
      tenant_id: 'acme',
      agent_id: 'a',
      tool: { server: 'files', name: 'read' },
      bundle_digest: BUNDLE,
      release_seq: 3,
    });
    expect(cache.find(asked)?.decision.decision_id).toBe('reuse-2');
  });

  test('is reported with what the new request reaches, and not what the kept one did', () => {
    const { cache, give } = subject();
    cache.watched('a', report());
    const to = (host: string): CanonicalRequest => ({
      ...request('read'),
      egress: { host, port: 443, path: '/secret' },
    });
    give({ request: to('one.test'), decision: allow(to('one.test')) });
    expect(cache.find(to('two.test'))?.reuse.target).toStrictEqual({ host: 'two.test', port: 443 });
    expect(cache.find(request('read'))?.reuse).not.toHaveProperty('target');
  });

  test('mints a permit for the request that it was served for, and for no other', () => {
    const { cache, give } = subject();
    cache.watched('a', report());
    give();
    const [one, another] = [request('read', 'one'), request('read', 'another')];
    const served = cache.find(one)?.decision;
    if (served === undefined) throw new Error('nothing was served');
    const rest = { server: 'files', direction: 'client_to_server', payload: '{}' } as const;
    const permit = mintPermit(served, { ...rest, request: one, digest: requestDigestHex(one) });
    expect(permit).toMatchObject({ decision_id: 'reuse-1', request_digest: requestDigestHex(one) });
    expect(mintPermit(served, { ...rest, request: another, digest: requestDigestHex(another) })).toBeUndefined();
    expect(
      mintPermit(allow(request('read')), { ...rest, request: one, digest: requestDigestHex(one) }),
    ).toBeUndefined();
  });

  test('is served for nothing that reads otherwise', () => {
    const { cache, give, serves } = subject();
    cache.watched('a', report());
    give();
    expect(serves('write')).toBe(false);
    expect(cache.find({ ...request('read'), agent: { id: 'b' } })).toBeUndefined();
  });

  test('is not served for a request that has no digest', () => {
    const { cache, give } = subject();
    cache.watched('a', report());
    give();
    expect(() => cache.find({ ...request('read'), user: { id: '\ud800' } })).toThrow();
  });

  test.each<[string, (time: { now: number; monotonic: number }) => void, boolean]>([
    [
      'is served while its time lasts',
      (time) => Object.assign(time, { now: time.now + 9_999, monotonic: 9_999 }),
      true,
    ],
    ['ends with its time', (time) => Object.assign(time, { now: time.now + 10_000, monotonic: 10_000 }), false],
    [
      'ends with a sleep that only the wall clock saw',
      (time) => Object.assign(time, { now: time.now + 10_000 }),
      false,
    ],
    ['outlives no wall clock that was set back', (time) => Object.assign(time, { now: 0, monotonic: 10_000 }), false],
  ])('%s', (_name, pass, served) => {
    const { cache, time, give, serves } = subject();
    cache.watched('a', report());
    give();
    pass(time);
    expect(serves()).toBe(served);
  });

  test('counts its time from before it was asked for, and never has more than 30 seconds', () => {
    const { cache, time, give, serves } = subject();
    cache.watched('a', report());
    const ticket = cache.ticket();
    time.monotonic = 5_000;
    const about = request('read');
    give({ ticket, decision: allow(about, { cache: { ttl_seconds: 3_600, scope: 'tool.name' } }) });
    time.monotonic = 29_999;
    expect(serves()).toBe(true);
    time.monotonic = 30_000;
    expect(serves()).toBe(false);
  });
});

describe('everything is dropped', () => {
  test.each<[string, (cache: ReturnType<typeof subject>['cache']) => void]>([
    ['a release', (cache) => cache.watched('a', report({ release_seq: 4 }))],
    ['trust', (cache) => cache.watched('a', report({ trust: 3 }))],
    ['labels', (cache) => cache.watched('a', report({ labels: 2 }))],
    ['the kill switch', (cache) => cache.watched('a', report({ kill: 1 }))],
    ['another bundle', (cache) => cache.watched('a', report({}, { bundle_digest: 'cd'.repeat(32) }))],
    ['a release that has expired', (cache) => cache.watched('a', report({}, { freshness: 'expired' }))],
    ['a PDP that starts over', (cache) => cache.watched('a', report({ trust: 0 }))],
    ['a watch that is interrupted', (cache) => cache.unwatched('a')],
    ['another PDP that is ahead', (cache) => cache.watched('b', report({ release_seq: 4 }))],
    ['the watch of another PDP that is interrupted', (cache) => cache.unwatched('b')],
  ])('by %s', (_name, happens) => {
    const { cache, give, serves } = subject();
    cache.watched('b', report());
    cache.unwatched('b');
    cache.watched('a', report());
    if (_name.includes('another PDP that is interrupted')) cache.watched('b', report());
    give();
    expect(serves()).toBe(true);
    happens(cache);
    expect(serves()).toBe(false);
    expect(cache.entries).toBe(0);
    cache.watched('a', report());
    expect(serves()).toBe(false);
  });

  test.each<[string, (cache: ReturnType<typeof subject>['cache']) => void]>([
    ['a report that says nothing new', (cache) => cache.watched('a', report())],
    [
      'a release that grows stale: it is served, and says so',
      (c) => c.watched('a', report({}, { freshness: 'stale' })),
    ],
    ['another PDP that is behind', (cache) => cache.watched('b', report({ release_seq: 2 }))],
    ['the loss of a PDP that was not watched', (cache) => cache.unwatched('c')],
  ])('but not by %s', (_name, happens) => {
    const { cache, give, serves } = subject();
    cache.watched('a', report());
    give();
    happens(cache);
    expect(serves()).toBe(true);
  });
});

describe('an answer is not kept', () => {
  const about = request('read');
  const not = (over: Partial<Decision>): Partial<Given> => ({ decision: allow(about, over) });
  test.each<[string, Partial<Given>, string[]]>([
    ['that may not be', not({ cache: { ttl_seconds: 0, scope: '' } }), []],
    ['that denies', not({ allow: false, effect: 'deny' }), ['not_an_allow']],
    ['that holds', not({ allow: false, effect: 'hold' }), ['not_an_allow']],
    ['that contradicts itself', not({ effect: 'deny' }), ['not_an_allow']],
    ['that obliges', not({ obligations: [{ type: 'review', value: true }] }), ['not_an_allow']],
    ['of a candidate', not({ meta: { ...allow(about).meta, arm: 'candidate' } }), ['not_an_allow']],
    ['of a PDP that is not watched', { endpoint: 'c' }, ['unwatched']],
    ['of a PDP that serves an expired release', { endpoint: 'expired' }, ['unwatched']],
    ['that is older than what is known of its PDP', { epochs: { ...EPOCHS, trust: 1 } }, ['older']],
    ['that is older than what another PDP has', { endpoint: 'behind', epochs: { ...EPOCHS, kill: 0 } }, ['older']],
    ['with a scope that nobody writes', not({ cache: { ttl_seconds: 5, scope: 'tool.name+agent.id' } }), ['size']],
  ])('%s', (_name, over, reasons) => {
    const { cache, give, unstored, serves } = subject();
    cache.watched('a', report());
    if (_name.includes('expired')) cache.watched('expired', report({}, { freshness: 'expired' }));
    if (_name.includes('another PDP has')) {
      cache.watched('behind', report());
      cache.watched('a', report({ kill: 1 }));
    }
    give(over);
    expect(unstored).toEqual(reasons);
    expect(serves()).toBe(false);
  });

  test.each<[string, Partial<Given>]>([
    ['newer epochs', { epochs: { ...EPOCHS, trust: 3 } }],
    ['another bundle', not({ meta: { ...allow(about).meta, bundle_digest: 'cd'.repeat(32) } })],
    ['a newer release', not({ meta: { ...allow(about).meta, release_seq: 4 } })],
  ])('of %s than its watch has told of, and nothing that was kept before is relied on', (_name, over) => {
    const { cache, give, unstored, serves } = subject();
    cache.watched('a', report());
    give();
    expect(serves()).toBe(true);
    give(over);
    expect(unstored).toEqual(['ahead']);
    expect(serves()).toBe(false);
  });

  test('when anything moved since its question was asked, even if it has moved on to what the answer says', () => {
    const { cache, give, unstored, serves } = subject();
    cache.watched('a', report({ trust: 1 }));
    const ticket = cache.ticket();
    cache.watched('a', report());
    give({ ticket });
    expect(unstored).toEqual(['moved']);
    expect(serves()).toBe(false);
  });
});
