import { describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { distributorConfig } from './config.js';

const minimal = {
  trustDomain: 'example.org',
  tls: { certFile: 'c', keyFile: 'k', caFile: 'a' },
  dataDir: 'data',
  keysDir: 'keys',
};

describe('distributorConfig', () => {
  test('needs little and fills in the rest', () => {
    expect(distributorConfig.parse(minimal)).toMatchObject({
      listen: { host: '127.0.0.1', port: 0 },
      transports: [{ type: 'http' }],
      timestamp: { lifetimeMs: 60_000, refreshMs: 10_000 },
    });
  });

  test.each<[string, object]>([
    ['an unknown key', { extra: 1 }],
    ['an unknown key further down', { timestamp: { lifetimeSeconds: 1 } }],
    ['a refresh that leaves no second chance', { timestamp: { lifetimeMs: 60_000, refreshMs: 31_000 } }],
    ['a transport of another kind', { transports: [{ type: 'kafka' }] }],
    ['NATS without servers', { transports: [{ type: 'nats', servers: [] }] }],
    ['no data folder', { dataDir: '' }],
    ['readers of nothing', { evidence: { readers: [{ publisher: 'a', tenants: '*' }] } }],
    [
      'a reader twice',
      {
        store: { kind: 'embedded' },
        evidence: { readers: ['*', ['acme']].map((tenants) => ({ publisher: 'a', tenants })) },
      },
    ],
    [
      'a reader of no tenant',
      { store: { kind: 'embedded' }, evidence: { readers: [{ publisher: 'a', tenants: [] }] } },
    ],
    ['a trust domain with a slash', { trustDomain: 'a/b' }],
  ])('refuses %s', (_name, change) => {
    expect(distributorConfig.safeParse({ ...minimal, ...change }).success).toBe(false);
  });

  test('every field says what it is for', () => {
    const silent: string[] = [];
    const walk = (path: string, schema: unknown): void => {
      const node = schema as {
        description?: string;
        properties?: Record<string, unknown>;
        oneOf?: unknown[];
        anyOf?: unknown[];
        items?: unknown;
        allOf?: unknown[];
        const?: unknown;
      };
      if (node.description === undefined && path !== '' && node.const === undefined && !/\[\d*\]$/.test(path))
        silent.push(path);
      for (const [name, child] of Object.entries(node.properties ?? {}))
        walk(path === '' ? name : `${path}.${name}`, child);
      for (const [index, child] of (node.oneOf ?? node.anyOf ?? []).entries()) walk(`${path}[${index}]`, child);
    };
    walk('', z.toJSONSchema(distributorConfig, { io: 'input' }));
    expect(silent).toEqual([]);
  });
});
