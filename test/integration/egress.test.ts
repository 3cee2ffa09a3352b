/**
 * The egress proxy of a real sidecar in front of a real PDP with the pack egress-baseline: clients that people use, told of
 * the proxy as they are told of any other, reach what is allowed and nothing else.
 */
import { execFile, spawn } from 'node:child_process';
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer, type RequestListener, type Server } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { runCli } from '@portcullis/cli';
import { EnvHttpProxyAgent, request, WebSocket } from 'undici';
import { egressPolicies } from '../support/egress-policies.js';
import { eventually } from '../support/eventually.js';
import { AGENT, type SidecarProcess, type Stack, startStack, TRUST_DOMAIN } from '../support/stack.js';

jest.setTimeout(60_000);
const run = promisify(execFile);

interface Site {
  readonly port: number;
  readonly server: Server;
  /** `METHOD path` of what reached it, and bytes of bodies. */
  readonly seen: string[];
  bytes: number;
  connections: number;
}

let stack: Stack;
let sidecar: SidecarProcess;
let inspecting: SidecarProcess;
/** Allowed: in the clear, encrypted. */
let plain: Site;
let secure: Site;
/** Allowed for few bytes. */
let small: Site;
/** Not allowed. */
let other: Site;
const sites: Site[] = [];
let caFile = '';
let interceptCa = '';
let repository = '';
let folder = '';
let approverKey: KeyObject;

async function startSite(isSecure: boolean, listener?: RequestListener): Promise<Site> {
  const tls = stack.tls({ kind: 'distributor', name: 'distributor' });
  const handle: RequestListener = (incoming, response) => {
    site.seen.push(`${incoming.method} ${incoming.url}`);
    incoming.on('data', (chunk: Buffer) => {
      site.bytes += chunk.length;
    });
    if (listener !== undefined) return listener(incoming, response);
    return incoming.on('end', () => response.end(`site saw ${incoming.method} ${incoming.url}`));
  };
  const server = isSecure
    ? (createHttpsServer(
        { cert: readFileSync(tls.certFile), key: readFileSync(tls.keyFile) },
        handle,
      ) as unknown as Server)
    : createHttpServer(handle);
  const site: Site = { port: 0, server, seen: [], bytes: 0, connections: 0 };
  server.on('connection', () => {
    site.connections += 1;
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  sites.push(site);
  return Object.assign(site, { port: (server.address() as AddressInfo).port });
}

const git: RequestListener = (incoming, response) => {
  const [path = ''] = (incoming.url ?? '').split('?');
  if (!path.startsWith('/repository/')) return incoming.resume().on('end', () => response.end(`site saw ${path}`));
  try {
    return response.end(readFileSync(join(repository, path.slice('/repository/'.length))));
  } catch {
    return response.writeHead(404).end();
  }
};

const proxyUrl = (through: SidecarProcess = sidecar): string => `http://${through.addresses['egress'] ?? ''}`;

/** What a child process gets to know. */
function environment(through: SidecarProcess = sidecar): Record<string, string> {
  const url = proxyUrl(through);
  return {
    PATH: process.env['PATH'] ?? '',
    HOME: stack.folder,
    http_proxy: url,
    HTTP_PROXY: url,
    https_proxy: url,
    HTTPS_PROXY: url,
  };
}

async function curl(
  args: readonly string[],
  through?: SidecarProcess,
): Promise<{ readonly out: string; readonly code: number }> {
  const all = ['--silent', '--show-error', '--max-time', '20', '--include', ...args];
  return run('curl', all, { env: environment(through) }).then(
    ({ stdout }) => ({ out: stdout, code: 0 }),
    (error: unknown) => {
      const { stdout, stderr, code } = error as { stdout: string; stderr: string; code: number };
      return { out: `${stdout}${stderr}`, code };
    },
  );
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'portcullis-egress-'));
  const approver = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  approverKey = approver.privateKey;
  const jwksFile = join(folder, 'jwks');
  writeFileSync(jwksFile, JSON.stringify({ keys: [approver.publicKey.export({ format: 'jwk' })] }));
  stack = await startStack({
    pdp: {
      limits: { decisionDeadlineMs: 1_000 },
      http: {},
      approvals: { approvers: [{ issuer: 'https://login.test', audience: 'approvals', jwksFile }] },
    },
  });
  caFile = stack.tls({ kind: 'distributor', name: 'distributor' }).caFile;
  interceptCa = join(stack.folder, 'egress-ca.pem');
  repository = join(stack.folder, 'repository.git');
  const commands = [
    ['init', '--quiet', '--bare', repository],
    ['-C', repository, 'config', 'user.email', 'test@example.com'],
  ];
  for (const args of commands) await run('git', args, { env: { PATH: process.env['PATH'] ?? '', HOME: stack.folder } });
  mkdirSync(join(repository, 'info'), { recursive: true });
  writeFileSync(join(repository, 'info', 'refs'), `${'1'.repeat(40)}\trefs/heads/main\n`);
  plain = await startSite(false);
  secure = await startSite(true, git);
  small = await startSite(false);
  other = await startSite(true);
  const ports = [plain.port, secure.port, small.port];
  const source = egressPolicies(
    '1.0.0',
    {
      allowed: [{ domains: ['localhost'], ports }],
      resolved: 'any',
      schemes: ['http', 'https', 'ws', 'wss', 'tcp'],
      ports: [...ports, other.port],
      internal_names: ['*.internal'],
    },
    [
      {
        name: 'No deletes',
        on: ['egress'],
        when: { field: 'egress.method', operator: 'equals', value: 'DELETE' },
        effect: { type: 'deny', deny_reason_code: 'NO_DELETES' },
        priority: 50,
      },
      {
        name: 'Purchases',
        on: ['egress'],
        when: { field: 'egress.path', operator: 'starts_with', value: '/buy' },
        effect: { type: 'require_approval', role: 'buyer' },
        priority: 45,
      },
      {
        name: 'Few bytes',
        type: 'quota',
        action: 'deny',
        priority: 40,
        when: { field: 'egress.port', operator: 'equals', value: small.port },
        config: { kind: 'bytes', limit: 200_000, window_seconds: 3600, per: ['agent'] },
        enabled: true,
      },
    ],
  );
  const { seq } = await stack.publish(source);
  await stack.loaded(seq);
  const config = {
    specialAddresses: [{ cidrs: ['127.0.0.1', '::1'], ports: [...ports, other.port] }],
    limits: { bytesPerDecision: 65_536 },
  };
  const pdp = { deadlineMs: 1_000, breaker: { resetTimeoutMs: 1_001 } };
  const tunnels = { plain: [{ host: 'localhost', ports: [plain.port] }] };
  sidecar = await stack.startSidecar({ upstreams: [], pdp, config: { egress: { ...config, tunnels } } });
  inspecting = await stack.startSidecar({
    upstreams: [],
    pdp,
    config: {
      egress: {
        ...config,
        intercept: { hosts: ['localhost'], publishCaFile: interceptCa, upstreamCaFile: caFile },
      },
    },
  });
  for (const through of [sidecar, inspecting]) {
    await eventually('the sidecar to be allowed', async () => {
      const { out } = await curl([`http://localhost:${plain.port}/warm`], through);
      return out.includes('site saw GET /warm');
    });
  }
}, 60_000);

beforeEach(() => {
  for (const site of sites) Object.assign(site, { bytes: 0, connections: 0, seen: site.seen.splice(0) && [] });
});

afterAll(async () => {
  for (const { server } of sites) {
    server.closeAllConnections();
    server.close();
  }
  await stack?.close();
  rmSync(folder, { recursive: true, force: true });
});

describe('through the proxy', () => {
  test('curl: in the clear, encrypted, and with an upload', async () => {
    const clear = await curl([`http://localhost:${plain.port}/a?b=c`]);
    expect(clear.out).toContain('site saw GET /a?b=c');
    const encrypted = await curl(['--cacert', caFile, `https://localhost:${secure.port}/private`]);
    expect(encrypted.out).toContain('site saw /private');
    const upload = join(stack.folder, 'upload');
    writeFileSync(upload, Buffer.alloc(1_500_000, 'x'));
    const sent = await curl(['-T', upload, `http://localhost:${plain.port}/up`]);
    expect(sent.out).toContain('site saw PUT /up');
    expect(plain.bytes).toBe(1_500_000);
    const explicit = await curl(['-x', proxyUrl(), '-p', `http://localhost:${plain.port}/tunnelled`]);
    expect(explicit.out).toContain('site saw GET /tunnelled');
  });

  test('undici and fetch of Node', async () => {
    const dispatcher = new EnvHttpProxyAgent({
      httpProxy: proxyUrl(),
      httpsProxy: proxyUrl(),
      noProxy: '',
      requestTls: { ca: readFileSync(caFile) },
    });
    const answer = await request(`https://localhost:${secure.port}/undici`, { dispatcher });
    expect(await answer.body.text()).toBe('site saw /undici');
    await dispatcher.close();
    const script = `console.log(await (await fetch('https://localhost:${secure.port}/fetch')).text())`;
    const env = { ...environment(), NODE_USE_ENV_PROXY: '1', NODE_EXTRA_CA_CERTS: caFile };
    const { stdout } = await run(process.execPath, ['--input-type=module', '-e', script], { env });
    expect(stdout).toContain('site saw /fetch');
  });

  test('Python: urllib', async () => {
    const script = [
      'import ssl, sys, urllib.request',
      `context = ssl.create_default_context(cafile=${JSON.stringify(caFile)})`,
      `print(urllib.request.urlopen('http://localhost:${plain.port}/urllib').read())`,
      `print(urllib.request.urlopen('https://localhost:${secure.port}/urllib', context=context).read())`,
      'try:',
      `    urllib.request.urlopen('https://localhost:${other.port}/', context=context)`,
      'except OSError as error:',
      '    print(error)',
    ].join('\n');
    const { stdout } = await run('python3', ['-c', script], { env: environment() });
    expect(stdout).toContain('site saw GET /urllib');
    expect(stdout).toContain('site saw /urllib');
    expect(stdout).toContain('403 Forbidden (NO_MATCHING_POLICY)');
  });

  test('git', async () => {
    const env = { ...environment(), GIT_SSL_CAINFO: caFile, GIT_TERMINAL_PROMPT: '0' };
    const { stdout } = await run('git', ['ls-remote', `https://localhost:${secure.port}/repository/`], { env });
    expect(stdout).toBe(`${'1'.repeat(40)}\trefs/heads/main\n`);
  });

  test('a WebSocket', async () => {
    const accepted = (async () => {
      const [, socket] = await once(plain.server, 'upgrade');
      socket.end('HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n');
    })();
    const dispatcher = new EnvHttpProxyAgent({ httpProxy: proxyUrl(), httpsProxy: proxyUrl(), noProxy: '' });
    const socket = new WebSocket(`ws://localhost:${plain.port}/chat`, { dispatcher });
    await once(socket, 'error');
    await accepted;
    await dispatcher.destroy();
    expect(sidecar.output()).toContain('"scheme":"tcp"');
  });
});

describe('what is not allowed', () => {
  test('is refused, says why, and never reaches the host', async () => {
    const refused = await curl(['--cacert', caFile, `https://localhost:${other.port}/`]);
    expect(refused.code).toBe(56);
    expect(refused.out).toContain('403');
    const deleting = await curl(['-X', 'DELETE', `http://localhost:${plain.port}/a`]);
    expect(deleting.out).toContain('NO_DELETES');
    expect(plain.connections + other.connections).toBe(0);
  });

  test.each([
    'http://169.254.169.254/latest/meta-data/',
    'http://[::ffff:10.0.0.1]/',
    'http://0x7f.1:9/',
    'http://2130706433:9/',
  ])('%s is refused by policy or by the built-in rule, and on record', async (url) => {
    const before = stack.decisions().length;
    const { out } = await curl([url]);
    expect(out).toMatch(/^HTTP\/1\.1 403 /);
    const records = stack.decisions().slice(before);
    const host = new URL(url).hostname;
    expect(records).toMatchObject([{ effect: 'deny', target: { scheme: 'http', host, method: 'GET' } }]);
    expect(JSON.stringify(records)).not.toContain('meta-data');
  });

  test('a body that uses up a quota of bytes is cut', async () => {
    const big = join(stack.folder, 'big');
    writeFileSync(big, Buffer.alloc(2_000_000, 'y'));
    const sent = await curl(['-T', big, `http://localhost:${small.port}/big`]);
    expect(sent.out).toMatch(/429|QUOTA_EXCEEDED/);
    const chunked = spawn('curl', ['-sS', '-i', '-T', '.', `http://localhost:${small.port}/big`], {
      env: environment(),
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    chunked.stdin.on('error', () => undefined);
    chunked.stdin.end(readFileSync(big));
    let out = '';
    chunked.stdout.on('data', (chunk: Buffer) => {
      out += chunk.toString();
    });
    await once(chunked, 'close');
    expect(out).toContain('QUOTA_EXCEEDED');
    expect(small.bytes).toBeGreaterThan(0);
    expect(small.bytes).toBeLessThanOrEqual(200_000);
  });
});

/** Somebody agrees, with the command line. */
async function approve(id: string): Promise<number> {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const exp = Math.floor(Date.now() / 1_000) + 300;
  const claims = {
    iss: 'https://login.test',
    aud: 'approvals',
    exp,
    sub: 'tess',
    tenant: AGENT.tenant,
    roles: ['buyer'],
  };
  const signed = `${part({ alg: 'ES256' })}.${part(claims)}`;
  const signature = sign('sha256', Buffer.from(signed), { key: approverKey, dsaEncoding: 'ieee-p1363' });
  const tokenFile = join(folder, 'token');
  writeFileSync(tokenFile, `${signed}.${signature.toString('base64url')}\n`);
  const connection = [
    ...['--pdp', `https://${stack.pdps[0]?.addresses['https'] ?? ''}`, '--token-file', tokenFile],
    ...['--tls-ca', caFile, '--trust-domain', TRUST_DOMAIN],
  ];
  return runCli(['approvals', 'approve', id, ...connection], {
    signal: new AbortController().signal,
    terminal: { width: 80, data: () => undefined, say: () => undefined, input: async () => new Uint8Array() },
  });
}

test('what is held says which approval it waits for, and is let through once it was given', async () => {
  const buy = ['-X', 'POST', '-d', 'one', `http://localhost:${plain.port}/buy`];
  const held = await curl(buy);
  expect(held.out).toMatch(/^HTTP\/1\.1 403 /);
  const document = JSON.parse(held.out.slice(held.out.indexOf('{'))) as {
    readonly hold: { readonly approval_id: string; readonly poll: string };
  };
  const { approval_id: id, poll } = document.hold;
  expect(document).toMatchObject({ code: 'APPROVAL_REQUIRED', outcome: 'held' });
  expect(poll).toBe(`/v1/approvals/${id}`);
  expect(plain.seen).toEqual([]);
  expect(await approve(id)).toBe(0);
  expect((await curl(buy)).out).toContain('site saw POST /buy');
  expect((await curl(buy)).out).toContain('APPROVAL_REQUIRED');
  expect(plain.seen).toEqual(['POST /buy']);
});

describe('an intercepted host', () => {
  test('has every request decided by method and path', async () => {
    const trust = ['--cacert', interceptCa];
    const url = `https://localhost:${secure.port}/inside`;
    const first = await curl([...trust, url], inspecting);
    expect(first.out).toContain('site saw /inside');
    const second = await curl([...trust, '-X', 'DELETE', url], inspecting);
    expect(second.out).toContain('NO_DELETES');
    expect(secure.seen).toEqual(['GET /inside']);
    const untrusting = await curl(['--cacert', caFile, url], inspecting);
    expect(untrusting.code).toBe(60);
  });
});

test('a sidecar that is told to end does not wait for tunnels for ever', async () => {
  const ending = await stack.startSidecar({
    upstreams: [],
    pdp: { deadlineMs: 1_000, breaker: { resetTimeoutMs: 1_001 } },
    config: {
      drainMs: 300,
      egress: {
        specialAddresses: [{ cidrs: ['127.0.0.1', '::1'], ports: [plain.port] }],
        tunnels: { plain: [{ host: 'localhost', ports: [plain.port] }] },
      },
    },
  });
  const [host = '', port] = (ending.addresses['egress'] ?? '').split(':');
  const open = async (): Promise<Socket | undefined> => {
    const socket = connect(Number(port), host);
    socket.on('error', () => undefined);
    socket.write(`CONNECT localhost:${plain.port} HTTP/1.1\r\nHost: localhost:${plain.port}\r\n\r\n`);
    const [answer] = (await once(socket, 'data')) as [Buffer];
    return answer.toString().startsWith('HTTP/1.1 200') ? socket : undefined;
  };
  const tunnel = await eventually('a tunnel', open);
  const closed = once(tunnel.resume(), 'close');
  expect(await ending.terminate()).toBe(0);
  await closed;
});

test('every connection that was let through has an allow on record, with what it sent', async () => {
  const lines = [sidecar, inspecting].flatMap((through) =>
    through
      .output()
      .split('\n')
      .filter((line) => line.includes('"Connection ended"'))
      .map((line) => JSON.parse(line) as Record<string, unknown>),
  );
  expect(lines.length).toBeGreaterThan(5);
  const allowed = new Map(stack.decisions().map((record) => [record.decision_id, record]));
  for (const line of lines) {
    expect(line).toMatchObject({
      host: 'localhost',
      resolved_ips: expect.arrayContaining(['127.0.0.1']),
      bytes_sent: expect.any(Number),
    });
    expect(allowed.get(String(line['decision_id']))).toMatchObject({
      effect: 'allow',
      target: { host: line['host'], port: line['port'], scheme: line['scheme'] },
    });
  }
});
