/**
 * A real Envoy asks a real decision point: what it forwards, what it answers in the place of the server behind it, and what
 * becomes of a request when the decision point is gone.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type TLSSocket, connect as tlsConnect } from 'node:tls';
import type { TlsFiles } from '@portcullis/runtime';
import { startProcess } from '../support/child-process.js';
import { eventually } from '../support/eventually.js';
import { freePort } from '../support/free-port.js';
import { policySource } from '../support/policy-source.js';
import { AGENT, startStack, TRUST_DOMAIN } from '../support/stack.js';

/** One check and what came out; `undefined` is a pass. */
export interface EnvoyCheck {
  readonly name: string;
  readonly failure?: string;
}

const HOST = 'api.example.com';
const MAX_BODY = 1_024;
const PATIENCE_MS = 20_000;

const POLICIES = policySource('1.0.0', [
  {
    name: 'The public part',
    on: ['egress'],
    when: {
      operator: 'and',
      conditions: [
        { field: 'egress.host', operator: 'equals', value: HOST },
        { field: 'egress.path', operator: 'starts_with', value: '/public/' },
      ],
    },
    effect: { type: 'allow' },
    priority: 10,
  },
  {
    name: 'Reading data',
    on: ['tool_call'],
    when: {
      operator: 'and',
      conditions: [
        { field: 'tool.server', operator: 'equals', value: 'files' },
        { field: 'tool.name', operator: 'equals', value: 'read' },
        { field: 'tool.arguments.path', operator: 'starts_with', value: '/data/' },
      ],
    },
    effect: { type: 'allow' },
    priority: 10,
  },
]);

/** What a client sees. */
interface Answer {
  readonly status: number;
  readonly body: string;
  readonly head: string;
}

/** Written by hand: a client library would clean up what this is about. */
function send(port: number, tls: TlsFiles | undefined, text: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const own = tls === undefined ? {} : { cert: readFileSync(tls.certFile), key: readFileSync(tls.keyFile) };
    const socket: TLSSocket = tlsConnect({ host: '127.0.0.1', port, rejectUnauthorized: false, ...own });
    let got = '';
    socket.setEncoding('utf8');
    socket.on('secureConnect', () => socket.write(text));
    socket.on('data', (chunk: string) => {
      got += chunk;
    });
    socket.on('error', reject);
    socket.on('close', () => {
      const [head = '', body = ''] = got.split(/\r\n\r\n(.*)/s);
      resolve({ status: Number(head.split(' ')[1] ?? 0), head: head.toLowerCase(), body });
    });
  });
}

const get = (path: string, headers = ''): string =>
  `GET ${path} HTTP/1.1\r\nhost: ${HOST}\r\nconnection: close\r\n${headers}\r\n`;

function call(path: string, padding = ''): string {
  const body = JSON.stringify({
    jsonrpc: '2.0',
    id: 1,
    method: 'tools/call',
    params: { name: 'read', arguments: { path, padding } },
  });
  return `POST /mcp HTTP/1.1\r\nhost: ${HOST}\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
}

/** Runs all checks with the given Envoy. */
export async function checkWithEnvoy(envoy: string): Promise<readonly EnvoyCheck[]> {
  const stack = await startStack({
    pdp: {
      gateways: { edge: [AGENT.tenant] },
      extAuthz: { mcpServerExtension: 'portcullis.mcp_server' },
      limits: { decisionDeadlineMs: 1_000 },
    },
  });
  const reached: { readonly url: string; readonly decision: string }[] = [];
  const upstream = createServer((request, response) => {
    reached.push({ url: request.url ?? '', decision: String(request.headers['x-portcullis-decision-id']) });
    request.resume().on('end', () => response.end('upstream'));
  });
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
  const [pdp] = stack.pdps;
  if (pdp === undefined) throw new Error('no PDP');
  const port = await freePort();
  const config = join(stack.folder, 'envoy.json');
  const gateway = await stack.issue({ kind: 'gateway', name: 'edge' });
  const server = stack.tls({ kind: 'distributor', name: 'distributor' });
  const pdpPort = Number(pdp.endpoint.split(':')[1]);
  const upstreamPort = (upstream.address() as AddressInfo).port;
  writeFileSync(config, JSON.stringify(envoyConfig({ port, pdpPort, upstreamPort, gateway, server })));
  const running = startProcess(envoy, [
    '-c',
    config,
    '--log-level',
    'warn',
    '--concurrency',
    '1',
    '--use-dynamic-base-id',
  ]);

  const checks: EnvoyCheck[] = [];
  const agent = stack.tls({ kind: 'agent', ...AGENT });
  /** What came of it, and what of it arrived upstream. */
  const expectThat = async (
    name: string,
    text: string,
    expected: { readonly status: number; readonly code?: string; readonly isForwarded: boolean },
    tls: TlsFiles | undefined = agent,
  ): Promise<Answer | undefined> => {
    reached.length = 0;
    const answer = await send(port, tls, text).catch(() => undefined);
    const ok =
      (answer?.status ?? 0) === expected.status &&
      reached.length === (expected.isForwarded ? 1 : 0) &&
      (expected.code === undefined || answer?.body.includes(`"code":"${expected.code}"`) === true);
    checks.push(
      ok ? { name } : { name, failure: JSON.stringify({ expected, answer, reached, envoy: running.output() }) },
    );
    return answer;
  };
  const denied = { status: 403, isForwarded: false };

  try {
    await stack.publish(POLICIES, { waitMs: PATIENCE_MS });
    await eventually(
      'Envoy to listen and to know its decision point',
      async () => {
        if (running.child.exitCode !== null) throw new Error(running.output());
        return (await send(port, agent, get('/public/a')).catch(() => undefined))?.status === 200;
      },
      PATIENCE_MS,
    );

    const forged = 'x-portcullis-decision-id: forged\r\n';
    await expectThat('forwards what is allowed', get('/public/a?b=c', forged), { status: 200, isForwarded: true });
    const [first] = reached;
    const named = first?.url === '/public/a?b=c' && /^[0-9a-f-]{36}$/.test(first.decision);
    checks.push({
      name: 'says upstream which decision it was',
      ...(named ? {} : { failure: JSON.stringify(first) }),
    });
    await expectThat('refuses what no policy allows', get('/private'), { ...denied, code: 'NO_MATCHING_POLICY' });
    for (const path of [
      '/public/../private',
      '/public/%2e%2e/private',
      '/public//x',
      '/public/..%2fprivate',
      '/public/;x',
    ]) {
      await expectThat(`refuses ${path}`, get(path), { ...denied, code: 'REQUEST_INVALID' });
    }
    await expectThat('refuses another method by header', get('/public/a', 'x-http-method-override: DELETE\r\n'), {
      ...denied,
      code: 'REQUEST_INVALID',
    });
    await expectThat('refuses who has no certificate', get('/public/a'), denied, {
      ...agent,
      certFile: server.certFile,
      keyFile: server.keyFile,
    });
    await expectThat('forwards a tool call that is allowed', call('/data/x'), { status: 200, isForwarded: true });
    await expectThat('refuses a tool call by its arguments', call('/etc/passwd'), {
      ...denied,
      code: 'NO_MATCHING_POLICY',
    });
    await expectThat('refuses a tool call that is cut off', call('/data/x', 'x'.repeat(MAX_BODY)), {
      ...denied,
      code: 'REQUEST_INVALID',
    });
    await pdp.kill();
    await expectThat('refuses everything without a decision point', get('/public/a'), denied);
    return checks;
  } finally {
    await running.stop('SIGTERM', 2_000);
    upstream.closeAllConnections();
    upstream.close();
    await stack.close();
  }
}

interface EnvoyParts {
  readonly port: number;
  readonly pdpPort: number;
  readonly upstreamPort: number;
  /** What Envoy is towards the decision point. */
  readonly gateway: TlsFiles;
  /** What Envoy is towards agents. */
  readonly server: TlsFiles;
}

/** The configuration that docs/guides/envoy.md shows. */
function envoyConfig({ port, pdpPort, upstreamPort, gateway, server }: EnvoyParts): object {
  const address = (portValue: number): object => ({
    socket_address: { address: '127.0.0.1', port_value: portValue },
  });
  const cluster = (name: string, portValue: number, more: object): object => ({
    name,
    type: 'STATIC',
    connect_timeout: '2s',
    load_assignment: {
      cluster_name: name,
      endpoints: [{ lb_endpoints: [{ endpoint: { address: address(portValue) } }] }],
    },
    ...more,
  });
  const certificate = (files: TlsFiles): object => ({
    certificate_chain: { filename: files.certFile },
    private_key: { filename: files.keyFile },
  });
  const extAuthz = 'type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3';
  return {
    static_resources: {
      listeners: [
        {
          name: 'agents',
          address: address(port),
          filter_chains: [
            {
              transport_socket: {
                name: 'tls',
                typed_config: {
                  '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext',
                  require_client_certificate: true,
                  common_tls_context: {
                    tls_certificates: [certificate(server)],
                    validation_context: { trusted_ca: { filename: server.caFile } },
                  },
                },
              },
              filters: [
                {
                  name: 'http',
                  typed_config: {
                    '@type':
                      'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
                    stat_prefix: 'agents',
                    route_config: {
                      virtual_hosts: [
                        {
                          name: 'all',
                          domains: ['*'],
                          routes: [
                            {
                              match: { path: '/mcp' },
                              route: { cluster: 'upstream' },
                              typed_per_filter_config: {
                                'envoy.filters.http.ext_authz': {
                                  '@type': `${extAuthz}.ExtAuthzPerRoute`,
                                  check_settings: {
                                    context_extensions: { 'portcullis.mcp_server': 'files' },
                                  },
                                },
                              },
                            },
                            {
                              match: { prefix: '/' },
                              route: { cluster: 'upstream' },
                              typed_per_filter_config: {
                                'envoy.filters.http.ext_authz': {
                                  '@type': `${extAuthz}.ExtAuthzPerRoute`,
                                  check_settings: { disable_request_body_buffering: true },
                                },
                              },
                            },
                          ],
                        },
                      ],
                    },
                    http_filters: [
                      {
                        name: 'envoy.filters.http.ext_authz',
                        typed_config: {
                          '@type': `${extAuthz}.ExtAuthz`,
                          transport_api_version: 'V3',
                          failure_mode_allow: false,
                          encode_raw_headers: true,
                          // Not per route: Envoy takes `pack_as_bytes` from here alone.
                          with_request_body: {
                            max_request_bytes: MAX_BODY,
                            allow_partial_message: true,
                            pack_as_bytes: true,
                          },
                          grpc_service: { envoy_grpc: { cluster_name: 'pdp' }, timeout: '2s' },
                        },
                      },
                      {
                        name: 'envoy.filters.http.router',
                        typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router' },
                      },
                    ],
                  },
                },
              ],
            },
          ],
        },
      ],
      clusters: [
        cluster('upstream', upstreamPort, {}),
        cluster('pdp', pdpPort, {
          typed_extension_protocol_options: {
            'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
              '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
              explicit_http_config: { http2_protocol_options: {} },
            },
          },
          transport_socket: {
            name: 'tls',
            typed_config: {
              '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext',
              common_tls_context: {
                // Without it Envoy stops at 1.2.
                tls_params: { tls_minimum_protocol_version: 'TLSv1_3', tls_maximum_protocol_version: 'TLSv1_3' },
                tls_certificates: [certificate(gateway)],
                validation_context: {
                  trusted_ca: { filename: gateway.caFile },
                  match_typed_subject_alt_names: [
                    { san_type: 'URI', matcher: { exact: `spiffe://${TRUST_DOMAIN}/pdp/pdp-1` } },
                  ],
                },
              },
            },
          },
        }),
      ],
    },
  };
}
