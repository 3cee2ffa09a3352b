import { describe, expect, test } from '@jest/globals';
import { CONDITION_TYPES, DECIDE_OUTPUT, REPORT_RESULT } from '@portcullis/policy/model';
import type { GatewayWire, PeerIdentity } from '@portcullis/proto';
import { createTestGateways, type TestGatewaysOptions } from '../fixtures/gateways.js';
import { DENIED } from '../fixtures/http-app.js';

/** An Envoy that has the certificate of an agent. */
const OWN: PeerIdentity = { kind: 'agent', trustDomain: 'portcullis.test', tenant: 't', agent: 'own' };
const PRINCIPAL = 'spiffe://portcullis.test/tenant/acme/agent/analyst';
type Http = NonNullable<NonNullable<NonNullable<GatewayWire.CheckRequest['attributes']>['request']>['http']>;
type Attributes = NonNullable<GatewayWire.CheckRequest['attributes']>;

/** As Envoy 1.40 sends it with `pack_as_bytes` and `encode_raw_headers` off. */
function get(http: Http = {}, attributes: Attributes = {}): GatewayWire.CheckRequest {
  return {
    attributes: {
      source: { address: { socket_address: { address: '10.0.0.7' } }, principal: PRINCIPAL },
      request: {
        http: {
          id: '5c1b5d3e-2a0e-4a6c-9f0e-000000000001',
          method: 'GET',
          path: '/v1/items?page=2',
          host: 'api.example.com',
          scheme: 'https',
          size: -1,
          protocol: 'HTTP/1.1',
          headers: { ':authority': 'api.example.com', ':path': '/v1/items?page=2', accept: '*/*' },
          ...http,
        },
      },
      ...attributes,
    },
  };
}

const at = (path: string, more: Http = {}): GatewayWire.CheckRequest => get({ path, headers: {}, ...more });

const MCP: TestGatewaysOptions = { extAuthz: { mcpServerExtension: 'portcullis.mcp_server' } };
const CALL = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'read', arguments: { path: '/a' } } };

function post(body: unknown, headers: Record<string, string> = {}, http: Http = {}): GatewayWire.CheckRequest {
  const raw = Buffer.isBuffer(body) ? body : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
  return get(
    {
      method: 'POST',
      path: '/mcp',
      headers: {
        'content-type': 'application/json',
        'content-length': `${raw.byteLength}`,
        'x-envoy-auth-partial-body': 'false',
        'mcp-protocol-version': '2025-11-25',
        ...headers,
      },
      raw_body: raw,
      size: raw.byteLength,
      ...http,
    },
    { context_extensions: { 'portcullis.mcp_server': 'files' } },
  );
}

describe('what Envoy asks', () => {
  test('is an outbound connection of the agent in the certificate', async () => {
    const gateways = createTestGateways({ extAuthz: { environment: 'prod' } });
    const answer = await gateways.check(get());
    expect(gateways.asked()).toEqual({
      version: '1.0',
      tenant_id: 'acme',
      source: 'ext_authz',
      kind: 'egress',
      agent: { id: 'analyst' },
      egress: { scheme: 'https', host: 'api.example.com', port: 443, method: 'GET', path: '/v1/items' },
      context: {
        timestamp: '2026-11-21T12:00:00.000Z',
        request_id: '5c1b5d3e-2a0e-4a6c-9f0e-000000000001',
        environment: 'prod',
        ip: '10.0.0.7',
        attributes: { query: 'page=2' },
      },
    });
    expect(gateways.attempts).toMatchObject([{ caller: { kind: 'gateway', name: 'edge' }, deadline: 1_050 }]);
    expect(answer).toMatchObject({
      ok_response: {
        headers: [
          {
            header: { key: 'x-portcullis-decision-id', value: 'd-1' },
            append_action: 'OVERWRITE_IF_EXISTS_OR_ADD',
          },
        ],
      },
    });
    expect(answer.status?.code ?? 0).toBe(0);
    expect(gateways.ruled).toEqual(['ext_authz allowed']);
  });

  test('is answered with 403 and the reason', async () => {
    const gateways = createTestGateways({ decide: () => DENIED });
    const answer = await gateways.check(get());
    expect(answer).toMatchObject({
      status: { code: 7 },
      denied_response: { status: { code: 403 }, headers: [{ header: { key: 'content-type' } }, {}] },
    });
    expect(JSON.parse(answer.denied_response?.body ?? '')).toEqual({
      code: 'POLICY_DENIED',
      message: 'no',
      decision_id: 'd-1',
    });
  });

  test.each([
    ['APPROVAL_REQUIRED', 403, 'held'],
    ['QUOTA_EXCEEDED', 429, 'denied'],
    ['NO_VALID_BUNDLE', 503, 'failed'],
    ['AUDIT_UNAVAILABLE', 503, 'failed'],
    ['PDP_TIMEOUT', 503, 'failed'],
  ] as const)('%s is %d', async (code, status, outcome) => {
    const gateways = createTestGateways({ decide: () => ({ ...DENIED, deny: [{ code, message: 'm', path: '' }] }) });
    expect((await gateways.check(get())).denied_response?.status?.code).toBe(status);
    expect(gateways.ruled).toEqual([`ext_authz ${outcome}`]);
  });

  test.each([
    ...CONDITION_TYPES.map((type) => [`the condition ${type}`, { conditions: [{ type, value: {} }] }] as const),
    ...[REPORT_RESULT, DECIDE_OUTPUT].map(
      (type) => [`the obligation ${type}`, { obligations: [{ type, value: {} }] }] as const,
    ),
    ['no reason for a denial', { allow: false, effect: 'deny' as const }],
  ])('%s is nothing that a gateway lets pass', async (_name, changes) => {
    const answer = await createTestGateways({ decide: () => changes }).check(get());
    expect([answer.status?.code, answer.ok_response]).toEqual([7, undefined]);
  });

  test('what the decision point records itself is no obstacle', async () => {
    const decide = () => ({ obligations: [{ type: 'review', value: {} }] });
    expect((await createTestGateways({ decide }).check(get())).ok_response).toBeDefined();
  });

  test.each([
    ['nobody known asks', { caller: undefined }],
    [
      'the pipeline breaks',
      {
        decide: () => {
          throw new TypeError('secret path /etc');
        },
      },
    ],
  ])('%s: denied, not failed, for a failure may be configured to let pass', async (_name, options) => {
    const answer = await createTestGateways(options).check(get());
    expect(answer.status?.code).toBe(7);
    expect(answer.denied_response?.body).not.toContain('secret');
  });
});

describe('who attempts', () => {
  const who = async (options: TestGatewaysOptions, message: GatewayWire.CheckRequest): Promise<string> => {
    const gateways = createTestGateways(options);
    await gateways.check(message);
    if (gateways.problem() !== '') return `unclear: ${gateways.problem()}`;
    const { tenant_id: tenant, agent } = gateways.asked();
    return `${tenant}/${agent.id}`;
  };
  const headers = { extAuthz: { identity: { from: 'headers', tenant: 'x-tenant', agent: 'x-agent' } } };
  const extensions = { extAuthz: { identity: { from: 'context_extensions' } } };
  const metadata = { extAuthz: { identity: { from: 'metadata' } } };
  const token = (payload: Record<string, string>): Attributes => ({
    metadata_context: {
      filter_metadata: {
        'envoy.filters.http.jwt_authn': {
          fields: {
            payload: {
              kind: 'structValue',
              structValue: {
                fields: Object.fromEntries(
                  Object.entries(payload).map(([name, value]) => [name, { kind: 'stringValue', stringValue: value }]),
                ),
              },
            },
          },
        },
      },
    },
  });
  const by = (principal: string): GatewayWire.CheckRequest => get({}, { source: { principal } });

  test.each<[string, TestGatewaysOptions, GatewayWire.CheckRequest, string]>([
    ['another trust domain', {}, by('spiffe://elsewhere/tenant/acme/agent/a'), 'unclear: source.principal'],
    ['no agent', {}, by('spiffe://portcullis.test/gateway/edge'), 'unclear: source.principal'],
    ['nobody', {}, by(''), 'unclear: source.principal'],
    ['headers', headers, get({ headers: { 'x-tenant': 'acme', 'x-agent': 'bot' } }), 'acme/bot'],
    ['a header is missing', headers, get({ headers: { 'x-tenant': 'acme' } }), 'unclear: headers'],
    ['joined values', headers, get({ headers: { 'x-tenant': 'acme', 'x-agent': 'bot,root' } }), 'unclear: headers'],
    ['a path', headers, get({ headers: { 'x-tenant': 'acme/agent/root', 'x-agent': 'bot' } }), 'unclear: headers'],
    [
      'two values',
      headers,
      get({
        headers: {},
        header_map: {
          headers: [
            { key: 'x-tenant', raw_value: Buffer.from('acme') },
            { key: 'x-agent', raw_value: Buffer.from('bot') },
            { key: 'X-Agent', raw_value: Buffer.from('root') },
          ],
        },
      }),
      'unclear: headers.x-agent',
    ],
    [
      'the route',
      extensions,
      get({}, { context_extensions: { 'portcullis.tenant': 'acme', 'portcullis.agent': 'bot' } }),
      'acme/bot',
    ],
    ['the route says nothing', extensions, get(), 'unclear: context_extensions'],
    ['a token', metadata, get({}, token({ tenant: 'acme', sub: 'bot' })), 'acme/bot'],
    ['a token without a subject', metadata, get({}, token({ tenant: 'acme' })), 'unclear: metadata_context'],
    ['headers that nobody asked for', {}, get({ headers: { 'x-tenant': 'a', 'x-agent': 'b' } }), 'acme/analyst'],
    ["an agent's own proxy", { caller: OWN }, get(), 't/own'],
  ])('%s', async (_name, options, message, expected) => {
    expect(await who(options, message)).toBe(expected);
  });
});

describe('where it goes', () => {
  test.each([
    ['/', '/'],
    ['/a/b%20c', '/a/b c'],
    ['/%61dmin', '/admin'],
    ['/r%C3%A9sum%C3%A9', '/résumé'],
    ['/a/...', '/a/...'],
    ['/a?x=%2e%2e//', '/a'],
  ])('%s is %s', async (path, expected) => {
    const gateways = createTestGateways();
    await gateways.check(at(path));
    expect(gateways.asked().egress?.path).toBe(expected);
  });

  test.each([
    '',
    'a',
    'http://evil.test/',
    '//evil.test/',
    '/a//b',
    '/a/../b',
    '/a/./b',
    '/a/..',
    '/%2e%2e/b',
    '/a%2Fb',
    '/a%5cb',
    '/a\\b',
    '/a%252fb',
    '/a%00',
    '/a%0d%0a',
    '/a;x=1/b',
    '/a%3bx',
    '/a%3fb',
    '/a%23b',
    '/a#b',
    '/a?b#c',
    '/a%',
    '/a%2',
    '/a%zz',
    '/a%c0%af',
    '/a%ff',
    '/a%e2%80%ae',
    '/ä',
    '/a b',
    `/${'a'.repeat(20_000)}`,
  ])('%j could be read in two ways', async (path) => {
    const gateways = createTestGateways();
    const answer = await gateways.check(at(path));
    expect([gateways.problem(), answer.denied_response?.status?.code]).toEqual(['path', 403]);
  });

  test.each([
    ['API.Example.com:8443', { host: 'api.example.com', port: 8443 }],
    ['api.example.com.', { host: 'api.example.com', port: 443 }],
    ['[::1]:443', { host: '::1', port: 443 }],
    ['10.1.2.3', { host: '10.1.2.3', port: 443 }],
  ])('%s', async (host, expected) => {
    const gateways = createTestGateways();
    await gateways.check(at('/', { host }));
    expect(gateways.asked().egress).toMatchObject(expected);
  });

  test.each(['', 'a b', 'user@evil.test', 'a..b', 'evil.test:0', 'evil.test:99999', 'bücher.test', 'a/b', '[::1', '-'])(
    'the host %j is none',
    async (host) => {
      const gateways = createTestGateways();
      await gateways.check(at('/', { host }));
      expect(gateways.problem()).toBe('host');
    },
  );

  test.each<[string, GatewayWire.CheckRequest, string]>([
    ['another host in the headers', get({ headers: { host: 'evil.test' } }), 'headers.host'],
    ['a length that is none', get({ headers: { 'content-length': '1, 9' } }), 'headers.content-length'],
    ['another path in the headers', get({ headers: { ':path': '/admin' } }), 'headers.:path'],
    [
      'another method by header',
      get({ headers: { 'x-http-method-override': 'DELETE' } }),
      'headers.x-http-method-override',
    ],
    ['another URL by header', get({ headers: { 'x-original-url': '/admin' } }), 'headers.x-original-url'],
    ['a method in small letters', get({ method: 'get' }), 'method'],
    ['another scheme', get({ scheme: 'ftp' }), 'scheme'],
    ['no HTTP', { attributes: { source: { principal: PRINCIPAL } } }, 'request.http'],
    ['nothing', {}, 'request.http'],
  ])('%s', async (_name, message, problem) => {
    const gateways = createTestGateways();
    await gateways.check(message);
    expect(gateways.problem()).toBe(problem);
  });

  test.each<[string, Http, number | undefined]>([
    ['what is announced', { size: 0, headers: { 'content-length': '4096' } }, 4096],
    ['the body that came along', { size: 2, raw_body: Buffer.from('ab'), headers: {} }, 2],
    // agentgateway says so of every body that it was not told to read, and Envoy of what has not arrived yet.
    ['a gateway that did not look', { size: 0, headers: {} }, undefined],
    ['a part of the body', { size: -1, raw_body: Buffer.from('ab'), headers: {} }, undefined],
    ['chunks', { size: 2, headers: { 'content-length': '2', 'transfer-encoding': 'chunked' } }, undefined],
  ])('how much is sent, by %s', async (_name, http, expected) => {
    const gateways = createTestGateways();
    await gateways.check(get({ method: 'POST', ...http }));
    expect(gateways.asked().egress?.bytes).toBe(expected);
  });

  test('a tunnel has no path', async () => {
    const gateways = createTestGateways();
    await gateways.check(get({ method: 'CONNECT', path: '', host: 'db.example.com:5432', scheme: '', headers: {} }));
    expect(gateways.asked().egress).toEqual({ host: 'db.example.com', port: 5432, method: 'CONNECT' });
  });
});

describe('a route to an MCP server', () => {
  test('is decided as what the message attempts', async () => {
    const gateways = createTestGateways(MCP);
    await gateways.check(post(CALL));
    expect(gateways.asked()).toMatchObject({
      kind: 'tool_call',
      tool: {
        server: 'files',
        name: 'read',
        operation: 'tools/call',
        arguments: { path: '/a' },
        attributes: { direction: 'client_to_server', protocol_version: '2025-11-25' },
      },
    });
    expect(gateways.asked().egress).toBeUndefined();
  });

  test('has verbs without a message', async () => {
    const gateways = createTestGateways(MCP);
    await gateways.check(post('', {}, { method: 'DELETE', size: 0 }));
    expect(gateways.asked()).toMatchObject({ kind: 'session', tool: { operation: 'http/session.delete' } });
  });

  test('of 2026-07-28 says in headers what the body says', async () => {
    const params = { ...CALL.params, _meta: { 'io.modelcontextprotocol/protocolVersion': '2026-07-28' } };
    const said = { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call' };
    const gateways = createTestGateways(MCP);
    await gateways.check(post({ ...CALL, params }, { ...said, 'mcp-name': 'read' }));
    expect(gateways.asked()).toMatchObject({ tool: { name: 'read', attributes: { params: { _meta: params._meta } } } });
    await gateways.check(post({ ...CALL, params }, { ...said, 'mcp-name': '=?base64?cmVhZA==?=' }));
    expect(gateways.problem()).toBe('');
    for (const headers of [said, { ...said, 'mcp-name': 'write' }, { ...said, 'mcp-name': '=?base64?cmVhZA?=' }]) {
      await gateways.check(post({ ...CALL, params }, headers));
      expect(gateways.problem()).toBe('headers.mcp-name');
    }
  });

  const named = (name: unknown): object => ({ ...CALL, params: { ...CALL.params, name } });
  test.each<[string, GatewayWire.CheckRequest, string]>([
    ['no body', post(''), 'body'],
    ['a body that was cut off', post(CALL, { 'x-envoy-auth-partial-body': 'true' }), 'raw_body'],
    ['less than was announced', post(CALL, { 'content-length': '9999' }), 'raw_body'],
    ['another size', post(CALL, {}, { size: 3 }), 'raw_body'],
    // agentgateway with `allowPartialMessage`, for a body in chunks that is longer than `maxRequestBytes`.
    [
      'a body whose length nobody says',
      post(CALL, {}, { size: -1, headers: { 'content-type': 'application/json' } }),
      'raw_body',
    ],
    ['a body as text', post(CALL, {}, { raw_body: Buffer.alloc(0), body: JSON.stringify(CALL) }), 'body'],
    ['a batch', post([CALL]), 'body'],
    ['a key twice', post('{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call"}'), 'body'],
    ['bytes that are no UTF-8', post(Buffer.from([0x7b, 0xff, 0x7d])), 'body'],
    ['an answer', post({ jsonrpc: '2.0', id: 1, result: {} }), 'body'],
    ['another member', post({ ...CALL, Method: 'ping' }), 'body'],
    ['members that look alike', post({ ...CALL, params: { ...CALL.params, Name: 'write' } }), 'body.params'],
    ['a request without an id', post({ ...CALL, id: undefined }), 'body.id'],
    ['a notification with an id', post({ ...CALL, method: 'notifications/cancelled' }), 'body.id'],
    ['a method that is none', post({ ...CALL, method: 'tools/Call' }), 'method'],
    ['a name with a surprise', post(named('../read')), 'params.name'],
    ['a name that is none', post(named(7)), 'params.name'],
    ['arguments that are none', post({ ...CALL, params: { name: 'read', arguments: [] } }), 'params.arguments'],
    ['another type', post(CALL, { 'content-type': 'text/plain' }), 'headers.content-type'],
    ['compressed', post(CALL, { 'content-encoding': 'gzip' }), 'headers.content-encoding'],
    ['an unknown revision', post(CALL, { 'mcp-protocol-version': '2027-01-01' }), 'headers.mcp-protocol-version'],
    [
      'a revision by header alone',
      post(CALL, { 'mcp-protocol-version': '2026-07-28' }),
      'headers.mcp-protocol-version',
    ],
    ['another method by header', post(CALL, { 'mcp-method': 'ping' }), 'headers.mcp-method'],
    ['another name by header', post(CALL, { 'mcp-name': 'write' }), 'headers.mcp-name'],
    ['a mirror of an argument', post(CALL, { 'mcp-param-path': '/a' }), 'headers.mcp-param-path'],
    ['a method of another revision', post({ ...CALL, method: 'server/discover' }), 'method'],
    ['another verb', post(CALL, {}, { method: 'PUT' }), 'method'],
    ['a verb with a body', post(CALL, {}, { method: 'GET' }), 'body'],
  ])('denies %s', async (_name, message, problem) => {
    const gateways = createTestGateways(MCP);
    const answer = await gateways.check(message);
    expect([gateways.problem(), answer.denied_response?.status?.code]).toEqual([problem, 403]);
  });
});
