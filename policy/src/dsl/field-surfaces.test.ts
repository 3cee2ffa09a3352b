import { expect, test } from '@jest/globals';
import { ATTEMPT_KINDS } from '../model/request.js';
import { surfacesOf } from './field-surfaces.js';
import { BUILT_IN_FIELDS } from './fields.js';

test.each([
  { path: 'tool.name', on: ['tool_call', 'resource', 'prompt', 'session'] },
  { path: 'tool.definition_digest', on: ['tool_call'] },
  {
    path: 'tool.arguments.to[any].domain',
    on: ['tool_call', 'tool_list', 'resource', 'prompt', 'session', 'inference'],
  },
  { path: 'request.model', on: ['inference'] },
  { path: 'egress.resolved_ips[all]', on: ['egress'] },
  { path: 'peer.agent_id', on: ['a2a'] },
  { path: 'toString.x', on: ATTEMPT_KINDS },
])('$path', ({ path, on }) => {
  expect(surfacesOf(path)).toEqual(on);
});

test('what is about the caller and its circumstances is there on every attempt', () => {
  const everywhere = /^(version|tenant_id|source|kind|agent|user|context|intent_risk|facts)(\.|\[|$)/;
  const limited = BUILT_IN_FIELDS.filter((path) => surfacesOf(path).length < ATTEMPT_KINDS.length);
  expect(limited.filter((path) => everywhere.test(path))).toEqual([]);
  expect(BUILT_IN_FIELDS.filter((path) => !everywhere.test(path) && !limited.includes(path))).toEqual([]);
});
