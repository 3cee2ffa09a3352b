/**
 * Stored evidence as an auditor meets it: the built distributor in a process of its own, its store a real PostgreSQL over TLS
 * or the embedded database, and the command line.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { createDevelopmentPki, initTrust, runCli, tlsFilesOf, writeDevelopmentPki } from '@portcullis/cli';
import { distributorConfig } from '@portcullis/distributor';
import {
  chainOfRecords,
  createDatabase,
  createDatabaseStore,
  type Database,
} from '@portcullis/distributor/evidence-contract';
import { createLogger } from '@portcullis/runtime';
import { type RunningProcess, startService } from '../support/child-process.js';
import { eventually } from '../support/eventually.js';
import { type PostgresServer, startPostgresServer } from '../support/postgres-server.js';
import { repositoryRoot } from '../support/root.js';

// The first run may have to obtain the server.
jest.setTimeout(120_000);

const TRUST_DOMAIN = 'portcullis.test';
const log = createLogger({ component: 'test', level: 'silent' });
const evidence = {
  readers: [
    { publisher: 'auditor', tenants: '*', mayErase: true },
    { publisher: 'acme', tenants: ['acme'] },
  ],
  retention: { days: 36_500, tenants: { globex: { hold: true } } },
};
const chain = chainOfRecords('pdp-1', [
  { tenant: 'acme', agent: 'a1' },
  { tenant: 'globex', effect: 'deny' },
  { tenant: 'acme', effect: 'deny' },
]);

let folder = '';
let url = '';
let server: PostgresServer;
let database: Database;
let distributor: RunningProcess;
let base: Record<string, unknown>;
const at = (...parts: readonly string[]): string => join(folder, ...parts);
const tls = (name: string) => tlsFilesOf(at('pki'), { folder: name });

interface Run {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function run(argv: readonly string[]): Promise<Run> {
  const printed = { stdout: '', stderr: '' };
  const code = await runCli(argv, {
    terminal: {
      width: 80,
      data: (text) => {
        printed.stdout += `${text}\n`;
      },
      say: (text) => {
        printed.stderr += `${text}\n`;
      },
      input: async () => new Uint8Array(),
    },
    signal: new AbortController().signal,
  });
  return { code, ...printed };
}

/** The flags that say which distributor is asked, and as whom. */
function connection(name: string, to: string): readonly string[] {
  const { certFile, keyFile, caFile } = tls(`publisher-${name}`);
  const files = ['--tls-cert', certFile, '--tls-key', keyFile, '--tls-ca', caFile];
  return ['--distributor', to, '--trust-domain', TRUST_DOMAIN, ...files];
}

const as = (name: string, argv: readonly string[], to = url): Promise<Run> => run([...argv, ...connection(name, to)]);

const storeAt = (changes: object = {}): Database => {
  const { host, port, user, passwordFile } = server;
  const { store } = distributorConfig.parse({
    ...base,
    store: { kind: 'postgres', host, port, database: server.database, user, passwordFile, ...changes },
  });
  if (store.kind === 'none') throw new Error('expected a store');
  return createDatabase(store, { dataDir: folder, log });
};

async function startDistributor(name: string, store: object): Promise<{ process: RunningProcess; url: string }> {
  const config = at(`${name}.json`);
  await writeFile(config, JSON.stringify({ ...base, dataDir: at(name), store, evidence }));
  const main = join(repositoryRoot(), 'distributor', 'dist', 'main.js');
  const { process, announcement } = await startService(main, ['--config', config]);
  return { process, url: `https://${announcement.addresses['https'] ?? ''}` };
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'portcullis-evidence-'));
  const now = new Date();
  const publisher = (name: string) => ({ kind: 'publisher', name }) as const;
  const leaves = [{ kind: 'distributor', name: 'd' } as const, ...['auditor', 'acme', 'stranger'].map(publisher)];
  const pki = await createDevelopmentPki({ trustDomain: TRUST_DOMAIN, now, leaves });
  await writeDevelopmentPki(at('pki'), pki, { force: false });
  const other = await createDevelopmentPki({ trustDomain: 'other.test', now, leaves: leaves.slice(0, 1) });
  await writeDevelopmentPki(at('other'), other, { force: false });
  const trust = await initTrust({
    ...{ profile: 'dev', envs: ['dev'], directory: at('trust') },
    ...{ now: now.getTime(), force: false },
  });
  base = {
    ...{ trustDomain: TRUST_DOMAIN, tls: tls('distributor-d'), dataDir: at('data') },
    ...{ trustDir: trust.metadataDirectory, keysDir: trust.distributorKeys },
  };
  server = await startPostgresServer(tls('distributor-d'));
  const { host, port, user, passwordFile } = server;
  const { caFile } = tls('distributor-d');
  const secured = { tls: { caFile } };
  database = storeAt(secured);
  const started = await startDistributor('main', {
    ...{ kind: 'postgres', host, port, database: server.database, user, passwordFile },
    ...secured,
  });
  ({ process: distributor, url } = started);
  const store = createDatabaseStore(database);
  await store.append(chain.writer, chain.records);
  await store.checkpoint(chain.writer, chain.at(3), chain.note(3));
  await writeFile(at('kept.vkey'), `${chain.signer.verifierKey}\n`);
});
afterAll(async () => {
  await distributor?.stop();
  await database?.close();
  await server?.close();
  await rm(folder, { recursive: true, force: true });
});

describe('an auditor', () => {
  test('sees the chains, and verifies one', async () => {
    const writers = await as('auditor', ['audit', 'writers']);
    expect([writers.code, writers.stdout]).toEqual([0, expect.stringMatching(/pdp-1\S+ +3 +3 +0\n/)]);
    const verify = ['audit', 'verify', '--writer', chain.writer, '--key', at('kept.vkey')];
    expect(await as('auditor', verify)).toMatchObject({
      code: 0,
      stderr: expect.stringContaining('signed up to record 3'),
    });
  });

  test('exports a chain that verifies where it was taken to', async () => {
    const { code, stdout } = await as('auditor', ['audit', 'export', '--writer', chain.writer]);
    expect([code, stdout.trimEnd().split('\n').slice(1)]).toEqual([0, chain.records.map(({ line }) => line)]);
    await writeFile(at('taken.jsonl'), stdout);
    expect(await run(['audit', 'verify', at('taken.jsonl'), '--key', at('kept.vkey')])).toMatchObject({
      ...{ code: 0, stderr: expect.stringContaining('signed up to record 3') },
    });
  });

  test('has to say which chain, and one source', async () => {
    const which = await as('auditor', ['audit', 'verify']);
    expect(which).toMatchObject({ code: 2, stderr: expect.stringContaining('--writer: expected whose chain') });
    const both = await as('auditor', ['audit', 'tail', folder]);
    expect(both).toMatchObject({ code: 2, stderr: expect.stringContaining('expected only one of them') });
  });

  test('sees the newest records as they were sealed, and what one may see alone', async () => {
    const all = await as('auditor', ['audit', 'tail', '--json']);
    expect(all.stdout.trimEnd().split('\n')).toEqual(chain.records.map(({ line }) => line));
    const acme = await as('acme', ['audit', 'tail']);
    expect(acme.stdout).toMatch(/^1 .* acme\/a1 .*\n3 .* acme\/analyst .*\n$/);
    expect((await as('acme', ['audit', 'tail', '--tenant', 'globex'])).stdout).toBe('');
    const csv = await as('auditor', ['audit', 'export', '--effect', 'deny', '--format', 'csv']);
    expect(csv.stdout.trimEnd().split('\n')).toHaveLength(3);
  });

  test('finds what an agent was told of, by the id of the decision', async () => {
    const told = ['--decision', 'd-pdp-1-1'];
    expect((await as('auditor', ['audit', 'export', ...told])).stdout.trimEnd()).toBe(chain.records[0]?.line);
    const seen = await as('auditor', ['decisions', 'tail', '--no-follow', '--json', ...told]);
    expect(seen.stdout.trimEnd()).toBe(chain.records[0]?.line);
    const none = await as('auditor', ['decisions', 'tail', '--no-follow', '--lines', '1', '--operation', 'nothing']);
    expect([none.code, none.stdout]).toEqual([0, '']);
  });

  test('follows what comes', async () => {
    const later = chainOfRecords('pdp-2', [{ tenant: 'acme', agent: 'late', at: new Date().toISOString() }]);
    const stop = new AbortController();
    const seen: string[] = [];
    const running = runCli(['audit', 'tail', '--follow', '--json', ...connection('auditor', url)], {
      terminal: {
        ...{ width: 80, data: (text) => void seen.push(text), say: () => undefined },
        input: async () => new Uint8Array(),
      },
      signal: stop.signal,
    });
    await eventually('the first records', () => seen.length === 3);
    await createDatabaseStore(database).append(later.writer, later.records);
    await eventually('the record that came', () => seen.length === 4);
    expect(seen.at(-1)).toBe(later.records[0]?.line);
    stop.abort();
    await running;
  });

  test.each([
    ['stranger', ['tail'], 'you may read no evidence here'],
    ['acme', ['writers'], 'chains are for those who may see all tenants'],
    ['acme', ['verify', '--writer', chain.writer], 'chains are for those who may see all tenants'],
    ['acme', ['erase', '--tenant', 'acme', '--comment', 'x'], 'may not have texts'],
    ['auditor', ['erase', '--tenant', 'globex', '--comment', 'x'], 'a legal hold covers tenant globex'],
    ['auditor', ['export', '--writer', 'nobody'], 'there is no chain of this writer'],
  ])('%s is refused %j', async (name, argv, message) => {
    expect(await as(name, ['audit', ...argv])).toMatchObject({
      code: 6,
      stdout: '',
      stderr: expect.stringContaining(message),
    });
  });

  test('has texts erased, and the chain still proves the rest', async () => {
    const erased = await as('auditor', [
      'audit',
      'erase',
      '--tenant',
      'acme',
      '--agent',
      'a1',
      '--comment',
      'request 4711',
    ]);
    expect(erased).toMatchObject({ code: 0, stderr: expect.stringContaining('1 records erased') });
    const retention = await as('acme', ['audit', 'retention']);
    expect(retention.stdout).toMatch(/erasure +acme +a1 +1 +auditor +request 4711/);
    const verify = ['audit', 'verify', '--writer', chain.writer, '--key', at('kept.vkey')];
    expect(await as('auditor', verify)).toMatchObject({
      code: 7,
      stderr: expect.stringContaining('TOMBSTONE_REFUSED'),
    });
    expect(await as('auditor', [...verify, '--allow-erased'])).toMatchObject({
      ...{ code: 0, stderr: expect.stringContaining('1 records were erased') },
    });
  });
});

describe('the connection to PostgreSQL', () => {
  test('is refused where the server’s certificate is of another authority, or there is none', async () => {
    const { caFile } = tlsFilesOf(at('other'), { folder: 'distributor-d' });
    for (const changes of [{ tls: { caFile } }, {}]) {
      const wrong = storeAt(changes);
      await expect(wrong.open()).rejects.toMatchObject({ code: 'ERR_STORE_UNAVAILABLE' });
      await wrong.close();
    }
  });

  test('is lost and found without the distributor ending, and kills and releases go on', async () => {
    await server.crash();
    const lost = await as('auditor', ['audit', 'tail']);
    expect(lost).toMatchObject({ code: 1, stderr: expect.stringContaining('the distributor cannot') });
    expect((await as('auditor', ['release', 'status', '--env', 'dev'])).code).toBe(0);
    await server.start();
    expect((await as('auditor', ['audit', 'tail'])).code).toBe(0);
  });
});

describe('the embedded database', () => {
  test('is opened beside a distributor that answers already, and is there again after a restart', async () => {
    const first = await startDistributor('embedded', { kind: 'embedded' });
    expect((await as('auditor', ['release', 'status', '--env', 'dev'], first.url)).code).toBe(0);
    expect(await as('auditor', ['audit', 'writers', '--json'], first.url)).toMatchObject({ code: 0 });
    expect(await first.process.stop()).toEqual({ code: 0, signal: null });
    const second = await startDistributor('embedded', { kind: 'embedded' });
    const run = await as('auditor', ['audit', 'writers', '--json'], second.url);
    expect([run.code, JSON.parse(run.stdout)]).toEqual([0, { writers: [] }]);
    await second.process.stop();
  });
});
