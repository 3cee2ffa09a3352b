import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import {
  connectDistributor,
  createDevelopmentPki,
  type DistributorConnection,
  initTrust,
  issueLeaf,
  type LeafIdentity,
  type LeafOverrides,
  type TrustInitResult,
  tlsFilesOf,
  writeDevelopmentPki,
  writeLeaf,
} from '@portcullis/cli';
import { encodeNodeStatus, NODE_STATUS_SUBJECT } from '@portcullis/policy/trust';
import type { TlsFiles } from '@portcullis/runtime';
import { request } from 'undici';
import { type RunningProcess, startService } from '../support/child-process.js';
import { repositoryRoot } from '../support/root.js';

/**
 * The command line, as the built program in processes of its own, against the real distributor over mutual TLS. PDPs
 * are only their reports here: what they make of a release has tests of its own.
 */
const TRUST_DOMAIN = 'portcullis.test';
const MAIN = join(repositoryRoot(), 'cli', 'dist', 'main.js');

interface CliRun {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

let folder = '';
let url = '';
let trust: TrustInitResult;
let pki: Awaited<ReturnType<typeof createDevelopmentPki>>;
let distributor: RunningProcess | undefined;
let pdp: DistributorConnection;
const at = (...parts: readonly string[]): string => join(folder, ...parts);

/** Runs the built program; the settings of the connection come from the environment, as in a pipeline. */
async function cli(
  argv: readonly string[],
  options: { readonly env?: Record<string, string>; readonly stdin?: string } = {},
): Promise<CliRun> {
  const tls = tlsFilesOf(at('pki'), { folder: 'publisher-ci' });
  const child = spawn(process.execPath, [MAIN, ...argv], {
    cwd: folder,
    env: {
      PATH: process.env['PATH'],
      NO_COLOR: '1',
      PORTCULLIS_CLI_DISTRIBUTOR: url,
      PORTCULLIS_CLI_TRUST_DOMAIN: TRUST_DOMAIN,
      PORTCULLIS_CLI_ROOT_FILE: trust.rootFile,
      PORTCULLIS_CLI_ENV: 'prod',
      PORTCULLIS_CLI_TLS_CERT_FILE: tls.certFile,
      PORTCULLIS_CLI_TLS_KEY_FILE: tls.keyFile,
      PORTCULLIS_CLI_TLS_CA_FILE: tls.caFile,
      ...options.env,
    },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  child.stdin.end(options.stdin ?? '');
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
  return { code: code as number | null, stdout, stderr };
}

async function writePolicies(name: string, version: string, effect: string): Promise<string> {
  await mkdir(at(name, 'base'), { recursive: true });
  await writeFile(
    at(name, 'bundle.yaml'),
    `format: portcullis.policy/1\nname: demo\nversion: ${version}\nsets:\n  - { name: base, layer: platform, combining: priority, priority_order: desc, policies: base }\n`,
  );
  await writeFile(
    at(name, 'base', 'reads.yaml'),
    `name: Reads\nslug: reads\nwhen: { field: tool.name, operator: equals, value: read_file }\neffect: ${effect}\npriority: 50\n`,
  );
  return at(name);
}

/** Reports as pdp-1 would, over the channel that PDPs report on. */
async function report(state: 'loaded' | 'refused', seq: number, digest: string): Promise<void> {
  const body = encodeNodeStatus({
    node: 'pdp-1',
    state,
    env: 'prod',
    channel: 'default',
    release_seq: seq,
    bundle_digest: digest,
    freshness: 'fresh',
    at: new Date().toISOString(),
    ...(state === 'refused' ? { reason: 'it does not compile here' } : {}),
  });
  const answer = await request(`${url}/v1/channel/messages/${NODE_STATUS_SUBJECT}`, {
    method: 'POST',
    dispatcher: pdp.dispatcher,
    headers: { 'content-type': 'application/octet-stream' },
    body,
  });
  if (answer.statusCode !== 204) throw new Error(`${answer.statusCode} ${await answer.body.text()}`);
}

/** Repeats `step` until `running` has ended. */
async function alongside<T>(running: Promise<T>, step: () => Promise<void>): Promise<T> {
  const ended = new AbortController();
  void running.finally(() => ended.abort());
  while (!ended.signal.aborted) await step();
  return running;
}

async function issue(
  identity: LeafIdentity,
  name: string,
  overrides: LeafOverrides = {},
): Promise<Record<string, string>> {
  const leaf = await issueLeaf(pki.authority, identity, { now: new Date(), overrides });
  const files: TlsFiles = await writeLeaf(at('pki'), { ...leaf, folder: name }, { force: false });
  return { PORTCULLIS_CLI_TLS_CERT_FILE: files.certFile, PORTCULLIS_CLI_TLS_KEY_FILE: files.keyFile };
}

const keys = (...holders: readonly string[]): readonly string[] =>
  holders.flatMap((holder) => ['--keys', at('trust', 'holders', holder)]);
const ALL_KEYS = keys('policy-owner-1', 'policy-owner-2', 'release-manager-1');

// Every step starts a process, on machines that are busy with other tests.
jest.setTimeout(60_000);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'portcullis-cli-'));
  const now = new Date();
  pki = await createDevelopmentPki({
    trustDomain: TRUST_DOMAIN,
    now,
    leaves: [
      { kind: 'distributor', name: 'main' },
      { kind: 'publisher', name: 'ci' },
      { kind: 'pdp', name: 'pdp-1' },
    ],
  });
  await writeDevelopmentPki(at('pki'), pki, { force: false });
  trust = await initTrust({
    profile: 'team',
    envs: ['prod'],
    directory: at('trust'),
    now: now.getTime(),
    force: false,
  });

  const config = at('distributor.json');
  await writeFile(
    config,
    JSON.stringify({
      trustDomain: TRUST_DOMAIN,
      tls: tlsFilesOf(at('pki'), { folder: 'distributor-main' }),
      dataDir: at('distributor'),
      trustDir: trust.metadataDirectory,
      keysDir: trust.distributorKeys,
    }),
  );
  const started = await startService(join(repositoryRoot(), 'distributor', 'dist', 'main.js'), ['--config', config]);
  distributor = started.process;
  url = `https://${started.announcement.addresses['https'] ?? ''}`;
  pdp = await connectDistributor({
    distributor: url,
    trustDomain: TRUST_DOMAIN,
    tls: tlsFilesOf(at('pki'), { folder: 'pdp-pdp-1' }),
  });
  await writePolicies('v1', '1.0.0', '{ type: allow }');
  await writePolicies('v2', '2.0.0', '{ type: deny, deny_reason_code: OFF, deny_user_message: Reading is off. }');
  await writePolicies('broken', '3.0.0', '{ type: permit }');
});

afterAll(async () => {
  await pdp?.close();
  await distributor?.stop();
  await rm(folder, { recursive: true, force: true });
});

describe('before the first release', () => {
  test('status says so, in words and in JSON', async () => {
    expect(await cli(['release', 'status'])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('prod/default: no release yet'),
    });
    const json = await cli(['release', 'status', '--json']);
    expect(JSON.parse(json.stdout)).toEqual({
      env: 'prod',
      channel: 'default',
      current: null,
      history: [],
      nodes: [],
      converged: false,
    });
  });

  test('rollback has nothing to go back to', async () => {
    expect(await cli(['release', 'rollback', ...ALL_KEYS])).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringContaining('has no release yet'),
    });
  });

  test.each<[string, string, LeafIdentity, number, RegExp]>([
    ['a PDP may not publish', 'as-pdp', { kind: 'pdp', name: 'pdp-1' }, 6, /the distributor refused/],
    [
      'an agent may not even look',
      'as-agent',
      { kind: 'agent', tenant: 'acme', agent: 'bot' },
      6,
      /the distributor refused/,
    ],
  ])('%s: exit 6', async (_name, name, identity, code, stderr) => {
    const run = await cli(['release', 'publish', 'v1', ...ALL_KEYS], { env: await issue(identity, name) });
    expect(run).toMatchObject({ code, stderr: expect.stringMatching(stderr) });
  });

  test('a distributor of another trust domain is not talked to', async () => {
    const run = await cli(['release', 'status'], { env: { PORTCULLIS_CLI_TRUST_DOMAIN: 'other.test' } });
    expect(run).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/server identity is not accepted: expected a d/),
    });
  });

  test('an expired certificate of ours is named before anything is sent', async () => {
    const env = await issue({ kind: 'publisher', name: 'late' }, 'late', {
      notBefore: new Date('2020-01-01'),
      notAfter: new Date('2020-02-01'),
    });
    expect(await cli(['release', 'status'], { env })).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/expired/),
    });
  });

  test('a distributor that does not answer: exit 1 with its address', async () => {
    const run = await cli(['release', 'status'], { env: { PORTCULLIS_CLI_DISTRIBUTOR: 'https://127.0.0.1:9' } });
    expect(run).toMatchObject({ code: 1, stderr: expect.stringMatching(/https:\/\/127\.0\.0\.1:9.*ECONNREFUSED/) });
  });

  test('invalid policies: exit 3 with file, line and column, and nothing is released', async () => {
    const run = await cli(['release', 'publish', 'broken', ...ALL_KEYS]);
    expect(run).toMatchObject({
      code: 3,
      stdout: '',
      stderr: expect.stringMatching(/broken\/base\/reads\.yaml:4:\d+ .*permit/),
    });
  });
});

describe('a release', () => {
  let digest = '';

  test('is published and enforced: --wait ends when the PDP has loaded it', async () => {
    const running = cli(['release', 'publish', 'v1', ...ALL_KEYS, '--wait=30', '--reason', 'first', '--json']);
    // Reports what is current, as soon as there is something; the PDP's own tests cover how it gets there.
    const run = await alongside(running, async () => {
      const status = await cli(['release', 'status', '--json']);
      const { current } = JSON.parse(status.stdout) as { current: { seq: number; stable: { sha256: string } } | null };
      if (current !== null) await report('loaded', current.seq, current.stable.sha256);
    });
    expect({ code: run.code, stderr: run.stderr }).toEqual({
      code: 0,
      stderr: expect.stringMatching(/released and loaded by 1 PDPs/),
    });
    const result = JSON.parse(run.stdout) as { pointer: { stable: { sha256: string } } };
    expect(result).toMatchObject({
      outcome: 'released',
      pointer: {
        seq: 1,
        reason: 'first',
        actor: `spiffe://${TRUST_DOMAIN}/publisher/ci`,
        stable: { policy_version: '1.0.0' },
      },
      timings: { enforced_ms: expect.any(Number) },
      convergence: { converged: true, nodes: [{ node: 'pdp-1', state: 'loaded' }] },
    });
    digest = result.pointer.stable.sha256;
  });

  test('is the one that status shows, and the digest that build prints', async () => {
    const status = JSON.parse((await cli(['release', 'status', '--json'])).stdout) as unknown;
    expect(status).toMatchObject({
      current: { seq: 1, stable: { sha256: digest } },
      converged: true,
      nodes: [{ node: 'pdp-1', live: true }],
    });
    expect((await cli(['build', 'v1', '-o', 'v1.tar.gz'])).stdout.trim()).toBe(`sha256:${digest}`);
    const words = await cli(['release', 'status']);
    expect(words.stdout).toContain(`prod/default  seq 1  1.0.0  sha256:${digest}`);
    expect(words.stdout).not.toContain('\u001b[');
  });

  test('that a PDP refuses does not converge: exit 5, with its reason', async () => {
    const running = cli(['release', 'publish', 'v2', ...ALL_KEYS, '--wait=30']);
    const run = await alongside(running, async () => {
      const status = await cli(['release', 'status', '--json']);
      const { current } = JSON.parse(status.stdout) as { current: { seq: number } };
      if (current.seq === 2) await report('refused', 2, '');
    });
    expect(run).toMatchObject({
      code: 5,
      stderr: expect.stringMatching(/pdp-1: refused .*it does not compile here/),
    });
  });

  test('is rolled back under a higher seq, with a release key only', async () => {
    const run = await cli([
      'release',
      'rollback',
      ...keys('release-manager-2'),
      '--reason',
      'PDPs refuse it',
      '--json',
    ]);
    expect(run.code).toBe(0);
    expect(JSON.parse(run.stdout)).toMatchObject({
      outcome: 'released',
      pointer: {
        seq: 3,
        rollback_of: 2,
        reason: 'PDPs refuse it',
        stable: { sha256: digest, policy_version: '1.0.0' },
      },
    });
    const again = await cli(['release', 'rollback', ...keys('release-manager-1'), '--to', '2', '--json']);
    expect(JSON.parse(again.stdout)).toMatchObject({
      pointer: { seq: 4, rollback_of: 3, stable: { policy_version: '2.0.0' } },
    });
  });

  test('with too few signatures becomes a draft that the others sign and anyone submits', async () => {
    await writePolicies('v4', '4.0.0', '{ type: allow }');
    const first = await cli(['release', 'publish', 'v4', ...keys('policy-owner-1')]);
    expect(first).toMatchObject({ code: 1, stdout: '', stderr: expect.stringMatching(/targets: 1 of 2 signatures/) });
    const [draft = ''] = (await readdir(folder)).filter((name) => name.endsWith('.draft.json'));
    expect(draft).toBe('release-prod-default-5.draft.json');
    expect(await readFile(at(draft), 'utf8')).not.toContain('PRIVATE KEY');

    const early = await cli(['release', 'submit', draft]);
    expect(early.code).toBe(1);
    expect((await cli(['release', 'sign', draft, ...keys('policy-owner-2')])).stderr).toMatch(/releases-prod: 0 of 1/);
    const last = await cli(['release', 'sign', draft, ...keys('release-manager-1'), '--json']);
    expect(JSON.parse(last.stdout)).toMatchObject({ complete: true, missing: [], pointer: { seq: 5 } });
    const submitted = await cli(['release', 'submit', draft, '--json']);
    expect({ code: submitted.code, stderr: submitted.stderr }).toEqual({ code: 0, stderr: expect.any(String) });
    expect(JSON.parse(submitted.stdout)).toMatchObject({
      outcome: 'released',
      pointer: { seq: 5, stable: { policy_version: '4.0.0' } },
    });
    // The same draft again is one release too late.
    expect(await cli(['release', 'submit', draft])).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/was there a release meanwhile/),
    });
  });

  test('goes on after the root was rotated, from the old pin', async () => {
    const rotated = await cli([
      'trust',
      'rotate-root',
      '--root',
      trust.rootFile,
      ...keys('root-1', 'root-3'),
      '-o',
      '2.root.json',
    ]);
    expect(rotated).toMatchObject({ code: 0 });
    expect(await cli(['trust', 'publish-root', '2.root.json'])).toMatchObject({ code: 0 });
    // Handing it over again changes nothing; a root that the current one does not lead to is refused.
    expect(await cli(['trust', 'publish-root', '2.root.json'])).toMatchObject({ code: 0 });
    await cli(['trust', 'init', '--profile', 'dev', '--env', 'prod', '--dir', 'foreign']);
    expect(await cli(['trust', 'publish-root', 'foreign/root.json'])).toMatchObject({
      code: 6,
      stderr: expect.stringMatching(/the distributor refused/),
    });
    const run = await cli(['release', 'rollback', ...keys('release-manager-1'), '--to-version', '1.0.0', '--json']);
    expect({ code: run.code, stderr: run.stderr }).toEqual({ code: 0, stderr: expect.any(String) });
    expect(JSON.parse(run.stdout)).toMatchObject({ pointer: { seq: 6, stable: { sha256: digest } } });
  });
});

describe('the program', () => {
  test.each<[string, string[], number, RegExp]>([
    ['an unknown flag', ['release', 'status', '--jsn'], 2, /unknown option '--jsn'\n\(Did you mean --json\?\)/],
    ['a missing directory', ['validate', 'nowhere'], 1, /nowhere cannot be read/],
  ])('%s', async (_name, argv, code, stderr) => {
    expect(await cli(argv)).toMatchObject({ code, stdout: '', stderr: expect.stringMatching(stderr) });
  });

  test('reads a request from stdin', async () => {
    const stdin = JSON.stringify({
      version: '1.0',
      tenant_id: 'acme',
      source: 'mcp_proxy',
      agent: { id: 'bot' },
      tool: { name: 'read_file' },
      context: { timestamp: '2026-11-22T12:00:00Z', request_id: 'r-1' },
    });
    const run = await cli(['eval', 'v1', '--request', '-', '--json'], { stdin });
    expect(JSON.parse(run.stdout)).toMatchObject({ verdict: { effect: 'allow' } });
  });
});
