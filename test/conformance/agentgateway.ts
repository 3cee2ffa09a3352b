/**
 * A real agentgateway asks a real decision point, in both of its ways, about what real MCP clients of both generations say to
 * real servers: what is allowed arrives, what is denied, held or tied to a condition does not, and nothing does without a
 * decision point.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { Client as Client2, StreamableHTTPClientTransport as Transport2 } from '@modelcontextprotocol/client';
import { Client as Client1 } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as Transport1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { TlsFiles } from '@portcullis/runtime';
import { Agent, fetch } from 'undici';
import { startProcess, startService } from '../support/child-process.js';
import { eventually } from '../support/eventually.js';
import { freePort } from '../support/free-port.js';
import { type PolicyText, policySource } from '../support/policy-source.js';
import { repositoryRoot } from '../support/root.js';
import { AGENT, startStack } from '../support/stack.js';
import { agentgatewayConfig, MAX_BODY } from './agentgateway-config.js';

/** One check and what came out; `undefined` is a pass. */
export interface AgentgatewayCheck {
  readonly name: string;
  readonly failure?: string;
}

/** What a client of either generation is used for here. */
interface Connected {
  readonly listTools: () => Promise<{ readonly tools: readonly { readonly name: string }[] }>;
  readonly callTool: (call: { name: string; arguments: Record<string, string> }) => Promise<unknown>;
  readonly close: () => Promise<void>;
}

type Fetch = typeof globalThis.fetch;

const PATIENCE_MS = 20_000;
const JSON_OR_STREAM = 'application/json, text/event-stream';
/** The servers of the official SDKs, by the name that the gateway has for them. */
const SERVERS = { files: 'legacy', mail: 'modern' } as const;
type ServerName = keyof typeof SERVERS;

const labelled = (label: string, effect: object, priority: number): PolicyText => ({
  name: `Calls labelled ${label}`,
  on: ['tool_call'],
  when: { field: 'tool.arguments.label', operator: 'starts_with', value: label },
  effect,
  priority,
});
const anyOf = (on: readonly string[], field: string, value: unknown): PolicyText => ({
  name: `Allow ${on.join(' ')}`,
  on,
  when: { field, operator: 'in', value },
  effect: { type: 'allow' },
  priority: 10,
});
const POLICIES = policySource('1.0.0', [
  labelled('denied', { type: 'deny', deny_reason_code: 'NO_WAY', deny_user_message: 'not this' }, 90),
  labelled('held', { type: 'require_hitl', group: 'reviewers' }, 80),
  labelled('redacted', { type: 'redact', redact_config: { fields: ['tool.arguments.label'] } }, 70),
  anyOf(['tool_call'], 'tool.name', ['forbidden']),
  anyOf(['session'], 'source', ['ext_authz']),
  anyOf(['tool_list'], 'tool.server', ['files', 'mail']),
  anyOf(['egress'], 'egress.path', ['/public']),
]);

async function connect(server: ServerName, url: string, through: Fetch): Promise<Connected> {
  const info = { name: 'official', version: '1.0.0' };
  if (SERVERS[server] === 'legacy') {
    const client = new Client1(info);
    await client.connect(new Transport1(new URL(url), { fetch: through }));
    return {
      listTools: () => client.listTools(),
      callTool: (call) => client.callTool(call),
      close: () => client.close(),
    };
  }
  const client = new Client2(info, { versionNegotiation: { mode: 'auto' } });
  await client.connect(new Transport2(new URL(url), { fetch: through }));
  return {
    listTools: () => client.listTools(),
    callTool: (call) => client.callTool(call),
    close: () => client.close(),
  };
}

/** Presents a certificate, and takes the gateway's for what it is. */
function fetchAs(tls: TlsFiles): Fetch {
  const dispatcher = new Agent({
    connect: {
      cert: readFileSync(tls.certFile),
      key: readFileSync(tls.keyFile),
      ca: readFileSync(tls.caFile),
      checkServerIdentity: () => undefined,
    },
  });
  return ((url: string | URL, init?: object) => fetch(url, { ...init, dispatcher })) as unknown as Fetch;
}

/** What became of a call: `done`, or the code of ours that came back, as a JSON-RPC error or as the body of an HTTP answer. */
async function outcomeOf(call: Promise<unknown>): Promise<string> {
  try {
    const result = (await call) as { readonly isError?: boolean };
    return result.isError === true ? `failed ${JSON.stringify(result)}` : 'done';
  } catch (error: unknown) {
    const { message, data } = error as { readonly message?: string; readonly data?: unknown };
    const said = `${message ?? ''} ${JSON.stringify(data)}`;
    return /"code\\?":\\?"([A-Z_]+)/.exec(said)?.[1] ?? said;
  }
}

/** Runs all checks with the given agentgateway. */
export async function checkWithAgentgateway(agentgateway: string): Promise<readonly AgentgatewayCheck[]> {
  const stack = await startStack({
    pdp: {
      gateways: { edge: [AGENT.tenant] },
      extAuthz: { mcpServerExtension: 'portcullis.mcp_server' },
      extMcp: { principal: 'principal' },
      limits: { decisionDeadlineMs: 5_000 },
    },
  });
  const entryOf = (name: string): string =>
    join(repositoryRoot(), 'test', 'dist', 'integration', 'mcp-clients', `${name}-server.js`);
  const started = await Promise.all(
    Object.entries(SERVERS).map(async ([name, kind]) => [name, await startService(entryOf(kind), [])] as const),
  );
  const servers = Object.fromEntries(
    started.map(([name, { announcement }]) => [name, `http://${announcement.addresses['mcp'] ?? ''}/mcp`]),
  );
  const reached: string[] = [];
  const upstream = createServer((request, response) => {
    reached.push(`${request.url} ${String(request.headers['x-portcullis-decision-id']).length}`);
    request.resume().on('end', () => response.end('upstream'));
  });
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
  const [pdp] = stack.pdps;
  if (pdp === undefined) throw new Error('no PDP');
  const port = await freePort();
  const file = join(stack.folder, 'agentgateway.json');
  const gateway = await stack.issue({ kind: 'gateway', name: 'edge' });
  const config = agentgatewayConfig({
    port,
    pdp: pdp.endpoint,
    gateway,
    server: stack.tls({ kind: 'distributor', name: 'distributor' }),
    servers: { ...servers, hidden: servers['mail'] ?? '' },
    upstream: `127.0.0.1:${(upstream.address() as AddressInfo).port}`,
  });
  writeFileSync(file, JSON.stringify(config));
  const running = startProcess(agentgateway, ['-f', file], { env: { RUST_LOG: 'warn' } });

  const checks: AgentgatewayCheck[] = [];
  const expectThat = (name: string, found: unknown, expected: unknown): void => {
    const [said, wanted] = [JSON.stringify(found), JSON.stringify(expected)];
    checks.push(said === wanted ? { name } : { name, failure: `${said} in the place of ${wanted}` });
  };
  const asAgent = fetchAs(stack.tls({ kind: 'agent', ...AGENT }));
  const asGateway = fetchAs(gateway);
  const base = `https://127.0.0.1:${port}`;
  const open: Connected[] = [];
  const connectTo = async (server: ServerName, path: string): Promise<Connected> => {
    const connected = await connect(server, `${base}${path}`, asAgent);
    open.push(connected);
    return connected;
  };
  /** What was done there, by its own account. */
  const journal = async (server: ServerName): Promise<string> => {
    const direct = await connect(server, servers[server] ?? '', globalThis.fetch);
    const result = (await direct.callTool({ name: 'journal', arguments: {} })) as {
      readonly content: readonly { readonly text: string }[];
    };
    await direct.close();
    return result.content[0]?.text ?? '';
  };
  const call = (client: Connected, label: string, name = 'forbidden'): Promise<string> =>
    outcomeOf(client.callTool({ name, arguments: { label } }));
  const status = async (path: string, init: RequestInit = {}, through = asAgent): Promise<number> =>
    (await through(`${base}${path}`, init)).status;

  try {
    await stack.publish(POLICIES, { waitMs: PATIENCE_MS });
    await eventually(
      'agentgateway to listen and to know its decision point',
      async () => {
        if (running.child.exitCode !== null) throw new Error(running.output());
        return (await status('/public').catch(() => 0)) === 200;
      },
      PATIENCE_MS,
    );

    for (const server of Object.keys(SERVERS) as ServerName[]) {
      for (const way of ['hooked', 'asked'] as const) {
        const of = `${way}, ${SERVERS[server]}`;
        const client = await connectTo(server, `/${way}/${server}`);
        const { tools } = await client.listTools();
        expectThat(
          `${of}: tools are shown`,
          tools.some(({ name }) => name === 'forbidden'),
          true,
        );
        expectThat(`${of}: what is allowed is done`, await call(client, `allowed ${of}`), 'done');
        expectThat(`${of}: what is denied is refused`, await call(client, `denied ${of}`), 'POLICY_DENIED');
        expectThat(`${of}: what is held is refused`, await call(client, `held ${of}`), 'APPROVAL_REQUIRED');
        expectThat(`${of}: a condition is refused`, await call(client, `redacted ${of}`), 'OBLIGATION_UNSUPPORTED');
        expectThat(`${of}: what no policy allows is refused`, await call(client, 'x', 'echo'), 'NO_MATCHING_POLICY');
      }
      const asked = open.at(-1);
      if (asked === undefined) throw new Error('nobody is connected');
      const long = await call(asked, `allowed ${'x'.repeat(MAX_BODY)}`);
      expectThat(`${SERVERS[server]}: a body that is cut off is refused`, long, 'REQUEST_INVALID');
      const arrived = ['hooked', 'asked'].map((way) => `forbidden allowed ${way}, ${SERVERS[server]}`);
      expectThat(`${SERVERS[server]}: only what is allowed arrived`, (await journal(server)).split('\n'), arrived);
    }

    const all = await connectTo('files', '/hooked/all');
    expectThat('several servers: a list is asked of all', await outcomeOf(all.listTools()), 'NO_MATCHING_POLICY');
    expectThat('several servers: one is called', await call(all, 'allowed by name', 'files_forbidden'), 'done');
    expectThat('several servers: another', await call(all, 'denied by name', 'mail_forbidden'), 'POLICY_DENIED');

    const judged = await connectTo('files', '/judged');
    expectThat('a result is not passed', await call(judged, 'allowed, then judged'), 'METHOD_UNKNOWN');
    const brought = (await journal('files')).split('\n').slice(2);
    expectThat('and yet it was done', brought, ['forbidden allowed by name', 'forbidden allowed, then judged']);
    expectThat('nor anything else arrived', (await journal('mail')).split('\n').length, 2);

    const bare = { headers: { accept: 'text/event-stream', 'mcp-protocol-version': '2025-11-25' } };
    expectThat('a stream is not refused by us', (await status('/asked/files', bare)) === 403, false);
    const completion = { method: 'completion/complete', params: { ref: { type: 'ref/prompt', name: 'p' } } };
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, ...completion });
    const post = { method: 'POST', body, headers: { accept: JSON_OR_STREAM, 'content-type': 'application/json' } };
    expectThat('what the hook is not asked about is', await status('/asked/files', post), 403);

    // Whitespace behind the message is all that is cut off: what is left reads as a whole.
    const allowed = { method: 'tools/call', params: { name: 'forbidden', arguments: { label: 'allowed' } } };
    const padded = JSON.stringify({ jsonrpc: '2.0', id: 1, ...allowed }).padEnd(2 * MAX_BODY);
    const chunks = { ...post, body: new Blob([padded]).stream(), duplex: 'half' as const };
    expectThat('a body without a length that is cut off', await status('/asked/files', chunks), 403);

    reached.length = 0;
    const forged = { headers: { 'x-portcullis-decision-id': 'forged' } };
    expectThat('a connection that is allowed', await status('/public', forged), 200);
    expectThat('says upstream which decision it was', reached, ['/public 36']);
    reached.length = 0;
    expectThat('a connection that is not', await status('/private'), 403);
    expectThat('a path with two meanings', await status('/public/..%2fprivate'), 403);
    expectThat('a method by header', await status('/public', { headers: { 'x-http-method-override': 'PUT' } }), 403);
    expectThat('somebody who is no agent', await status('/public', {}, asGateway), 403);
    expectThat('arrive nowhere', reached, []);

    const before = [await journal('files'), await journal('mail')];
    pdp.pause();
    const [hooked, asked] = open;
    const silent = await Promise.all([hooked, asked].map(async (client) => client && call(client, 'allowed silence')));
    expectThat('a decision point that says nothing', silent.includes('done'), false);
    pdp.resume();
    await pdp.kill();
    const gone = await Promise.all(open.map((client) => call(client, 'allowed nobody')));
    expectThat('without a decision point', gone.includes('done'), false);
    expectThat('nothing is forwarded', [await status('/public'), reached.length], [403, 0]);
    expectThat('and nothing is done', [await journal('files'), await journal('mail')], before);
    return checks;
  } finally {
    if (checks.some(({ failure }) => failure !== undefined)) process.stdout.write(running.output());
    await Promise.all(open.map((client) => client.close().catch(() => undefined)));
    await running.stop('SIGTERM', 2_000);
    upstream.closeAllConnections();
    upstream.close();
    await Promise.all(started.map(([, { process: server }]) => server.stop('SIGKILL')));
    await stack.close();
  }
}
