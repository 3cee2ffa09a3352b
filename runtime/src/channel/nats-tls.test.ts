import type { PeerCertificate } from 'node:tls';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createLogger } from '../log/logger.js';
import { openTlsMaterial, type TlsMaterial } from '../tls/material.js';
import { createTestAuthority, type TestAuthority, type TestFiles, writeTestFiles } from '../tls/test-authority.js';
import { natsTls } from './nats-tls.js';

let authority: TestAuthority;
let files: TestFiles;
let material: TlsMaterial;

beforeAll(async () => {
  authority = await createTestAuthority('ca');
  files = await writeTestFiles({ ...(await authority.issue({ dns: ['a'] })), ca: authority.cert });
  material = await openTlsMaterial(files, {
    log: createLogger({ component: 'test', level: 'silent' }),
    pollMs: 3_600_000,
  });
});
afterAll(async () => {
  material.close();
  await files.remove();
});

test.each([
  ['nats.example:4222', 'DNS:nats.example', true],
  ['nats://user:pass@nats.example:4222', 'DNS:nats.example', true],
  ['nats.example', 'DNS:other.example', false],
  ['10.0.0.1:4222', 'IP Address:10.0.0.1', true],
  ['[::1]:4222', 'IP Address:0:0:0:0:0:0:0:1', true],
  ['10.0.0.1:4222', 'DNS:localhost', false],
  ['10.0.0.1:4222', 'IP Address:10.0.0.2', false],
])('server %s with a certificate for %s: %s', (server, subjectaltname, expected) => {
  const certificate = { subjectaltname, subject: {} } as PeerCertificate;
  const outcome = natsTls(material, [server]).checkServerIdentity('localhost', certificate);
  expect(outcome === undefined).toBe(expected);
});

test('the material is read anew every time', async () => {
  const tls = natsTls(material, ['a']);
  const before = tls.cert;
  const next = await authority.issue({ dns: ['a'] });
  await files.write(next);
  await material.refresh();
  expect([tls.cert, tls.key, tls.ca]).toEqual([next.cert, next.key, authority.cert]);
  expect(tls.cert).not.toBe(before);
});
