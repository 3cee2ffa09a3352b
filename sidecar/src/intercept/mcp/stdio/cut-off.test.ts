/** Calls behind the stdio wrapper that a kill has ended, or the agent: nobody gets the answer to another one, and they leave room. */

import { PassThrough } from 'node:stream';
import { afterEach, expect, test } from '@jest/globals';
import type { Condition } from '@portcullis/policy/model';
import { createRegistry } from '@portcullis/runtime';
import { allow, type Behaviour, deny, fakePolicyClient } from '../../../testing/fake-policy-client.js';
import { enforcementParts, memoryLog } from '../../../testing/proxy-harness.js';
import { definitionsConfig } from '../definitions/config.js';
import { openToolDefinitions } from '../definitions/open.js';
import { MAX_OPEN } from '../sessions.js';
import { startChild } from './child.js';
import { runStdio } from './stdio.js';

/** Answers a call of `slow` when `release` is called, with its news before; and says when it has got one. */
const SERVER = String.raw`
const lines = require('node:readline').createInterface({ input: process.stdin });
const say = (message) => process.stdout.write(JSON.stringify({ jsonrpc: '2.0', ...message }) + '\n');
let slow;
lines.on('line', (line) => {
  const { id, params } = JSON.parse(line);
  if (id === undefined) return;
  const method = 'notifications/message';
  if (params.name === 'slow') {
    slow = id;
    return say({ method, params: { level: 'info', data: 'begun' } });
  }
  if (params.name === 'release') {
    say({ method, params: { level: 'info', data: 'for a@example.com' } });
    say({ id: slow, result: { of: 'slow' } });
  }
  say({ id, result: { of: params.name } });
});
`;

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

async function wrapped(behaviour: Behaviour) {
  const client = fakePolicyClient(behaviour);
  const parts = enforcementParts(client, createRegistry('portcullis_sidecar'), memoryLog().log, 5_000);
  const child = await startChild({
    name: 'files',
    command: process.execPath,
    args: ['-e', SERVER],
    env: {},
    graceMs: 300,
  });
  const tools = await openToolDefinitions(definitionsConfig.parse({ unseen: 'ask' }), {
    ...parts,
    guard: parts.listingGuard,
  });
  const input = new PassThrough();
  const output = new PassThrough();
  const limits = { minimumVersion: '2025-03-26', maxMessageBytes: 65_536, maxPending: 8 } as const;
  const done = runStdio({ ...parts, ...limits, tools, child, input, output });
  const lines = output.iterator({ destroyOnReturn: false });
  let rest = '';
  ends.push(async () => {
    input.end();
    await done;
  });
  return {
    client,
    killEpoch: parts.open.killEpoch,
    call: (id: number, name: string) =>
      input.write(`${JSON.stringify({ jsonrpc: '2.0', id, method: 'tools/call', params: { name, arguments: {} } })}\n`),
    cancel: (requestId: number) =>
      input.write(`${JSON.stringify({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId } })}\n`),
    async next(): Promise<unknown> {
      while (!rest.includes('\n')) rest += String((await lines.next()).value);
      const end = rest.indexOf('\n');
      const line = rest.slice(0, end);
      rest = rest.slice(end + 1);
      return JSON.parse(line);
    },
  };
}

test('its id stays in use until the server has answered it', async () => {
  const { client, killEpoch, call, next } = await wrapped(allow());
  call(1, 'slow');
  expect(await next()).toMatchObject({ params: { data: 'begun' } });
  client.behaviour = deny({ code: 'KILL_SWITCH', message: 'stopped' });
  killEpoch('pdp-1', 1);
  expect(await next()).toMatchObject({ id: 1, error: { data: { code: 'KILL_SWITCH' } } });
  client.behaviour = allow();
  call(1, 'other');
  expect(await next()).toMatchObject({ id: 1, error: { data: { code: 'REQUEST_INVALID' } } });
  call(2, 'release');
  expect(await next()).toMatchObject({ method: 'notifications/message' });
  expect(await next()).toMatchObject({ id: 2, result: { of: 'release' } });
  call(1, 'other');
  expect(await next()).toMatchObject({ id: 1, result: { of: 'other' } });
  expect(client.settled.map(({ outcome }) => outcome)).toEqual(['upstream_failed', 'forwarded', 'forwarded']);
});

test('what the server says of it is redacted as before', async () => {
  const condition: Condition = { type: 'redact', value: { method: 'mask', detectors: ['email'] } };
  const { client, killEpoch, call, next } = await wrapped(allow({ conditions: [condition] }));
  call(1, 'slow');
  await next();
  client.behaviour = deny({ code: 'KILL_SWITCH', message: 'stopped' });
  killEpoch('pdp-1', 1);
  await next();
  client.behaviour = allow();
  call(2, 'release');
  expect(JSON.stringify(await next())).not.toContain('a@example.com');
});

test('what was cancelled, and is never answered, leaves room for others', async () => {
  const { client, call, cancel, next } = await wrapped(allow());
  for (let id = 1; id <= MAX_OPEN + 1; id += 1) {
    call(id, 'slow');
    expect(await next()).toMatchObject({ params: { data: 'begun' } });
    cancel(id);
  }
  call(0, 'other');
  expect(await next()).toMatchObject({ id: 0, result: { of: 'other' } });
  expect(client.settled.some(({ outcome }) => outcome === 'upstream_failed')).toBe(true);
});
