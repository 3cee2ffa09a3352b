import { Writable } from 'node:stream';
import { inspect } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import { requestDigestHex } from '@portcullis/proto';
import { createLogger } from '@portcullis/runtime';
import { createRequestMaker } from '../intercept/canonical-request.js';
import { type Behalf, createBehalfReader, isBehalf } from './behalf.js';
import { behalfConfig } from './config.js';
import { ofUser, UserToken, userTokenOf } from './user-token.js';

const ANNA = 'eyJh.YW5uYQ.c2ln';
const BOB = 'eyJh.Ym9i.c2ln';
const CONFIG = {
  userToken: { header: 'x-user-token', meta: 'acme.example/user-token', env: 'USER_TOKEN' },
  task: { env: 'TASK', header: 'x-task', meta: 'acme.example/task' },
};
const reader = (env: Record<string, string>, config: object = CONFIG) =>
  createBehalfReader(behalfConfig.parse(config), env);
/** With a user and a task of its own; without either where a test says so. */
const own = reader({ USER_TOKEN: ANNA, TASK: '{"prompt":"buy a watch","tools":["find"]}' });
const open = reader(
  {},
  {
    userToken: { header: 'x-user-token', meta: 'acme.example/user-token', maxBytes: 256 },
    task: { header: 'x-task', meta: 'acme.example/task', maxBytes: 256 },
  },
);

function read(behalf: Behalf | { readonly problem: string }): Behalf {
  if (!isBehalf(behalf)) throw new Error(behalf.problem);
  return behalf;
}
const problem = (behalf: object): string => ('problem' in behalf ? String(behalf.problem) : '');
const message = (meta: object) => {
  const params = { name: 'find', _meta: meta };
  return { params, value: { jsonrpc: '2.0', id: 1, method: 'tools/call', params } } as never;
};

describe('the user', () => {
  test('is named by a header, with or without a scheme, or by nobody', () => {
    expect(read(open.ofHeaders(['X-User-Token', ANNA])).userToken?.secret).toBe(ANNA);
    expect(read(open.ofHeaders(['x-user-token', `Bearer ${ANNA}`])).userToken?.secret).toBe(ANNA);
    expect(read(open.ofHeaders(['authorization', `Bearer ${ANNA}`]))).toEqual({});
    expect(read(own.ofHeaders([])).userToken?.secret).toBe(ANNA);
  });

  test.each([
    ['it comes twice', ['x-user-token', ANNA, 'X-User-Token', ANNA], 'more than one'],
    ['it is no token', ['x-user-token', 'anna'], 'JSON Web Token'],
    ['it is empty', ['x-user-token', ''], 'JSON Web Token'],
    ['there are two in one', ['x-user-token', `${ANNA}, ${BOB}`], 'JSON Web Token'],
    ['it is too long', ['x-user-token', `${ANNA}${'x'.repeat(300)}`], 'at most 256 bytes'],
  ])('is refused when %s', (_what, headers, expected) => {
    expect(problem(open.ofHeaders(headers))).toContain(expected);
  });

  test('is one and the same, wherever it is named', () => {
    expect(problem(own.ofHeaders(['x-user-token', BOB]))).toContain('another user');
    expect(read(own.ofHeaders(['x-user-token', ANNA])).userToken?.secret).toBe(ANNA);
    const outer = read(open.ofHeaders(['x-user-token', ANNA]));
    expect(problem(open.ofMessage(message({ 'acme.example/user-token': BOB }), outer))).toContain('another user');
    expect(problem(open.ofHeaders(['x-user-token', BOB], outer))).toContain('another user');
  });

  test('may be required', () => {
    const strict = reader({}, { userToken: { header: 'x-user-token', required: true } });
    expect(strict.lacks({})?.problem).toContain('x-user-token');
    expect(strict.lacks(read(strict.ofHeaders(['x-user-token', ANNA])))).toBeUndefined();
    expect(open.lacks({})).toBeUndefined();
  });

  test('is taken out of a message, and with it what would be left empty', () => {
    const taken = open.ofMessage(message({ 'acme.example/user-token': ANNA, progressToken: 1 }), {});
    if (!isBehalf(taken)) throw new Error(taken.problem);
    expect(taken.behalf.userToken?.secret).toBe(ANNA);
    const params = { name: 'find', _meta: { progressToken: 1 } };
    expect(taken.message).toEqual({ params, value: { jsonrpc: '2.0', id: 1, method: 'tools/call', params } });
    const bare = open.ofMessage(message({ 'acme.example/user-token': ANNA }), {});
    expect(isBehalf(bare) ? bare.message : bare).toMatchObject({ params: { name: 'find' } });
    expect(JSON.stringify(bare)).not.toContain('_meta');
    const other = message({ progressToken: 1 });
    expect(open.ofMessage(other, {})).toEqual({ behalf: {}, message: other });
  });

  test('is not passed on, unless the destination is meant to have it', () => {
    const headers = ['Accept', '*/*', 'X-User-Token', ANNA, 'x-task', '{}', 'x-user-token-2', 'kept'];
    expect(open.passedOn(headers)).toEqual(['Accept', '*/*', 'x-user-token-2', 'kept']);
    const kept = reader({}, { userToken: { header: 'authorization', keepHeader: true } });
    expect(kept.passedOn(['authorization', ANNA])).toEqual(['authorization', ANNA]);
    expect([...own.variables]).toEqual(['USER_TOKEN', 'TASK']);
  });
});

describe('the task', () => {
  test('is what the environment declares; the agent can only name tools beside it', () => {
    const task = { prompt: 'buy a watch', tools: ['find'] };
    expect(own.own.task).toEqual(task);
    const said = read(own.ofHeaders(['x-task', '{"tools":["find","shop/pay","find"]}']));
    expect(said).toMatchObject({ task, declaredScope: ['find', 'shop/pay'] });
    const narrower = own.ofMessage(message({ 'acme.example/task': { tools: ['find', 'other'] } }), said);
    expect(narrower).toMatchObject({ behalf: { task, declaredScope: ['find'] } });
  });

  test.each([
    ['no JSON', 'find'],
    ['a list', '["find"]'],
    ['words of a user', '{"tools":["find"],"prompt":"pay everybody"}'],
    ['a user', '{"user":{"name":"anna"}}'],
    ['a tool that is none', '{"tools":[1]}'],
    ['a member twice', '{"tools":["a"],"tools":["b"]}'],
    ['too many', JSON.stringify({ tools: Array.from({ length: 257 }, (_, at) => `t${at}`) })],
    ['too long', JSON.stringify({ tools: ['x'.repeat(300)] })],
  ])('is refused when the agent says %s', (_what, text) => {
    expect(problem(open.ofHeaders(['x-task', text]))).toContain('{"tools":');
  });

  test('of a message is bounded as well', () => {
    const said = open.ofMessage(message({ 'acme.example/task': { tools: ['x'.repeat(300)] } }), {});
    expect(problem(said)).toContain('_meta["acme.example/task"]');
  });
});

test.each([
  ['a token that is none', { USER_TOKEN: 'anna', TASK: '{}' }],
  ['no token', { TASK: '{}' }],
  ['a task that is no object', { USER_TOKEN: ANNA, TASK: '[]' }],
  ['no task', { USER_TOKEN: ANNA }],
])('%s in the environment does not start', (_what, env) => {
  expect(() => reader(env)).toThrow(/in the environment/);
});

test.each([
  ['a header of the protocol', { userToken: { header: 'content-type' } }],
  ['one of the proxy’s own', { userToken: { header: 'proxy-authorization' } }],
  ['a `_meta` member of the protocol', { userToken: { meta: 'io.modelcontextprotocol/protocolVersion' } }],
  ['no place at all', { userToken: { required: true } }],
  ['one place for both', { userToken: { header: 'x-a' }, task: { header: 'x-a' } }],
])('%s cannot be configured', (_what, config) => {
  expect(behalfConfig.safeParse(config).success).toBe(false);
});

describe('a token', () => {
  const token = UserToken.read(ANNA, 1024);
  if (token === undefined) throw new Error('unread');
  const make = createRequestMaker('sdk', {
    identity: { tenant: 'acme', agent: 'a' },
    session: { id: 's', scope: 'sidecar' },
    environment: undefined,
    clock: { now: () => 0 },
    newId: () => 'r1',
  });
  const tool = { server: 'x', name: 'y' };
  const without = make({ behalf: {}, kind: 'tool_call', tool });
  const request = make({ behalf: { userToken: token }, kind: 'tool_call', tool });

  test('goes with its request and the copies of it, and is no part of its digest', () => {
    expect(userTokenOf(request)?.secret).toBe(ANNA);
    expect(userTokenOf({ ...request, tool: { ...tool, definition_digest: 'd' } })?.secret).toBe(ANNA);
    expect(userTokenOf(without)).toBeUndefined();
    expect(requestDigestHex(request)).toBe(requestDigestHex(without));
    expect(userTokenOf(ofUser(without, token))?.secret).toBe(ANNA);
  });

  test('is in no text that is made of it', () => {
    const lines: string[] = [];
    const destination = new Writable({
      write(chunk: Buffer, _encoding, done) {
        lines.push(chunk.toString());
        done();
      },
    });
    const log = createLogger({ component: 'x', level: 'debug', destination });
    log.info({ request, token, error: Object.assign(new Error('x'), { request, token }) }, 'said');
    const texts = [JSON.stringify(request), JSON.stringify({ token }), inspect(request, { depth: 9 }), String(token)];
    for (const text of [...texts, ...lines]) {
      expect(text).not.toContain(ANNA);
      expect(text).not.toContain('YW5uYQ');
    }
    expect(lines).toHaveLength(1);
  });
});
