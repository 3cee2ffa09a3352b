import { describe, expect, test } from '@jest/globals';
import { type Era, methodRow, methodTable, targetOf } from './methods.js';

/** The unions `ClientRequest | ClientNotification` and `ServerRequest | ServerNotification` of the schemas, as literals. */
const SCHEMAS: Record<Era, { client: readonly string[]; server: readonly string[] }> = {
  legacy: {
    client: [
      'ping',
      'initialize',
      'completion/complete',
      'logging/setLevel',
      'prompts/get',
      'prompts/list',
      'resources/list',
      'resources/templates/list',
      'resources/read',
      'resources/subscribe',
      'resources/unsubscribe',
      'tools/call',
      'tools/list',
      'tasks/get',
      'tasks/result',
      'tasks/list',
      'tasks/cancel',
      'notifications/cancelled',
      'notifications/progress',
      'notifications/initialized',
      'notifications/roots/list_changed',
      'notifications/tasks/status',
    ],
    server: [
      'ping',
      'sampling/createMessage',
      'roots/list',
      'elicitation/create',
      'tasks/get',
      'tasks/result',
      'tasks/list',
      'tasks/cancel',
      'notifications/cancelled',
      'notifications/progress',
      'notifications/message',
      'notifications/resources/updated',
      'notifications/resources/list_changed',
      'notifications/tools/list_changed',
      'notifications/prompts/list_changed',
      'notifications/elicitation/complete',
      'notifications/tasks/status',
    ],
  },
  modern: {
    client: [
      'server/discover',
      'completion/complete',
      'prompts/get',
      'prompts/list',
      'resources/list',
      'resources/templates/list',
      'resources/read',
      'subscriptions/listen',
      'tools/call',
      'tools/list',
      'notifications/cancelled',
      'tasks/get',
      'tasks/update',
      'tasks/cancel',
    ],
    server: [
      'sampling/createMessage',
      'roots/list',
      'elicitation/create',
      'notifications/cancelled',
      'notifications/progress',
      'notifications/message',
      'notifications/resources/updated',
      'notifications/resources/list_changed',
      'notifications/tools/list_changed',
      'notifications/prompts/list_changed',
      'notifications/subscriptions/acknowledged',
      'notifications/tasks/status',
      'notifications/tasks',
    ],
  },
};

describe.each(['legacy', 'modern'] as const)('the table of the %s era', (era) => {
  test.each([
    ['client_to_server', SCHEMAS[era].client],
    ['server_to_client', SCHEMAS[era].server],
  ] as const)('%s is the schema, no more and no less', (direction, expected) => {
    const known = [...methodTable(direction).keys()].filter(
      (method) => methodRow(method, direction, era) !== undefined,
    );
    expect(new Set(known)).toEqual(new Set(expected));
  });
});

test.each(['', 'Ping', 'ping ', 'toString', '__proto__', 'tools/calls'])('%j is no method', (method) => {
  expect(methodRow(method, 'client_to_server', 'legacy')).toBeUndefined();
});

test.each<[string, Record<string, string | object>, object]>([
  [
    'tools/call',
    { name: 'a', arguments: { p: 1 }, task: { ttl: 1 }, _meta: { progressToken: 1 } },
    { kind: 'tool_call', name: 'a', arguments: { p: 1 }, rest: { task: { ttl: 1 }, _meta: { progressToken: 1 } } },
  ],
  ['tools/list', { cursor: 'c' }, { kind: 'tool_list', arguments: { cursor: 'c' }, rest: {} }],
  [
    'resources/read',
    { uri: 'file:///a', _meta: { x: 1 } },
    { kind: 'resource', name: 'file:///a', arguments: { uri: 'file:///a' }, rest: { _meta: { x: 1 } } },
  ],
  [
    'prompts/get',
    { name: 'Hello world', arguments: { a: 'b' } },
    { kind: 'prompt', name: 'Hello world', arguments: { a: 'b' }, rest: {} },
  ],
  [
    'completion/complete',
    { ref: { type: 'ref/resource', uri: 'x' } },
    { kind: 'resource', arguments: { ref: { type: 'ref/resource', uri: 'x' } }, rest: {} },
  ],
])('%s: every parameter is part of the question', (method, params, expected) => {
  const row = methodRow(method, 'client_to_server', 'legacy');
  expect(row === undefined ? undefined : targetOf(row, params as never)).toEqual(expected);
});

test.each([
  [{ notifications: { toolsListChanged: true } }, 'session'],
  [{ notifications: { resourceSubscriptions: [] } }, 'session'],
  [{ notifications: { resourceSubscriptions: ['file:///x'] } }, 'resource'],
  [{ notifications: { resourceSubscriptions: 'file:///x' } }, 'resource'],
])('subscriptions/listen %j is %s', (params, kind) => {
  const row = methodRow('subscriptions/listen', 'client_to_server', 'modern');
  expect(row === undefined ? undefined : targetOf(row, params)).toMatchObject({ kind });
});
