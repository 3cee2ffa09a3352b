import { describe, expect, test } from '@jest/globals';
import type { GatewayWire } from '@portcullis/proto';
import { createTestGateways } from '../fixtures/gateways.js';
import { DENIED } from '../fixtures/http-app.js';
import { AGENT } from '../fixtures/requests.js';

const text = (stringValue: string): GatewayWire.Value => ({ kind: 'stringValue', stringValue });
const WHO: GatewayWire.Struct = { fields: { tenant: text('acme'), agent: text('analyst') } };

function call(changes: GatewayWire.McpRequest = {}): GatewayWire.McpRequest {
  return {
    service_names: ['files'],
    method: 'tools/call',
    metadata_context: WHO,
    mcp_request: Buffer.from('{"name":"read","arguments":{"path":"/a"},"_meta":{"progressToken":1}}'),
    headers: [
      { key: ':path', value: Buffer.from('/mcp') },
      { key: 'mcp-method', value: Buffer.from('tools/call') },
    ],
    ...changes,
  };
}

describe('what agentgateway asks', () => {
  test('is the tool call of the agent that its metadata names', async () => {
    const gateways = createTestGateways();
    expect((await gateways.checkMcp(call())).result).toBe('pass');
    expect(gateways.asked()).toMatchObject({
      tenant_id: 'acme',
      source: 'ext_authz',
      kind: 'tool_call',
      agent: { id: 'analyst' },
      tool: {
        server: 'files',
        name: 'read',
        operation: 'tools/call',
        arguments: { path: '/a' },
        attributes: { direction: 'client_to_server', params: { _meta: { progressToken: 1 } } },
      },
      context: { timestamp: '2026-11-21T12:00:00.000Z' },
    });
    expect(gateways.ruled).toEqual(['ext_mcp allowed']);
  });

  test('of several servers is allowed when every one of them is', async () => {
    const list = { service_names: ['files', 'mail'], method: 'tools/list', metadata_context: WHO };
    expect((await createTestGateways().checkMcp(list)).result).toBe('pass');
    const gateways = createTestGateways({ decide: (request) => (request?.tool?.server === 'mail' ? DENIED : {}) });
    expect((await gateways.checkMcp(list)).result).toBe('error');
    expect(gateways.attempts).toHaveLength(2);
  });

  test.each([
    ['initialize', 'session'],
    ['ping', 'session'],
    ['server/discover', 'session'],
    ['logging/setLevel', 'session'],
    ['tools/list', 'tool_list'],
    ['prompts/list', 'prompt'],
    ['resources/list', 'resource'],
    ['resources/templates/list', 'resource'],
  ])('of %s is the method alone', async (method, kind) => {
    const gateways = createTestGateways();
    const message = { service_names: ['files', 'mail'], method, metadata_context: WHO };
    expect((await gateways.checkMcp(message)).result).toBe('pass');
    expect(gateways.attempts.map(({ subject }) => subject.ok && subject.value.tool?.server)).toEqual(['files', 'mail']);
    expect(gateways.asked()).toMatchObject({ kind, tool: { operation: method } });
  });

  test("names the tool as its server does, while the client's headers have the gateway's name for it", async () => {
    const gateways = createTestGateways();
    const headers = [{ key: 'mcp-name', value: Buffer.from('files_read') }];
    expect((await gateways.checkMcp(call({ headers }))).result).toBe('pass');
    expect(gateways.asked().tool?.name).toBe('read');
  });

  test('is refused with a reason that an agent can read', async () => {
    const { error } = await createTestGateways({ decide: () => DENIED }).checkMcp(call());
    expect(error).toMatchObject({ code: 'PERMISSION_DENIED', reason: 'no' });
    expect(JSON.parse(String(error?.mcp_error))).toEqual({ code: 'POLICY_DENIED', message: 'no', decision_id: 'd-1' });
  });

  test.each([
    ['QUOTA_EXCEEDED', 'RESOURCE_EXHAUSTED'],
    ['REQUEST_INVALID', 'INVALID'],
    ['APPROVAL_REQUIRED', 'PERMISSION_DENIED'],
  ] as const)('%s', async (code, expected) => {
    const decide = () => ({ ...DENIED, deny: [{ code, message: 'm', path: '' }] });
    expect((await createTestGateways({ decide }).checkMcp(call())).error?.code).toBe(expected);
  });

  test.each<[string, GatewayWire.McpRequest, string]>([
    ['nobody', { ...call(), metadata_context: null }, 'metadata_context'],
    ['no tenant', call({ metadata_context: { fields: { agent: text('a') } } }), 'metadata_context'],
    [
      'a tenant that is no text',
      call({ metadata_context: { fields: { agent: text('a'), tenant: { kind: 'numberValue', numberValue: 1 } } } }),
      'metadata_context',
    ],
    ['no server', call({ service_names: [] }), 'service_names'],
    ['a server without a name', call({ service_names: [''] }), 'service_names'],
    ['too many servers', call({ service_names: Array.from({ length: 65 }, (_, i) => `s${i}`) }), 'service_names'],
    ['an unknown method', call({ method: 'tools/run', headers: [] }), 'method'],
    ['a key twice', call({ mcp_request: Buffer.from('{"name":"read","name":"write"}') }), 'mcp_request'],
    ['members that look alike', call({ mcp_request: Buffer.from('{"name":"read","Name":"write"}') }), 'body.params'],
    ['a list', call({ mcp_request: Buffer.from('[]') }), 'mcp_request'],
    ['no name', call({ mcp_request: Buffer.alloc(0) }), 'params.name'],
    ['another method by header', call({ method: 'tools/list' }), 'headers.mcp-method'],
    [
      'what is listened to is not said',
      { service_names: ['files'], method: 'subscriptions/listen', metadata_context: WHO },
      'mcp_request',
    ],
    ['nothing', {}, 'service_names'],
  ])('is denied: %s', async (_name, message, problem) => {
    const gateways = createTestGateways();
    const { result } = await gateways.checkMcp(message);
    expect([result, gateways.problem()]).toEqual(['error', problem]);
  });

  test('with the certificate of an agent it is that agent, whatever the metadata says', async () => {
    const gateways = createTestGateways({ caller: AGENT });
    await gateways.checkMcp(call({ metadata_context: { fields: { tenant: text('other'), agent: text('root') } } }));
    expect(gateways.asked()).toMatchObject({ tenant_id: 'acme', agent: { id: 'analyst' } });
  });

  test.each([
    ['spiffe://portcullis.test/tenant/acme/agent/bot', 'acme/bot'],
    ['spiffe://portcullis.test/tenant/acme/approver/bob', 'metadata_context'],
    ['spiffe://elsewhere/tenant/acme/agent/bot', 'metadata_context'],
    ['', 'metadata_context'],
    [undefined, 'metadata_context'],
  ])('with a principal nothing else says who attempts: %s', async (principal, expected) => {
    const gateways = createTestGateways({ extMcp: { principal: 'who' } });
    const fields = principal === undefined ? WHO.fields : { ...WHO.fields, who: text(principal) };
    await gateways.checkMcp(call({ metadata_context: { fields: fields ?? {} } }));
    if (gateways.problem() !== '') expect(gateways.problem()).toBe(expected);
    else expect(`${gateways.asked().tenant_id}/${gateways.asked().agent.id}`).toBe(expected);
  });

  test('nobody known is refused in words, for a failure may be configured to let pass', async () => {
    expect((await createTestGateways({ caller: undefined }).checkMcp(call())).error?.code).toBe('PERMISSION_DENIED');
  });

  test('results are not judged, and so not passed', async () => {
    const gateways = createTestGateways();
    expect((await gateways.checkMcpResponse()).error?.code).toBe('PERMISSION_DENIED');
    expect(gateways.ruled).toEqual(['ext_mcp denied']);
  });
});
