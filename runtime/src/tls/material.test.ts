import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { createLogger } from '../log/logger.js';
import { openTlsMaterial, type TlsMaterial } from './material.js';
import {
  createTestAuthority,
  type PemPair,
  swapLink,
  type TestAuthority,
  type TestFiles,
  writeTestFiles,
} from './test-authority.js';

const log = createLogger({ component: 'test', level: 'silent', destination: new PassThrough() });
const ID = 'spiffe://td/pdp/a';
/** Never polls by itself: the tests look when they want to. */
const options = { log, pollMs: 3_600_000 };

let authority: TestAuthority;
let first: PemPair;
let second: PemPair;
const cleanups: (() => Promise<void> | void)[] = [];

beforeAll(async () => {
  authority = await createTestAuthority('ca');
  first = await authority.issue({ uris: [ID] });
  second = await authority.issue({ uris: [ID], lifetimeMs: 7_200_000 });
});
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function files(parts: PemPair & { readonly ca: string }): Promise<TestFiles> {
  const made = await writeTestFiles(parts);
  cleanups.push(made.remove);
  return made;
}

async function open(place: TestFiles): Promise<TlsMaterial> {
  const material = await openTlsMaterial(place, options);
  cleanups.push(() => material.close());
  return material;
}

describe('opening', () => {
  test('gives the set and what it says', async () => {
    const material = await open(await files({ ...first, ca: authority.cert }));
    expect(material.current()).toMatchObject({ spiffeId: ID, cert: Buffer.from(first.cert) });
    expect(material.current().notAfter.getTime()).toBeGreaterThan(Date.now());
  });

  test.each<[string, () => Promise<Partial<PemPair & { ca: string }>>, RegExp]>([
    ['an empty authority file', async () => ({ ca: '' }), /caFile \S+ has no certificate/],
    ['an authority file without certificates', async () => ({ ca: 'nothing here' }), /caFile \S+ has no certificate/],
    [
      'an authority file that is cut off',
      async () => ({ ca: `${authority.cert}\n${authority.cert.slice(0, 200)}` }),
      /ends inside/,
    ],
    ['a leaf among the authorities', async () => ({ ca: `${authority.cert}\n${first.cert}` }), /no authority/],
    ['a key of another certificate', async () => ({ key: second.key }), /does not belong/],
    ['an empty certificate file', async () => ({ cert: '' }), /no certificate/],
    ['a certificate that is none', async () => ({ cert: first.cert.replace(/[A-Za-z0-9]{20}/, '') }), /./],
    ['a key that is none', async () => ({ key: 'x' }), /./],
    ['an expired certificate', () => authority.issue({ uris: [ID], lifetimeMs: -1_000 }), /expired/],
    [
      'a certificate of tomorrow',
      () => authority.issue({ uris: [ID], notBefore: new Date(Date.now() + 600_000) }),
      /not yet valid/,
    ],
  ])('refuses %s', async (_name, parts, reason) => {
    const place = await files({ ...first, ca: authority.cert, ...(await parts()) });
    await expect(openTlsMaterial(place, options)).rejects.toMatchObject({
      code: 'ERR_TLS_MATERIAL',
      kind: 'invalid',
      message: expect.stringMatching(reason),
    });
  });

  test('refuses files that are not there', async () => {
    const place = await files({ ...first, ca: authority.cert });
    await rm(place.caFile);
    await expect(openTlsMaterial(place, options)).rejects.toMatchObject({
      code: 'ERR_TLS_MATERIAL',
      message: `tls material is not usable: caFile ${place.caFile} cannot be read (ENOENT): expected a PEM file`,
    });
  });
});

describe('following', () => {
  test('a new pair is taken and told', async () => {
    const place = await files({ ...first, ca: authority.cert });
    const material = await open(place);
    const told: string[] = [];
    const stop = material.onChange((pair) => told.push(pair.cert.toString()));
    expect(await material.refresh()).toBe(false);
    await place.write(second);
    expect(await material.refresh()).toBe(true);
    expect(await material.refresh()).toBe(false);
    expect(material.current().key.toString()).toBe(second.key);
    expect(told).toEqual([second.cert]);
    stop();
    await place.write(first);
    expect(await material.refresh()).toBe(true);
    expect(told).toHaveLength(1);
  });

  test('a torn pair keeps the old one until it is whole', async () => {
    const place = await files({ ...first, ca: authority.cert });
    const material = await open(place);
    const before = material.current();
    await place.write({ cert: second.cert });
    expect(await material.refresh()).toBe(false);
    expect(material.current()).toBe(before);
    await place.write({ key: second.key });
    expect(await material.refresh()).toBe(true);
    expect(material.current().cert.toString()).toBe(second.cert);
  });

  test.each([
    ['emptied authorities', { ca: '' }],
    ['a half-written certificate', { cert: '-----BEGIN CERTIFICATE-----\nMIIB' }],
    ['an emptied key', { key: '' }],
  ])('%s keep the old set', async (_name, parts) => {
    const place = await files({ ...first, ca: authority.cert });
    const material = await open(place);
    const before = material.current();
    await place.write(parts);
    expect(await material.refresh()).toBe(false);
    expect(material.current()).toBe(before);
  });

  test('a missing file keeps the old set', async () => {
    const place = await files({ ...first, ca: authority.cert });
    const material = await open(place);
    await rm(place.keyFile);
    expect(await material.refresh()).toBe(false);
    expect(material.current().key.toString()).toBe(first.key);
  });

  test('an expired replacement keeps the old set', async () => {
    const place = await files({ ...first, ca: authority.cert });
    const material = await open(place);
    await place.write(await authority.issue({ uris: [ID], lifetimeMs: -1_000 }));
    expect(await material.refresh()).toBe(false);
    expect(material.current().cert.toString()).toBe(first.cert);
  });

  test('a swapped link is a change', async () => {
    const place = await files({ ...first, ca: authority.cert });
    const other = await files({ ...second, ca: authority.cert });
    const root = join(place.folder, 'mount');
    await mkdir(root);
    await swapLink(join(root, 'data'), place.folder);
    const linked = (name: string): string => join(root, 'data', name);
    const material = await openTlsMaterial(
      { certFile: linked('tls.crt'), keyFile: linked('tls.key'), caFile: linked('ca.crt') },
      options,
    );
    cleanups.push(() => material.close());
    await swapLink(join(root, 'data'), other.folder);
    expect(await material.refresh()).toBe(true);
    expect(material.current().cert.toString()).toBe(second.cert);
  });

  test('polls by itself', async () => {
    const place = await files({ ...first, ca: authority.cert });
    const material = await openTlsMaterial(place, { log, pollMs: 10 });
    cleanups.push(() => material.close());
    const changed = new Promise<string>((resolve) => {
      material.onChange((pair) => resolve(pair.cert.toString()));
    });
    await place.write(second);
    expect(await changed).toBe(second.cert);
  });

  test('says once what is wrong', async () => {
    const lines: string[] = [];
    const sink = new PassThrough();
    sink.on('data', (line: Buffer) => lines.push(line.toString()));
    const place = await files({ ...first, ca: authority.cert });
    const material = await openTlsMaterial(place, {
      log: createLogger({ component: 'test', destination: sink }),
      pollMs: 3_600_000,
    });
    cleanups.push(() => material.close());
    await place.write({ cert: second.cert });
    await material.refresh();
    await material.refresh();
    expect(lines.filter((line) => line.includes('keeping the current one'))).toHaveLength(1);
    expect(lines.join('')).not.toContain('PRIVATE');
  });
});
