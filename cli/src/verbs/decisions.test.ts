import { appendFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { type DecisionEntry, GENESIS, sealDecision, sealRefusal, sealRelease } from '@portcullis/policy/evidence';
import { EXIT } from '../exit-codes.js';
import { runForTest } from '../fake-terminal.js';
import { runCli } from '../program.js';
import { temporaryFolder } from '../temporary-folder.js';

const ENTRIES: readonly Partial<DecisionEntry>[] = [
  { agent: 'planner', tool: { server: 'books', name: 'report', operation: 'SendMessage' } },
  { effect: 'deny', deny: ['POLICY_DENIED'], matched: [{ policy: 'no-pay', layer: 'tenant', effect: 'deny' }] },
  { tenant: 'globex', tool: { server: 'x', name: '\u001b[2J', operation: 'tools/call' }, reuse_of: 'd1' },
];

/** A record in its chain; only the hash of each matters here. */
function line(index: number, seq = index + 1): string {
  const entry: DecisionEntry = {
    decision_id: `d${index + 1}`,
    request_digest: '11'.repeat(32),
    effect: 'allow',
    deny: [],
    tenant: 'acme',
    agent: 'analyst',
    tool: { server: 'files', name: 'read', operation: 'tools/call' },
    bundle_digest: '22'.repeat(32),
    policy_version: '1.0.0',
    release_seq: 1,
    matched: [{ policy: 'readers', layer: 'tenant', effect: 'allow' }],
    timings_us: { evaluation: 1240 },
    at: `2026-11-22T12:00:0${index}.000Z`,
    ...ENTRIES[index],
  };
  return sealDecision(entry, { record_id: `r${index}`, writer: 'w', seq, prev: GENESIS }).line;
}

const RELEASE = sealRelease(
  {
    kind: 'release',
    event: 'activated',
    env: 'prod',
    channel: 'default',
    release_seq: 1,
    bundle_digest: 'd',
    policy_version: '1',
    at: '2026-11-22T00:00:00.000Z',
  },
  { record_id: 'x', writer: 'w', seq: 9, prev: GENESIS },
).line;

const REFUSAL = sealRefusal(
  {
    kind: 'refusal',
    refusal_id: 'u1',
    tenant: 'acme',
    agent: 'prober',
    source: 'egress_proxy',
    code: 'REQUEST_INVALID',
    reason: 'EGRESS_TLS_HANDSHAKE',
    status: 400,
    tool: { server: 'site.test:443', operation: 'CONNECT' },
    count: 12,
    at: '2026-11-22T12:00:03.000Z',
    last_at: '2026-11-22T12:00:03.900Z',
  },
  { record_id: 'y', writer: 'w', seq: 10, prev: GENESIS },
).line;

async function chain() {
  const folder = await temporaryFolder();
  const file = join(folder.path, '0000000000000001.jsonl');
  await writeFile(file, `${[line(0), RELEASE, REFUSAL, line(1), line(2)].join('\n')}\n`);
  return { path: folder.path, file, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
}

const tail = (path: string, ...flags: readonly string[]) =>
  runForTest(['decisions', 'tail', path, '--no-follow', ...flags]);

describe('decisions tail', () => {
  test('shows what a sidecar refused by itself, and how often', async () => {
    await using audit = await chain();
    const { stdout } = await tail(audit.path, '--agent', 'prober');
    expect(stdout.trimEnd().replaceAll(/ +/g, ' ')).toBe(
      '2026-11-22T12:00:03.000Z deny acme/prober CONNECT site.test:443 REQUEST_INVALID ' +
        'EGRESS_TLS_HANDSHAKE by egress_proxy ×12 u1',
    );
    expect((await tail(audit.path, '--code', 'REQUEST_INVALID')).stdout).toContain('u1');
    const shown = await runForTest(['audit', 'tail', audit.path]);
    expect(shown.stdout).toContain('acme/prober  site.test:443/CONNECT  REQUEST_INVALID  EGRESS_TLS_HANDSHAKE by');
  });

  test('shows decisions, with why and how long, and nothing that a terminal would obey', async () => {
    await using audit = await chain();
    const shown = (await tail(audit.path)).stdout.trimEnd().split('\n');
    expect(shown.map((one) => one.replaceAll(/ +/g, ' '))).toEqual([
      '2026-11-22T12:00:00.000Z allow acme/planner SendMessage books/report tenant/readers 1.2ms d1',
      '2026-11-22T12:00:03.000Z deny acme/prober CONNECT site.test:443 REQUEST_INVALID EGRESS_TLS_HANDSHAKE by egress_proxy ×12 u1',
      '2026-11-22T12:00:01.000Z deny acme/analyst tools/call files/read POLICY_DENIED tenant/no-pay 1.2ms d2',
      '2026-11-22T12:00:02.000Z allow globex/analyst tools/call x/\ufffd[2J tenant/readers kept d3',
    ]);
  });

  test.each([
    [['--tenant', 'globex'], ['d3']],
    [['--agent', 'planner'], ['d1']],
    [
      ['--effect', 'deny'],
      ['u1', 'd2'],
    ],
    [['--server', 'files'], ['d2']],
    [['--tool', 'report'], ['d1']],
    [
      ['--operation', 'tools/call'],
      ['d2', 'd3'],
    ],
    [['--code', 'POLICY_DENIED'], ['d2']],
    [
      ['--policy', 'readers'],
      ['d1', 'd3'],
    ],
    [['--policy', 'tenant/no-pay'], ['d2']],
    [['--policy', 'platform/no-pay'], []],
    [['--operation', 'tools/call', '--lines', '1'], ['d3']],
    [['--lines', '0'], []],
  ])('%j', async (flags, expected) => {
    await using audit = await chain();
    const { stdout } = await tail(audit.path, ...flags, '--json');
    const ids = stdout
      .split('\n')
      .filter((one) => one !== '')
      .map((one) => JSON.parse(one) as { decision_id?: string; refusal_id?: string })
      .map(({ decision_id: id, refusal_id: refused }) => id ?? refused);
    expect(ids).toEqual(expected);
  });

  test('says so when a record was altered', async () => {
    await using audit = await chain();
    await appendFile(audit.file, `${line(0).replace('planner', 'mallory')}\n`);
    expect((await tail(audit.path, '--lines', '1')).stdout).toMatch(/^\? {2}/);
  });

  test('follows, and filters what comes', async () => {
    await using audit = await chain();
    const stop = new AbortController();
    let stdout = '';
    let seen: () => void = () => undefined;
    const next = () =>
      new Promise<void>((resolve) => {
        seen = resolve;
      });
    const began = next();
    const running = runCli(['decisions', 'tail', audit.path, '--lines', '1', '--effect', 'deny'], {
      terminal: {
        width: 80,
        data: (text) => {
          stdout += `${text}\n`;
          seen();
        },
        say: () => undefined,
        input: async () => new Uint8Array(),
      },
      signal: stop.signal,
    });
    await began;
    const came = next();
    await appendFile(audit.file, `${line(0, 10)}\n${line(1, 11)}\n`);
    await came;
    stop.abort();
    expect(await running).toBe(EXIT.ok);
    expect(stdout.match(/d2$/gm)).toHaveLength(2);
    expect(stdout).not.toContain('d1');
  });

  test('is of one source, and of no single chain', async () => {
    await using audit = await chain();
    expect((await tail(audit.path, '--distributor', 'https://d')).code).toBe(EXIT.usage);
    expect((await runForTest(['decisions', 'tail', '--writer', 'w', '--no-follow'])).code).toBe(EXIT.usage);
  });
});
