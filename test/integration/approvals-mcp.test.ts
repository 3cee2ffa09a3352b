/**
 * How agents meet a hold: the official MCP clients of both generations, unmodified, through real processes, while people
 * answer with the command line. Whatever clients do, one approval is one call of the server.
 */
import { createPrivateKey, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import {
  Client as Client2,
  StreamableHTTPClientTransport as HttpTransport2,
  withInputRequired,
} from '@modelcontextprotocol/client';
import { StdioClientTransport as StdioTransport2 } from '@modelcontextprotocol/client/stdio';
import { Client as Client1 } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport as StdioTransport1 } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport as HttpTransport1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { CallToolResultSchema, UrlElicitationRequiredError } from '@modelcontextprotocol/sdk/types.js';
import { runCli } from '@portcullis/cli';
import { startService } from '../support/child-process.js';
import { eventually } from '../support/eventually.js';
import { ALLOW_ALL_MCP, policySource } from '../support/policy-source.js';
import { type RedisServer, startRedisServer } from '../support/redis-server.js';
import { repositoryRoot } from '../support/root.js';
import { AGENT, type SidecarProcess, type Stack, startStack, TRUST_DOMAIN } from '../support/stack.js';

jest.setTimeout(120_000);

const ISSUER = 'https://login.test';
const PAGE = 'https://console.test/approvals/{id}';
const INFO = { name: 'official', version: '1.0.0' };
/** Not a test of speed: a slow machine must not look like a denial. */
const PATIENT = { deadlineMs: 5000, breaker: { resetTimeoutMs: 6000 } };
const POLICIES = [
  ALLOW_ALL_MCP,
  {
    name: 'Ask people',
    when: { field: 'tool.name', operator: 'equals', value: 'forbidden' },
    effect: { type: 'require_approval', role: 'treasurer' },
    priority: 90,
  },
  {
    name: 'Ask people for a moment',
    when: {
      operator: 'and',
      conditions: [
        { field: 'tool.name', operator: 'equals', value: 'forbidden' },
        { field: 'tool.arguments.label', operator: 'equals', value: 'brief' },
      ],
    },
    // The shortest that there is.
    effect: { type: 'require_approval', role: 'treasurer', expires_seconds: 30 },
    priority: 95,
  },
];

type Server = 'legacy' | 'modern';
const entryOf = (server: Server): string =>
  join(repositoryRoot(), 'test', 'dist', 'integration', 'mcp-clients', `${server}-server.js`);

let redis: RedisServer;
let stack: Stack;
let servers: Awaited<ReturnType<typeof startService>>[] = [];
/** Waits for as long as people take. */
let patient: SidecarProcess;
/** Waits for a moment only. */
let hasty: SidecarProcess;
/** As `hasty`, with a key of its own. */
let stranger: SidecarProcess;
let expiring: { readonly client: Agent; readonly error: ReturnType<typeof rejected> };
let folder = '';
let key: KeyObject;
let labels = 0;
const closing: (() => Promise<void>)[] = [];

beforeAll(async () => {
  redis = await startRedisServer();
  folder = mkdtempSync(join(tmpdir(), 'portcullis-held-'));
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  key = createPrivateKey(pair.privateKey.export({ type: 'pkcs8', format: 'pem' }));
  const jwksFile = join(folder, 'issuer.jwks');
  writeFileSync(jwksFile, JSON.stringify({ keys: [pair.publicKey.export({ format: 'jwk' })] }));
  stack = await startStack({
    logLevel: 'warn',
    pdp: {
      limits: { decisionDeadlineMs: PATIENT.deadlineMs },
      http: {},
      approvals: {
        store: { type: 'redis', url: `redis://${redis.host}:${redis.port}`, tls: false, timeoutMs: 5_000 },
        approvers: [{ issuer: ISSUER, audience: 'approvals', jwksFile }],
      },
    },
  });
  const { seq } = await stack.publish(policySource('1.0.0', POLICIES));
  await stack.loaded(seq);
  servers = [await startService(entryOf('legacy'), []), await startService(entryOf('modern'), [])];
  const [legacy, modern] = servers.map(({ announcement }) => `http://${announcement.addresses['mcp'] ?? ''}/mcp`);
  const upstreams = [
    { name: 'legacy', url: legacy ?? '' },
    { name: 'modern', url: modern ?? '' },
  ];
  const stateKeyFile = join(folder, 'state.key');
  writeFileSync(stateKeyFile, randomBytes(32));
  patient = await startSidecar(upstreams, { waitMs: 40_000, stateKeyFile });
  hasty = await startSidecar(upstreams, { waitMs: 200, stateKeyFile });
  stranger = await startSidecar(upstreams, { waitMs: 200 });
  // It takes half a minute, while the others do what they do.
  const brief = await agent({ generation: 1, showsPages: false, route: patient.mcpUrl('legacy') });
  expiring = { client: brief, error: rejected(brief.call('brief')) };
});

afterAll(async () => {
  await Promise.all(closing.map((close) => close()));
  await stack?.close();
  await Promise.all(servers.map(({ process }) => process.stop('SIGKILL')));
  await redis?.close();
  rmSync(folder, { recursive: true, force: true });
});

function startSidecar(upstreams: { name: string; url: string }[], approvals: object): Promise<SidecarProcess> {
  // Nobody is told by polling within the time of a test: the PDP's own word is what wakes.
  const config = { approvals: { page: PAGE, pollMs: 60_000, progressMs: 200, ...approvals } };
  return stack.startSidecar({ upstreams, config, pdp: PATIENT });
}

interface Run {
  readonly code: number;
  readonly out: string;
}

async function portcullis(...words: readonly string[]): Promise<Run> {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const exp = Math.floor(Date.now() / 1_000) + 300;
  const claims = { iss: ISSUER, aud: 'approvals', exp, sub: 'tess', tenant: AGENT.tenant, roles: ['treasurer'] };
  const signed = `${part({ alg: 'ES256' })}.${part(claims)}`;
  const signature = sign('sha256', Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url');
  const tokenFile = join(folder, 'token');
  writeFileSync(tokenFile, `${signed}.${signature}\n`);
  let out = '';
  const code = await runCli(
    [
      ...words,
      ...['--pdp', `https://${stack.pdps[0]?.addresses['https'] ?? ''}`, '--token-file', tokenFile],
      ...['--tls-ca', stack.tls({ kind: 'agent', ...AGENT }).caFile, '--trust-domain', TRUST_DOMAIN],
    ],
    {
      signal: new AbortController().signal,
      terminal: {
        width: 200,
        data: (text) => {
          out += `${text}\n`;
        },
        say: (text) => {
          out += `${text}\n`;
        },
        input: async () => new Uint8Array(),
      },
    },
  );
  return { code, out };
}

/** The question about the call with this label, once it waits. */
function question(label: string): Promise<string> {
  return eventually('the question', async () => {
    const { out } = await portcullis('approvals', 'list', '--json');
    const listed = JSON.parse(out) as { approvals?: { id: string }[] } | { id: string }[];
    const approvals = Array.isArray(listed) ? listed : (listed.approvals ?? []);
    return approvals.find((approval) => JSON.stringify(approval).includes(`"${label}"`))?.id;
  });
}

async function answer(verb: 'approve' | 'deny', id: string): Promise<void> {
  const { code, out } = await portcullis('approvals', verb, id);
  if (code !== 0) throw new Error(out);
}

interface Agent {
  /** Makes the call that is held. */
  call(label: string, signal?: AbortSignal): Promise<unknown>;
  /** How often the server did it. */
  done(label: string): Promise<number>;
  /** The pages that its user was shown. */
  readonly shown: string[];
  readonly progress: number[];
  close(): Promise<void>;
}

const textOf = (result: unknown): string =>
  (result as { readonly content: readonly { readonly text: string }[] }).content[0]?.text ?? '';

interface AgentOptions {
  readonly generation: 1 | 2;
  readonly showsPages: boolean;
  readonly route: string | { readonly command: string; readonly args: string[] };
}

async function agent({ generation, showsPages, route }: AgentOptions): Promise<Agent> {
  const shown: string[] = [];
  const progress: number[] = [];
  const capabilities = showsPages ? { elicitation: { url: {} } } : {};
  const options = (signal?: AbortSignal) => ({
    timeout: 60_000,
    ...(signal === undefined ? {} : { signal }),
    onprogress: ({ progress: done }: { progress: number }) => void progress.push(done),
  });
  const http = typeof route === 'string' ? new URL(route) : undefined;
  const stdio = typeof route === 'string' ? { command: '' } : { ...route, stderr: 'inherit' as const };
  let callTool: (name: string, label: string, signal?: AbortSignal) => Promise<unknown>;
  let close: () => Promise<void>;
  if (generation === 1) {
    const client = new Client1(INFO, { capabilities });
    await client.connect(http === undefined ? new StdioTransport1(stdio) : new HttpTransport1(http));
    callTool = (name, label, signal) =>
      client.callTool({ name, arguments: { label } }, CallToolResultSchema, options(signal));
    close = () => client.close();
  } else {
    const client = new Client2(INFO, { capabilities, versionNegotiation: { mode: 'auto' } });
    if (showsPages) {
      client.setRequestHandler('elicitation/create', ({ params }) => {
        if ('url' in params) shown.push(params.url);
        return { action: 'accept' };
      });
    }
    await client.connect(http === undefined ? new StdioTransport2(stdio) : new HttpTransport2(http));
    callTool = (name, label, signal) => client.callTool({ name, arguments: { label } }, options(signal));
    close = () => client.close();
  }
  closing.push(() => close().catch(() => undefined));
  return {
    shown,
    progress,
    call: (label, signal) => callTool('forbidden', label, signal),
    done: async (label) =>
      textOf(await callTool('journal', label))
        .split('\n')
        .filter((line) => line === `forbidden ${label}`).length,
    close,
  };
}

const nextLabel = (): string => {
  labels += 1;
  return `call-${labels}`;
};
const rejected = (
  promise: Promise<unknown>,
): Promise<{ code?: number; message: string; data?: Record<string, unknown> }> =>
  promise.then(
    (value) => ({ message: `resolved: ${JSON.stringify(value)}` }),
    (error: unknown) => error as Error,
  );

async function wrapper(server: Server): Promise<{ command: string; args: string[] }> {
  const { command, args } = await stack.stdioWrapper(server, {
    pdp: PATIENT,
    config: { approvals: { page: PAGE, pollMs: 60_000, progressMs: 200, waitMs: 40_000 } },
  });
  return { command, args: [...args, process.execPath, entryOf(server), 'stdio'] };
}

describe.each(['http', 'stdio'] as const)('over %s', (transport) => {
  const routeTo = async (server: Server): Promise<AgentOptions['route']> =>
    transport === 'http' ? patient.mcpUrl(server) : wrapper(server);

  test('client 2.x with a user is shown the page, and gets its result once people agreed', async () => {
    const client = await agent({ generation: 2, showsPages: true, route: await routeTo('modern') });
    const label = nextLabel();
    const result = client.call(label);
    const id = await question(label);
    expect(await client.done(label)).toBe(0);
    await answer('approve', id);
    expect(textOf(await result)).toBe('done');
    expect(client.shown).toEqual([PAGE.replace('{id}', id)]);
    expect(await client.done(label)).toBe(1);
  });

  test('client 2.x without one comes back by itself, and waits', async () => {
    const client = await agent({ generation: 2, showsPages: false, route: await routeTo('modern') });
    const label = nextLabel();
    const result = client.call(label);
    await answer('approve', await question(label));
    expect(textOf(await result)).toBe('done');
    expect(await client.done(label)).toBe(1);
  });

  test('sdk 1.x waits, hears that it does, and gets its result once people agreed', async () => {
    const client = await agent({ generation: 1, showsPages: false, route: await routeTo('legacy') });
    const label = nextLabel();
    const result = client.call(label);
    const id = await question(label);
    await eventually('a sign of life', () => client.progress.length > 1);
    expect(await client.done(label)).toBe(0);
    await answer('approve', id);
    expect(textOf(await result)).toBe('done');
    expect(await client.done(label)).toBe(1);
  });

  test('sdk 1.x with a user is told of the page, and its next attempt waits for people', async () => {
    const client = await agent({ generation: 1, showsPages: true, route: await routeTo('legacy') });
    const label = nextLabel();
    const error = await rejected(client.call(label));
    expect(error).toBeInstanceOf(UrlElicitationRequiredError);
    const id = await question(label);
    expect((error as unknown as UrlElicitationRequiredError).elicitations).toEqual([
      expect.objectContaining({ mode: 'url', elicitationId: id, url: PAGE.replace('{id}', id) }),
    ]);
    const result = client.call(label);
    await eventually('a sign of life', () => client.progress.length > 0);
    await answer('approve', id);
    expect(textOf(await result)).toBe('done');
    expect(await client.done(label)).toBe(1);
  });

  test.each([
    [1, 'legacy'],
    [2, 'modern'],
  ] as const)('generation %i gets the refusal of people', async (generation, server) => {
    const client = await agent({ generation, showsPages: false, route: await routeTo(server) });
    const label = nextLabel();
    const result = rejected(client.call(label));
    await answer('deny', await question(label));
    expect((await result).data?.['code']).toBe('APPROVAL_REFUSED');
    expect(await client.done(label)).toBe(0);
  });

  test('a call that its client cancels is not carried out when people agree; the next attempt is', async () => {
    const client = await agent({ generation: 1, showsPages: false, route: await routeTo('legacy') });
    const label = nextLabel();
    const leaving = new AbortController();
    const result = rejected(client.call(label, leaving.signal));
    const id = await question(label);
    await eventually('a sign of life', () => client.progress.length > 0);
    leaving.abort();
    await result;
    // It travels on a request of its own; what comes after it on the same line is heard after it.
    expect(await client.done(label)).toBe(0);
    await answer('approve', id);
    expect(textOf(await client.call(label))).toBe('done');
    expect(await client.done(label)).toBe(1);
  });
});

describe('an agent that has gone away', () => {
  test.each([
    [1, 'legacy'],
    [2, 'modern'],
  ] as const)(
    'and comes back as a new client of generation %i finds the same question answered',
    async (generation, server) => {
      const first = await agent({ generation, showsPages: false, route: patient.mcpUrl(server) });
      const label = nextLabel();
      const lost = rejected(first.call(label));
      const id = await question(label);
      await first.close();
      await lost;
      await answer('approve', id);
      const second = await agent({ generation, showsPages: false, route: patient.mcpUrl(server) });
      expect(await second.done(label)).toBe(0);
      expect(textOf(await second.call(label))).toBe('done');
      expect(await second.done(label)).toBe(1);
    },
  );

  test('after its wait gets an error that names the approval, and is done with the next attempt', async () => {
    const client = await agent({ generation: 1, showsPages: false, route: hasty.mcpUrl('legacy') });
    const label = nextLabel();
    const error = await rejected(client.call(label));
    const id = await question(label);
    expect([error.code, error.data?.['hold']]).toEqual([-31428, expect.objectContaining({ approval_id: id })]);
    await answer('approve', id);
    expect(textOf(await client.call(label))).toBe('done');
    expect(await client.done(label)).toBe(1);
  });
});

test('a PDP that is restarted while a call waits: the answer is heard all the same', async () => {
  const client = await agent({ generation: 1, showsPages: false, route: patient.mcpUrl('legacy') });
  const label = nextLabel();
  const result = client.call(label);
  const id = await question(label);
  const pdp = stack.pdps[0];
  await pdp?.kill();
  await pdp?.start();
  await answer('approve', id);
  expect(textOf(await result)).toBe('done');
  expect(await client.done(label)).toBe(1);
});

test('the same call of many clients at once, and one approval: the server does it once', async () => {
  const clients = await Promise.all(
    Array.from({ length: 6 }, (_, index) =>
      agent({ generation: 1, showsPages: false, route: (index % 2 === 0 ? patient : hasty).mcpUrl('legacy') }),
    ),
  );
  const label = nextLabel();
  const results = clients.map((client) => rejected(client.call(label)));
  await answer('approve', await question(label));
  await Promise.all(results.filter((_, index) => index % 2 === 1));
  const last = clients[0];
  await eventually('it to be done', async () => (await last?.done(label)) === 1);
  expect(await last?.done(label)).toBe(1);
});

describe('what a client of 2026-07-28 brings back', () => {
  interface Raw {
    /** One attempt, answered as it is. */
    attempt(label: string, more?: object): Promise<Record<string, unknown>>;
    readonly agent: Agent;
  }

  async function raw(sidecar: SidecarProcess): Promise<Raw> {
    const client = new Client2(INFO, { versionNegotiation: { mode: 'auto' } });
    await client.connect(new HttpTransport2(new URL(sidecar.mcpUrl('modern'))));
    closing.push(() => client.close().catch(() => undefined));
    return {
      agent: await agent({ generation: 2, showsPages: false, route: sidecar.mcpUrl('modern') }),
      attempt: async (label, more = {}) => {
        const params = { name: 'forbidden', arguments: { label }, ...more };
        const request = { method: 'tools/call' as const, params };
        const schema = withInputRequired(CallToolResultSchema);
        return (await client.request(request, schema, { allowInputRequired: true })) as Record<string, unknown>;
      },
    };
  }

  const stateOf = (result: Record<string, unknown>): string => String(result['requestState']);

  test('goes on at another sidecar that has the same key, and after both were restarted', async () => {
    const label = nextLabel();
    const first = await raw(hasty);
    const requestState = stateOf(await first.attempt(label));
    const id = await question(label);
    await hasty.terminate();
    await hasty.start();
    const second = await raw(patient);
    const result = second.attempt(label, { requestState });
    await answer('approve', id);
    expect(textOf(await result)).toBe('done');
    expect(await second.agent.done(label)).toBe(1);
    // Used up: refused where that is known, and never carried out where it is not.
    const known = await rejected(second.attempt(label, { requestState }));
    expect([known.code, known.message]).toEqual([-32602, expect.stringContaining('used up')]);
    const third = await raw(hasty);
    expect(await third.attempt(label, { requestState })).toMatchObject({ resultType: 'input_required' });
    expect(await third.agent.done(label)).toBe(1);
  });

  test('is refused when it was changed, is of another call, or of a sidecar with another key', async () => {
    const label = nextLabel();
    const { attempt, agent: client } = await raw(hasty);
    const requestState = stateOf(await attempt(label));
    await answer('approve', await question(label));
    const elsewhere = await raw(stranger);
    const changed = `${requestState.slice(0, -1)}${requestState.endsWith('A') ? 'Q' : 'A'}`;
    const errors = [
      await rejected(attempt(label, { requestState: changed })),
      await rejected(attempt(`${label}!`, { requestState })),
      await rejected(elsewhere.attempt(label, { requestState })),
    ];
    expect(errors.map(({ code }) => code)).toEqual([-32602, -32602, -32602]);
    expect(await client.done(label)).toBe(0);
    expect(textOf(await attempt(label, { requestState }))).toBe('done');
    expect(await client.done(label)).toBe(1);
  });

  test('races itself ten times at two sidecars: the server does it once', async () => {
    const label = nextLabel();
    const [one, two] = [await raw(hasty), await raw(patient)];
    const requestState = stateOf(await one.attempt(label));
    await answer('approve', await question(label));
    const racing = Array.from({ length: 10 }, (_, index) =>
      (index % 2 === 0 ? one : two).attempt(label, { requestState }),
    );
    const done = Promise.all(racing.map((attempt) => rejected(attempt)));
    // Whoever lost at the sidecar that waits is heard when its client, or that sidecar, is done waiting.
    await eventually('it to be done', async () => (await one.agent.done(label)) === 1);
    const id = await question(label).catch(() => undefined);
    if (id !== undefined) await answer('deny', id);
    const results = (await done).filter(({ message }) => message.startsWith('resolved') && message.includes('"done"'));
    expect(results.length).toBe(1);
    expect(await one.agent.done(label)).toBe(1);
  });
});

test('a call that nobody approved in time says so, and asks nobody anew', async () => {
  expect((await expiring.error).message).toContain('nobody approved this in time');
  expect(await expiring.client.done('brief')).toBe(0);
  const { out } = await portcullis('approvals', 'list', '--json');
  expect(out).not.toContain('"brief"');
});
