import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { EXIT } from '../exit-codes.js';
import { type CliRun, runForTest } from '../fake-terminal.js';
import { createDevelopmentPki } from '../pki/development.js';
import { temporaryFolder } from '../temporary-folder.js';

const REVIEW = {
  id: 'r-1',
  tenant: 'acme',
  agent: 'analyst',
  server: 'bank',
  tool: 'pay\u001b[2J\u202e',
  asked: [{ policy: 'platform/base/large', reason: 'large' }],
  opened_at: '2026-11-22T00:00:00.000Z',
};
/** Nothing listens there. */
const AWAY = 'https://127.0.0.1:1';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let server: Server;
let pdp = '';
let connection: readonly string[] = [];

beforeAll(async () => {
  folder = await temporaryFolder();
  const leaves = [
    { kind: 'pdp', name: 'pdp-1' },
    { kind: 'publisher', name: 'me' },
  ] as const;
  const { authority, leaves: issued } = await createDevelopmentPki({
    trustDomain: 'example.org',
    leaves,
    now: new Date(),
  });
  const [own, mine] = issued;
  server = createServer({ cert: own?.certPem ?? '', key: own?.keyPem ?? '' }, ({ method, url = '' }, response) => {
    const isKnown = method === 'GET' || url === '/v1/reviews/r-1/close';
    response.writeHead(isKnown ? 200 : 404, { 'content-type': 'application/json' });
    response.end(JSON.stringify(method === 'GET' ? { reviews: [REVIEW] } : isKnown ? REVIEW : {}));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  pdp = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const file = async (name: string, text = ''): Promise<string> => {
    await writeFile(join(folder.path, name), text);
    return join(folder.path, name);
  };
  connection = [
    ...['--distributor', AWAY, '--trust-domain', 'example.org', '--tls-ca', await file('ca.pem', authority.certPem)],
    ...['--tls-cert', await file('cert.pem', mine?.certPem), '--tls-key', await file('key.pem', mine?.keyPem)],
  ];
});
afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await folder[Symbol.asyncDispose]();
});

const reviews = (verb: string, ...flags: readonly string[]): Promise<CliRun> =>
  runForTest(['reviews', verb, ...flags, ...connection]);

describe('reviews', () => {
  test('are listed without anything that a terminal obeys', async () => {
    const { code, stdout } = await reviews('list', '--pdp', pdp);
    expect([code, stdout]).toEqual([
      EXIT.ok,
      'r-1  2026-11-22T00:00:00.000Z  acme/analyst  bank/pay\ufffd[2J\ufffd  platform/base/large (large)\n',
    ]);
  });

  test('are closed where they are, though another PDP does not answer', async () => {
    const { code, stderr } = await reviews('close', 'r-1', '--note', 'n', '--pdp', AWAY, '--pdp', pdp);
    expect(stderr).toContain(`${AWAY} does not say`);
    expect([code, stderr.trimEnd().split('\n').at(-1)]).toEqual([EXIT.ok, 'closed r-1']);
  });

  test('that nobody has are told from those that somebody silent may have', async () => {
    const unknown = await reviews('close', 'r-2', '--note', 'n', '--pdp', pdp);
    expect([unknown.code, unknown.stderr]).toEqual([EXIT.refused, 'no PDP has the review r-2 (ERR_CLI_REFUSED)\n']);
    const { code, stderr } = await reviews('close', 'r-2', '--note', 'n', '--pdp', AWAY, '--pdp', pdp);
    expect(code).toBe(EXIT.failure);
    expect(stderr).toContain('no PDP that answers has the review r-2; 1 of 2 do not answer');
  });
});
