/**
 * An agent asks another through a real sidecar and a real PDP, with the built-in pack's rules: the skill that is listed passes and is on
 * record and in a trace, another is refused before anything is sent, work that was handed on too often is too, and a PDP that is
 * gone denies.
 */
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { eventually } from '../support/eventually.js';
import { type PolicyText, policySource } from '../support/policy-source.js';
import { AGENT, type SidecarProcess, type Stack, startStack } from '../support/stack.js';

let stack: Stack;
let sidecar: SidecarProcess;
let peer: Server;
const bodies: string[] = [];
const heads: IncomingHttpHeaders[] = [];
/** What a collector was sent. */
const traces: Buffer[] = [];

const POLICIES: readonly PolicyText[] = [
  {
    name: 'Cards are read',
    on: ['session'],
    when: { field: 'source', operator: 'equals', value: 'a2a_proxy' },
    effect: { type: 'allow' },
    priority: 10,
  },
  {
    name: 'Not handed on for ever',
    on: ['a2a'],
    when: { field: 'context.delegation.depth', operator: 'greater_than', value: 1 },
    effect: { type: 'deny', deny_reason_code: 'A2A_DEPTH', deny_user_message: 'This was handed on too often.' },
    priority: 90,
  },
  {
    name: 'No secrets',
    on: ['a2a'],
    when: { field: 'tool.arguments.message.parts[any].text', operator: 'contains', value: 'password' },
    effect: { type: 'deny', deny_reason_code: 'A2A_SECRET', deny_user_message: 'Passwords are not told.' },
    priority: 80,
  },
  {
    name: 'Reports',
    on: ['a2a'],
    when: {
      operator: 'and',
      conditions: [
        { field: 'peer.agent_id', operator: 'equals', value: 'books' },
        { field: 'peer.skill', operator: 'equals', value: 'report' },
      ],
    },
    effect: { type: 'allow' },
    priority: 50,
  },
];

beforeAll(async () => {
  peer = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      response.setHeader('content-type', 'application/json');
      if (request.method === 'GET') {
        const url = `http://127.0.0.1:${(peer.address() as AddressInfo).port}/rpc`;
        const skills = ['report', 'pay'].map((id) => ({ id, name: id, description: id, tags: [] }));
        response.end(JSON.stringify({ name: 'Books', url, protocolVersion: '0.3.0', skills }));
        return;
      }
      if (request.url === '/v1/traces') {
        traces.push(Buffer.concat(chunks));
        response.end();
        return;
      }
      bodies.push(Buffer.concat(chunks).toString());
      heads.push(request.headers);
      response.end('{"jsonrpc":"2.0","id":1,"result":{"kind":"task","id":"t1"}}');
    });
  }).listen(0, '127.0.0.1');
  await once(peer, 'listening');
  stack = await startStack({ pdps: 1 });
  const { seq } = await stack.publish(policySource('1.0.0', POLICIES));
  await stack.loaded(seq);
  const origin = `http://127.0.0.1:${(peer.address() as AddressInfo).port}`;
  const card = `${origin}/.well-known/agent-card.json`;
  sidecar = await stack.startSidecar({
    upstreams: [],
    config: {
      tracing: { endpoint: `${origin}/v1/traces` },
      a2a: { peers: [{ name: 'books', card, skillMetadata: 'skill' }] },
    },
  });
}, 60_000);

afterAll(async () => {
  await stack.close();
  peer.closeAllConnections();
  peer.close();
});

interface Answer {
  readonly result?: unknown;
  readonly error?: {
    readonly message: string;
    readonly data?: { readonly code?: string; readonly reason_code?: string };
  };
}

async function ask(skill: string, text: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
  const message = { messageId: 'm', role: 'user', parts: [{ kind: 'text', text }], metadata: { skill } };
  const answer = await fetch(`http://${sidecar.addresses['a2a']}/a2a/books`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'message/send', params: { message } }),
  });
  return (await answer.json()) as Answer;
}

const handedOn = (times: number) => ({
  'portcullis-delegation': JSON.stringify({
    version: 1,
    chain: Array.from({ length: times }, (_, at) => ({ agent: `acme/agent-${at}`, decision_id: `d-${at}` })),
  }),
});

describe('an agent that asks another', () => {
  test('sees the skills that policy allows', async () => {
    const card = await fetch(`http://${sidecar.addresses['a2a']}/a2a/books/.well-known/agent-card.json`);
    expect(await card.json()).toMatchObject({ skills: [{ id: 'report' }] });
  });

  test('is answered, and the decision that the peer is told of is on record', async () => {
    expect(await ask('report', 'of May', handedOn(1))).toMatchObject({ result: { id: 't1' } });
    const { chain } = JSON.parse(String(heads.at(-1)?.['portcullis-delegation'])) as {
      chain: { agent: string; decision_id: string }[];
    };
    const own = chain.at(-1);
    expect([chain.length, own?.agent]).toEqual([2, `${AGENT.tenant}/${AGENT.agent}`]);
    expect(stack.decisions().find(({ decision_id }) => decision_id === own?.decision_id)).toMatchObject({
      effect: 'allow',
      agent: AGENT.agent,
      tool: { server: 'books', name: 'report', operation: 'message/send' },
    });
  });

  test.each([
    ['another skill', 'pay', 'of May', {}, 'NO_MATCHING_POLICY'],
    ['a text that may not be said', 'report', 'the password is', {}, 'POLICY_DENIED'],
    ['too often', 'report', 'of May', handedOn(2), 'POLICY_DENIED'],
    [
      'in a circle',
      'report',
      'of May',
      {
        'portcullis-delegation': JSON.stringify({
          version: 1,
          chain: [{ agent: `${AGENT.tenant}/${AGENT.agent}`, decision_id: 'd' }],
        }),
      },
      'REQUEST_INVALID',
    ],
  ] as const)('is refused: %s', async (_what, skill, text, headers, code) => {
    const before = bodies.length;
    expect((await ask(skill, text, headers)).error?.data?.code).toBe(code);
    expect(bodies).toHaveLength(before);
  });

  test('is seen in a trace that goes on with the peer, without what was said', async () => {
    const trace = '0af7651916cd43dd8448eb211c80319c';
    await ask('report', 'of the secret plan', { traceparent: `00-${trace}-b7ad6b7169203331-01` });
    expect(heads.at(-1)?.['traceparent']).toMatch(new RegExp(`^00-${trace}-(?!b7ad6b7169203331)[0-9a-f]{16}-01$`));
    const sent = (): Buffer => Buffer.concat(traces);
    await eventually('the spans', async () => sent().includes(Buffer.from(trace, 'hex')));
    for (const name of ['message/send report', 'portcullis decide', 'upstream books'])
      expect(sent().includes(name)).toBe(true);
    expect(sent().includes('secret plan')).toBe(false);
  });

  test('is refused when nobody decides', async () => {
    const before = bodies.length;
    await stack.pdps[0]?.kill();
    expect((await ask('report', 'of June')).error?.data?.code).toMatch(/^PDP_/);
    expect(bodies).toHaveLength(before);
  });
});
