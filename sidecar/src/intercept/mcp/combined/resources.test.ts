/** Resources, completion and tasks on the endpoint of all servers: they go to the server that they are of, or nowhere. */

import { request as httpRequest } from 'node:http';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { allow, deny, denyOnly, fakePolicyClient } from '../../../testing/fake-policy-client.js';
import { type Answered, type Harness, startHarness } from '../../../testing/proxy-harness.js';
import { type ScriptedServer, scriptedServer } from '../../../testing/scripted-servers.js';
import { couldMake } from './resource-claims.js';
import { createResourceOwners } from './resource-owners.js';
import { createTaskOwners } from './task-owners.js';

const client = fakePolicyClient();
let notes: ScriptedServer;
let mail: ScriptedServer;
let harness: Harness;

const read = (from: string) => ({ resultType: 'complete', contents: [{ uri: 'x', text: from }] });
const NOTES = {
  'server/discover': { resultType: 'complete', capabilities: { resources: { subscribe: true }, completions: {} } },
  'resources/list': { resultType: 'complete', resources: [{ uri: 'note://1' }, { uri: 'shared://x' }] },
  'resources/templates/list': {
    resultType: 'complete',
    resourceTemplates: [{ uriTemplate: 'note://by-day/{day}' }],
  },
  'resources/read': read('notes'),
  'completion/complete': { resultType: 'complete', completion: { values: ['notes'] } },
  'tools/call': { resultType: 'task', taskId: 't-notes', status: 'working' },
  'tasks/get': { resultType: 'complete', taskId: 't-notes', status: 'completed' },
};
const MAIL = {
  'server/discover': {
    resultType: 'complete',
    capabilities: {
      tools: { listChanged: true },
      resources: { listChanged: 'call 555 0100' },
      extensions: { 'io.modelcontextprotocol/tasks': { say: 'call 555 0100' }, evil: {} },
    },
  },
  'resources/list': { resultType: 'complete', resources: [{ uri: 'mail://inbox' }, { uri: 'shared://x' }] },
  'resources/read': read('mail'),
  'completion/complete': { resultType: 'complete', completion: { values: ['mail'] } },
  'tools/call': { resultType: 'task', taskId: 't-mail', status: 'working' },
  'tasks/get': { resultType: 'complete', taskId: 't-mail', status: 'completed' },
};

beforeEach(async () => {
  client.behaviour = allow();
  client.asked.length = 0;
  client.reported.length = 0;
  notes = await scriptedServer('notes', NOTES);
  mail = await scriptedServer('mail', MAIL);
  harness = await startHarness({
    client,
    upstreamUrl: 'http://127.0.0.1:9/mcp',
    upstreams: [notes, mail].map(({ name, upstream }) => ({ name, url: upstream.url })),
    combined: true,
  });
});
afterEach(async () => {
  await harness.close();
  await Promise.all([notes.upstream.close(), mail.upstream.close()]);
});

const MODERN = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientInfo': { name: 't', version: '1' },
  'io.modelcontextprotocol/clientCapabilities': {},
};
const post = (method: string, params: Record<string, unknown> = {}): Promise<Answered> => {
  const named = [params['name'], params['uri'], params['taskId']].find((one) => typeof one === 'string');
  return harness.send({
    path: '/mcp',
    headers: [
      ...['content-type', 'application/json', 'accept', 'application/json, text/event-stream'],
      ...['mcp-protocol-version', '2026-07-28', 'mcp-method', method],
      ...(named === undefined ? [] : ['mcp-name', named]),
    ],
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params: { ...params, _meta: MODERN } }),
  });
};
const eventually = async (what: () => boolean): Promise<void> => {
  while (!what()) await new Promise((resolve) => setTimeout(resolve, 2));
};
const listedOnly = (server: ScriptedServer): boolean => server.asked().every((one) => /list$/.test(one));

describe('a resource', () => {
  test('is listed with the others', async () => {
    const first = await post('resources/list');
    const second = await post('resources/list', { cursor: first.json.result?.['nextCursor'] });
    expect(first.json.result?.['resources']).toEqual(NOTES['resources/list'].resources);
    expect(second.json.result?.['resources']).toEqual(MAIL['resources/list'].resources);
    expect(second.json.result).not.toHaveProperty('nextCursor');
  });

  test.each([
    ['mail://inbox', 'mail'],
    ['note://1', 'notes'],
    ['note://by-day/monday', 'notes'],
  ])('%s is read from its server alone, under its name', async (uri, owner) => {
    expect((await post('resources/read', { uri })).json.result).toEqual(read(owner));
    const other = owner === 'mail' ? notes : mail;
    expect(listedOnly(other)).toBe(true);
    expect(client.asked.filter(({ tool }) => tool?.operation === 'resources/read').map(({ tool }) => tool)).toEqual([
      expect.objectContaining({ server: owner, name: uri }),
    ]);
  });

  test.each([
    ['that two servers list', 'shared://x', /notes and mail/],
    ['that nobody lists', 'file:///etc/passwd', /no server lists/],
  ])('%s is refused, and read from nobody', async (_what, uri, why) => {
    const { json } = await post('resources/read', { uri });
    expect(json.error).toMatchObject({ code: -32602, message: expect.stringMatching(why) });
    expect(listedOnly(notes) && listedOnly(mail)).toBe(true);
  });

  test('that is denied is not read', async () => {
    client.behaviour = denyOnly('resources/read');
    expect((await post('resources/read', { uri: 'mail://inbox' })).json.error?.code).toBe(-31403);
    expect(listedOnly(mail)).toBe(true);
  });

  test("stays its server's when that is down: nobody takes it over", async () => {
    await post('resources/read', { uri: 'note://1' });
    mail.results = { ...MAIL, 'resources/list': { resultType: 'complete', resources: [{ uri: 'note://1' }] } };
    await notes.upstream.close();
    // The list of the other goes by, and says what it claims now.
    const { json } = await post('resources/list', { cursor: Buffer.from('[1]').toString('base64url') });
    expect(json.result?.['resources']).toEqual([{ uri: 'note://1' }]);
    expect((await post('resources/read', { uri: 'note://1' })).json.error?.message).toMatch(/notes and mail/);
    expect((await post('resources/read', { uri: 'mail://inbox' })).json.result).toEqual(read('mail'));
    expect(mail.asked()).not.toContain('resources/read note://1');
  });

  test('is found for others when the client leaves that it was looked up for first', async () => {
    const listing = Promise.withResolvers<void>();
    const { script } = notes.upstream;
    notes.upstream.script = async (request, response) => {
      if (request.body.includes('"resources/list"')) await listing.promise;
      return script(request, response);
    };
    const isAsked = (): boolean => notes.asked().includes('resources/list');
    const message = { jsonrpc: '2.0', id: 1, method: 'resources/read', params: { uri: 'note://1', _meta: MODERN } };
    const body = JSON.stringify(message);
    const leaving = httpRequest({ port: harness.port, host: '127.0.0.1', path: '/mcp', method: 'POST' });
    for (const [name, value] of [
      ['content-type', 'application/json'],
      ['accept', 'application/json, text/event-stream'],
      ['mcp-protocol-version', '2026-07-28'],
      ['mcp-method', message.method],
      ['mcp-name', 'note://1'],
    ] as const)
      leaving.setHeader(name, value);
    leaving.on('error', () => undefined).end(body);
    await eventually(isAsked);
    const staying = post('resources/read', { uri: 'note://1' });
    const left = new Promise((resolve) => void leaving.on('close', resolve));
    leaving.destroy();
    await left;
    listing.resolve();
    expect((await staying).json.result).toEqual(read('notes'));
  });

  test('of a server whose lists may not be asked for is of nobody', async () => {
    client.behaviour = (request) =>
      (request.tool?.server === 'notes' && request.tool.operation?.endsWith('list') ? deny() : allow())(request);
    expect((await post('resources/read', { uri: 'note://1' })).json.error?.code).toBe(-32602);
    expect(notes.asked()).toEqual([]);
    expect(harness.logged.join('')).toContain('Server could not be asked');
    expect(await harness.registry.metrics()).toMatch(/combined_servers_missing_total [1-9]/);
  });
});

describe('completion', () => {
  test.each([
    [{ type: 'ref/prompt', name: 'mail__greet' }, 'mail', { type: 'ref/prompt', name: 'greet' }],
    [
      { type: 'ref/resource', uri: 'note://by-day/{day}' },
      'notes',
      { type: 'ref/resource', uri: 'note://by-day/{day}' },
    ],
  ])("of %j is its server's", async (ref, owner, asked) => {
    const { json } = await post('completion/complete', { ref, argument: { name: 'a', value: '' } });
    expect(json.result?.['completion']).toEqual({ values: [owner] });
    const server = owner === 'mail' ? mail : notes;
    expect(JSON.parse(server.upstream.requests.at(-1)?.body ?? '')).toMatchObject({ params: { ref: asked } });
  });

  test.each([
    [{ type: 'ref/prompt', name: 'greet' }],
    [{ type: 'ref/prompt', name: 7 }],
    [{ type: 'ref/resource', uri: 'shared://x' }],
    [{ type: 'ref/resource' }],
    [{ type: 'ref/other', uri: 'note://1' }],
    ['greet'],
  ])('of %j is refused', async (ref) => {
    const { json } = await post('completion/complete', { ref, argument: { name: 'a', value: '' } });
    expect(json.error?.code).toBe(-32602);
    expect(listedOnly(notes) && listedOnly(mail)).toBe(true);
  });
});

describe('a task', () => {
  test('is asked after at the server that named it', async () => {
    await post('tools/call', { name: 'mail__x', arguments: {} });
    await post('tools/call', { name: 'notes__x', arguments: {} });
    expect((await post('tasks/get', { taskId: 't-mail' })).json.result).toEqual(MAIL['tasks/get']);
    expect((await post('tasks/get', { taskId: 't-notes' })).json.result).toEqual(NOTES['tasks/get']);
    expect(notes.asked()).toEqual(['tools/call x', 'tasks/get t-notes']);
  });

  test('that two servers name, or none, is refused', async () => {
    mail.results = { ...MAIL, 'tools/call': { resultType: 'task', taskId: 't-notes' } };
    await post('tools/call', { name: 'notes__x', arguments: {} });
    await post('tools/call', { name: 'mail__x', arguments: {} });
    for (const taskId of ['t-notes', 't-mail', 'constructor']) {
      expect((await post('tasks/get', { taskId })).json.error?.code).toBe(-32602);
    }
    expect([...notes.asked(), ...mail.asked()]).toEqual(['tools/call x', 'tools/call x']);
  });

  test('with an id that nobody may ask for is not remembered', () => {
    const tasks = createTaskOwners();
    const ids = ['', 'x'.repeat(257), 'x'.repeat(256)];
    for (const taskId of ids) tasks.learn('a', { resultType: 'task', taskId });
    expect(ids.map((taskId) => tasks.ownerOf(taskId))).toEqual([undefined, undefined, { server: 'a' }]);
  });

  test("that the agent may not hear of is nobody's", async () => {
    client.behaviour = allow({ obligations: [{ type: 'report_result', value: { max_bytes: 1000 } }] });
    client.taking = async () => false;
    await post('tools/call', { name: 'mail__x', arguments: {} });
    client.taking = async () => true;
    expect((await post('tasks/get', { taskId: 't-mail' })).json.error?.code).toBe(-32602);
  });
});

test('capabilities are what any server can do, of what is served here', async () => {
  const { capabilities } = (await post('server/discover')).json.result ?? {};
  expect(capabilities).toEqual({
    resources: { subscribe: true },
    completions: {},
    tools: { listChanged: true },
    extensions: { 'io.modelcontextprotocol/tasks': {} },
  });
});

test.each(['tools/list', 'server/discover', 'resources/list'])(
  'a server that asks for input in its answer to %s is left out',
  async (method) => {
    const inputRequests = { one: { method: 'elicitation/create', params: { message: 'password?' } } };
    for (const resultType of ['input_required', 'complete']) {
      const result = { resultType, tools: [{ name: 'x' }], capabilities: { prompts: {} }, inputRequests };
      notes.results = { [method]: { ...result, resources: [{ uri: 'a://x' }] } };
      expect((await post(method)).text).not.toMatch(/password|notes__x|input|prompts|a:/);
    }
    expect(await harness.registry.metrics()).toMatch(/combined_servers_missing_total 2\n/);
  },
);

describe('who could make a URI', () => {
  test.each([
    ['note://{a}', 'note://x', true],
    ['note://{a}', 'note://', true],
    ['note://{a}/b/{c}', 'note://1/b/2', true],
    ['note://{a}/b/{c}', 'note://1/c/2', false],
    ['note://{a}.txt', 'note://x.txt', true],
    ['note://{a}.txt', 'note://x.txt/y', false],
    ['aba{x}aba', 'ababa', false],
    ['{+any}', 'anything', true],
    ['note://1', 'note://1', true],
    ['note://1', 'note://10', false],
    ['note://{a', 'note://{a', true],
  ])('%s, %s: %s', (template, uri, expected) => {
    expect(couldMake(template, uri)).toBe(expected);
  });

  const many = (length: number, of: (index: number) => object): object[] =>
    Array.from({ length }, (_, index) => of(index));
  test.each<[string, string, object]>([
    ['URIs', 'resources/list', { resources: many(20_001, (index) => ({ uri: `a://${index}` })) }],
    [
      'templates',
      'resources/templates/list',
      { resourceTemplates: many(2_001, (index) => ({ uriTemplate: `a://${index}/{x}` })) },
    ],
    ['words', 'resources/list', { resources: many(5, (index) => ({ uri: `a://${index}${'x'.repeat(1_000_000)}` })) }],
  ])('a server that lists too many %s claims everything', (_what, method, result) => {
    const owners = createResourceOwners({ monotonic: () => 0 });
    owners.learn('a', method, result as never);
    expect(owners.known('b://1')).toEqual(['a']);
  });

  test('a URI that nobody may ask for is not looked for', () => {
    const owners = createResourceOwners({ monotonic: () => 0 });
    owners.learn('a', 'resources/templates/list', { resourceTemplates: [{ uriTemplate: 'a://{+any}' }] });
    expect(owners.known(`a://${'x'.repeat(8_000)}`)).toEqual(['a']);
    expect(owners.known(`a://${'x'.repeat(9_000)}`)).toEqual([]);
  });

  test('lists are asked for again when something has changed; of who cannot be asked, what was known stands', async () => {
    let now = 0;
    const owners = createResourceOwners({ monotonic: () => now });
    const listed = async (server: string) => (server === 'b' ? {} : { resources: [{ uri: 'a://1' }] });
    expect(await owners.ownersOf('a://1', ['a', 'b'], listed)).toEqual(['a']);
    // Nobody is asked again before its time, unless something has changed.
    let asked: string[] = [];
    const down = async (server: string) => {
      asked.push(server);
      return undefined;
    };
    expect(await owners.ownersOf('a://1', ['a', 'b'], down)).toEqual(['a']);
    expect(asked).toEqual([]);
    owners.changed('a');
    now += 1;
    for (const _again of [1, 2]) expect(await owners.ownersOf('a://1', ['a', 'b'], down)).toEqual(['a']);
    expect(asked).toEqual(['a', 'a']);
    // Its lists did not come, so that they are still to be asked for.
    now += 20_000;
    asked = [];
    expect(await owners.ownersOf('a://1', ['a', 'b'], down)).toEqual(['a']);
    expect(asked).toEqual(['a', 'a']);
  });

  describe('beside a server that says nothing', () => {
    beforeEach(() => void jest.useFakeTimers());
    afterEach(() => void jest.useRealTimers());

    test('is waited for once, and what others list is asked for all the same', async () => {
      let now = 0;
      const owners = createResourceOwners({ monotonic: () => now });
      let uri = 'a://1';
      const listed = async (server: string) =>
        server === 'a' ? { resources: [{ uri }] } : new Promise<never>(() => undefined);
      const first = owners.ownersOf('a://1', ['a', 'b'], listed);
      now = 5_000;
      await jest.advanceTimersByTimeAsync(5_000);
      expect(await first).toEqual(['a']);
      // No timer ends these.
      expect(await owners.ownersOf('a://1', ['a', 'b'], listed)).toEqual(['a']);
      expect(await owners.ownersOf('c://1', ['a', 'b'], listed)).toEqual([]);
      uri = 'a://2';
      owners.changed('a');
      expect(await owners.ownersOf('a://2', ['a', 'b'], listed)).toEqual(['a']);
      expect(await owners.ownersOf('a://1', ['a', 'b'], listed)).toEqual([]);
    });

    test('that has no end of pages, which are not asked for for ever', async () => {
      let now = 0;
      let pages = 0;
      const owners = createResourceOwners({ monotonic: () => now });
      const listed = async () => {
        now += 4_000;
        pages += 1;
        return { nextCursor: `p${pages}` };
      };
      await owners.ownersOf('a://1', ['a'], listed);
      expect(pages).toBeLessThan(20);
    });
  });
});

test('the task that was named first is forgotten first', () => {
  const tasks = createTaskOwners();
  for (let index = 0; index <= 10_000; index += 1) tasks.learn('a', { resultType: 'task', taskId: `t${index}` });
  expect([tasks.ownerOf('t0'), tasks.ownerOf('t10000')]).toEqual([undefined, { server: 'a' }]);
});

test("another server's tasks, however many, do not make one forgotten", () => {
  const tasks = createTaskOwners();
  tasks.learn('a', { resultType: 'task', taskId: 'mine' });
  for (let index = 0; index <= 10_000; index += 1) tasks.learn('b', { resultType: 'task', taskId: `t${index}` });
  expect(['mine', 't0', 't10000'].map((id) => tasks.ownerOf(id))).toEqual([
    { server: 'a' },
    undefined,
    { server: 'b' },
  ]);
});
