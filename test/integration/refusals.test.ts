/**
 * What a sidecar refuses by itself is in the audit chain of a PDP: each attempt once, of whatever surface, in few records
 * whatever comes, with nothing of what was sent, and also when no PDP could be reached while it happened (ADR-0034).
 */
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { segmentsOf } from '../support/audit-segments.js';
import { eventually } from '../support/eventually.js';
import { allowTools, policySource } from '../support/policy-source.js';
import { type RecordingUpstream, startRecordingUpstream } from '../support/recording-upstream.js';
import { type SidecarProcess, type Stack, startStack } from '../support/stack.js';

jest.setTimeout(90_000);

interface RefusalRecord {
  readonly kind: string;
  readonly refusal_id: string;
  readonly source: string;
  readonly tenant: string;
  readonly agent: string;
  readonly deny: readonly string[];
  readonly count: number;
  readonly status: number;
  readonly tool: Readonly<Record<string, string>>;
}

const CANARY = 'canary-4711';
let stack: Stack;
let upstream: RecordingUpstream;
let sidecar: SidecarProcess;

beforeAll(async () => {
  upstream = await startRecordingUpstream();
  stack = await startStack();
  await stack.publish(policySource('1.0.0', [allowTools('upstream', ['read'])]), { waitMs: 15_000 });
  sidecar = await stack.startSidecar({
    upstreams: [{ name: 'upstream', url: upstream.url }],
    config: { egress: { listen: { port: 0 } }, authorize: { listen: { port: 0 } } },
  });
});
afterAll(async () => {
  await stack.close();
  await upstream.close();
});

/** Says `text` on a connection of its own, and returns what came back. */
async function say(surface: string, ...lines: readonly string[]): Promise<string> {
  const { host, port } = new URL(`http://${sidecar.addresses[surface] ?? ''}`);
  const socket = connect(Number(port), '127.0.0.1');
  socket.write(lines.join('\r\n').replaceAll('HOST', host));
  return text(socket);
}

function chainText(): string {
  return stack.pdps
    .flatMap(({ auditDir }) => segmentsOf(auditDir))
    .map((file) => readFileSync(file, 'utf8'))
    .join('');
}

function refusals(): readonly RefusalRecord[] {
  return chainText()
    .split('\n')
    .filter((line) => line.endsWith('}'))
    .map((line) => JSON.parse(line) as RefusalRecord)
    .filter(({ kind }) => kind === 'refusal');
}

const sumOf = (records: readonly RefusalRecord[]): number => records.reduce((sum, { count }) => sum + count, 0);

function post(surface: string, path: string, body: string): Promise<string> {
  const head = [`POST ${path} HTTP/1.1`, 'Host: HOST', 'Connection: close', 'Content-Type: application/json'];
  const more = ['Accept: application/json, text/event-stream', `Authorization: Bearer ${CANARY}`];
  return say(surface, ...head, ...more, `Content-Length: ${Buffer.byteLength(body)}`, '', body);
}

test('one record for each, with source, code and target, and nothing of what was sent', async () => {
  expect(await say('mcp', `${CANARY} rubbish`, '', '')).toMatch(/^HTTP\/1\.1 400 /);
  expect(await post('mcp', '/mcp/upstream', `{"jsonrpc":"2.0","${CANARY}":1,"${CANARY}":2}`)).toContain('-32700');
  expect(await say('egress', 'CONNECT site.test:443 HTTP/1.1', `Host: ${CANARY}.test:443`, '', '')).toMatch(/ 400 /);
  expect(await post('authorize', '/v1/authorize', `{"${CANARY}":`)).toMatch(/ 400 /);
  await eventually('four refusals', () => sumOf(refusals()) >= 4);
  const theirs = { tenant: 'acme', deny: ['REQUEST_INVALID'], effect: 'deny', count: 1, status: 400 };
  const found = refusals().toSorted((one, other) => one.source.localeCompare(other.source));
  expect(found).toMatchObject([
    { ...theirs, source: 'egress_proxy', tool: { server: 'site.test:443', operation: 'CONNECT' } },
    { ...theirs, source: 'mcp_proxy', tool: {} },
    { ...theirs, source: 'mcp_proxy', tool: { server: 'upstream' }, reason: 'JSONRPC -32700' },
    { ...theirs, source: 'sdk' },
  ]);
  expect(chainText()).not.toContain(CANARY);
  expect(upstream.toolCalls()).toEqual([]);
});

test('a flood is a few records, and none of it is left out', async () => {
  const before = refusals();
  const lanes = Array.from({ length: 8 }, async (_, lane) => {
    for (let n = 0; n < 100; n += 1)
      await say('egress', `GET http://h${lane}-${n}.test/a%00b HTTP/1.1`, `Host: h${lane}-${n}.test`, '', '');
  });
  await Promise.all(lanes);
  await eventually('all of them', () => sumOf(refusals()) >= sumOf(before) + 800);
  const added = refusals().slice(before.length);
  expect(sumOf(added)).toBe(800);
  expect(added.length).toBeLessThan(800);
});

test('while no PDP can be reached they wait, and so does what nobody answered', async () => {
  const before = new Set(refusals().map(({ refusal_id: id }) => id));
  const [pdp] = stack.pdps;
  await pdp?.kill();
  await post('mcp', '/mcp/upstream', 'rubbish');
  const call = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'read', arguments: {} } };
  expect(await post('mcp', '/mcp/upstream', JSON.stringify(call))).toContain('error');
  expect(upstream.toolCalls()).toEqual([]);
  await pdp?.start();
  // What was on record and not yet answered for when the PDP was killed is on record again.
  const added = () => refusals().filter(({ refusal_id: id }) => !before.has(id));
  await eventually('both refusals', () => sumOf(added()) >= 2);
  const codes = added().map(({ deny }) => deny[0]);
  expect(codes.some((code) => code?.startsWith('PDP_'))).toBe(true);
});
