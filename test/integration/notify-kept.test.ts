/** A notice that a policy ordered is told at least once, whatever ends between the decision and its delivery. */
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { Agent, request } from 'undici';
import { segmentsOf } from '../support/audit-segments.js';
import { eventually } from '../support/eventually.js';
import { policySource } from '../support/policy-source.js';
import type { ServiceProcess } from '../support/service-process.js';
import { AGENT, type Stack, startStack } from '../support/stack.js';

jest.setTimeout(120_000);

let folder = '';
let stack: Stack;
let receiver: Server;
let agent: Agent;
let isAway = true;
/** Ids of deliveries that were taken. */
const taken: string[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'portcullis-notify-'));
  const secretFile = join(folder, 'secret');
  writeFileSync(secretFile, 'a secret of at least thirty-two bytes');
  receiver = createServer((incoming, answer) => {
    incoming.resume();
    if (!isAway) taken.push(String(incoming.headers['portcullis-delivery']));
    answer.writeHead(isAway ? 503 : 204).end();
  });
  receiver.listen(0, '127.0.0.1');
  await once(receiver, 'listening');
  const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`;
  stack = await startStack({
    pdps: 1,
    pdp: {
      limits: { decisionDeadlineMs: 10_000 },
      http: {},
      approvals: { webhooks: [{ name: 'security', url, secretFile, events: ['notify'] }] },
    },
  });
  const pays = { field: 'tool.name', operator: 'equals', value: 'pay' };
  const { seq } = await stack.publish(
    policySource('1.0.0', [
      { name: 'Reads', when: 'always', effect: { type: 'allow', notify: ['security'] }, priority: 1 },
      { name: 'Pays', when: pays, effect: { type: 'deny', notify: ['security'] }, priority: 9 },
    ]),
  );
  await stack.loaded(seq);
  const own = stack.tls({ kind: 'agent', ...AGENT });
  const [ca, cert, key] = [own.caFile, own.certFile, own.keyFile].map((file) => readFileSync(file, 'utf8'));
  agent = new Agent({ connect: { ca, cert, key, checkServerIdentity: () => undefined } as never });
});

afterAll(async () => {
  await agent?.destroy();
  await stack?.close();
  receiver?.closeAllConnections();
  receiver?.close();
  rmSync(folder, { recursive: true, force: true });
});

function only(): ServiceProcess {
  const [pdp] = stack.pdps;
  if (pdp === undefined) throw new Error('no pdp');
  return pdp;
}

async function decide(tool: string): Promise<{ readonly effect: string; readonly decision_id: string }> {
  const body = JSON.stringify({
    version: '1.0',
    tenant_id: AGENT.tenant,
    source: 'sdk',
    agent: { id: AGENT.agent },
    tool: { name: tool, operation: 'call' },
    context: { timestamp: new Date().toISOString(), request_id: `r-${tool}` },
  });
  const headers = { 'content-type': 'application/json' };
  const url = `https://${only().addresses['https'] ?? ''}/v1/policy/evaluate`;
  const answer = await request(url, { method: 'POST', headers, body, dispatcher: agent });
  return JSON.parse(await answer.body.text()) as { effect: string; decision_id: string };
}

test('what was ordered by decisions on record is told after kill -9, once, and what was taken is not told again', async () => {
  const decisions = await Promise.all(['read', 'pay', 'read'].map(decide));
  // At once: nothing may depend on what happens after the answer.
  await only().kill();
  expect(decisions.map(({ effect }) => effect)).toEqual(['allow', 'deny', 'allow']);
  const ids = new Set(decisions.map(({ decision_id: id }) => id));

  isAway = false;
  await only().start();
  await eventually('all to be told', () => taken.length >= ids.size);
  expect(new Set(taken)).toEqual(ids);
  const journal = join(stack.folder, only().name, 'notify');
  await eventually('all to be settled', () => readFileSync(journal, 'utf8').split('"done"').length > ids.size);

  const chain = segmentsOf(join(stack.folder, only().name, 'audit')).map((file) => readFileSync(file, 'utf8'));
  expect(chain.join('').split('"event":"notified"')).toHaveLength(ids.size + 1);

  // Taken, and written down as such.
  await only().kill();
  await only().start();
  const { decision_id: last } = await decide('pay');
  await eventually('a new one to be told', () => taken.includes(last));
  expect(taken.filter((id) => ids.has(id))).toHaveLength(ids.size);
  expect(taken).toHaveLength(ids.size + 1);
});
