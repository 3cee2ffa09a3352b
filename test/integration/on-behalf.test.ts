/**
 * For whom an agent acts and for what, from its request through a real sidecar to rules that a real PDP decides: tokens of an
 * issuer, a declared task, and what the agent says of it.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { request } from 'undici';
import { sourceFiles } from '../support/bundle-source.js';
import { eventually } from '../support/eventually.js';
import { type RecordingUpstream, startRecordingUpstream } from '../support/recording-upstream.js';
import { type SidecarProcess, type Stack, startStack } from '../support/stack.js';
import { filesBelow } from '../support/stack-files.js';
import { createTokenIssuer } from '../support/token-issuer.js';

jest.setTimeout(120_000);
/** A machine that is busy must not make a decision late: the question is whose word counts. */
const PATIENT = { deadlineMs: 2_000, hedgeAfterMs: 1_800, breaker: { resetTimeoutMs: 2_001 } };

const TASK_VARIABLE = 'ON_BEHALF_TEST_TASK';
const issuer = createTokenIssuer();
const ADMIN = issuer.tokenOf({ sub: 'anna', role: 'admin' });
const CLERK = issuer.tokenOf({ sub: 'bob', role: 'clerk' });
const EXPIRED = issuer.tokenOf({ sub: 'anna', role: 'admin', exp: 1_000 });

const rule = (name: string, tool: string, field: string, operator: string, value: unknown) => ({
  name,
  when: {
    operator: 'and',
    conditions: [
      { field: 'tool.name', operator: 'equals', value: tool },
      { field, operator, value },
    ],
  },
  effect: 'allow',
  priority: 50,
});
/** May be kept for a while: whose answers they are must not be mixed up. */
const POLICIES = sourceFiles({
  'bundle.yaml': JSON.stringify({
    format: 'portcullis.policy/1',
    name: 'behalf',
    version: '1.0.0',
    default: 'deny',
    cache: { ttl_seconds: 30 },
    sets: [{ name: 's', layer: 'platform', combining: 'priority', priority_order: 'desc', policies: 'p' }],
  }),
  'p/all.json': JSON.stringify([
    { name: 'Sessions', on: ['session'], when: 'always', effect: 'allow', priority: 10 },
    rule('Admins', 'wipe', 'user.role', 'equals', 'admin'),
    rule('Ticket', 'change', 'context.task.ticket', 'equals', 'CHG-1'),
  ]),
});
const SCOPED = sourceFiles({
  'bundle.yaml': JSON.stringify({
    format: 'portcullis.policy/1',
    name: 'behalf',
    version: '2.0.0',
    default: 'deny',
    sets: [{ name: 's', layer: 'platform', combining: 'priority', priority_order: 'desc', policies: 'p' }],
  }),
  'p/all.json': JSON.stringify([
    { name: 'Sessions', on: ['session'], when: 'always', effect: 'allow', priority: 10 },
    {
      name: 'Inside of the task',
      on: ['tool_call'],
      when: { field: 'facts.task_scope', operator: 'equals', value: 'inside' },
      effect: 'allow',
      priority: 50,
    },
  ]),
});

let folder = '';
let stack: Stack;
let upstream: RecordingUpstream;
let sidecar: SidecarProcess;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'portcullis-behalf-'));
  process.env[TASK_VARIABLE] = JSON.stringify({ ticket: 'CHG-1', tools: ['change', 'wipe'] });
  upstream = await startRecordingUpstream();
  stack = await startStack({
    pdp: {
      users: { issuers: [issuer.configIn(folder)] },
      limits: { decisionDeadlineMs: 5_000 },
    },
  });
  await stack.loaded((await stack.publish(POLICIES)).seq);
  sidecar = await stack.startSidecar({
    upstreams: [{ name: 'files', url: upstream.url }],
    pdp: PATIENT,
    config: {
      log: { level: 'debug' },
      onBehalf: {
        userToken: { header: 'x-user-token', meta: 'acme.example/user-token' },
        task: { env: TASK_VARIABLE, header: 'x-task' },
      },
    },
  });
  await eventually('a decision', async () => (await call('wipe')) === 'NO_MATCHING_POLICY');
});

afterAll(async () => {
  delete process.env[TASK_VARIABLE];
  await stack?.close();
  await upstream?.close();
  if (folder !== '') rmSync(folder, { recursive: true, force: true });
});

let calls = 0;
async function call(
  tool: string,
  headers: Readonly<Record<string, string>> = {},
  meta?: object,
  on = sidecar,
): Promise<string> {
  calls += 1;
  const { body } = await request(on.mcpUrl('files'), {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': '2025-11-25',
      ...headers,
    },
    body: JSON.stringify({
      jsonrpc: '2.0',
      id: calls,
      method: 'tools/call',
      params: { name: tool, arguments: { at: 'x' }, ...(meta === undefined ? {} : { _meta: meta }) },
    }),
  });
  const text = await body.text();
  return /IDENTITY_REJECTED|NO_MATCHING_POLICY|REQUEST_INVALID|POLICY_DENIED|PDP_[A-Z_]+/.exec(text)?.[0] ?? 'allowed';
}

describe('a rule on user.role', () => {
  test('is decided by the token of each call, whoever called before', async () => {
    expect(await call('wipe')).toBe('NO_MATCHING_POLICY');
    for (let round = 0; round < 3; round += 1) {
      expect(await call('wipe', { 'x-user-token': ADMIN })).toBe('allowed');
      expect(await call('wipe', { 'x-user-token': CLERK })).toBe('NO_MATCHING_POLICY');
      expect(await call('wipe', {}, { 'acme.example/user-token': ADMIN })).toBe('allowed');
      expect(await call('wipe')).toBe('NO_MATCHING_POLICY');
    }
  });

  test('is not reached by a token that is over, or of nobody', async () => {
    expect(await call('wipe', { 'x-user-token': EXPIRED })).toBe('IDENTITY_REJECTED');
    expect(await call('wipe', { 'x-user-token': `${ADMIN.slice(0, -4)}AAAA` })).toBe('IDENTITY_REJECTED');
    expect(await call('wipe', { 'x-user-token': 'admin' })).toBe('REQUEST_INVALID');
  });

  test('reads what an issuer has signed; the server, the records and the logs have nothing of it', async () => {
    const received = upstream.calls.map(({ headers, body }) => JSON.stringify(headers) + body.toString()).join();
    const audited = stack.pdps
      .flatMap(({ auditDir }) => filesBelow(auditDir))
      .map((file) => readFileSync(file, 'latin1'));
    const logged = [sidecar.output(), ...stack.pdps.map((pdp) => pdp.output())];
    expect(audited.some((text) => text.includes('wipe'))).toBe(true);
    for (const text of [received, ...audited, ...logged]) {
      for (const token of [ADMIN, CLERK, EXPIRED]) expect(text.includes(token.slice(-40))).toBe(false);
    }
  });
});

describe('a rule on context.task', () => {
  test('reads what was declared for the agent, and not what the agent says', async () => {
    expect(await call('change')).toBe('allowed');
    expect(await call('change', { 'x-task': '{"tools":["change"]}' })).toBe('allowed');
    expect(await call('change', { 'x-task': '{"ticket":"CHG-1"}' })).toBe('REQUEST_INVALID');
    const undeclared = await stack.startSidecar({
      upstreams: [{ name: 'files', url: upstream.url }],
      pdp: PATIENT,
      config: { onBehalf: { task: { header: 'x-task' } } },
    });
    await eventually('its PDP', async () => (await call('change', {}, undefined, undeclared)) === 'NO_MATCHING_POLICY');
    expect(await call('change', { 'x-task': '{"tools":["change"]}' }, undefined, undeclared)).toBe(
      'NO_MATCHING_POLICY',
    );
  });

  test('of the wrapper of a local server is the one of its environment, with its user; the server gets neither', async () => {
    const { command, args } = await stack.stdioWrapper('files', {
      config: {
        stdio: { server: 'files', definitions: { unseen: 'ask' } },
        onBehalf: { userToken: { env: 'WRAPPED_TOKEN' }, task: { env: TASK_VARIABLE } },
      },
    });
    const script =
      "process.stdin.on('data', (d) => { for (const l of d.toString().split('\\n')) if (l) { const { id } = JSON.parse(l);" +
      "process.stdout.write(JSON.stringify({ jsonrpc: '2.0', id, result: { content: [{ type: 'text', text: JSON.stringify(" +
      "Object.keys(process.env)) }] } }) + '\\n'); } })";
    const child = spawn(command, [...args, process.execPath, '-e', script], {
      env: { ...process.env, WRAPPED_TOKEN: ADMIN },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const lines = createInterface({ input: child.stdout });
    try {
      const answer = new Promise<string>((resolve) => lines.once('line', resolve));
      const params = { name: 'wipe', arguments: {} };
      child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params })}\n`);
      const said = await answer;
      expect(said).toContain('PATH');
      expect(said).not.toContain('WRAPPED_TOKEN');
      expect(said).not.toContain(TASK_VARIABLE);
    } finally {
      child.stdin.end();
      child.kill();
    }
  });
});

test('what the agent says it needs takes tools away, and brings none', async () => {
  await stack.loaded((await stack.publish(SCOPED, { version: '2.0.0' })).seq);
  await eventually('the new release', async () => (await call('other')) === 'NO_MATCHING_POLICY');
  expect(await call('change')).toBe('allowed');
  expect(await call('change', { 'x-task': '{"tools":["wipe"]}' })).toBe('NO_MATCHING_POLICY');
  expect(await call('change', { 'x-task': '{"tools":["files/change"]}' })).toBe('allowed');
  expect(await call('other', { 'x-task': '{"tools":["other"]}' })).toBe('NO_MATCHING_POLICY');
});
