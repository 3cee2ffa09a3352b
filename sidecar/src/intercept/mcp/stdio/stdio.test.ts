/** The stdio wrapper around a scripted server process. */

import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createRegistry, systemClock } from '@portcullis/runtime';
import type { OpenAttempts } from '../../../enforce/open-attempts.js';
import { RPC_CODE } from '../../../enforce/refuse.js';
import { redactionConfig } from '../../../redact/config.js';
import { type OpenedRedactor, openRedactor } from '../../../redact/open.js';
import { fakePeople } from '../../../testing/fake-people.js';
import {
  allow,
  deny,
  denyOnly,
  type FakePolicyClient,
  fail,
  fakePolicyClient,
} from '../../../testing/fake-policy-client.js';
import { type FakePresidio, startFakePresidio } from '../../../testing/fake-presidio.js';
import { enforcementParts, memoryLog } from '../../../testing/proxy-harness.js';
import { definitionsConfig } from '../definitions/config.js';
import { openToolDefinitions } from '../definitions/open.js';
import { type AnswerNews, createAnswerNews } from '../held/answer-news.js';
import { type Child, startChild } from './child.js';
import { runStdio } from './stdio.js';

/** Echoes requests, records every line, and does what a `do` argument says. */
const SERVER = `
const lines = require('node:readline').createInterface({ input: process.stdin });
const say = (message) => process.stdout.write(JSON.stringify(message) + '\\n');
let got = 0;
lines.on('line', (line) => {
  got += 1;
  const message = JSON.parse(line);
  if (message.method === undefined) return say({ jsonrpc: '2.0', method: 'notifications/message', params: { data: line } });
  if (message.id === undefined) return;
  if (message.method === 'tools/list') {
    const description = got > 3 ? 'changed' : 'as it was';
    const tools = ['read', 'delete'].map((name) => ({ name, description, inputSchema: {} }));
    return say({ jsonrpc: '2.0', id: message.id, result: { tools } });
  }
  const todo = message.params?.arguments?.do;
  if (todo === 'exit') process.exit(7);
  if (todo === 'hang') return;
  if (todo === 'junk') process.stdout.write('debug output\\n[]\\n');
  if (todo === 'wrong id') say({ jsonrpc: '2.0', id: 'never asked', result: { note: 'of another' } });
  if (todo === 'unknown') say({ jsonrpc: '2.0', method: 'notifications/evil' });
  if (todo === 'ask') say({ jsonrpc: '2.0', id: 9, method: 'elicitation/create', params: { message: 'm' } });
  if (todo === 'twice') {
    const inputRequests = { a: { method: 'elicitation/create', params: { message: 'm' } } };
    say({ jsonrpc: '2.0', id: message.id, result: { resultType: 'input_required', inputRequests } });
    return say({ jsonrpc: '2.0', id: message.id, result: { resultType: 'complete', first: true } });
  }
  if (todo === 'env') return say({ jsonrpc: '2.0', id: message.id, result: { env: Object.keys(process.env) } });
  say({ jsonrpc: '2.0', id: message.id, result: { got, echo: message } });
});
`;

interface Wrapped {
  readonly client: FakePolicyClient;
  readonly child: Child;
  readonly news: AnswerNews;
  readonly killEpoch: OpenAttempts['killEpoch'];
  readonly done: Promise<void>;
  say(message: unknown): void;
  next(): Promise<Record<string, unknown>>;
  readonly spoken: string[];
  end(): void;
}

const running: Wrapped[] = [];
afterEach(async () => {
  for (const wrapped of running.splice(0)) {
    wrapped.end();
    await wrapped.done;
  }
});

interface Wrapping {
  readonly approvals?: Parameters<typeof enforcementParts>[4];
  readonly definitions?: Record<string, unknown>;
  readonly redactor?: Parameters<typeof enforcementParts>[6];
  /** Told of every message that has gone to the server. */
  readonly forwarded?: () => void;
}

async function wrap(
  maxMessageBytes = 65_536,
  { approvals, definitions = { unseen: 'ask' }, redactor, forwarded = () => undefined }: Wrapping = {},
): Promise<Wrapped> {
  const client = fakePolicyClient();
  const registry = createRegistry('portcullis_sidecar');
  const news = createAnswerNews();
  const parts = enforcementParts(client, registry, memoryLog().log, 5_000, approvals, news, redactor);
  const started = await startChild({
    name: 'files',
    command: process.execPath,
    args: ['-e', SERVER],
    env: { PATH: '/usr/bin', PORTCULLIS_SIDECAR_X: 'secret' },
    graceMs: 300,
  });
  const forward: Child['forward'] = async (permit) => {
    await started.forward(permit);
    forwarded();
  };
  const child = Object.create(started, { forward: { value: forward } }) as Child;
  const input = new PassThrough();
  const output = new PassThrough();
  const spoken: string[] = [];
  const waiting: ((line: string) => void)[] = [];
  let rest = '';
  output.on('data', (chunk: Buffer) => {
    const lines = (rest + chunk.toString('utf8')).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      spoken.push(line);
      waiting.shift()?.(line);
    }
  });
  let read = 0;
  const tools = await openToolDefinitions(definitionsConfig.parse(definitions), {
    ...parts,
    guard: parts.listingGuard,
  });
  const done = runStdio({
    ...parts,
    tools,
    child,
    input,
    output,
    minimumVersion: '2025-03-26',
    maxMessageBytes,
    maxPending: 8,
  });
  const wrapped: Wrapped = {
    client,
    child,
    news,
    done,
    spoken,
    killEpoch: parts.open.killEpoch,
    say: (message) => input.write(`${typeof message === 'string' ? message : JSON.stringify(message)}\n`),
    async next() {
      const at = read;
      read += 1;
      const line = spoken[at] ?? (await new Promise<string>((resolve) => waiting.push(resolve)));
      return JSON.parse(line) as Record<string, unknown>;
    },
    end: () => input.end(),
  };
  running.push(wrapped);
  return wrapped;
}

const call = (id: number | string, args: Record<string, unknown> = {}, name = 'read') => ({
  jsonrpc: '2.0',
  id,
  method: 'tools/call',
  params: { name, arguments: args },
});

async function eventuallyWaiting(news: AnswerNews, count: number): Promise<void> {
  while (news.waiting !== count) await new Promise((resolve) => setTimeout(resolve, 2));
}

describe('a result that is to be reported', () => {
  const CALL = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'read_file', arguments: { do: '' } } };

  test('is given to the agent once a PDP took it, and to nobody when none did', async () => {
    const wrapped = await wrap();
    wrapped.client.behaviour = allow({ obligations: [{ type: 'report_result', value: { max_bytes: 10_000 } }] });
    wrapped.say(CALL);
    expect(await wrapped.next()).toMatchObject({ id: 1, result: { got: 1 } });
    expect(wrapped.client.reported).toMatchObject([
      { outcome: 'forwarded', result: { value: { got: 1 }, truncated: false, session_id: 'run-1' } },
    ]);
    expect(wrapped.client.settled).toEqual([]);
    wrapped.client.taking = async () => false;
    wrapped.say({ ...CALL, id: 2 });
    expect(await wrapped.next()).toMatchObject({ id: 2, error: { message: expect.stringContaining('recorded') } });
    expect(wrapped.client.settled).toMatchObject([{ outcome: 'upstream_failed' }]);
    expect(wrapped.spoken).toHaveLength(2);
  });
});

describe('a call that people have to agree to', () => {
  const pay = (id: number, meta: object = {}) => ({
    ...call(id, { to: 'bob' }, 'pay'),
    params: { name: 'pay', arguments: { to: 'bob' }, _meta: meta },
  });

  async function held() {
    const wrapped = await wrap(undefined, {
      approvals: { waitMs: 60_000, progressMs: 100, page: 'https://console.test/{id}' },
    });
    const people = fakePeople();
    wrapped.client.behaviour = people.behaviour;
    const approve = (): void => {
      people.approve();
      wrapped.news.told('pdp-1', people.asked.length);
    };
    return { wrapped, people, approve };
  }

  test('waits, and holds up nothing behind it', async () => {
    const { wrapped, approve } = await held();
    wrapped.say(pay(1, { progressToken: 'p' }));
    wrapped.say(call(2));
    const signs: unknown[] = [];
    const answer = async () => {
      for (;;) {
        const said = await wrapped.next();
        if (said['method'] === undefined) return said;
        signs.push(said);
      }
    };
    expect(await answer()).toMatchObject({ id: 2, result: { got: 1 } });
    signs.push(...(signs.length > 0 ? [] : [await wrapped.next()]));
    approve();
    expect(await answer()).toMatchObject({ id: 1, result: { got: 2 } });
    expect(signs[0]).toMatchObject({ method: 'notifications/progress', params: { progressToken: 'p' } });
  });

  test('is told of the page when the client can show it', async () => {
    const { wrapped } = await held();
    const capabilities = { elicitation: { url: {} } };
    wrapped.say({
      jsonrpc: '2.0',
      id: 0,
      method: 'initialize',
      params: { protocolVersion: '2025-11-25', capabilities },
    });
    expect(await wrapped.next()).toMatchObject({ id: 0 });
    wrapped.say(pay(1));
    const elicitations = [{ mode: 'url', elicitationId: 'approval-1', url: 'https://console.test/approval-1' }];
    expect(await wrapped.next()).toMatchObject({ id: 1, error: { code: -32042, data: { elicitations } } });
  });

  test('that is cancelled goes nowhere when people agree', async () => {
    const { wrapped, people, approve } = await held();
    wrapped.say(pay(1));
    await eventuallyWaiting(wrapped.news, 1);
    wrapped.say({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 1 } });
    await eventuallyWaiting(wrapped.news, 0);
    approve();
    wrapped.say(call(2));
    // The cancellation and this call are all that the server got.
    expect(await wrapped.next()).toMatchObject({ id: 2, result: { got: 2 } });
    expect(people.used).toEqual([]);
    wrapped.say(pay(1));
    expect(await wrapped.next()).toMatchObject({ id: 1, result: { got: 3 } });
  });

  test('goes nowhere when its agent has left', async () => {
    const { wrapped, people, approve } = await held();
    wrapped.say(pay(1));
    await eventuallyWaiting(wrapped.news, 1);
    wrapped.end();
    await wrapped.done;
    approve();
    expect([people.used, people.asked.length, wrapped.spoken]).toEqual([[], 1, []]);
  });
});

describe('the stdio wrapper', () => {
  test('forwards what is allowed and settles it', async () => {
    const wrapped = await wrap();
    wrapped.say(call(1));
    expect(await wrapped.next()).toEqual({ jsonrpc: '2.0', id: 1, result: { got: 1, echo: call(1) } });
    expect(wrapped.client.asked).toMatchObject([{ kind: 'tool_call', tool: { server: 'files', name: 'read' } }]);
    expect(wrapped.client.settled).toMatchObject([{ outcome: 'forwarded' }]);
  });

  test.each([
    ['denied', denyOnly('tools/call'), RPC_CODE.denied],
    ['undecided', fail('PDP_UNAVAILABLE'), RPC_CODE.failedClosed],
  ])('a %s call is answered with an error and the server never sees it', async (_name, behaviour, code) => {
    const wrapped = await wrap();
    wrapped.client.behaviour = behaviour;
    wrapped.say(call(1));
    expect(await wrapped.next()).toMatchObject({ id: 1, error: { code } });
    wrapped.client.behaviour = allow();
    wrapped.say(call(2));
    expect(await wrapped.next()).toMatchObject({ id: 2, result: { got: 1 } });
  });

  test.each<[string, string, number]>([
    ['not JSON', 'nope', -32700],
    ['a duplicate key', '{"jsonrpc":"2.0","id":1,"id":1,"method":"ping"}', -32700],
    ['a batch', '[]', -32600],
    ['an unknown method', '{"jsonrpc":"2.0","id":1,"method":"evil"}', -32601],
    ['a bad tool name', JSON.stringify(call(1, {}, '../x')), -32602],
    ['a line over the cap', `"${'x'.repeat(70_000)}"`, -32600],
  ])('%s is refused', async (_name, line, code) => {
    const wrapped = await wrap();
    wrapped.say(line);
    expect(await wrapped.next()).toMatchObject({ error: { code } });
    wrapped.say(call(2));
    expect(await wrapped.next()).toMatchObject({ id: 2, result: { got: 1 } });
  });

  test('what follows a slow decision waits for its turn', async () => {
    const wrapped = await wrap();
    let release = (): void => undefined;
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    wrapped.say(call(1, { do: 'ask' }));
    // The server did not wait for its own question, so its answer may overtake the question's decision.
    const both = [await wrapped.next(), await wrapped.next()];
    expect(both).toContainEqual(expect.objectContaining({ method: 'elicitation/create' }));
    expect(both).toContainEqual(expect.objectContaining({ id: 1 }));
    wrapped.client.behaviour = async (request) => {
      if (request.tool?.name === 'slow') await gate;
      return allow()(request);
    };
    wrapped.say(call(2, {}, 'slow'));
    wrapped.say(call(3));
    expect(wrapped.spoken).toHaveLength(2);
    release();
    expect(await wrapped.next()).toMatchObject({ id: 2, result: { got: 2 } });
    expect(await wrapped.next()).toMatchObject({ id: 3, result: { got: 3 } });
  });

  test('an answer of the server passes while a message of the agent waits for its decision', async () => {
    const wrapped = await wrap();
    let asked = 0;
    let release = (): void => undefined;
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    wrapped.client.behaviour = async (request) => {
      asked += 1;
      if (request.tool?.name === 'slow') await gate;
      return allow()(request);
    };
    wrapped.say(call(1));
    wrapped.say(call(2, {}, 'slow'));
    expect(await wrapped.next()).toMatchObject({ id: 1 });
    expect(asked).toBe(2);
    release();
    expect(await wrapped.next()).toMatchObject({ id: 2 });
  });

  test('output that is no message, wrong ids and unknown notifications are not delivered', async () => {
    const wrapped = await wrap();
    for (const [id, todo] of ['junk', 'wrong id', 'unknown'].entries()) {
      wrapped.say(call(id, { do: todo }));
      expect(await wrapped.next()).toMatchObject({ id, result: {} });
    }
    expect(wrapped.spoken).toHaveLength(3);
  });

  test('a request of the server needs a permit; its answer passes once', async () => {
    const wrapped = await wrap();
    wrapped.say(call(1, { do: 'ask' }));
    await wrapped.next();
    await wrapped.next();
    const reply = { jsonrpc: '2.0', id: 9, result: { action: 'accept' } };
    wrapped.say(reply);
    expect(await wrapped.next()).toMatchObject({ params: { data: JSON.stringify(reply) } });
    wrapped.say(reply);
    wrapped.say(call(2));
    expect(await wrapped.next()).toMatchObject({ id: 2, result: { got: 3 } });
  });

  test('a denied request of the server is answered to the server', async () => {
    const wrapped = await wrap();
    wrapped.client.behaviour = denyOnly('elicitation/create');
    wrapped.say(call(1, { do: 'ask' }));
    const heard = [await wrapped.next(), await wrapped.next()];
    expect(new Set(heard.map(({ method, id }) => method ?? id))).toEqual(new Set([1, 'notifications/message']));
    expect(JSON.stringify(heard)).toContain(String(RPC_CODE.denied));
  });

  test('an id in use is refused', async () => {
    const wrapped = await wrap();
    wrapped.say(call(1, { do: 'hang' }));
    wrapped.say(call(1));
    expect(await wrapped.next()).toMatchObject({ id: 1, error: { code: RPC_CODE.invalidRequest } });
  });

  test('when the server ends, open requests fail and its exit code is known', async () => {
    const wrapped = await wrap();
    wrapped.say(call(1, { do: 'hang' }));
    wrapped.say(call(2, { do: 'exit' }));
    const failed = [await wrapped.next(), await wrapped.next()];
    expect(new Set(failed.map(({ id }) => id))).toEqual(new Set([1, 2]));
    expect(failed).toMatchObject([
      { error: { code: RPC_CODE.upstreamFailed } },
      { error: { code: RPC_CODE.upstreamFailed } },
    ]);
    await wrapped.done;
    expect(await wrapped.child.ended).toBe(7);
  });

  test('our settings are not in its environment', async () => {
    const wrapped = await wrap();
    wrapped.say(call(1, { do: 'env' }));
    const { result } = (await wrapped.next()) as { result: { env: string[] } };
    expect(result.env).toContain('PATH');
    expect(result.env.filter((name) => name.startsWith('PORTCULLIS'))).toEqual([]);
  });
});

test('a claimed version that nobody speaks is answered with those that would do', async () => {
  const wrapped = await wrap();
  const claimed = { 'io.modelcontextprotocol/protocolVersion': 'v999' };
  wrapped.say({ jsonrpc: '2.0', id: 1, method: 'server/discover', params: { _meta: claimed } });
  expect(await wrapped.next()).toMatchObject({
    id: 1,
    error: { code: RPC_CODE.unsupportedProtocolVersion, data: { supported: ['2026-07-28'], requested: 'v999' } },
  });
  expect(wrapped.client.asked).toEqual([]);
});

describe('the child', () => {
  test('a command that does not exist stops the start', async () => {
    const started = startChild({ name: 'x', command: '/nonexistent/x', args: [], env: {}, graceMs: 1 });
    await expect(started).rejects.toMatchObject({ code: 'ERR_CHILD_START' });
  });

  test('no shell sees its arguments', async () => {
    const child = await startChild({
      name: 'x',
      command: process.execPath,
      args: ['-e', 'process.stdout.write(process.argv[1])', '$(echo hi); `id`'],
      env: {},
      graceMs: 100,
    });
    const [chunk] = (await once(child.output, 'data')) as [Buffer];
    expect(chunk.toString()).toBe('$(echo hi); `id`');
    await child.end();
  });

  test('one that ignores its end is killed', async () => {
    const child = await startChild({
      name: 'x',
      command: process.execPath,
      args: ['-e', "process.on('SIGTERM', () => {}); setInterval(() => {}, 1000); process.stdout.write('up')"],
      env: {},
      graceMs: 50,
    });
    await once(child.output, 'data');
    child.output.resume();
    await child.end();
    expect(await child.ended).toBe(137);
    expect(child.killed).toBe(true);
  });
});

test('what a decision orders redacted is, in both directions, and so is all that the server says meanwhile', async () => {
  const wrapped = await wrap();
  wrapped.client.behaviour = allow({
    conditions: [{ type: 'redact', value: { method: 'mask', detectors: ['card'] } }],
  });
  wrapped.say({
    jsonrpc: '2.0',
    id: 1,
    method: 'tools/call',
    params: { name: 'pay', arguments: { note: 'card 4111111111111111' } },
  });
  const answer = JSON.stringify(await wrapped.next());
  expect(answer).toContain('card ************1111');
  expect(answer).not.toContain('4111111111111111');
});

describe('while names are looked for in what the server says', () => {
  let presidio: FakePresidio;
  let redactor: OpenedRedactor;
  const names = allow({ conditions: [{ type: 'redact', value: { ner: true, direction: 'response' } }] });
  beforeEach(async () => {
    presidio = await startFakePresidio();
    redactor = await openRedactor(redactionConfig.parse({ ner: { url: presidio.url } }), {
      clock: systemClock,
      observer: { redacted: () => undefined },
    });
  });
  afterEach(async () => {
    redactor.close();
    await presidio.close();
  });

  test('an answer that cannot be redacted is an error, and holds nothing else back', async () => {
    const wrapped = await wrap(undefined, { redactor });
    wrapped.client.behaviour = names;
    presidio.script = (_question, answer) => {
      answer.writeHead(500).end();
      return true;
    };
    wrapped.say(call(1));
    expect(await wrapped.next()).toMatchObject({
      id: 1,
      error: { message: expect.stringContaining('could not be redacted') },
    });
    expect(wrapped.client.settled).toMatchObject([{ outcome: 'upstream_failed' }]);
    wrapped.client.behaviour = allow();
    wrapped.say(call(1));
    expect(await wrapped.next()).toMatchObject({ id: 1, result: { got: 2 } });
  });

  test('an answer to nobody does not answer who takes its id meanwhile', async () => {
    const gone = Promise.withResolvers<void>();
    let sent = 0;
    const wrapped = await wrap(undefined, {
      redactor,
      forwarded: () => {
        sent += 1;
        if (sent === 2) gone.resolve();
      },
    });
    wrapped.client.behaviour = names;
    presidio.script = async ({ text }) => {
      if (text === 'of another') {
        wrapped.say(call('never asked', { do: 'hang' }));
        await gone.promise;
      }
      return false;
    };
    wrapped.say(call(1, { do: 'wrong id' }));
    expect(await wrapped.next()).toMatchObject({ id: 1 });
  });
});

describe('definitions of tools', () => {
  const list = (id: number) => ({ jsonrpc: '2.0', id, method: 'tools/list', params: {} });
  const namesOf = (answer: Record<string, unknown>): unknown =>
    (answer['result'] as { tools: { name: string }[] }).tools.map(({ name }) => name);

  test('are listed before the first call, which is asked with a digest, and the agent sees one answer', async () => {
    const wrapped = await wrap(undefined, { definitions: {} });
    wrapped.say(call(1));
    expect(await wrapped.next()).toMatchObject({ id: 1, result: { got: 2 } });
    expect(wrapped.client.asked.map(({ tool }) => [tool?.operation, tool?.definition_digest?.length])).toEqual([
      ['tools/list', undefined],
      ['tools/call', 64],
    ]);
    expect(wrapped.spoken).toHaveLength(1);
  });

  test('decide what is in a list; a changed one is not, nor is it called', async () => {
    const wrapped = await wrap(undefined, { definitions: {} });
    wrapped.client.behaviour = denyOnly('tools/list', 'delete');
    wrapped.say(list(1));
    expect(namesOf(await wrapped.next())).toEqual(['read']);
    for (const id of [2, 3]) {
      wrapped.say(call(id));
      await wrapped.next();
    }
    wrapped.say(list(4));
    expect(namesOf(await wrapped.next())).toEqual([]);
    wrapped.say(call(5));
    expect(await wrapped.next()).toMatchObject({
      id: 5,
      error: { data: { code: 'TOOL_QUARANTINED', reason_code: 'TOOL_DEFINITION_CHANGED' } },
    });
  });

  test('that cannot be had make a call fail closed', async () => {
    const wrapped = await wrap(undefined, { definitions: {} });
    wrapped.client.behaviour = denyOnly('tools/list');
    wrapped.say(call(1));
    expect(await wrapped.next()).toMatchObject({ error: { data: { reason_code: 'TOOL_DEFINITION_UNSEEN' } } });
    wrapped.client.behaviour = fail('PDP_UNAVAILABLE');
    wrapped.say(call(2));
    expect(await wrapped.next()).toMatchObject({ id: 2, error: { code: -31503, data: { code: 'PDP_UNAVAILABLE' } } });
  });
});

test('of two answers to one request the agent gets one, and no request that uses the id again gets the other', async () => {
  const wrapped = await wrap();
  const { promise: gate, resolve: decide } = Promise.withResolvers<void>();
  wrapped.client.behaviour = async (request) => {
    if (request.tool?.operation === 'elicitation/create') await gate;
    return allow()(request);
  };
  const MODERN = {
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientInfo': { name: 't', version: '1' },
    'io.modelcontextprotocol/clientCapabilities': { elicitation: {} },
  };
  const modern = (id: number, args: Record<string, unknown>) => {
    const { params, ...rest } = call(id, args);
    return { ...rest, params: { ...params, _meta: MODERN } };
  };
  wrapped.say(modern(1, { do: 'twice' }));
  expect(await wrapped.next()).toMatchObject({ id: 1, result: { first: true } });
  wrapped.say(modern(1, { do: 'hang' }));
  wrapped.say(modern(2, {}));
  expect(await wrapped.next()).toMatchObject({ id: 2 });
  decide();
  wrapped.say(modern(3, {}));
  expect(await wrapped.next()).toMatchObject({ id: 3 });
});

test('a notification whose result was to be reported has none, and is settled', async () => {
  const wrapped = await wrap();
  const order = { type: 'report_result', value: { max_bytes: 1000 } } as const;
  wrapped.client.behaviour = allow({ obligations: [order] });
  wrapped.say({ jsonrpc: '2.0', method: 'notifications/initialized' });
  wrapped.say(call(1));
  expect(await wrapped.next()).toMatchObject({ id: 1 });
  expect(wrapped.client.reported).toHaveLength(1);
  expect(wrapped.client.settled).toMatchObject([{ outcome: 'forwarded' }]);
});

test('a kill ends a call that the server is at, and what the server says to it afterwards reaches nobody', async () => {
  const { promise: hasGone, resolve } = Promise.withResolvers<void>();
  const wrapped = await wrap(65_536, { forwarded: resolve });
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
