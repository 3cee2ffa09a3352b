/** Calls behind the stdio wrapper that a kill has ended, or the agent: nobody gets the answer to another one, and they leave room. */

import { afterEach, expect, test } from '@jest/globals';
import type { Condition } from '@portcullis/policy/model';
import { allow, type Behaviour, deny } from '../../../testing/fake-policy-client.js';
import { call, createStdioHarness } from '../../../testing/stdio-harness.js';
import { MAX_OPEN } from '../sessions.js';
import { MAX_UNWANTED } from './open-requests.js';

/** Answers a call of `slow` when `release` is called, with its news before, one of `silent` never; says when it has got one. */
const SERVER = String.raw`
const lines = require('node:readline').createInterface({ input: process.stdin });
const say = (message) => process.stdout.write(JSON.stringify({ jsonrpc: '2.0', ...message }) + '\n');
let slow;
lines.on('line', (line) => {
  const { id, params } = JSON.parse(line);
  if (id === undefined) return;
  const method = 'notifications/message';
  if (params.name === 'slow' || params.name === 'silent') {
    if (params.name === 'slow') slow = id;
    return say({ method, params: { level: 'info', data: 'begun' } });
  }
  if (params.name === 'release') {
    say({ method, params: { level: 'info', data: 'for a@example.com' } });
    say({ id: slow, result: { of: 'slow' } });
  }
  say({ id, result: { of: params.name } });
});
`;

const { wrap, close } = createStdioHarness();
afterEach(close);

async function wrapped(behaviour: Behaviour) {
  const { client, killEpoch, say, next } = await wrap({ server: SERVER });
  client.behaviour = behaviour;
  return {
    client,
    killEpoch,
    next,
    ask: (id: number, name: string) => say(call(id, {}, name)),
    cancel: (requestId: number) => say({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId } }),
  };
}

test('its id stays in use until the server has answered it', async () => {
  const { client, killEpoch, ask, next } = await wrapped(allow());
  ask(1, 'slow');
  expect(await next()).toMatchObject({ params: { data: 'begun' } });
  client.behaviour = deny({ code: 'KILL_SWITCH', message: 'stopped' });
  killEpoch('pdp-1', 1);
  expect(await next()).toMatchObject({ id: 1, error: { data: { code: 'KILL_SWITCH' } } });
  client.behaviour = allow();
  ask(1, 'other');
  expect(await next()).toMatchObject({ id: 1, error: { data: { code: 'REQUEST_INVALID' } } });
  ask(2, 'release');
  expect(await next()).toMatchObject({ method: 'notifications/message' });
  expect(await next()).toMatchObject({ id: 2, result: { of: 'release' } });
  ask(1, 'other');
  expect(await next()).toMatchObject({ id: 1, result: { of: 'other' } });
  expect(client.settled.map(({ outcome }) => outcome)).toEqual(['upstream_failed', 'forwarded', 'forwarded']);
});

test('what the server says of it is redacted as before', async () => {
  const condition: Condition = { type: 'redact', value: { method: 'mask', detectors: ['email'] } };
  const { client, killEpoch, ask, next } = await wrapped(allow({ conditions: [condition] }));
  ask(1, 'slow');
  await next();
  client.behaviour = deny({ code: 'KILL_SWITCH', message: 'stopped' });
  killEpoch('pdp-1', 1);
  await next();
  client.behaviour = allow();
  ask(2, 'release');
  expect(JSON.stringify(await next())).not.toContain('a@example.com');
});

test('what was cancelled, and is never answered, leaves room for others', async () => {
  const { client, ask, cancel, next } = await wrapped(allow());
  for (let id = 1; id <= MAX_OPEN + 1; id += 1) {
    ask(id, 'slow');
    expect(await next()).toMatchObject({ params: { data: 'begun' } });
    cancel(id);
  }
  ask(0, 'other');
  expect(await next()).toMatchObject({ id: 0, result: { of: 'other' } });
  expect(client.settled.some(({ outcome }) => outcome === 'upstream_failed')).toBe(true);
});

test('an id that was given up for its answer is for nobody else until that has come', async () => {
  const { ask, cancel, next } = await wrapped(allow());
  for (let id = 1; id <= MAX_UNWANTED + 1; id += 1) {
    ask(id, id === 1 ? 'slow' : 'silent');
    expect(await next()).toMatchObject({ params: { data: 'begun' } });
    cancel(id);
  }
  // Whatever was said before has been dealt with then.
  ask(0, 'other');
  expect(await next()).toMatchObject({ id: 0, result: {} });
  ask(1, 'other');
  expect(await next()).toMatchObject({ id: 1, error: { data: { code: 'REQUEST_INVALID' } } });
  ask(0, 'release');
  expect(await next()).toMatchObject({ method: 'notifications/message' });
  expect(await next()).toMatchObject({ id: 0, result: { of: 'release' } });
  ask(1, 'other');
  expect(await next()).toMatchObject({ id: 1, result: { of: 'other' } });
});

test('a kill ends a call that the server is at, and what the server says to it afterwards reaches nobody', async () => {
  const { promise: hasGone, resolve } = Promise.withResolvers<void>();
  const wrapped = await wrap({ forwarded: resolve });
  wrapped.say(call(1, { do: 'hang' }));
  await hasGone;
  wrapped.client.behaviour = deny({ code: 'KILL_SWITCH', message: 'stopped' });
  wrapped.killEpoch('pdp-1', 5);
  expect(await wrapped.next()).toMatchObject({ id: 1, error: { data: { code: 'KILL_SWITCH' } } });
  wrapped.client.behaviour = allow();
  wrapped.say(call(2));
  expect(await wrapped.next()).toMatchObject({ id: 2, result: {} });
  expect(wrapped.client.settled).toMatchObject([{ outcome: 'upstream_failed' }, { outcome: 'forwarded' }]);
});
