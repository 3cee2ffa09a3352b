import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { CanonicalRequest, Decision, DenyCode } from '@portcullis/policy/model';
import type { SettlementReport } from '@portcullis/proto';
import { buildFromDirectory } from '../bundle/load-engine.js';
import { EXIT } from '../exit-codes.js';
import { runForTest } from '../fake-terminal.js';
import { temporaryFolder } from '../temporary-folder.js';
import type { DecisionPoint } from './replay/decision-point.js';
import { decisionLines, readTraffic, replayAll, summarise, summaryLines } from './replay/run.js';

const SCENARIO = {
  id: 's-1',
  suite: 'bank',
  group: 'g-1',
  prompt: 'Pay the invoice',
  user: { name: 'Uma' },
  agent: { id: 'assistant' },
  calls: [
    { step: 0, tool: 'read', args: { file: 'invoice' }, output: 'To: Bob' },
    { step: 1, tool: 'pay', args: { to: 'Bob' }, output: 'done' },
  ],
};

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeAll(async () => {
  folder = await temporaryFolder();
  for (const name of ['fpr', 'annotations', 'scope']) await mkdir(join(folder.path, name));
  await writeFile(join(folder.path, 'fpr', 'bank.jsonl'), `${JSON.stringify(SCENARIO)}\n`);
  const tools = { pay: { effect: 'write', arguments: { trusted: ['to'], public: ['content'] } } };
  await writeFile(join(folder.path, 'annotations', 'bank.json'), JSON.stringify({ tools }));
  await writeFile(join(folder.path, 'scope', 'bank.json'), JSON.stringify({ plans: { 'g-1': ['read', 'pay'] } }));
});
afterAll(async () => {
  await folder[Symbol.asyncDispose]();
});

interface Told {
  readonly requests: CanonicalRequest[];
  readonly reports: SettlementReport[];
}

/** Allows, but denies what is called `pay`, with that code. */
function pointOf(told: Told, code: DenyCode | undefined): DecisionPoint {
  return {
    ask: async (request) => {
      told.requests.push(request);
      const isDenied = request.tool?.name === 'pay' && code !== undefined;
      return {
        decision_id: `d-${told.requests.length}`,
        allow: !isDenied,
        effect: isDenied ? 'deny' : 'allow',
        deny: isDenied ? [{ code, message: 'no', path: '' }] : [],
        conditions: [],
        matched: [],
        meta: { bundle_digest: 'ab' },
        request_digest: 'cd',
      } as unknown as Decision;
    },
    report: async (settlement) => {
      told.reports.push(settlement);
      return true;
    },
    close: () => undefined,
  };
}

describe('a replay', () => {
  test('shows what a sidecar would show, and results only of what was allowed', async () => {
    const told: Told = { requests: [], reports: [] };
    const traffic = readTraffic(folder.path, []);
    const reasons = await replayAll(traffic, { point: pointOf(told, 'POLICY_DENIED'), tenant: 'acme', track: 'T1' });
    expect(decisionLines(reasons)).toBe(
      '{"id":"s-1","step":0,"outcome":"allow"}\n{"id":"s-1","step":1,"outcome":"deny"}\n',
    );
    expect(told.requests.map(({ context }) => context['task'])).toEqual([
      { prompt: 'Pay the invoice', user: { name: 'Uma' }, tools: ['read', 'pay'] },
      { prompt: 'Pay the invoice', user: { name: 'Uma' }, tools: ['read', 'pay'] },
    ]);
    expect(JSON.stringify(told.requests)).not.toContain('g-1');
    expect(told.reports.map(({ result }) => result?.value)).toEqual(['To: Bob']);
    const summary = await summarise(reasons, { track: 'T1', scenarios: 1 });
    expect(summary).toMatchObject({ calls: 2, outcomes: { allow: 1, deny: 1 }, default_packs: false });
    expect(summary.codes).toEqual({ POLICY_DENIED: 1 });
    expect(summaryLines(summary)).toContain('  POLICY_DENIED: 1');
    expect(summaryLines(summary)[0]).toContain('ANOTHER RELEASE');
  });

  test.each(['NO_VALID_BUNDLE', 'PDP_TIMEOUT', 'IDENTITY_REJECTED', 'APPROVAL_UNAVAILABLE'] as const)(
    'ends at %s: that would count as an attack that was stopped',
    async (code) => {
      const told: Told = { requests: [], reports: [] };
      const traffic = readTraffic(folder.path, []);
      const replayed = replayAll(traffic, { point: pointOf(told, code), tenant: 'acme', track: 'T0' });
      await expect(replayed).rejects.toMatchObject({ code: 'ERR_CLI_UNREACHABLE' });
    },
  );
});

describe('portcullis efficacy --data', () => {
  test('--prepare writes a source that builds, the declared tools and the settings', async () => {
    const out = join(folder.path, 'replay');
    const { code } = await runForTest(['efficacy', '--data', folder.path, '--prepare', out, '--tenant', 'globex']);
    expect([code, (await readdir(out)).toSorted()]).toEqual([EXIT.ok, ['bundle', 'pdp.json', 'tools.json']]);
    const built = await buildFromDirectory(join(out, 'bundle'));
    expect(built.ok).toBe(true);
    // Who may read a value does not say what it is to the call.
    expect(JSON.parse(await readFile(join(out, 'tools.json'), 'utf8')).servers).toEqual({
      bank: { pay: { effect: 'write', arguments: { to: 'destination' } } },
    });
    expect(JSON.parse(await readFile(join(out, 'pdp.json'), 'utf8'))).toMatchObject({
      gateways: { replay: ['globex'] },
      sessions: { toolsFile: join(out, 'tools.json'), maxSessions: 2 },
    });
  });

  test.each<[string, readonly string[], string]>([
    ['no data', [], '--data'],
    ['data without sessions', ['--data', '/nothing'], '--data'],
    ['no PDP', ['--data', 'DATA'], '--pdp'],
    ['a URL', ['--data', 'DATA', '--pdp', 'https://pdp:7443'], '--pdp'],
    ['no trust domain', ['--data', 'DATA', '--pdp', 'pdp:7443'], '--trust-domain'],
    ['no certificate', ['--data', 'DATA', '--pdp', 'pdp:7443', '--trust-domain', 'example.org'], '--tls-cert'],
    ['another track', ['--data', 'DATA', '--track', 'T2'], '--track'],
    ['a suite that is not there', ['--data', 'DATA', '--prepare', 'x', '--suite', 'none'], '--data'],
  ])('%s is a fault of usage', async (name, words, flag) => {
    const given = words.map((word) => (word === 'DATA' ? folder.path : word));
    const pdp = name === 'data without sessions' ? ['--prepare', join(folder.path, 'x')] : [];
    const { code, stderr } = await runForTest(['efficacy', ...given, ...pdp]);
    expect([code, stderr]).toEqual([EXIT.usage, expect.stringContaining(flag)]);
  });

  test('leaves the flags of the verbs below it to them', async () => {
    const rows = join(folder.path, 'texts.jsonl');
    await mkdir(join(folder.path, 'text'));
    await writeFile(join(folder.path, 'text', 'a.jsonl'), '{"id":"a","text":"hello"}\n');
    const { code } = await runForTest(['efficacy', 'text', '--data', folder.path, '--out', rows]);
    expect([code, (await readFile(rows, 'utf8')).includes('"id":"a"')]).toEqual([EXIT.ok, true]);
  });
});
