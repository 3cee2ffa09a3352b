/** The card of another agent is what an attempt brought: it is redacted and reported as its decision orders, or not shown. */

import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { Condition } from '@portcullis/policy/model';
import { allow, type FakePolicyClient, fakePolicyClient } from '../../testing/fake-policy-client.js';
import { surfaceParts } from '../../testing/proxy-harness.js';
import { type RecordingUpstream, recordingUpstream } from '../../testing/recording-upstream.js';
import { startA2aProxy } from './compose.js';
import { a2aConfig } from './config.js';

const CARD = '4111111111111111';
const REPORT = { type: 'report_result', value: { max_bytes: 10_000 } } as const;
const REDACT: Condition = { type: 'redact', value: { detectors: ['card'], method: 'mask', direction: 'response' } };

let client: FakePolicyClient;
let peer: RecordingUpstream;
let url: string;
let skills: readonly object[];
const closing: (() => Promise<unknown>)[] = [];
beforeEach(async () => {
  client = fakePolicyClient();
  skills = [{ id: 'book', name: 'Book', description: `pay with ${CARD}` }];
  peer = await recordingUpstream((_request, response) => {
    const supportedInterfaces = [
      { url: `http://127.0.0.1:${peer.port}/v1`, protocolBinding: 'JSONRPC', protocolVersion: '1.0' },
    ];
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ name: 'books', description: `pay with ${CARD}`, supportedInterfaces, skills }));
  });
  const card = `http://127.0.0.1:${peer.port}/.well-known/agent-card.json`;
  const config = a2aConfig.parse({ peers: [{ name: 'books', card }] });
  const proxy = await startA2aProxy(config, { ...surfaceParts(client), env: {} });
  closing.push(
    () => proxy.close(),
    () => peer.close(),
  );
  url = `http://${proxy.address}/a2a/books/.well-known/agent-card.json`;
});
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

/** The decision about the card orders it; those about skills do not. */
const ordering = (extras: Parameters<typeof allow>[0]): void => {
  client.behaviour = (request) => allow(request.kind === 'session' ? extras : {})(request);
};
const settledOnce = (): readonly unknown[] => client.settled.filter(({ outcome }) => outcome !== 'refused');

test('it is reported before the agent has it, and that settles it', async () => {
  ordering({ obligations: [REPORT] });
  const shown: unknown = await (await fetch(url)).json();
  expect(client.reported).toMatchObject([{ outcome: 'forwarded', result: { value: shown, truncated: false } }]);
  expect(settledOnce()).toEqual([]);
});

test('nobody has it where it could not be reported', async () => {
  ordering({ obligations: [REPORT] });
  client.taking = async () => false;
  const answer = await fetch(url);
  expect([answer.status, (await answer.text()).includes('Book')]).toEqual([502, false]);
  expect(settledOnce()).toMatchObject([{ outcome: 'upstream_failed' }]);
});

test('it is redacted, and leads to the sidecar still', async () => {
  ordering({ conditions: [REDACT], obligations: [REPORT] });
  const text = await (await fetch(url)).text();
  expect(text).toContain('pay with ************1111');
  expect(text + JSON.stringify(client.reported)).not.toContain(CARD);
  expect(text).toContain(new URL(url).origin);
});

test('one that may not be asked about is settled as well', async () => {
  ordering({});
  skills = Array.from({ length: 257 }, (_skill, at) => ({ id: `s${at}` }));
  expect((await fetch(url)).status).toBe(503);
  expect(settledOnce()).toMatchObject([{ outcome: 'upstream_failed' }]);
});
