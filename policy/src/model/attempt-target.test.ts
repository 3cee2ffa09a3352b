import { describe, expect, test } from '@jest/globals';
import { type AttemptTarget, attemptTargetOf, MAX_TARGET_TEXT } from './attempt-target.js';
import type { CanonicalRequest } from './request.js';

type Asked = Parameters<typeof attemptTargetOf>[0];

describe('what an attempt would reach', () => {
  test.each<[string, Asked, AttemptTarget | undefined]>([
    ['nothing but a tool', {}, undefined],
    [
      'a connection',
      { egress: { scheme: 'https', host: 'site.test', port: 443, method: 'GET' } },
      { host: 'site.test', method: 'GET', port: 443, scheme: 'https' },
    ],
    ['a tunnel', { egress: { scheme: 'https', host: '[::1]', port: 1 } }, { host: '[::1]', port: 1, scheme: 'https' }],
    ['a model', { request: { model: 'm', model_provider: 'p', action: 'chat' } }, { model: 'm', provider: 'p' }],
    ['another agent', { peer: { agent_id: 'planner', skill: 'book' } }, { peer: 'planner', skill: 'book' }],
    ['a connection that nobody named', { egress: {} }, undefined],
  ])('%s', (_name, asked, expected) => {
    expect(attemptTargetOf(asked)).toStrictEqual(expected);
  });

  test('is names: nothing of a path, a query, an address, a prompt or an answer', () => {
    const target = attemptTargetOf({
      egress: { host: 'h', path: '/secret', resolved_ips: ['secret'], bytes: 7 },
      request: { model: 'm', model_endpoint: 'https://h/secret', query: 'secret', output: 'secret', max_tokens: 7 },
      peer: { agent_id: 'a', url: 'https://h/secret' },
    });
    expect(target).toStrictEqual({ host: 'h', model: 'm', peer: 'a' });
  });

  test('has its members in the order of a canonical text', () => {
    const target = attemptTargetOf({
      egress: { scheme: 's', port: 1, method: 'm', host: 'h' },
      request: { model_provider: 'p', model: 'm' },
      peer: { skill: 's', agent_id: 'a' },
    });
    const names = Object.keys(target ?? {});
    expect(names).toHaveLength(8);
    expect(names).toEqual(names.toSorted());
  });

  test('is bounded, and well-formed where it was cut', () => {
    const host = `${'x'.repeat(MAX_TARGET_TEXT - 1)}\u{1f600}`;
    expect(attemptTargetOf({ egress: { host } })).toEqual({ host: `${'x'.repeat(MAX_TARGET_TEXT - 1)}\ufffd` });
    const whole = 'x'.repeat(MAX_TARGET_TEXT);
    expect(attemptTargetOf({ request: { model: whole } })).toEqual({ model: whole });
  });
});

test.each([0, -1, 1.5, 65_536, Number.NaN])(
  '%d is no port: a record without one is kept, a report with it would not be',
  (port) => {
    expect(attemptTargetOf({ egress: { host: 'h', port } })).toStrictEqual({ host: 'h' });
  },
);

test('what is no text names nothing, and breaks nothing', () => {
  const odd = { egress: { host: { r: 'a' }, port: 'x' }, request: [], peer: 7 } as unknown as CanonicalRequest;
  expect(attemptTargetOf(odd)).toBeUndefined();
});
