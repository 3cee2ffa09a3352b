import { appendFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import {
  type DecisionEntry,
  GENESIS,
  type NoteSigner,
  openNoteSigner,
  sealApproval,
  sealDecision,
  sealEnforcement,
  sealRelease,
  signCheckpoint,
  tombstoneLine,
} from '@portcullis/policy/evidence';
import { newEd25519Key } from '@portcullis/policy/trust';
import { EXIT } from '../exit-codes.js';
import { type CliRun, runForTest } from '../fake-terminal.js';
import { temporaryFolder } from '../temporary-folder.js';

const ENTRIES: readonly Partial<DecisionEntry>[] = [
  { at: '2026-11-01T00:00:00.000Z' },
  { at: '2026-11-02T00:00:00.000Z', effect: 'deny', deny: ['POLICY_DENIED'] },
  { at: '2026-11-03T00:00:00.000Z', tenant: 'globex', tool: { server: 'x', name: '=cmd("a")\u001b[2J' } },
  { at: '2026-11-04T00:00:00.000Z' },
];

interface Sample extends AsyncDisposable {
  readonly folder: string;
  readonly key: string;
  readonly signer: NoteSigner;
  readonly lines: readonly string[];
  run(...argv: readonly string[]): Promise<CliRun>;
}

/** A chain of four records in two segments, with a checkpoint of three. */
async function sample(): Promise<Sample> {
  const temporary = await temporaryFolder();
  const folder = join(temporary.path, 'audit');
  const signer = openNoteSigner('portcullis.test/pdp/pdp-1/aa', newEd25519Key());
  const lines: string[] = [];
  const hashes: string[] = [];
  for (const [index, changes] of ENTRIES.entries()) {
    const link = { record_id: `r${index}`, writer: signer.name, seq: index + 1, prev: hashes.at(-1) ?? GENESIS };
    const { line, hash } = sealDecision({ ...entry(index), ...changes }, link);
    lines.push(line);
    hashes.push(hash);
  }
  await mkdir(folder);
  await writeFile(join(folder, '0000000000000001.jsonl'), `${lines.slice(0, 2).join('\n')}\n`);
  await writeFile(join(folder, '0000000000000003.jsonl'), `${lines.slice(2).join('\n')}\n`);
  await writeFile(join(folder, 'checkpoint'), signCheckpoint(signer, { size: 3, head: hashes[2] ?? '' }));
  const key = join(temporary.path, 'kept.vkey');
  await writeFile(key, `${signer.verifierKey}\n`);
  return {
    folder,
    key,
    signer,
    lines,
    run: (verb, ...flags) => runForTest(['audit', verb ?? '', folder, ...flags]),
    [Symbol.asyncDispose]: () => temporary[Symbol.asyncDispose](),
  };
}

function entry(index: number): DecisionEntry {
  return {
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
    timings_us: { evaluation: 40 },
    at: '2026-11-22T12:00:00.000Z',
  };
}

describe('audit verify', () => {
  test('says that a chain is whole, and what that does not prove', async () => {
    await using chain = await sample();
    const run = await chain.run('verify');
    expect(run).toMatchObject({ code: EXIT.ok, stdout: '' });
    expect(run.stderr).toContain('the chain is whole: 4 records, 1 to 4');
    expect(run.stderr).toContain('no checkpoint was used');
  });

  test('says how far it is signed', async () => {
    await using chain = await sample();
    const run = await chain.run('verify', '--key', chain.key);
    expect(run.code).toBe(EXIT.ok);
    expect(run.stderr).toContain('signed up to record 3; the 1 after it are not signed yet');
  });

  test('finds a truncation by a checkpoint that was kept elsewhere', async () => {
    await using chain = await sample();
    const kept = join(chain.folder, '..', 'kept');
    await writeFile(kept, await readFile(join(chain.folder, 'checkpoint')));
    await writeFile(join(chain.folder, '0000000000000003.jsonl'), '');
    const run = await chain.run('verify', '--checkpoint', kept, '--key', chain.key, '--json');
    expect(run.code).toBe(EXIT.findings);
    expect(JSON.parse(run.stdout)).toMatchObject({
      ok: false,
      provenTo: 0,
      records: 2,
      findings: [{ code: 'CHAIN_TRUNCATED', seq: 2 }, {}],
    });
    expect(run.stderr).toContain('the checkpoint covers 3 records, the chain ends with record 2 (CHAIN_TRUNCATED)');
  });

  test('names the file, the line and the record of an edit', async () => {
    await using chain = await sample();
    const file = join(chain.folder, '0000000000000001.jsonl');
    await writeFile(file, (await readFile(file, 'utf8')).replace('POLICY_DENIED', 'POLICY_ERROR'));
    const run = await chain.run('verify');
    expect(run.code).toBe(EXIT.findings);
    expect(run.stderr).toContain(`${file}:2: record 2 does not have the hash that it carries (RECORD_ALTERED)`);
  });

  test('finds a torn end', async () => {
    await using chain = await sample();
    await appendFile(join(chain.folder, '0000000000000003.jsonl'), '{"agent"');
    expect((await chain.run('verify')).stderr).toContain('RECORD_TORN');
  });

  test('does not believe a checkpoint of another key', async () => {
    await using chain = await sample();
    const other = openNoteSigner(chain.signer.name, newEd25519Key());
    await writeFile(join(chain.folder, 'checkpoint'), signCheckpoint(other, { size: 1, head: '00'.repeat(32) }));
    const run = await chain.run('verify', '--key', chain.key);
    expect(run.code).toBe(EXIT.findings);
    expect(run.stderr).toContain('CHECKPOINT_INVALID');
  });

  test.each([
    ['a checkpoint without a key', ['--checkpoint', 'x'], EXIT.usage, '--checkpoint needs --key'],
    ['a key that is none', ['--key', 'checkpoint'], EXIT.failure, 'holds no Ed25519 verifier key'],
    ['a checkpoint that is not there', ['--checkpoint', 'nowhere'], EXIT.failure, 'nowhere cannot be read'],
  ] as const)('refuses %s', async (_name, flags, code, message) => {
    await using chain = await sample();
    const placed = flags.map((flag) => (flag === 'checkpoint' ? join(chain.folder, flag) : flag));
    const key = message.startsWith('nowhere') ? ['--key', chain.key] : [];
    const run = await chain.run('verify', ...placed, ...key);
    expect(run).toMatchObject({ code, stderr: expect.stringContaining(message) });
  });

  test('refuses a path without a chain', async () => {
    await using folder = await temporaryFolder();
    expect(await runForTest(['audit', 'verify', folder.path])).toMatchObject({
      code: EXIT.failure,
      stderr: expect.stringContaining('holds no segment'),
    });
    expect((await runForTest(['audit', 'verify', join(folder.path, 'x')])).stderr).toContain('cannot be read');
  });
});

describe('an export of a distributor', () => {
  const at = '2026-11-22T00:00:00Z';
  const exported = async (chain: Sample, erased: boolean): Promise<string> => {
    const lines = chain.lines.map((line, index) => {
      const { hash, prev } = JSON.parse(line) as { readonly hash: string; readonly prev: string };
      const stone = { writer: chain.signer.name, seq: index + 1, prev, of: hash, reason: 'erasure', at } as const;
      return erased && index < 2 ? tombstoneLine(stone) : line;
    });
    const checkpoint = await readFile(join(chain.folder, 'checkpoint'), 'utf8');
    const file = join(chain.folder, '..', 'export.jsonl');
    await writeFile(file, `${[JSON.stringify({ checkpoint }), ...lines].join('\n')}\n`);
    return file;
  };

  test('verifies with the checkpoints that it carries', async () => {
    await using chain = await sample();
    const file = await exported(chain, false);
    const run = await runForTest(['audit', 'verify', file, '--key', chain.key]);
    expect([run.code, run.stderr]).toEqual([EXIT.ok, expect.stringContaining('signed up to record 3')]);
    expect((await runForTest(['audit', 'verify', file])).code).toBe(EXIT.ok);
    const other = join(chain.folder, '..', 'other.vkey');
    await writeFile(other, `${openNoteSigner(chain.signer.name, newEd25519Key()).verifierKey}\n`);
    const forged = await runForTest(['audit', 'verify', file, '--key', other]);
    expect([forged.code, forged.stderr]).toEqual([EXIT.findings, expect.stringContaining('CHECKPOINT_INVALID')]);
    expect((await runForTest(['audit', 'export', file])).stderr).toContain('4 of 4 records');
  });

  test('with erased records is whole for those alone who admit them', async () => {
    await using chain = await sample();
    const file = await exported(chain, true);
    const refused = await runForTest(['audit', 'verify', file, '--key', chain.key]);
    expect([refused.code, refused.stderr]).toEqual([
      EXIT.findings,
      expect.stringContaining('record 1 was erased (erasure), which is not admitted here (TOMBSTONE_REFUSED)'),
    ]);
    const run = await runForTest(['audit', 'verify', file, '--key', chain.key, '--allow-erased', '--json']);
    expect([run.code, JSON.parse(run.stdout)]).toEqual([
      EXIT.ok,
      expect.objectContaining({ ok: true, records: 2, erased: 2, provenTo: 3 }),
    ]);
    expect(run.stderr).toContain('the chain is whole: 4 records, 1 to 4');
    expect(run.stderr).toContain('2 records were erased');
  });
});

describe('audit export', () => {
  const sequence = (text: string): unknown[] =>
    text.trim() === ''
      ? []
      : text
          .trim()
          .split('\n')
          .map((line) => (JSON.parse(line) as { readonly seq: unknown }).seq);

  test.each([
    [[], [1, 2, 3, 4]],
    [['--tenant', 'globex'], [3]],
    [['--effect', 'deny'], [2]],
    [
      ['--from', '2026-11-02T00:00:00Z', '--to', '2026-11-04T01:00:00+01:00'],
      [2, 3],
    ],
    [['--tenant', 'nobody'], []],
  ])('%j gives records %j as they are', async (flags, expected) => {
    await using chain = await sample();
    const run = await chain.run('export', ...flags);
    expect([run.code, sequence(run.stdout)]).toEqual([EXIT.ok, expected]);
    expect(run.stderr).toContain(`${expected.length} of 4 records`);
  });

  test('gives JSON that is one list', async () => {
    await using chain = await sample();
    expect(JSON.parse((await chain.run('export', '--format', 'json')).stdout)).toHaveLength(4);
    expect(JSON.parse((await chain.run('export', '--format', 'json', '--tenant', 'x')).stdout)).toEqual([]);
  });

  test('gives CSV in which no name is a formula', async () => {
    await using chain = await sample();
    const rows = (await chain.run('export', '--format', 'csv')).stdout.trimEnd().split('\n');
    expect(rows[0]).toMatch(/^seq,at,decision_id,effect,deny,tenant,/);
    expect(rows[2]).toMatch(
      /^2,2026-11-02T00:00:00.000Z,d2,deny,"?POLICY_DENIED"?,acme,analyst,files,read,tools\/call,/,
    );
    expect(rows[3]).toContain(`"'=cmd(""a"")`);
    expect(rows).toHaveLength(5);
  });

  test('exports a part, and says when the chain is broken', async () => {
    await using chain = await sample();
    const part = join(chain.folder, '0000000000000003.jsonl');
    expect(await runForTest(['audit', 'export', part])).toMatchObject({ code: EXIT.ok });
    await writeFile(part, `${chain.lines[3] ?? ''}\n`);
    const run = await chain.run('export');
    expect(run.code).toBe(EXIT.findings);
    expect(run.stderr).toContain('record 3 is missing before record 4 (RECORDS_MISSING)');
  });

  test.each([
    ['--from', 'yesterday'],
    ['--effect', 'maybe'],
    ['--format', 'xml'],
  ])('refuses %s %s', async (...flags) => {
    await using chain = await sample();
    expect((await chain.run('export', ...flags)).code).toBe(EXIT.usage);
  });
});

describe('audit tail', () => {
  test('shows the last records, and nothing that a terminal would obey', async () => {
    await using chain = await sample();
    const run = await chain.run('tail', '--lines', '3');
    expect(run.stdout.trimEnd().split('\n')).toEqual([
      '2  2026-11-02T00:00:00.000Z  deny   acme/analyst  files/read  POLICY_DENIED',
      '3  2026-11-03T00:00:00.000Z  allow  globex/analyst  x/=cmd("a")\u{fffd}[2J',
      '4  2026-11-04T00:00:00.000Z  allow  acme/analyst  files/read',
    ]);
    expect((await chain.run('tail', '--lines', '1', '--json')).stdout).toBe(`${chain.lines[3] ?? ''}\n`);
  });
});

test('a record of a release is one line, with what came into force', async () => {
  await using temporary = await temporaryFolder();
  const { line } = sealRelease(
    {
      kind: 'release',
      event: 'activated',
      env: 'prod',
      channel: 'default',
      release_seq: 3,
      bundle_digest: 'd1',
      policy_version: '1.2.0',
      at: '2026-11-22T00:00:00.000Z',
    },
    { record_id: 'r', writer: 'w', seq: 1, prev: GENESIS },
  );
  await writeFile(join(temporary.path, '0000000000000001.jsonl'), `${line}\n`);
  const tail = await runForTest(['audit', 'tail', temporary.path]);
  expect(tail.stdout).toBe('1  2026-11-22T00:00:00.000Z  release  activated  1.2.0  d1\n');
});

test('what has searched under a decision is one line, beside it', async () => {
  await using temporary = await temporaryFolder();
  const { line } = sealEnforcement(
    {
      kind: 'enforcement',
      decision_id: 'd-1',
      request_digest: '00',
      tenant: 'acme',
      agent: 'analyst',
      outcome: 'forwarded',
      redaction: { layers: ['recognisers', 'secrets'], ner: 'late' },
      at: '2026-11-22T00:00:00.000Z',
    },
    { record_id: 'r', writer: 'w', seq: 1, prev: GENESIS },
  );
  await writeFile(join(temporary.path, '0000000000000001.jsonl'), `${line}\n`);
  expect((await runForTest(['audit', 'verify', temporary.path])).code).toBe(EXIT.ok);
  const tail = await runForTest(['audit', 'tail', temporary.path]);
  expect(tail.stdout).toBe(
    '1  2026-11-22T00:00:00.000Z  acme/analyst  enforcement  forwarded  d-1  searched by: recognisers secrets  ner: late\n',
  );
});

test('a record of an approval is one line, with who did what', async () => {
  await using temporary = await temporaryFolder();
  const link = { record_id: 'r', writer: 'w', seq: 1, prev: GENESIS };
  const { line } = sealApproval(
    {
      kind: 'approval',
      event: 'approve',
      approval_id: 'a-1',
      binding: 'b',
      tenant: 'acme',
      agent: 'analyst',
      by: 'ann',
      comment: 'in\u001b[2Jvoice',
      bundle_digest: 'd',
      release_seq: 1,
      at: '2026-11-22T00:00:00.000Z',
    },
    link,
  );
  await writeFile(join(temporary.path, '0000000000000001.jsonl'), `${line}\n`);
  const tail = await runForTest(['audit', 'tail', temporary.path]);
  expect(tail.stdout).toBe(
    '1  2026-11-22T00:00:00.000Z  acme/analyst  approval  approve  a-1  ann  in\ufffd[2Jvoice\n',
  );
  const csv = await runForTest(['audit', 'export', temporary.path, '--format', 'csv']);
  const [head = '', row = ''] = csv.stdout.split('\n');
  const cells = new Map(head.split(',').map((name, place) => [name, row.split(',')[place]] as const));
  expect(['kind', 'event', 'approval_id', 'by'].map((name) => cells.get(name))).toEqual([
    'approval',
    'approve',
    'a-1',
    'ann',
  ]);
  expect((await runForTest(['audit', 'verify', temporary.path])).code).toBe(EXIT.ok);
});
