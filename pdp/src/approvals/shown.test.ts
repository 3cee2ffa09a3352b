import { randomBytes } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import type { JsonObject } from '@portcullis/policy/model';
import { argumentsDigestHex } from '@portcullis/proto';
import { toolCall } from '../fixtures/requests.js';
import { createShowing } from './shown.js';

const asked = (args: JsonObject) =>
  toolCall('pay', { tool: { server: 'bank', name: 'pay', arguments: args }, user: { id: 'uma' } });
const KEY = randomBytes(32);

describe('a summary', () => {
  const { describe: describeRequest, reveal } = createShowing('summary', undefined);
  const shown = (args: JsonObject): JsonObject => reveal(describeRequest(asked(args)));
  const argumentsOf = (args: JsonObject): unknown => (shown(args)['payload'] as JsonObject)['arguments'];

  test('of little is everything, and says so', () => {
    const args = { to: 'bob', amount: 10.5, tags: ['a', null, true], deep: { a: { b: 1 } } };
    expect(shown(args)).toEqual({
      kind: 'tool_call',
      source: 'mcp_proxy',
      user: 'uma',
      server: 'bank',
      tool: 'pay',
      arguments_digest: argumentsDigestHex(args),
      payload: { arguments: args },
      complete: true,
    });
  });

  test.each<[string, JsonObject, unknown]>([
    ['a password', { password: 'hunter2' }, { password: '(masked)' }],
    ['a token inside', { headers: { Authorization: 'Bearer x' } }, { headers: { Authorization: '(masked)' } }],
    ['what looks like a key', { body: `see ${['AKIA', 'ABCDEFGHIJKLMNOP'].join('')}` }, { body: '(masked)' }],
    ['a long text', { text: 'x'.repeat(300) }, { text: `${'x'.repeat(256)}… (300 characters)` }],
    [
      'a long list',
      { list: Array.from({ length: 52 }, () => 1) },
      { list: [...Array.from({ length: 50 }, () => 1), '(2 more)'] },
    ],
    ['what is too deep', { a: { b: { c: { d: { e: {} } } } } }, { a: { b: { c: { d: { e: '(not shown)' } } } } }],
  ])('leaves out %s, and says that it is not complete', (_name, args, expected) => {
    expect(argumentsOf(args)).toEqual(expected);
    expect(shown(args)['complete']).toBe(false);
  });

  test('of many members is not complete either', () => {
    const args = Object.fromEntries(Array.from({ length: 60 }, (_, number) => [`m${number}`, number]));
    expect([Object.keys(argumentsOf(args) as object).length, shown(args)['complete']]).toEqual([50, false]);
  });
});

describe('a sealed payload', () => {
  const secret = { to: 'bob', password: 'hunter2', long: 'x'.repeat(5_000) };

  test('is kept unreadable and shown whole', () => {
    const { describe: describeRequest, reveal } = createShowing('sealed', KEY);
    const kept = describeRequest(asked(secret));
    expect(JSON.stringify(kept)).not.toMatch(/bob|hunter2|xxxx/);
    expect(reveal(kept)).toMatchObject({ payload: { arguments: secret }, complete: true, tool: 'pay' });
    expect(describeRequest(asked(secret))['sealed']).not.toBe(kept['sealed']);
  });

  test('is not shown with another key, or after a change', () => {
    const kept = createShowing('sealed', KEY).describe(asked(secret));
    const sealed = Buffer.from(kept['sealed'] as string, 'base64');
    sealed[sealed.length - 1] = (sealed.at(-1) ?? 0) ^ 1;
    const note = { complete: false, note: 'encrypted with a key that is not here' };
    expect(createShowing('sealed', randomBytes(32)).reveal(kept)).toMatchObject(note);
    expect(createShowing('summary', undefined).reveal(kept)).toMatchObject(note);
    expect(createShowing('sealed', KEY).reveal({ ...kept, sealed: sealed.toString('base64') })).toMatchObject(note);
    expect(createShowing('sealed', KEY).reveal({ ...kept, sealed: 'AA' })).toMatchObject(note);
  });

  test('needs a key', () => {
    expect(() => createShowing('sealed', undefined)).toThrow(TypeError);
    expect(() => createShowing('sealed', randomBytes(16))).toThrow(TypeError);
  });
});

test('names alone say nothing of what the arguments are', () => {
  const { describe: describeRequest } = createShowing('names', undefined);
  const kept = describeRequest(asked({ to: 'bob' }));
  expect(kept).toMatchObject({ arguments: ['to'], arguments_digest: argumentsDigestHex({ to: 'bob' }) });
  expect(JSON.stringify(kept)).not.toContain('bob');
});
