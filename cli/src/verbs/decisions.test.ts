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

/** What was reached, or was not. */
const REACHING: readonly Partial<DecisionEntry>[] = [
  {
    tool: {},
    effect: 'deny',
    deny: ['POLICY_DENIED'],
    matched: [],
    target: { scheme: 'https', host: 'site.test', port: 443, method: 'GET' },
    risk: { decision: 'REVIEW', score: 0.62, signals: ['burst', 'new_destination'] },
  },
  { tool: { server: 'openai', operation: 'chat' }, target: { provider: 'openai', model: 'm-1' }, matched: [] },
  {
    tool: { server: 'planner', name: 'book', operation: 'SendMessage' },
    target: { peer: 'planner', skill: 'book' },
    matched: [],
    risk: { decision: 'UNKNOWN', signals: [] },
  },
  { tool: { server: 'web', name: 'fetch' }, target: { host: '\u001b[2J' }, matched: [] },
];

describe('decisions about more than tools', () => {
  async function reaching() {
    const folder = await temporaryFolder();
    const lines = REACHING.map((changes, index) => {
      const entry = {
        ...(JSON.parse(line(1)) as DecisionEntry),
        ...changes,
        decision_id: `r${index}`,
        effect: changes.effect ?? 'allow',
      };
      return sealDecision(entry, { record_id: `r${index}`, writer: 'w', seq: index + 1, prev: GENESIS }).line;
    });
    await writeFile(join(folder.path, '0000000000000001.jsonl'), `${lines.join('\n')}\n`);
    return folder;
  }

  test('say what was reached or refused, and what was found of its risk', async () => {
    await using folder = await reaching();
    const shown = (await tail(folder.path)).stdout.trimEnd().split('\n');
    expect(shown.map((one) => one.replaceAll(/ +/g, ' ').replace(/^\S+ /, ''))).toEqual([
      'deny acme/analyst GET https://site.test:443 POLICY_DENIED risk REVIEW 0.62 burst new_destination 1.2ms r0',
      'allow acme/analyst chat openai/m-1 POLICY_DENIED 1.2ms r1',
      'allow acme/analyst SendMessage planner/book POLICY_DENIED risk UNKNOWN 1.2ms r2',
      'allow acme/analyst web/fetch \ufffd[2J POLICY_DENIED 1.2ms r3',
    ]);
    const audit = (await runForTest(['audit', 'tail', folder.path])).stdout.replaceAll(/ +/g, ' ');
    expect(audit).toContain('deny acme/analyst GET https://site.test:443 POLICY_DENIED risk REVIEW 0.62 burst');
    expect(audit).toContain('allow acme/analyst chat openai/m-1');
  });

  test.each([
    [['--host', 'site.test'], ['r0']],
    [['--host', 'site.test', '--effect', 'allow'], []],
    [['--host', 'site'], []],
    [['--model', 'm-1'], ['r1']],
    [['--decision', 'r2'], ['r2']],
    [['--decision', 'r'], []],
  ])('are found by %j', async (flags, expected) => {
    await using folder = await reaching();
    const found = (await tail(folder.path, ...flags, '--json')).stdout;
    const exported = (await runForTest(['audit', 'export', folder.path, ...flags])).stdout;
    for (const text of [found, exported]) {
      const ids = text.split('\n').filter((one) => one !== '');
      expect(ids.map((one) => (JSON.parse(one) as { decision_id: string }).decision_id)).toEqual(expected);
    }
  });

  test('are columns of a CSV', async () => {
    await using folder = await reaching();
    const { stdout } = await runForTest(['audit', 'export', folder.path, '--format', 'csv']);
    const [head = [], ...rows] = stdout
      .trimEnd()
      .split('\n')
      .map((row) => row.split(','));
    const first = head.indexOf('scheme');
    expect(head.slice(first, first + 11).join()).toBe(
      'scheme,host,port,method,provider,model,peer,skill,risk,risk_score,risk_signals',
    );
    expect(rows.map((row) => row.slice(first, first + 11).join())).toMatchObject([
      'https,site.test,443,GET,,,,,REVIEW,0.62,burst new_destination',
      ',,,,openai,m-1,,,,,',
      ',,,,,,planner,book,UNKNOWN,,',
      expect.stringContaining('[2J'),
    ]);
  });

  test('of a file are filtered by export, and not by audit tail', async () => {
    await using folder = await reaching();
    expect((await runForTest(['audit', 'tail', folder.path, '--host', 'site.test'])).code).toBe(EXIT.usage);
  });
});

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

  test('ends once nobody reads it any more', async () => {
    await using audit = await chain();
    const unread = new AbortController();
    const lines: string[] = [];
    const running = runCli(['decisions', 'tail', audit.path, '--lines', '1'], {
      terminal: {
        width: 80,
        unread: unread.signal,
        data: (text) => {
          lines.push(text);
          unread.abort();
        },
        say: () => undefined,
        input: async () => new Uint8Array(),
      },
      signal: new AbortController().signal,
    });
    expect(await running).toBe(EXIT.ok);
    expect(lines).toHaveLength(1);
  });

  test('is of one source, and of no single chain', async () => {
    await using audit = await chain();
    expect((await tail(audit.path, '--distributor', 'https://d')).code).toBe(EXIT.usage);
    expect((await runForTest(['decisions', 'tail', '--writer', 'w', '--no-follow'])).code).toBe(EXIT.usage);
  });
});
