import { afterEach, describe, expect, test } from '@jest/globals';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { z } from 'zod';
import { allow, deny, fail, fakePolicyClient } from '../../testing/fake-policy-client.js';
import { surfaceParts } from '../../testing/proxy-harness.js';
import type { Surface } from '../surface.js';
import { startAuthorizeApi } from './compose.js';
import { authorizeConfig } from './config.js';

const running: (Surface | Client)[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((one) => one.close()));
});

/** The official client, connected to the interceptor. */
async function connected(policy = fakePolicyClient()) {
  const api = await startAuthorizeApi(authorizeConfig.parse({}), surfaceParts(policy));
  const client = new Client({ name: 'host', version: '1' });
  running.push(client, api);
  const url = new URL(`http://${api.address}/interceptor`);
  await client.connect(new StreamableHTTPClientTransport(url));
  const call = (method: string, params: Record<string, unknown>) =>
    client.request({ method, params }, z.record(z.string(), z.unknown()));
  const invoke = (params: Record<string, unknown>) =>
    call('interceptor/invoke', { name: 'portcullis', event: 'tools/call', phase: 'request', ...params });
  return { policy, url, call, invoke };
}

const CALL = { method: 'tools/call', params: { name: 'transfer', arguments: { amount: 10 } } };

describe('the interceptor', () => {
  test('is found by a host', async () => {
    const { call } = await connected();
    const { interceptors } = await call('interceptors/list', {});
    expect(interceptors).toMatchObject([
      { name: 'portcullis', type: 'validation', failOpen: false, hook: { phase: 'request' } },
    ]);
    expect((await call('interceptors/list', { event: 'llm/completion' }))['interceptors']).toEqual([]);
  });

  test.each([
    ['a message', CALL],
    ['its parameters', CALL.params],
  ])('asks about %s', async (_what, payload) => {
    const { policy, invoke } = await connected();
    expect(await invoke({ payload, config: { server: 'bank' } })).toMatchObject({ valid: true, type: 'validation' });
    expect(policy.asked).toMatchObject([
      { source: 'sdk', kind: 'tool_call', tool: { server: 'bank', operation: 'tools/call', ...CALL.params } },
    ]);
  });

  test('blocks what is allowed with a report of the result: it never sees one', async () => {
    const order = { type: 'report_result', value: { max_bytes: 1024 } } as const;
    const { policy, invoke } = await connected(fakePolicyClient(allow({ obligations: [order] })));
    expect(await invoke({ payload: CALL })).toMatchObject({ valid: false, info: { code: 'OBLIGATION_UNSUPPORTED' } });
    expect(policy.settled).toMatchObject([{ outcome: 'refused' }]);
  });

  test.each([
    ['denied', deny(), 'POLICY_DENIED'],
    ['undecided', fail('PDP_UNAVAILABLE'), 'PDP_UNAVAILABLE'],
  ])('blocks what is %s', async (_what, behaviour, code) => {
    const { invoke } = await connected(fakePolicyClient(behaviour));
    const said = await invoke({ payload: CALL });
    expect(said).toMatchObject({ valid: false, severity: 'error', messages: [{ severity: 'error' }], info: { code } });
  });

  test('puts what is no message on record', async () => {
    const { policy, url } = await connected();
    const headers = { 'content-type': 'application/json' };
    const said = await fetch(url, { method: 'POST', headers, body: '[{"jsonrpc":"2.0"}]' });
    expect(await said.json()).toMatchObject({ error: { code: -32600 } });
    expect(policy.unasked).toContainEqual(
      expect.objectContaining({ code: 'REQUEST_INVALID', reason: 'JSONRPC -32600' }),
    );
  });

  test.each([
    ['another name', { name: 'other' }, 'params.name'],
    ['another event', { event: 'llm/completion' }, 'params.event'],
    ['another phase', { phase: 'response' }, 'params.phase'],
    ['another method', { payload: { method: 'tools/list' } }, 'params.payload.method'],
    ['no payload', {}, 'params.payload'],
    ['a message inside of the parameters', { payload: { name: 'delete_all', ...CALL } }, 'unknown member "name"'],
    ['a member beside the parameters', { payload: { ...CALL, Params: {} } }, 'unknown member "Params"'],
    ['a member that looks like another', { payload: { ...CALL.params, Name: 'delete_all' } }, 'only by case'],
    ['arguments that look alike', { payload: { name: 'a', arguments: { to: 'x', To: 'y' } } }, 'only by case'],
    ['arguments that are none', { payload: { name: 'a', arguments: [] } }, 'arguments'],
    ['more configuration', { payload: CALL, config: { mode: 'audit' } }, 'params.config'],
  ])('is not asked with %s', async (_what, params, named) => {
    const { policy, invoke } = await connected();
    await expect(invoke(params)).rejects.toThrow(named);
    expect(policy.asked).toEqual([]);
    expect(policy.unasked).toContainEqual(
      expect.objectContaining({ code: 'REQUEST_INVALID', reason: 'JSONRPC -32602' }),
    );
  });
});
