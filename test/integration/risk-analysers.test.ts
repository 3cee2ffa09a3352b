/** External analysers of risk over real sockets: the contract of transports, and whom they refuse to believe. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server as HttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Server as GrpcServer, type ServerUnaryCall, type sendUnaryData, status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { createDevelopmentPki, type LeafIdentity, tlsFilesOf, writeDevelopmentPki } from '@portcullis/cli';
import { createGrpcTransport, createHttpTransport, type OutsideTransport } from '@portcullis/pdp';
import { type Behaviour, type TransportSubject, transportContract } from '@portcullis/pdp/transport-contract';
import { loadRiskAnalyser, type Wire } from '@portcullis/proto';
import {
  createLogger,
  grpcServerCredentials,
  httpsServerOptions,
  openTlsMaterial,
  type TlsMaterial,
} from '@portcullis/runtime';

jest.setTimeout(60_000);

const TRUST_DOMAIN = 'portcullis.test';
const ANALYSER: LeafIdentity = { kind: 'pdp', name: 'analyser' };
const PDP: LeafIdentity = { kind: 'pdp', name: 'pdp-1' };
const ANALYSER_ID = `spiffe://${TRUST_DOMAIN}/pdp/analyser`;
const TOKEN = 'a-token-of-sixteen-letters';
const MAX_ANSWER_BYTES = 4_096;
const log = createLogger({ component: 'test', level: 'silent' });

let folder: string;
let ours: TlsMaterial;
let theirs: TlsMaterial;
let https: HttpsServer;
let grpc: GrpcServer;
let httpsUrl: string;
let grpcAddress: string;
let behaviour: Behaviour | { readonly kind: 'bytes'; readonly status: number; readonly body: string };
let shown: Uint8Array | undefined;
let authorization: string | undefined;
const transports: OutsideTransport[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'portcullis-analysers-'));
  const pki = await createDevelopmentPki({ trustDomain: TRUST_DOMAIN, leaves: [ANALYSER, PDP], now: new Date() });
  await writeDevelopmentPki(folder, pki, { force: false });
  const open = (identity: LeafIdentity): Promise<TlsMaterial> => {
    const leaf = pki.leaves.find((known) => known.identity === identity);
    if (leaf === undefined) throw new Error('no such leaf');
    return openTlsMaterial(tlsFilesOf(folder, leaf), { log });
  };
  theirs = await open(ANALYSER);
  ours = await open(PDP);
  writeFileSync(join(folder, 'token'), `${TOKEN}\n`);

  https = createServer(
    { ...httpsServerOptions(theirs), requestCert: true, rejectUnauthorized: false },
    (request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        shown = Buffer.concat(chunks);
        authorization = request.headers.authorization;
        if (behaviour.kind === 'silent') return;
        if (behaviour.kind === 'fails') response.writeHead(503).end();
        else if (behaviour.kind === 'bytes')
          response.writeHead(behaviour.status, { location: '/' }).end(behaviour.body);
        else response.end(JSON.stringify(behaviour.value));
      });
    },
  );
  await new Promise<void>((resolve) => https.listen(0, '127.0.0.1', resolve));
  httpsUrl = `https://127.0.0.1:${(https.address() as AddressInfo).port}/analyse`;

  grpc = new GrpcServer();
  grpc.addService(loadRiskAnalyser(), {
    Analyse: (
      call: ServerUnaryCall<Wire.AnalyseRequest__Output, Wire.AnalyseResponse>,
      done: sendUnaryData<Wire.AnalyseResponse>,
    ) => {
      shown = call.request.subject;
      if (behaviour.kind === 'silent') return;
      if (behaviour.kind === 'answers') done(null, behaviour.value as Wire.AnalyseResponse);
      else if (behaviour.kind === 'bytes') done(null, { signals: [{ signal_type: 'x'.repeat(8_192), score: 1 }] });
      else done({ code: status.UNAVAILABLE });
    },
  });
  const port = await new Promise<number>((resolve, reject) =>
    grpc.bindAsync('127.0.0.1:0', grpcServerCredentials(theirs), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    ),
  );
  grpcAddress = `127.0.0.1:${port}`;
});

afterAll(async () => {
  for (const transport of transports) transport.close();
  https?.closeAllConnections();
  https?.close();
  grpc?.forceShutdown();
  ours?.close();
  theirs?.close();
  rmSync(folder, { recursive: true, force: true });
});

const kept = (transport: OutsideTransport): OutsideTransport => {
  transports.push(transport);
  return transport;
};
const overHttp = (serverId = ANALYSER_ID): OutsideTransport =>
  kept(
    createHttpTransport({
      url: httpsUrl,
      auth: { type: 'mtls', material: ours, serverId },
      maxAnswerBytes: MAX_ANSWER_BYTES,
    }),
  );
const withToken = (file = 'token', caFile: string | undefined = join(folder, 'ca.pem')): OutsideTransport =>
  kept(
    createHttpTransport({
      url: httpsUrl.replace('127.0.0.1', 'localhost'),
      auth: { type: 'bearer', tokenFile: join(folder, file), caFile },
      maxAnswerBytes: MAX_ANSWER_BYTES,
    }),
  );
const overGrpc = (serverId = ANALYSER_ID): OutsideTransport =>
  kept(createGrpcTransport({ address: grpcAddress, material: ours, serverId, maxAnswerBytes: MAX_ANSWER_BYTES }));

function subjectOf(transport: OutsideTransport): TransportSubject {
  return {
    transport,
    behave: (next) => {
      behaviour = next;
    },
    shown: () => shown,
  };
}

const SUBJECT = new TextEncoder().encode('{}');
const FINE: Behaviour = { kind: 'answers', value: { signals: [], risk_dimensions: {} } };
const refusal = (transport: OutsideTransport): Promise<string> =>
  transport.ask(SUBJECT, 5_000).then(
    () => 'answered',
    (error: unknown) => String(error instanceof Error ? error.message : error),
  );

describe.each([
  ['HTTPS with certificates', overHttp],
  ['gRPC', overGrpc],
])('%s keeps the contract:', (_name, make) => {
  test.each(transportContract)('$name', async ({ check }) => {
    await expect(check(subjectOf(make()))).resolves.toBeUndefined();
  });

  test('a server of another identity is not asked', async () => {
    behaviour = FINE;
    shown = undefined;
    expect(await refusal(make(`spiffe://${TRUST_DOMAIN}/pdp/other`))).not.toBe('answered');
    expect(shown).toBeUndefined();
  });

  test('an answer that is too long is none', async () => {
    behaviour = { kind: 'bytes', status: 200, body: `{"signals":[${' '.repeat(8_192)}]}` };
    expect(await refusal(make())).not.toBe('answered');
  });
});

describe('HTTPS', () => {
  test.each([
    ['a redirect', 302, '{}'],
    ['an error', 500, '{}'],
    ['no JSON', 200, '<html>'],
    ['a key twice', 200, '{"signals":[],"signals":[]}'],
    ['half of it', 200, '{"signals":['],
  ])('%s is no answer', async (_what, code, body) => {
    behaviour = { kind: 'bytes', status: code, body };
    expect(await refusal(overHttp())).not.toBe('answered');
  });

  test('a token that cannot be read, or is none, is not sent', async () => {
    behaviour = FINE;
    writeFileSync(join(folder, 'broken'), 'two words\r\nx: y');
    shown = undefined;
    expect(await refusal(withToken('missing'))).toContain('ENOENT');
    expect(await refusal(withToken('broken'))).toContain('does not hold a token');
    expect(shown).toBeUndefined();
  });

  test('a token is sent to a server that is who it says', async () => {
    behaviour = FINE;
    expect(await refusal(withToken())).toBe('answered');
    expect(authorization).toBe(`Bearer ${TOKEN}`);
  });

  test('with a token a server that the system does not know is not asked', async () => {
    behaviour = FINE;
    shown = undefined;
    const unknown = kept(
      createHttpTransport({
        url: httpsUrl,
        auth: { type: 'bearer', tokenFile: join(folder, 'token'), caFile: undefined },
        maxAnswerBytes: MAX_ANSWER_BYTES,
      }),
    );
    expect(await refusal(unknown)).not.toBe('answered');
    expect(shown).toBeUndefined();
  });
});
