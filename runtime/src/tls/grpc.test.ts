import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { type ChannelCredentials, Client, credentials, Server, type ServerCredentials, status } from '@grpc/grpc-js';
import { afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { createLogger } from '../log/logger.js';
import { grpcChannelCredentials } from './grpc-channel.js';
import { grpcServerCredentials } from './grpc-server.js';
import { spiffeIdOf } from './identity.js';
import { openTlsMaterial, type TlsMaterial } from './material.js';
import {
  createTestAuthority,
  type LeafOptions,
  type TestAuthority,
  type TestFiles,
  writeTestFiles,
} from './test-authority.js';

const PDP = 'spiffe://td/pdp/a';
const AGENT = 'spiffe://td/tenant/t/agent/a';
const METHOD = '/test.Echo/Who';
const log = createLogger({ component: 'test', level: 'silent' });

let authority: TestAuthority;
let stranger: TestAuthority;
const cleanups: (() => Promise<void> | void)[] = [];

beforeAll(async () => {
  authority = await createTestAuthority('ours');
  stranger = await createTestAuthority('theirs');
});
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

interface Held {
  readonly material: TlsMaterial;
  readonly files: TestFiles;
}

async function hold(leaf: LeafOptions, signer = authority, ca = authority.cert): Promise<Held> {
  const files = await writeTestFiles({ ...(await signer.issue(leaf)), ca });
  const material = await openTlsMaterial(files, { log, pollMs: 3_600_000 });
  cleanups.push(files.remove, () => material.close());
  return { material, files };
}

/** Starts a server that answers with the caller's identity and the serial number of its certificate. */
async function serve(creds: ServerCredentials): Promise<string> {
  const server = new Server();
  const asIs = (bytes: Buffer): Buffer => bytes;
  server.addService(
    {
      who: {
        path: METHOD,
        requestStream: false,
        responseStream: false,
        requestSerialize: asIs,
        requestDeserialize: asIs,
        responseSerialize: asIs,
        responseDeserialize: asIs,
      },
    },
    {
      who: (
        call: {
          getAuthContext(): { sslPeerCertificate?: Parameters<typeof spiffeIdOf>[0] & { serialNumber: string } };
        },
        callback: (error: null, answer: Buffer) => void,
      ) => {
        const certificate = call.getAuthContext().sslPeerCertificate;
        const id = certificate === undefined ? undefined : spiffeIdOf(certificate);
        callback(null, Buffer.from(`${id} ${certificate?.serialNumber}`));
      },
    },
  );
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', creds, (error, bound) => (error === null ? resolve(bound) : reject(error)));
  });
  cleanups.push(() => server.forceShutdown());
  return `127.0.0.1:${port}`;
}

function ask(address: string, creds: ChannelCredentials, deadlineMs = 5_000): Promise<string> {
  const client = new Client(address, creds, { 'grpc.use_local_subchannel_pool': 1 });
  const asIs = (bytes: Buffer): Buffer => bytes;
  return new Promise<string>((resolve, reject) => {
    client.makeUnaryRequest<Buffer, Buffer>(
      METHOD,
      asIs,
      asIs,
      Buffer.alloc(0),
      { deadline: Date.now() + deadlineMs },
      (error, answer) => {
        client.close();
        if (error !== null) reject(error);
        else resolve(answer?.toString() ?? '');
      },
    );
  });
}

const isPdp = { acceptServer: (id: string) => id === PDP };
const refused = { code: status.UNAVAILABLE };

describe('mutual TLS between a gRPC client and server', () => {
  test('both identities are known', async () => {
    const address = await serve(grpcServerCredentials((await hold({ uris: [PDP] })).material));
    const client = grpcChannelCredentials((await hold({ uris: [AGENT] })).material, isPdp);
    expect(await ask(address, client)).toMatch(new RegExp(`^${AGENT} [0-9A-F]+$`));
  });

  test('a client without a certificate is refused', async () => {
    const address = await serve(grpcServerCredentials((await hold({ uris: [PDP] })).material));
    const bare = credentials.createSsl(Buffer.from(authority.cert), null, null, {
      checkServerIdentity: () => undefined,
    });
    await expect(ask(address, bare)).rejects.toMatchObject(refused);
  });

  test('a client of another authority is refused', async () => {
    const address = await serve(grpcServerCredentials((await hold({ uris: [PDP] })).material));
    const client = grpcChannelCredentials((await hold({ uris: [AGENT] }, stranger)).material, isPdp);
    await expect(ask(address, client)).rejects.toMatchObject(refused);
  });

  test('a server of another authority is refused', async () => {
    const address = await serve(grpcServerCredentials((await hold({ uris: [PDP] }, stranger)).material));
    const client = grpcChannelCredentials((await hold({ uris: [AGENT] })).material, isPdp);
    await expect(ask(address, client)).rejects.toMatchObject(refused);
  });

  test.each<[string, LeafOptions]>([
    ['another identity', { uris: ['spiffe://td/pdp/b'] }],
    ['no identity but the right host name', { dns: ['localhost'] }],
    ['two identities', { uris: [PDP, 'spiffe://td/pdp/b'] }],
  ])('a server with %s is refused', async (_name, leaf) => {
    const address = await serve(grpcServerCredentials((await hold(leaf)).material));
    const client = grpcChannelCredentials((await hold({ uris: [AGENT] })).material, isPdp);
    await expect(ask(address, client)).rejects.toMatchObject(refused);
  });

  test('an acceptServer that throws accepts nobody', async () => {
    const address = await serve(grpcServerCredentials((await hold({ uris: [PDP] })).material));
    const client = grpcChannelCredentials((await hold({ uris: [AGENT] })).material, {
      acceptServer: () => {
        throw new Error('broken');
      },
    });
    await expect(ask(address, client)).rejects.toMatchObject(refused);
  });

  test('nothing below TLS 1.3 is spoken', async () => {
    const address = await serve(grpcServerCredentials((await hold({ uris: [PDP] })).material));
    const { material } = await hold({ uris: [AGENT] });
    const [host, port] = address.split(':');
    const shake = (version: 'TLSv1.2' | 'TLSv1.3'): Promise<string> =>
      new Promise((resolve, reject) => {
        const socket: TLSSocket = connectTls(
          {
            host,
            port: Number(port),
            ...material.current(),
            maxVersion: version,
            ALPNProtocols: ['h2'],
            checkServerIdentity: () => undefined,
          },
          () => {
            resolve(String(socket.getProtocol()));
            socket.destroy();
          },
        );
        socket.on('error', reject);
      });
    expect(await shake('TLSv1.3')).toBe('TLSv1.3');
    await expect(shake('TLSv1.2')).rejects.toThrow(/alert|version/i);
  });

  test('a session is never resumed', async () => {
    const address = await serve(grpcServerCredentials((await hold({ uris: [PDP] })).material));
    const { material } = await hold({ uris: [AGENT] });
    const [host, port] = address.split(':');
    let session: Buffer | undefined;
    const visit = (): Promise<boolean | undefined> =>
      new Promise((resolve, reject) => {
        let reused: boolean | undefined;
        const socket: TLSSocket = connectTls(
          {
            host,
            port: Number(port),
            ...material.current(),
            ALPNProtocols: ['h2'],
            checkServerIdentity: () => undefined,
            ...(session === undefined ? {} : { session }),
          },
          () => {
            reused = socket.isSessionReused();
            socket.setTimeout(100, () => socket.destroy());
          },
        );
        socket.on('session', (ticket: Buffer) => {
          session = ticket;
        });
        socket.on('close', () => resolve(reused));
        socket.on('error', reject);
        socket.resume();
      });
    expect(await visit()).toBe(false);
    expect(await visit()).toBe(false);
  });
});

describe('rotation without restart', () => {
  test('a client presents its new certificate', async () => {
    const address = await serve(grpcServerCredentials((await hold({ uris: [PDP] })).material));
    const client = await hold({ uris: [AGENT] });
    const creds = grpcChannelCredentials(client.material, isPdp);
    const before = await ask(address, creds);
    await client.files.write(await authority.issue({ uris: [AGENT] }));
    expect(await client.material.refresh()).toBe(true);
    expect(await ask(address, creds)).not.toBe(before);
  });

  test('a server presents its new certificate, and keeps the old one while the pair is torn', async () => {
    const server = await hold({ uris: [PDP] });
    const address = await serve(grpcServerCredentials(server.material));
    const { material } = await hold({ uris: [AGENT] });
    const accepting = (id: string) => grpcChannelCredentials(material, { acceptServer: (found) => found === id });
    const next = await authority.issue({ uris: ['spiffe://td/pdp/next'] });

    await server.files.write({ cert: next.cert });
    expect(await server.material.refresh()).toBe(false);
    expect(await ask(address, accepting(PDP))).toContain(AGENT);

    await server.files.write({ key: next.key });
    expect(await server.material.refresh()).toBe(true);
    expect(await ask(address, accepting('spiffe://td/pdp/next'))).toContain(AGENT);
    await expect(ask(address, accepting(PDP))).rejects.toMatchObject(refused);
  });

  test('a server whose authorities changed refuses clients of the former one', async () => {
    const server = await hold({ uris: [PDP] }, authority, `${authority.cert}\n${stranger.cert}`);
    const address = await serve(grpcServerCredentials(server.material));
    const ours = grpcChannelCredentials((await hold({ uris: [AGENT] })).material, isPdp);
    const theirs = grpcChannelCredentials((await hold({ uris: [AGENT] }, stranger)).material, isPdp);
    expect(await ask(address, ours)).toContain(AGENT);
    expect(await ask(address, theirs)).toContain(AGENT);
    await server.files.write({ ca: authority.cert });
    expect(await server.material.refresh()).toBe(true);
    await expect(ask(address, theirs)).rejects.toMatchObject(refused);
    expect(await ask(address, ours)).toContain(AGENT);
    const bare = credentials.createSsl(Buffer.from(authority.cert), null, null, {
      checkServerIdentity: () => undefined,
    });
    await expect(ask(address, bare)).rejects.toMatchObject(refused);
  });
});

test('a connection that is closed during the handshake fails at once instead of hanging', async () => {
  const sockets: Socket[] = [];
  const silent = createTcpServer((socket) => {
    sockets.push(socket);
    socket.once('data', () => socket.destroy());
  });
  await new Promise<void>((resolve) => {
    silent.listen(0, '127.0.0.1', resolve);
  });
  cleanups.push(() => void silent.close());
  const { port } = silent.address() as AddressInfo;
  const creds = grpcChannelCredentials((await hold({ uris: [AGENT] })).material, isPdp);
  const connector = creds._createSecureConnector({ scheme: 'dns', path: `localhost:${port}` }, {});
  const tcp = connect(port, '127.0.0.1');
  cleanups.push(() => void tcp.destroy());
  await expect(connector.connect(tcp)).rejects.toThrow(/handshake|closed|disconnected|reset/i);
  expect(sockets).toHaveLength(1);
});
