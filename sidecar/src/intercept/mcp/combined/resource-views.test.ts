/** Lists of resources count for who they were asked for: another user's, or another session's, say nothing here. */

import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { createBehalfReader } from '../../../behalf/behalf.js';
import { behalfConfig } from '../../../behalf/config.js';
import { userTokenOf } from '../../../behalf/user-token.js';
import { allow, deny, fakePolicyClient } from '../../../testing/fake-policy-client.js';
import { type Answered, type Harness, startHarness } from '../../../testing/proxy-harness.js';
import { answerJson, type RecordingUpstream, recordingUpstream } from '../../../testing/recording-upstream.js';
import { createResourceViews } from './resource-views.js';

const ANNA = 'eyJh.YW5uYQ.c2ln';
const BERT = 'eyJh.YmVydA.c2ln';
const client = fakePolicyClient();
let harness: Harness;
let server: RecordingUpstream;
/** What the server lists in a session. */
let lists: (session: string | undefined) => readonly string[];
let sessions = 0;

beforeEach(async () => {
  client.behaviour = allow();
  lists = () => ['note://1'];
  sessions = 0;
  server = await recordingUpstream(({ method: verb, body, headers }, response) => {
    if (verb !== 'POST') return void response.writeHead(405).end();
    const { id, method } = JSON.parse(body) as { readonly id?: number; readonly method: string };
    if (id === undefined) return void response.writeHead(202).end();
    const give = (result: object): void => answerJson(response, { jsonrpc: '2.0', id, result });
    if (method === 'initialize') {
      sessions += 1;
      response.setHeader('mcp-session-id', `s-${sessions}`);
      return give({ protocolVersion: '2025-11-25', capabilities: { resources: {} }, serverInfo: { name: 'notes' } });
    }
    const session = headers['mcp-session-id'];
    const uris = lists(typeof session === 'string' ? session : undefined);
    if (method === 'resources/list') return give({ resultType: 'complete', resources: uris.map((uri) => ({ uri })) });
    if (method === 'resources/templates/list') return give({ resultType: 'complete', resourceTemplates: [] });
    return give({ resultType: 'complete', contents: [{ uri: 'x', text: 'read' }] });
  });
  harness = await startHarness({
    client,
    upstreamUrl: 'http://127.0.0.1:9/mcp',
    upstreams: [{ name: 'notes', url: server.url }],
    combined: true,
    behalf: createBehalfReader(behalfConfig.parse({ userToken: { header: 'x-user-token' } }), {}),
  });
});
afterEach(async () => {
  await harness.close();
  await server.close();
});

const send = (message: object, headers: readonly string[]): Promise<Answered> =>
  harness.send({
    path: '/mcp',
    headers: ['content-type', 'application/json', 'accept', 'application/json, text/event-stream', ...headers],
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, ...message }),
  });
const readBy = (token: string, uri = 'note://1'): Promise<Answered> => {
  const _meta = {
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientInfo': { name: 't', version: '1' },
    'io.modelcontextprotocol/clientCapabilities': {},
  };
  const headers = ['mcp-protocol-version', '2026-07-28', 'mcp-method', 'resources/read', 'mcp-name', uri];
  return send({ method: 'resources/read', params: { uri, _meta } }, [...headers, 'x-user-token', token]);
};

test('what one user may list is nothing that another is told of, or routed by', async () => {
  client.behaviour = (request) =>
    (request.tool?.operation?.endsWith('list') && userTokenOf(request)?.secret !== ANNA ? deny() : allow())(request);
  expect((await readBy(ANNA)).json.result).toBeDefined();
  const { json } = await readBy(BERT);
  expect(json.error?.message).toMatch(/no server lists/);
  expect(server.requests.filter(({ body }) => body.includes('"resources/read"'))).toHaveLength(1);
  expect((await readBy(ANNA)).json.result).toBeDefined();
});

test('what a server lists in one session is of nobody in another', async () => {
  lists = (session) => (session === 's-1' ? ['note://1'] : ['note://2']);
  const begin = async (): Promise<readonly string[]> => {
    const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 't', version: '1' } };
    const { headers } = await send({ method: 'initialize', params }, []);
    return ['mcp-session-id', String(headers['mcp-session-id']), 'mcp-protocol-version', '2025-11-25'];
  };
  const [first, second] = [await begin(), await begin()];
  const reads = async (uri: string, session: readonly string[]): Promise<boolean> =>
    (await send({ method: 'resources/read', params: { uri } }, session)).json.result !== undefined;
  expect(await reads('note://1', first)).toBe(true);
  expect(await reads('note://1', second)).toBe(false);
  expect(await reads('note://2', second)).toBe(true);
  expect(await reads('note://2', first)).toBe(false);
});

test('who has not asked for long is forgotten when there are many, or their lists are long', () => {
  const views = createResourceViews({ monotonic: () => 0 });
  const learn = (viewer: string, uri: string): void =>
    views.of(viewer).learn('a', 'resources/list', { resources: [{ uri }] });
  learn('first', 'a://1');
  for (let index = 0; index < 255; index += 1) learn(`v${index}`, 'a://1');
  expect(views.of('first').known('a://1')).toEqual(['a']);
  learn('one more', 'a://1');
  expect(views.of('first').known('a://1')).toEqual(['a']);
  expect(views.of('v0').known('a://1')).toEqual([]);
  for (let index = 0; index < 5; index += 1) learn(`long ${index}`, 'x'.repeat(4_000_000));
  expect(views.of('long 4').size).toBe(4_000_000);
  expect(views.of('first').known('a://1')).toEqual([]);
  expect(views.of('long 0').size).toBe(0);
});

test('what changed is asked for again for everybody', async () => {
  const views = createResourceViews({ monotonic: () => 0 });
  let asked = 0;
  const listed = async () => {
    asked += 1;
    return { resources: [{ uri: 'a://1' }] };
  };
  for (const viewer of ['x', 'y']) await views.of(viewer).ownersOf('a://1', ['a'], listed);
  expect(asked).toBe(4);
  views.changed('a');
  for (const viewer of ['x', 'y']) await views.of(viewer).ownersOf('a://1', ['a'], listed);
  expect(asked).toBe(8);
});
