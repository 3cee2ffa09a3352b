/**
 * Approvals by three real PDP processes that share a Redis: people answer with the command line, at most one execution per
 * approval whatever races, crashes or fails, and every step is in the audit chains.
 */
import { createHmac, createPrivateKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { runCli } from '@portcullis/cli';
import type { Decision, JsonObject } from '@portcullis/policy/model';
import { Redis } from 'ioredis';
import { Agent, request } from 'undici';
import { eventually } from '../support/eventually.js';
import { type FaultProxy, startFaultProxy } from '../support/fault-proxy.js';
import { policySource } from '../support/policy-source.js';
import { type RedisServer, startRedisServer } from '../support/redis-server.js';
import { AGENT, type Stack, startStack, TRUST_DOMAIN } from '../support/stack.js';

jest.setTimeout(120_000);

const ISSUER = 'https://login.test';
const SECRET = 'a secret of at least thirty-two bytes';
const POLICIES = [
  {
    name: 'Payments',
    when: { field: 'tool.name', operator: 'equals', value: 'pay' },
    effect: { type: 'require_approval', role: 'treasurer' },
    priority: 90,
  },
];

/** Speaks of nothing that is asked here. */
const SILENT = {
  name: 'Silent',
  when: { field: 'tool.name', operator: 'equals', value: 'nothing' },
  effect: { type: 'require_approval', role: 'treasurer' },
  priority: 95,
};

interface Notice {
  readonly event: string;
  readonly approval: { readonly id: string };
}

let redis: RedisServer;
/** What the PDPs reach Redis through. */
let proxy: FaultProxy;
let admin: Redis;
let stack: Stack;
let folder = '';
let receiver: Server;
let key: KeyObject;
let agent: Agent;
let tokens = 0;
const notices: Notice[] = [];
const badSignatures: string[] = [];

beforeAll(async () => {
  redis = await startRedisServer();
  proxy = await startFaultProxy(`${redis.host}:${redis.port}`);
  admin = new Redis({ host: redis.host, port: redis.port });
  admin.on('error', () => undefined);
  receiver = createServer((incoming, answer) => {
    let body = '';
    incoming.on('data', (chunk: Buffer) => {
      body += chunk.toString('utf8');
    });
    incoming.on('end', () => {
      const signature = String(incoming.headers['portcullis-signature']);
      const [, time = '', mac = ''] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(signature) ?? [];
      if (createHmac('sha256', SECRET).update(`${time}.${body}`).digest('hex') !== mac) badSignatures.push(signature);
      notices.push(JSON.parse(body) as Notice);
      answer.writeHead(204).end();
    });
  });
  receiver.listen(0, '127.0.0.1');
  await once(receiver, 'listening');
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  key = createPrivateKey(pair.privateKey.export({ type: 'pkcs8', format: 'pem' }));
  folder = mkdtempSync(join(tmpdir(), 'portcullis-approvals-'));
  const files = join(folder, 'issuer');
  writeFileSync(`${files}.jwks`, JSON.stringify({ keys: [pair.publicKey.export({ format: 'jwk' })] }));
  writeFileSync(`${files}.secret`, `${SECRET}\n`);
  stack = await startStack({
    pdps: 3,
    logLevel: 'warn',
    pdp: {
      limits: { decisionDeadlineMs: 10_000 },
      http: {},
      approvals: {
        store: { type: 'redis', url: `redis://${proxy.address}`, tls: false, timeoutMs: 5_000 },
        approvers: [{ issuer: ISSUER, audience: 'approvals', jwksFile: `${files}.jwks` }],
        webhooks: [
          {
            name: 'test',
            url: `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`,
            secretFile: `${files}.secret`,
          },
        ],
      },
    },
  });
  await publish('1.0.0');
  const own = stack.tls({ kind: 'agent', ...AGENT });
  const read = (file: string): string => readFileSync(file, 'utf8');
  const connect = { ca: read(own.caFile), cert: read(own.certFile), key: read(own.keyFile) };
  agent = new Agent({ connect: { ...connect, checkServerIdentity: () => undefined }, connections: 40 });
});

afterAll(async () => {
  redis?.resume();
  // Not close(): what a failed test still waits for would keep everything below from ending.
  await agent?.destroy();
  await stack?.close();
  receiver?.closeAllConnections();
  receiver?.close();
  admin?.disconnect();
  await proxy?.close();
  await redis?.close();
  rmSync(folder, { recursive: true, force: true });
});

async function publish(version: string, policies: typeof POLICIES = POLICIES): Promise<void> {
  const { seq } = await stack.publish(policySource(version, policies));
  await stack.loaded(seq);
}

function tokenFile(person: string, roles: readonly string[]): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const now = Math.floor(Date.now() / 1_000);
  const claims = { iss: ISSUER, aud: 'approvals', exp: now + 300, sub: person, tenant: 'acme', roles };
  const signed = `${part({ alg: 'ES256' })}.${part(claims)}`;
  const signature = sign('sha256', Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url');
  tokens += 1;
  const file = join(stack.folder, `token-${tokens}`);
  writeFileSync(file, `${signed}.${signature}\n`);
  return file;
}

interface Run {
  readonly code: number;
  readonly out: string;
  readonly said: string;
}

/** A command line of a person, at one of the PDPs. */
async function portcullis(
  words: readonly string[],
  { person = 'tess', roles = ['treasurer'], pdp = 1 } = {},
): Promise<Run> {
  let out = '';
  let said = '';
  const connection = [
    ...['--pdp', `https://${stack.pdps[pdp]?.addresses['https'] ?? ''}`, '--token-file', tokenFile(person, roles)],
    ...['--tls-ca', stack.tls({ kind: 'agent', ...AGENT }).caFile, '--trust-domain', TRUST_DOMAIN],
  ];
  const code = await runCli([...words, ...connection], {
    signal: new AbortController().signal,
    terminal: {
      width: 200,
      data: (text) => {
        out += `${text}\n`;
      },
      say: (text) => {
        said += `${text}\n`;
      },
      input: async () => new Uint8Array(),
    },
  });
  return { code, out, said };
}

let attempts = 0;
/** Another attempt at a payment. */
function payment(to: string, more: object = {}): object {
  attempts += 1;
  return {
    version: '1.0',
    tenant_id: AGENT.tenant,
    source: 'mcp_proxy',
    kind: 'tool_call',
    agent: { id: AGENT.agent },
    tool: {
      server: 'bank',
      name: 'pay',
      operation: 'tools/call',
      arguments: { to, amount: 10 },
      definition_digest: 'd1',
    },
    context: { timestamp: new Date().toISOString(), request_id: `r-${attempts}` },
    ...more,
  };
}

async function ask(body: object, pdp = 0): Promise<Decision> {
  const answer = await request(`https://${stack.pdps[pdp]?.addresses['https'] ?? ''}/v1/policy/evaluate`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    dispatcher: agent,
  });
  const json = (await answer.body.json()) as Decision;
  if (answer.statusCode !== 200) throw new Error(JSON.stringify(json));
  return json;
}

function idOf({ conditions: [condition] }: Decision): string {
  const id = (condition?.value as JsonObject | undefined)?.['approval_id'];
  if (typeof id !== 'string') throw new Error('no approval');
  return id;
}

/** Asks, and has a person agree at another PDP. */
async function agreed(to: string): Promise<string> {
  const id = idOf(await ask(payment(to)));
  expect(await portcullis(['approvals', 'approve', id])).toMatchObject({ code: 0 });
  return id;
}

const codes = ({ deny }: Decision): readonly string[] => deny.map(({ code }) => code);

interface ChainRecord {
  readonly kind: string;
  readonly event?: string;
  readonly approval_id?: string;
  readonly by?: string;
  readonly effect?: string;
  readonly request_digest?: string;
}

/** Every record of every PDP, after `portcullis audit verify` found the chains whole. */
async function records(): Promise<readonly ChainRecord[]> {
  const all: ChainRecord[] = [];
  for (const pdp of stack.pdps) {
    let lines = '';
    const terminal = {
      width: 80,
      data: (text: string) => {
        lines += `${text}\n`;
      },
      say: () => undefined,
      input: async () => new Uint8Array(),
    };
    const signal = new AbortController().signal;
    expect(await runCli(['audit', 'export', pdp.auditDir], { signal, terminal })).toBe(0);
    all.push(
      ...lines
        .trim()
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line) as ChainRecord),
    );
  }
  return all;
}

describe('people', () => {
  test('see what waits at any PDP, agree to it, and the same request is allowed once', async () => {
    const held = await ask(payment('bob'), 0);
    expect([held.effect, codes(held)]).toEqual(['hold', ['APPROVAL_REQUIRED']]);
    const id = idOf(held);
    const listed = await portcullis(['approvals', 'list'], { pdp: 1 });
    expect([listed.code, listed.out]).toEqual([0, expect.stringContaining(id)]);
    const shown = await portcullis(['approvals', 'show', id], { pdp: 2 });
    expect(shown.out).toContain('payload: {"arguments":{"to":"bob","amount":10}}');
    const done = await portcullis(['approvals', 'approve', id, '--comment', 'invoice 1', '--json'], { pdp: 2 });
    expect(JSON.parse(done.out)).toMatchObject({
      id,
      state: 'approved',
      votes: [{ person: 'tess', comment: 'invoice 1' }],
    });
    const allowed = await ask(payment('bob'), 1);
    expect([allowed.effect, allowed.meta.cached]).toEqual(['allow', false]);
    expect((await ask(payment('bob'), 2)).effect).toBe('hold');
    const events = (await records()).filter(({ approval_id }) => approval_id === id);
    expect(new Set(events.map(({ event, by }) => `${event} ${by ?? ''}`))).toEqual(
      new Set(['requested ', 'approve tess', 'consumed ']),
    );
    expect(events.length).toBe(3);
    await eventually('the notices', () => notices.filter(({ approval }) => approval.id === id).length >= 2);
    expect(notices.filter(({ approval }) => approval.id === id).map(({ event }) => event)).toEqual([
      'requested',
      'decided',
    ]);
    expect(badSignatures).toEqual([]);
    expect(JSON.stringify(notices)).not.toContain('"bob"');
  });

  test('who are not asked, or whose own request it is, are not heard', async () => {
    const id = idOf(await ask(payment('ned')));
    for (const who of [{ roles: ['clerk'] }, { person: AGENT.agent }]) {
      const answer = await portcullis(['approvals', 'approve', id], who);
      expect([answer.code, answer.said]).toEqual([6, expect.stringContaining('ERR_APPROVAL_FORBIDDEN')]);
    }
    expect((await portcullis(['approvals', 'deny', id])).code).toBe(0);
    expect(codes(await ask(payment('ned'), 2))).toEqual(['APPROVAL_REFUSED']);
  });

  test('make a standing grant of it, and end that', async () => {
    const id = await agreed('gil');
    const words = ['grants', 'create', '--approval', id, '--count', '2', '--expires', '1h', '--json'];
    const made = await portcullis(words);
    const grant = JSON.parse(made.out) as { readonly id: string };
    const answers = [await ask(payment('gil'), 0), await ask(payment('gil'), 1), await ask(payment('gil'), 2)];
    expect(answers.map(({ effect }) => effect)).toEqual(['allow', 'allow', 'allow']);
    expect((await ask(payment('gil'), 0)).effect).toBe('hold');
    const listed = await portcullis(['grants', 'list']);
    expect(listed.out).toMatch(new RegExp(`${grant.id} +active +analyst +bank/pay +2 of 2`));
    expect((await portcullis(['grants', 'revoke', grant.id])).code).toBe(6);
  });
});

describe('at most one execution per approval', () => {
  test('100 at once, at three PDPs: one is allowed', async () => {
    const id = await agreed('ivy');
    const answers = await Promise.all(Array.from({ length: 100 }, (_, number) => ask(payment('ivy'), number % 3)));
    expect(answers.filter(({ allow }) => allow).length).toBe(1);
    const used = (await records()).filter(({ approval_id, event }) => approval_id === id && event === 'consumed');
    expect(used.length).toBe(1);
    const allowed = (await records()).filter(({ request_digest, effect }) => {
      return effect === 'allow' && request_digest === used[0]?.request_digest;
    });
    expect(allowed.length).toBe(1);
  });

  test('one byte more, and it is another request', async () => {
    await agreed('kim');
    expect((await ask(payment('kiM'))).effect).toBe('hold');
    expect((await ask(payment('kim'))).effect).toBe('allow');
  });

  test('a PDP that is killed after it used the approval up and before it answered: none', async () => {
    const victim = stack.pdps[0];
    if (victim === undefined) throw new Error('no PDP');
    const id = await agreed('zed');
    // The answer of Redis takes so long to come back.
    proxy.set('pass', { delayMs: 300 });
    const answer = ask(payment('zed'), 0).then(
      ({ allow }) => allow,
      () => false,
    );
    const state = async (): Promise<string | null> => admin.hget(`{portcullis:approvals}:p:${id}`, 'state');
    await eventually('the approval to be used up', async () => (await state()) === 'consumed', 10_000, 1);
    await victim.kill();
    proxy.set('pass');
    expect(await answer).toBe(false);
    const later = await Promise.all(Array.from({ length: 20 }, (_, number) => ask(payment('zed'), 1 + (number % 2))));
    expect(later.filter(({ allow }) => allow)).toEqual([]);
    await victim.start();
    for (const pdp of [0, 1, 2]) {
      await eventually('to be held', async () => {
        const { allow, effect } = await ask(payment('zed'), pdp);
        expect(allow).toBe(false);
        return effect === 'hold';
      });
    }
  });

  test('a PDP that is killed while it answers: none or one, and whoever comes later is held', async () => {
    const victim = stack.pdps[0];
    if (victim === undefined) throw new Error('no PDP');
    // From before the question arrives to after its answer.
    for (const afterMs of [0, 1, 2, 3, 5, 8]) {
      const to = `victim-${afterMs}`;
      await agreed(to);
      const answer = ask(payment(to), 0).then(
        ({ allow }) => allow,
        () => false,
      );
      await delay(afterMs);
      await victim.kill();
      const first = await answer;
      const later = await Promise.all([1, 2, 1, 2].map((pdp) => ask(payment(to), pdp)));
      const allowed = Number(first) + later.filter(({ allow }) => allow).length;
      expect(allowed).toBeLessThanOrEqual(1);
      await victim.start();
      await eventually('the PDP to be back', async () => (await ask(payment('nobody'), 0)).effect === 'hold');
    }
    const all = await records();
    const used = all.filter(({ event }) => event === 'consumed').map(({ approval_id }) => approval_id);
    expect(new Set(used).size).toBe(used.length);
  });
});

describe('what people agreed to', () => {
  test('stands after a release that changes nothing about it', async () => {
    await agreed('kim');
    await publish('1.0.1', [...POLICIES, SILENT]);
    expect((await ask(payment('kim'))).effect).toBe('allow');
  });

  test('is void after a release with other words for the rule that holds', async () => {
    const id = await agreed('lou');
    await publish(
      '1.0.2',
      POLICIES.map((policy) => ({ ...policy, priority: policy.priority + 1 })),
    );
    const held = await ask(payment('lou'));
    expect(held.effect).toBe('hold');
    expect(held.deny[0]?.message).toContain(`approval ${id} is void: another release is in force`);
  });

  test("is void once the tool's definition is another", async () => {
    const id = await agreed('mia');
    const changed = { tool: { ...(payment('mia') as { tool: object }).tool, definition_digest: 'd2' } };
    const held = await ask(payment('mia', changed));
    expect(held.deny[0]?.message).toContain(`approval ${id} is void: the tool's definition is another`);
  });

  test('cannot be used while Redis is stopped or gone; nothing that is held is let through', async () => {
    await agreed('pia');
    redis.pause();
    const [held, listed] = await Promise.all([ask(payment('pia'), 1), portcullis(['approvals', 'list'])]);
    expect([codes(held), listed.code]).toEqual([['APPROVAL_UNAVAILABLE'], 1]);
    redis.resume();
    await eventually(
      'Redis to be used again',
      async () => codes(await ask(payment('zoe'), 1))[0] === 'APPROVAL_REQUIRED',
    );
    await redis.kill();
    expect(codes(await ask(payment('pia'), 2))).toEqual(['APPROVAL_UNAVAILABLE']);
  });
});
