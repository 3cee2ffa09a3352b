import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { adminConfig, logConfig, tlsConfig } from './fragments.js';
import { type ConfigSpec, loadConfig } from './load.js';
import { redactConfig } from './redact.js';

const source = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('http'), url: z.string() }),
  z.strictObject({ type: z.literal('nats'), servers: z.array(z.string()) }),
]);
const schema = z.strictObject({
  node: z.string().default('node-1'),
  listen: z.strictObject({ host: z.string().default('127.0.0.1'), port: z.int().min(0).default(0) }).prefault({}),
  cache: z.strictObject({ ttlMs: z.int().default(30_000), enabled: z.boolean().default(true) }).prefault({}),
  sources: z.array(source).default([]),
  labels: z.record(z.string(), z.string()).default({}),
  apiToken: z.string().optional(),
  log: logConfig,
  admin: adminConfig,
});
const spec = { name: 'pdp', schema, modes: ['serve', 'mcp'] } satisfies ConfigSpec<typeof schema>;

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function file(text: string, name = 'config.yaml'): string {
  const folder = mkdtempSync(join(tmpdir(), 'portcullis-config-'));
  folders.push(folder);
  writeFileSync(join(folder, name), text);
  return join(folder, name);
}

function valid(argv: readonly string[], env: Record<string, string> = {}) {
  const loaded = loadConfig(spec, argv, env);
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  return loaded;
}

function problems(argv: readonly string[], env: Record<string, string> = {}) {
  const loaded = loadConfig(spec, argv, env);
  return loaded.ok ? [] : loaded.problems.map(({ path, message, origin }) => [origin, path, message].join(' | '));
}

describe('values', () => {
  test('are complete without any input, and frozen', () => {
    const { config } = valid([]);
    expect(config).toEqual({
      node: 'node-1',
      listen: { host: '127.0.0.1', port: 0 },
      cache: { ttlMs: 30_000, enabled: true },
      sources: [],
      labels: {},
      log: { level: 'info', destination: 'stderr' },
      admin: { host: '127.0.0.1', port: 0 },
    });
    expect(Object.isFrozen(config.cache)).toBe(true);
    expect(Object.isFrozen(config.sources)).toBe(true);
  });

  test('flag beats environment beats file beats default', () => {
    const yaml = file('cache: { ttlMs: 1 }\nlisten: { port: 1, host: file }\nnode: from-file\n');
    const env = { PORTCULLIS_PDP_CACHE_TTL_MS: '2', PORTCULLIS_PDP_LISTEN_PORT: '2' };
    const { config } = valid(['--config', yaml, '--set', 'cache.ttlMs=3'], env);
    expect(config.cache.ttlMs).toBe(3);
    expect(config.listen).toEqual({ port: 2, host: 'file' });
    expect(config.node).toBe('from-file');
    expect(config.cache.enabled).toBe(true);
  });

  test.each([
    ['text that looks like a number', { PORTCULLIS_PDP_NODE: '0123' }, { node: '0123' }],
    ['text that looks like YAML', { PORTCULLIS_PDP_NODE: '{a: b' }, { node: '{a: b' }],
    ['empty text', { PORTCULLIS_PDP_NODE: '' }, { node: '' }],
    ['a boolean', { PORTCULLIS_PDP_CACHE_ENABLED: 'false' }, { cache: { ttlMs: 30_000, enabled: false } }],
    ['a choice', { PORTCULLIS_PDP_LOG_LEVEL: 'debug' }, { log: { level: 'debug', destination: 'stderr' } }],
    [
      'a list',
      { PORTCULLIS_PDP_SOURCES: '[{"type":"http","url":"https://a"}]' },
      { sources: [{ type: 'http', url: 'https://a' }] },
    ],
    [
      'an object, and one of its members besides',
      { PORTCULLIS_PDP_CACHE_TTL_MS: '7', PORTCULLIS_PDP_CACHE: '{enabled: false}' },
      { cache: { ttlMs: 7, enabled: false } },
    ],
    ['another service', { PORTCULLIS_SIDECAR_NODE: 'x', PORTCULLIS_PDPX_NODE: 'x' }, { node: 'node-1' }],
    [
      'what Kubernetes injects for a service named portcullis-pdp',
      {
        PORTCULLIS_PDP_SERVICE_HOST: '10.0.0.1',
        PORTCULLIS_PDP_SERVICE_PORT: '443',
        PORTCULLIS_PDP_SERVICE_PORT_GRPC: '443',
        PORTCULLIS_PDP_PORT: 'tcp://10.0.0.1:443',
        PORTCULLIS_PDP_PORT_443_TCP: 'tcp://10.0.0.1:443',
        PORTCULLIS_PDP_PORT_443_TCP_ADDR: '10.0.0.1',
      },
      { listen: { host: '127.0.0.1', port: 0 } },
    ],
  ])('environment: %s', (_name, env, expected) => {
    expect(valid([], env as Record<string, string>).config).toMatchObject(expected);
  });

  test.each([
    [['--set', 'listen.port=7443'], { listen: { port: 7443 } }],
    [['--set=listen.port=7443'], { listen: { port: 7443 } }],
    [['--set', 'node=a=b'], { node: 'a=b' }],
    [['--set', 'node=1', '--set', 'node=2'], { node: '2' }],
    [['--set', 'labels.team=red'], { labels: { team: 'red' } }],
    [
      ['--set', 'sources=[{type: http, url: a}]', '--set', 'sources.0.url=b'],
      { sources: [{ type: 'http', url: 'b' }] },
    ],
    [['--set', 'sources.0={type: nats, servers: [a]}'], { sources: [] }],
  ])('%j', (argv, expected) => {
    const loaded = loadConfig(spec, argv, {});
    if ('sources' in expected && expected.sources?.length === 0) expect(loaded.ok).toBe(false);
    else expect(loaded).toMatchObject({ ok: true, config: expected });
  });

  test('a JSON file is read as well', () => {
    expect(valid(['--config', file('{"node":"j"}', 'config.json')]).config.node).toBe('j');
  });

  test('an empty file says nothing', () => {
    expect(valid(['--config', file('# nothing\n')]).config.node).toBe('node-1');
  });

  test('mode and rest are handed on', () => {
    const { flags, rest } = valid(['mcp', '--set', 'node=x', '--', 'npx', '--config', 'server', '--']);
    expect(flags.mode).toBe('mcp');
    expect(rest).toEqual(['npx', '--config', 'server', '--']);
    expect(valid([]).flags.mode).toBeUndefined();
  });
});

describe('problems', () => {
  test('all are told at once, each with its place and origin', () => {
    const yaml = file(
      'nod: x\nlisten: { prot: 1, port: -1 }\nsources:\n  - { type: http, ulr: x }\n  - { type: ftp }\n',
    );
    expect(
      problems(['--config', yaml, '--sett', 'x', '--set', 'cache.ttlMs=soon'], { PORTCULLIS_PDP_NODES: 'x' }),
    ).toEqual([
      '--sett |  | unknown flag',
      'x |  | unexpected argument',
      'PORTCULLIS_PDP_NODES |  | names no setting',
      `${yaml} | listen.port | too small: expected number to be >=0`,
      `${yaml} | listen.prot | unknown key; known here: host, port`,
      '--set | cache.ttlMs | invalid input: expected number, received string',
      `${yaml} | sources[0].url | missing; expected string`,
      `${yaml} | sources[0].ulr | unknown key`,
      `${yaml} | sources[1].type | invalid discriminator value. Expected 'http' | 'nats'`,
      `${yaml} | nod | unknown key; known here: node, listen, cache, sources, labels, apiToken, log, admin`,
    ]);
  });

  test.each([
    ['a file that is not there', '', /cannot be read/],
    ['broken YAML', 'a: [1', /flow/i],
    ['a duplicate key', 'node: a\nnode: b\n', /unique/i],
    ['an unknown tag', 'node: !secret a\n', /tag/i],
    ['a list', '- a\n', /expected object/],
    ['a bare word', 'word', /expected object/],
    [
      'an alias bomb',
      `a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [${'*a,'.repeat(10)}]\nc: &c [${'*b,'.repeat(10)}]\nd: [${'*c,'.repeat(10)}]\n`,
      /alias/i,
    ],
    ['a prototype key', '__proto__: { node: x }\n', /unknown key|expected object/],
  ])('file: %s', (_name, text, expected) => {
    const path = text === '' ? '/nonexistent/config.yaml' : file(text);
    expect(problems(['--config', path]).join('\n')).toMatch(expected);
  });

  test.each([
    [['--config'], 'needs a value'],
    [['--config=a', '--config=b'], 'given twice'],
    [['--set', 'novalue'], 'needs the form path=value'],
    [['--set', '=1'], 'needs the form path=value'],
    [['--set', '__proto__.x=1'], 'is not a path'],
    [['--set', 'a..b=1'], 'is not a path'],
    [['--set', 'cache={a'], 'value is not valid YAML'],
    [['--set', 'sources=*anchor'], 'value is not valid YAML'],
    [['--set', 'cache.ttl=1'], 'unknown key'],
    [['serve', 'mcp'], 'unexpected argument'],
  ])('%j: %s', (argv, message) => {
    expect(problems(argv).join('\n')).toContain(message);
  });

  test('an address that is none, or of another scheme, is told what was expected', () => {
    const addressed = z.strictObject({ any: z.url().optional(), secure: z.url({ protocol: /^https$/ }).optional() });
    const loaded = loadConfig({ name: 'x', schema: addressed }, ['--set', 'any=x', '--set', 'secure=http://x'], {});
    expect(loaded.ok ? [] : loaded.problems.map(({ message }) => message)).toEqual([
      'invalid URL; expected one such as https://host.example:8443',
      'invalid URL; expected one that begins with https://',
    ]);
  });

  test('a value is not repeated in the message', () => {
    expect(problems(['--set', 'cache.ttlMs=hunter2'], { PORTCULLIS_PDP_LOG_LEVEL: 'hunter3' }).join()).not.toMatch(
      /hunter/,
    );
  });
});

test.each([
  ['an open object', z.object({ a: z.string() })],
  ['an open object inside', z.strictObject({ a: z.object({ b: z.string().default('') }).prefault({}) })],
  ['a loose object', z.looseObject({ a: z.string() })],
  ['an open object in a list', z.strictObject({ a: z.array(z.object({ b: z.string() })) })],
  ['an open branch of a union', z.strictObject({ a: z.union([z.string(), z.object({ b: z.string() })]).optional() })],
])('a schema with %s is a mistake of ours', (_name, open) => {
  expect(() => loadConfig({ name: 'x', schema: open }, [], {})).toThrow(/tolerates unknown keys/);
});

test('paths that TLS needs are required', () => {
  const loaded = loadConfig({ name: 'x', schema: z.strictObject({ tls: tlsConfig }) }, ['--set', 'tls.certFile=a'], {});
  expect(loaded).toMatchObject({ ok: false, problems: [{ path: 'tls.keyFile' }, { path: 'tls.caFile' }] });
});

test('printing leaves out secrets and keeps places', () => {
  expect(
    redactConfig({
      apiToken: 't',
      password: ['p'],
      nested: [{ clientSecret: { a: 1 }, keyFile: '/k', tokenFile: '/t', secretsDir: '/s', credsFile: '/c' }],
      servers: ['nats://user:pass@host:4222', 'https://host/path@x', 'nats://tok@host'],
      empty: null,
      secret: null,
      privateKey: 'k',
      port: 1,
    }),
  ).toEqual({
    apiToken: '[redacted]',
    password: '[redacted]',
    nested: [{ clientSecret: '[redacted]', keyFile: '/k', tokenFile: '/t', secretsDir: '/s', credsFile: '/c' }],
    servers: ['nats://[redacted]@host:4222', 'https://host/path@x', 'nats://[redacted]@host'],
    empty: null,
    secret: null,
    privateKey: '[redacted]',
    port: 1,
  });
});
