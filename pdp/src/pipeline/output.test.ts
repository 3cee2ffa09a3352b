import { expect, test } from '@jest/globals';
import type { CanonicalRequest, Decision } from '@portcullis/policy/model';
import { AGENT, toolCall } from '../fixtures/requests.js';
import { refusal } from './decision.js';
import { orderOutput } from './output.js';
import type { Snapshot } from './ports.js';

const CHAT: CanonicalRequest = {
  ...toolCall(''),
  source: 'llm_proxy',
  kind: 'inference',
  tool: { server: 'acme', operation: 'messages' },
  request: { action: 'chat', model: 'm' },
};

function ordered(request: CanonicalRequest, factsNeeded: readonly string[], allow = true): readonly string[] {
  const snapshot = { engine: { factsNeeded } } as unknown as Snapshot;
  const progress = { digest: '', timings: {}, question: { caller: AGENT, request, digest: '', deadline: 0 }, snapshot };
  const frame = { decisionId: 'd', progress, engine: 'test', evaluationMs: 0 };
  const denied = refusal(frame, { code: 'POLICY_DENIED', message: 'no', path: '' });
  const decision: Decision = {
    ...denied,
    cache: { ttl_seconds: 30, scope: 'x' },
    ...(allow ? { allow: true, effect: 'allow', deny: [] } : {}),
  };
  const final = orderOutput(decision, progress);
  const types = final.obligations.map(({ type }) => type);
  expect(final.cache.ttl_seconds).toBe(types.length > 0 ? 0 : 30);
  return types;
}

test.each<[string, CanonicalRequest, readonly string[], boolean]>([
  ['a bundle that reads the answer', CHAT, ['request.output'], true],
  ['one that reads all of the request', CHAT, ['request'], true],
  ['one that a module reads', CHAT, [''], true],
  ['one that does not', CHAT, ['request.query', 'request.model'], false],
  ['the answer itself', { ...CHAT, request: { action: 'completion', model: 'm' } }, ['request.output'], false],
  ['the list of models', { ...CHAT, tool: { attributes: { carried_out: 'never' } } }, ['request.output'], false],
  ['a call that a model proposes', { ...CHAT, kind: 'tool_call' }, ['request.output'], false],
  ['what an MCP server wants sampled', { ...CHAT, source: 'mcp_proxy' }, ['request.output'], false],
  ['a gateway that sees no answers', { ...CHAT, source: 'ext_authz' }, ['request.output'], false],
])('the order to decide the answer: %s', (_name, request, reads, expected) => {
  expect(ordered(request, reads)).toEqual(expected ? ['decide_output'] : []);
});

test('a denial orders nothing', () => {
  expect(ordered(CHAT, ['request.output'], false)).toEqual([]);
});
