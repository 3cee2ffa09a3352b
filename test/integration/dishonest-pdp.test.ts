/**
 * What a sidecar makes of a decision point that lies, with a perfectly good certificate: nothing. Each lie is told to
 * several agents at once, through a real sidecar; none may cost a byte at the server, and all must be refused properly.
 */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureServer, type ServerHttp2Stream } from 'node:http2';
import { createServer, type TLSSocket } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { TlsFiles } from '@portcullis/runtime';
import { type DishonestPdp, honest, LIES, startDishonestPdp } from '../support/dishonest-pdp.js';
import { eventually } from '../support/eventually.js';
import { connectAgent, type LoadAgent, type LoadCall, quantile } from '../support/load.js';
import { type RecordingUpstream, startRecordingUpstream } from '../support/recording-upstream.js';
import { type SidecarProcess, type Stack, startStack } from '../support/stack.js';

const AGENTS = 4;
const ROUNDS = 3;

let stack: Stack;
let certificate: TlsFiles;
let upstream: RecordingUpstream;
let liar: DishonestPdp;
let sidecar: SidecarProcess;
let agents: readonly LoadAgent[] = [];
const refusals: LoadCall[] = [];

const round = (): Promise<readonly LoadCall[]> => Promise.all(agents.map((agent) => agent.call('read')));

/** Waits until the liar, being honest, is believed: then the next lie is heard by everybody. */
async function beBelieved(): Promise<void> {
  liar.lie = honest;
  await eventually('an honest answer to count', async () =>
    (await round()).every(({ outcome }) => outcome.kind === 'result'),
  );
  upstream.clear();
}

async function expectNothing(rounds: number = ROUNDS): Promise<void> {
  for (let turn = 0; turn < rounds; turn += 1) {
    const calls = await round();
    refusals.push(...calls);
    expect(calls.filter(({ outcome }) => outcome.kind !== 'refused')).toEqual([]);
  }
  expect(upstream.calls).toEqual([]);
}

beforeAll(async () => {
  [stack, upstream] = await Promise.all([startStack({ pdps: 0 }), startRecordingUpstream()]);
  certificate = await stack.issue({ kind: 'pdp', name: 'liar' });
  liar = await startDishonestPdp({ tls: certificate });
  sidecar = await stack.startSidecar({
    upstreams: [{ name: 'files', url: upstream.url }],
    endpoints: [liar.address],
    // Every lie is to be heard; an open breaker would spare the sidecar all but the first.
    // How long it waits before it connects again is tested elsewhere.
    pdp: { breaker: { volumeThreshold: 100_000 }, reconnectMinMs: 20, reconnectMaxMs: 50 },
  });
  agents = Array.from({ length: AGENTS }, () => connectAgent(sidecar.mcpUrl('files')));
}, 60_000);

afterEach(() => {
  liar.pong = (id) => honestPong(id);
});

afterAll(async () => {
  await Promise.all(agents.map((agent) => agent.close()));
  liar?.stop();
  await stack?.close();
  await upstream?.close();
  const ms = refusals.map(({ startedAt, endedAt }) => endedAt - startedAt);
  process.stdout.write(
    `${Object.keys(LIES).length} lies, ${refusals.length} refusals, p50 ${quantile(ms, 0.5).toFixed(1)} ms, max ${Math.max(...ms).toFixed(1)} ms\n`,
  );
}, 30_000);

let honestPong: (id: number) => Buffer | undefined = () => undefined;

describe('a decision point with a good certificate', () => {
  test('is believed while it is honest', async () => {
    honestPong = liar.pong;
    await eventually('an allow', async () => (await round()).every(({ outcome }) => outcome.kind === 'result'));
    expect(upstream.calls.length).toBeGreaterThanOrEqual(AGENTS);
  }, 20_000);

  test.each(Object.entries(LIES))(
    'that answers %s allows nothing',
    async (_what, lie) => {
      await beBelieved();
      const asked = liar.questions;
      liar.lie = lie;
      await expectNothing();
      expect(liar.questions).toBeGreaterThan(asked);
    },
    30_000,
  );

  test.each<[string, () => Buffer | undefined]>([
    ['nothing', () => undefined],
    ['no bytes', () => Buffer.alloc(0)],
    ['random bytes', () => randomBytes(64)],
  ])(
    'that answers pings with %s is not asked',
    async (_what, pong) => {
      await beBelieved();
      liar.pong = pong;
      // The stream that is up has its pong behind it; a new one has to earn its place.
      liar.lie = ({ end }) => end();
      await round();
      liar.lie = honest;
      const asked = liar.questions;
      upstream.clear();
      await expectNothing();
      expect(liar.questions).toBe(asked);
    },
    30_000,
  );
});

describe('what is no gRPC at all, behind a good certificate', () => {
  const tls = (): { cert: Buffer; key: Buffer; ca: Buffer; requestCert: true; ALPNProtocols: string[] } => ({
    cert: readFileSync(certificate.certFile),
    key: readFileSync(certificate.keyFile),
    ca: readFileSync(certificate.caFile),
    requestCert: true,
    ALPNProtocols: ['h2'],
  });
  const raw = (speak: (socket: TLSSocket) => void) => (onConnection: () => void) =>
    createServer(tls(), (socket) => {
      onConnection();
      socket.on('error', () => undefined);
      speak(socket);
    });
  const web =
    (contentType: string, body: Buffer, status = 200) =>
    (onConnection: () => void) =>
      createSecureServer(tls()).on('stream', (stream: ServerHttp2Stream) => {
        onConnection();
        stream.on('error', () => undefined);
        stream.respond({ ':status': status, 'content-type': contentType });
        stream.end(body);
      });

  test.each<[string, (onConnection: () => void) => ReturnType<typeof createServer>]>([
    ['random bytes', raw((socket) => socket.write(randomBytes(4096)))],
    ['an HTTP/1.1 answer', raw((socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nallow'))],
    ['silence', raw(() => undefined)],
    ['the end', raw((socket) => socket.end())],
    ['a web page', web('text/html', Buffer.from('<h1>allow</h1>'), 404)],
    ['a message of 808 MB, as its head says', web('application/grpc', Buffer.from('<html>allow'))],
    ['an empty gRPC message', web('application/grpc', Buffer.alloc(5))],
  ])(
    '%s: allows nothing, and does no harm',
    async (_what, serve) => {
      await beBelieved();
      const port = Number(liar.address.split(':').pop());
      liar.stop();
      let connections = 0;
      const garbage = serve(() => {
        connections += 1;
      });
      await new Promise<void>((resolve) => garbage.listen(port, '127.0.0.1', resolve));
      try {
        await expectNothing(1);
        await eventually('the sidecar to connect', () => connections > 0);
        await expectNothing(2);
      } finally {
        if ('closeAllConnections' in garbage) (garbage.closeAllConnections as () => void)();
        garbage.close();
        liar = await startDishonestPdp({ tls: certificate, port });
        honestPong = liar.pong;
      }
      await beBelieved();
    },
    40_000,
  );
});
