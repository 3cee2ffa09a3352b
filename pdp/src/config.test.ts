import { describe, expect, test } from '@jest/globals';
import { loadConfig } from '@portcullis/runtime';
import { z } from 'zod';
import { pdpConfig } from './config.js';

const minimal = {
  node: 'pdp-1',
  trustDomain: 'portcullis.test',
  env: 'prod',
  tls: { certFile: 'c', keyFile: 'k', caFile: 'a' },
  dataDir: 'd',
  bundles: { rootFile: 'r', sources: [{ type: 'http', url: 'https://127.0.0.1:1' }] },
};

const APPROVER = { issuer: 'i', audience: 'a', jwksFile: 'f' };
const WEBHOOK = { name: 'w', url: 'https://hooks.test/x', secretFile: 's' };

describe('the configuration', () => {
  test('has defaults for everything that has a safe one', () => {
    expect(pdpConfig.parse(minimal)).toMatchObject({
      channel: 'default',
      listen: { host: '127.0.0.1', port: 0 },
      bundles: { pollMs: 5_000, freshness: 'standard', maxBundleBytes: 16 * 1024 * 1024 },
      gateways: {},
      audit: { mode: 'required', sync: 'none', maxSegmentBytes: 33_554_432, checkpointMs: 10_000 },
      approvals: {
        store: { type: 'memory' },
        payload: { show: 'summary' },
        approvers: [],
        webhooks: [],
        maxOpenPerAgent: 100,
      },
      quota: { store: { type: 'memory', maxAccounts: 100_000 }, mode: 'strict', leaseSeconds: 60 },
      limits: {
        maxMessageBytes: 262_144,
        maxConcurrentStreams: 200,
        maxConnectionAgeMs: 60_000,
        decisionDeadlineMs: 50,
      },
    });
  });

  test.each([
    ['an unknown key', { ...minimal, caches: {} }],
    ['the decision log of old', { ...minimal, decisionLog: { file: 'd/decisions.jsonl' } }],
    ['an audit mode that there is not', { ...minimal, audit: { mode: 'lax' } }],
    ['best effort that waits for the disk', { ...minimal, audit: { mode: 'best_effort', sync: 'commit' } }],
    ['an unknown key below', { ...minimal, limits: { maxMessageByte: 1 } }],
    [
      'a plain HTTP source',
      { ...minimal, bundles: { ...minimal.bundles, sources: [{ type: 'http', url: 'http://x' }] } },
    ],
    ['no source', { ...minimal, bundles: { ...minimal.bundles, sources: [] } }],
    ['an unknown freshness', { ...minimal, bundles: { ...minimal.bundles, freshness: 'lax' } }],
    ['an environment that is no path segment', { ...minimal, env: '../prod' }],
    ['a gateway for no tenant', { ...minimal, gateways: { edge: [] } }],
    ['approvers without HTTP', { ...minimal, approvals: { approvers: [APPROVER] } }],
    [
      "approvers whose tokens are callers'",
      {
        ...minimal,
        http: { auth: { jwt: { issuer: 'i', audience: 'a', jwksFile: 'f' } } },
        approvals: { approvers: [APPROVER] },
      },
    ],
    [
      "approvers whose tokens are users', which agents hold",
      { ...minimal, http: {}, users: { issuers: [APPROVER] }, approvals: { approvers: [APPROVER] } },
    ],
    ['approvers without keys', { ...minimal, http: {}, approvals: { approvers: [{ issuer: 'i', audience: 'a' }] } }],
    ['sealed payloads without a key', { ...minimal, approvals: { payload: { show: 'sealed' } } }],
    ['a key for payloads that are not sealed', { ...minimal, approvals: { payload: { keyFile: 'k' } } }],
    ['a webhook in the clear', { ...minimal, approvals: { webhooks: [{ ...WEBHOOK, url: 'http://hooks.test/x' }] } }],
    [
      'a webhook that only looks like this machine',
      { ...minimal, approvals: { webhooks: [{ ...WEBHOOK, url: 'http://127.0.0.1.evil.test/' }] } },
    ],
    ['two webhooks of one name', { ...minimal, approvals: { webhooks: [WEBHOOK, WEBHOOK] } }],
    ['HTTP for nobody', { ...minimal, http: { auth: { mtls: false } } }],
    ['HTTP with an unknown key', { ...minimal, http: { port: 1 } }],
    ['tokens without keys', { ...minimal, http: { auth: { jwt: { issuer: 'i', audience: 'a' } } } }],
    [
      'tokens with two sources of keys',
      {
        ...minimal,
        http: { auth: { jwt: { issuer: 'i', audience: 'a', jwksFile: 'f', jwksUrl: 'https://i.test/keys' } } },
      },
    ],
    [
      'keys over plain HTTP',
      { ...minimal, http: { auth: { jwt: { issuer: 'i', audience: 'a', jwksUrl: 'http://i.test/keys' } } } },
    ],
    ['a public URL with a path', { ...minimal, http: { publicUrl: 'https://pdp.test/x' } }],
    ['a quota store without an address', { ...minimal, quota: { store: { type: 'redis' } } }],
    ['a quota store of another kind', { ...minimal, quota: { store: { type: 'redis', url: 'http://x' } } }],
    [
      'a degraded mode without a share',
      { ...minimal, quota: { store: { type: 'redis', url: 'redis://x' }, mode: 'degraded' } },
    ],
    ['a degraded memory', { ...minimal, quota: { mode: 'degraded', degradedShare: 0.5 } }],
    ['no certificate', { ...minimal, tls: undefined }],
  ])('refuses %s', (_name, config) => {
    expect(pdpConfig.safeParse(config).success).toBe(false);
  });

  test('has no HTTP unless it is asked for, and then for certificates only', () => {
    expect(pdpConfig.parse(minimal).http).toBeUndefined();
    expect(pdpConfig.parse({ ...minimal, http: {} }).http).toMatchObject({
      listen: { host: '127.0.0.1', port: 0 },
      auth: { mtls: true },
      limits: { maxBodyBytes: 262_144, maxConnections: 1_024 },
    });
  });

  test('can be overridden from the environment and by flags', () => {
    const spec = { name: 'pdp', schema: pdpConfig };
    const flags = Object.entries({
      node: 'n',
      trustDomain: 'td',
      env: 'prod',
      'tls.certFile': 'c',
      'tls.keyFile': 'k',
      'tls.caFile': 'a',
      dataDir: 'd',
      'bundles.rootFile': 'r',
      'bundles.sources': '[{"type":"http","url":"https://127.0.0.1:1"}]',
    }).flatMap(([key, value]) => ['--set', `${key}=${value}`]);
    const loaded = loadConfig(spec, flags, { PORTCULLIS_PDP_BUNDLES_POLL_MS: '700' });
    expect(loaded.ok ? loaded.config.bundles.pollMs : loaded.problems).toBe(700);
  });

  test('describes every field', () => {
    const undescribed: string[] = [];
    const walk = (node: unknown, path: string): void => {
      const {
        properties = {},
        items,
        oneOf = [],
      } = node as { properties?: Record<string, object>; items?: object; oneOf?: object[] };
      for (const [name, child] of Object.entries(properties)) {
        if (!('description' in child) && !('properties' in child)) undescribed.push(`${path}${name}`);
        walk(child, `${path}${name}.`);
      }
      if (items !== undefined) walk(items, `${path}[].`);
      for (const option of oneOf) walk(option, path);
    };
    walk(z.toJSONSchema(pdpConfig, { io: 'input' }), '');
    expect(undescribed).toEqual([]);
  });
});
