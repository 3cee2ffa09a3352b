import { describe, expect, test } from '@jest/globals';
import { readRestTarget, withBody } from './rest.js';

describe('a request line of the HTTP+JSON binding', () => {
  test.each([
    ['POST', '/message:send', 'SendMessage', {}],
    ['POST', '/message:stream', 'SendStreamingMessage', {}],
    ['GET', '/tasks', 'ListTasks', {}],
    [
      'GET',
      '/tasks?pageSize=5&includeArtifacts=true&contextId=a%20b',
      'ListTasks',
      { pageSize: 5, includeArtifacts: true, contextId: 'a b' },
    ],
    ['GET', '/tasks/t1?historyLength=0', 'GetTask', { id: 't1', historyLength: 0 }],
    ['GET', '/tasks/a%3Ab', 'GetTask', { id: 'a:b' }],
    ['POST', '/tasks/t1:cancel', 'CancelTask', { id: 't1' }],
    ['POST', '/tasks/t1:subscribe', 'SubscribeToTask', { id: 't1' }],
    ['GET', '/tasks/t1:subscribe', 'SubscribeToTask', { id: 't1' }],
    ['POST', '/tasks/t1/pushNotificationConfigs', 'CreateTaskPushNotificationConfig', { taskId: 't1' }],
    ['GET', '/tasks/t1/pushNotificationConfigs', 'ListTaskPushNotificationConfigs', { taskId: 't1' }],
    ['GET', '/tasks/t1/pushNotificationConfigs/c', 'GetTaskPushNotificationConfig', { taskId: 't1', id: 'c' }],
    ['DELETE', '/tasks/t1/pushNotificationConfigs/c', 'DeleteTaskPushNotificationConfig', { taskId: 't1', id: 'c' }],
    ['GET', '/extendedAgentCard', 'GetExtendedAgentCard', {}],
    ['POST', '/acme/message:send', 'SendMessage', { tenant: 'acme' }],
    ['GET', '/acme/tasks/t1', 'GetTask', { tenant: 'acme', id: 't1' }],
    ['GET', '/tasks/tasks', 'GetTask', { id: 'tasks' }],
    ['GET', '/tasks/tasks/t1', 'GetTask', { tenant: 'tasks', id: 't1' }],
  ])('%s %s is %s', (verb, target, method, params) => {
    expect(readRestTarget(verb, target)).toMatchObject({ ok: true, method, params });
    const read = readRestTarget(verb, target);
    expect(read.ok ? read.params : read).toEqual(params);
  });

  test.each([
    ['POST', '/', 404],
    ['POST', '/v1/message:send/x', 404],
    ['POST', '/a/b/message:send', 404],
    ['GET', '/message:send', 405],
    ['PUT', '/tasks/t1', 405],
    ['GET', '/tasks/t1:cancel', 405],
    ['POST', '/tasks/t1:delete', 404],
    ['GET', '/tasks/a:b', 404],
    ['GET', '/tasks/%2e%2e', 400],
    ['GET', '/tasks/a%2fb', 400],
    ['GET', '/tasks/a%00b', 400],
    ['GET', '/tasks/%zz', 400],
    ['GET', `/tasks/${'x'.repeat(600)}`, 400],
    ['GET', '/..%2f/tasks/t1', 400],
    ['GET', '/tasks/t1?historyLength=1&historyLength=2', 400],
    ['GET', '/tasks/t1?historyLength=-1', 400],
    ['GET', '/tasks/t1?history_length=1', 400],
    ['GET', '/tasks/t1?tenant=other', 400],
    ['GET', '/tasks?includeArtifacts=1', 400],
    ['GET', '/tasks?a=b?c=d', 400],
    ['POST', '/message:send?x=1', 400],
  ])('%s %s is none', (verb, target, status) => {
    expect(readRestTarget(verb, target)).toMatchObject({ ok: false, status });
  });

  test('and its body do not disagree', () => {
    const target = readRestTarget('POST', '/acme/tasks/t1:cancel');
    if (!target.ok) throw new Error(target.problem);
    expect(withBody(target, { metadata: { a: 1 }, tenant: '', id: 't1' })).toEqual({
      metadata: { a: 1 },
      tenant: 'acme',
      id: 't1',
    });
    expect(withBody(target, { id: 't2' })).toBe('id: differs from the one in the path');
    expect(withBody(target, { tenant: 'other' })).toBe('tenant: differs from the one in the path');
  });
});
