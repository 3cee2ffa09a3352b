import { appendFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { compileBundle, linkBundle } from '@portcullis/policy';
import { GENESIS, sealDecision } from '@portcullis/policy/evidence';
import type { Decision, JsonObject } from '@portcullis/policy/model';
import { createPastRecords } from '../audit/past-records.js';
import { segmentName } from '../audit/segments.js';
import { createTestBook, type TestBook } from '../fixtures/approvals.js';
import { decisionRecord } from '../fixtures/audit.js';
import { createFakeClock, type FakeClock } from '../fixtures/fake-clock.js';
import { pipelineParts } from '../fixtures/pipeline.js';
import { must } from '../fixtures/repository.js';
import { GATEWAY, toolCall } from '../fixtures/requests.js';
import { createDecide } from '../pipeline/decide.js';
import type { DecisionRecord } from '../pipeline/ports.js';
import { type ApprovalDesk, createDesk, type GrantWish } from './desk.js';
import type { Person } from './people.js';
import { previewDocument } from './preview-wire.js';

const HOLD = {
  name: 'Payments',
  when: { field: 'tool.name', operator: 'equals', value: 'pay' },
  effect: { type: 'require_approval', role: 'admin' },
  priority: 50,
};
const ALLOW = { name: 'Allow', when: HOLD.when, effect: { type: 'allow' }, priority: 10 };
const ANN: Person = { id: 'ann', email: undefined, tenant: 'acme', roles: ['admin'], groups: [] };
const WISH = { count: 2, seconds: 600, vary: [], budget: undefined, comment: '' } as const;

let folder = '';
let clock: FakeClock;
let book: TestBook;
let desk: ApprovalDesk;
let records: DecisionRecord[];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'preview-'));
  clock = createFakeClock();
  book = createTestBook(clock);
  desk = createDesk(book, 86_400, createPastRecords({ folder, clock, maxMs: 60_000 }));
  records = [];
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function keep(record: DecisionRecord): void {
  records.push(record);
  const link = { record_id: 'r', writer: 'w', prev: GENESIS, seq: records.length };
  appendFileSync(join(folder, segmentName(1)), `${sealDecision(record, link).line}\n`);
}

/** Asks a pipeline whose records are kept where the preview looks for them. */
function asker(): (args: JsonObject, definition?: string) => Promise<Decision> {
  const text = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
  const set = { name: 's', layer: 'platform', combining: 'priority', priority_order: 'desc', policies: 'p' };
  const manifest = { format: 'portcullis.policy/1', name: 'b', version: '1.0.0', sets: [set] };
  const files = new Map([
    ['bundle.yaml', text(manifest)],
    ['p/a.json', text([HOLD, ALLOW])],
  ]);
  const decide = createDecide({
    ...pipelineParts(linkBundle(must(compileBundle(files))), clock),
    approvals: book,
    sink: { append: async (record) => keep(record) },
  });
  let asked = 0;
  return (args, definition = 'd1') => {
    asked += 1;
    const tool = {
      server: 'bank',
      name: 'pay',
      operation: 'tools/call',
      arguments: args,
      definition_digest: definition,
    };
    const context = { timestamp: '2026-11-21T12:00:00Z', request_id: `r-${asked}` };
    return decide({
      caller: GATEWAY,
      subject: { ok: true, value: toolCall('pay', { tool, context }) },
      claimedDigest: undefined,
      deadline: clock.monotonic() + 1_000,
    });
  };
}

function approvalOf({ conditions }: Decision): string {
  const [condition] = conditions;
  if (condition === undefined) throw new Error('nobody is asked');
  return (condition.value as { readonly approval_id: string }).approval_id;
}

async function preview(approval: string, wish: Partial<GrantWish> = {}): Promise<JsonObject> {
  return previewDocument(await desk.preview(ANN, { ...WISH, approval, ...wish }));
}

const counts = (held: number, denied = 0, allowed = 0): JsonObject => ({ held, denied, allowed });

describe('a preview', () => {
  test('counts what was held, refused and allowed of the very request, and says when that is more than the count', async () => {
    const ask = asker();
    const first = approvalOf(await ask({ to: 'bob', amount: 10 }));
    await ask({ amount: 10, to: 'bob' });
    await desk.vote(ANN, first, 'approve', '');
    expect((await ask({ to: 'bob', amount: 10 })).effect).toBe('allow');
    const second = approvalOf(await ask({ to: 'bob', amount: 10 }));
    await desk.vote(ANN, second, 'deny', '');
    expect((await ask({ to: 'bob', amount: 10 })).effect).toBe('deny');
    await ask({ to: 'eve', amount: 10 });
    const shown = await preview(first);
    expect(shown).toMatchObject({
      approval: first,
      covered: counts(3, 1, 1),
      beyond_count: 3,
      possible: counts(0),
      unchecked: [],
      records: { complete: true, looked_at: 6 },
      days: [{ covered: counts(3, 1, 1), possible: counts(0) }],
    });
    expect(shown['checked']).toContain('arguments');
    expect(shown['examples']).toHaveLength(5);
    expect(shown['examples']).toMatchObject([
      { ended: 'denied', certain: true, deny: ['APPROVAL_REFUSED'] },
      {},
      {},
      {},
      {},
    ]);
  });

  test('where arguments may vary tells what is certain from what records do not tell', async () => {
    const ask = asker();
    const id = approvalOf(await ask({ to: 'bob', amount: 10 }));
    await ask({ to: 'bob', amount: 20 });
    await ask({ to: 'eve', amount: 20 });
    const wish = { vary: ['amount'], budget: { argument: 'amount', limit: 30 } };
    const shown = await preview(id, wish);
    expect(shown).toMatchObject({ covered: counts(1), possible: counts(2), beyond_count: 0 });
    expect(shown['checked']).not.toContain('arguments');
    expect(shown['unchecked']).toMatchObject([{ term: 'arguments' }, { term: 'budget' }]);
    expect(shown['examples']).toMatchObject([{ certain: true }, { certain: false }, { certain: false }]);
  });

  test('leaves out what the grant would not be for: another definition, other needs, another agent', async () => {
    const ask = asker();
    await ask({ to: 'bob' }, 'd2');
    const id = approvalOf(await ask({ to: 'bob' }));
    const [, real] = records;
    if (real?.held === undefined) throw new Error('the hold does not say what it is bound to');
    const [need] = real.held.needs;
    if (need === undefined) throw new Error('nobody is asked');
    keep({ ...real, held: { ...real.held, needs: [{ ...need, quorum: 2 }] } });
    keep({ ...real, agent: 'other' });
    keep({ ...real, tenant: 'globex' });
    expect(await preview(id, { vary: ['to'] })).toMatchObject({ covered: counts(1), possible: counts(0) });
  });

  test('holds of the same tool that do not say what they are bound to are possible, and only holds', async () => {
    const id = approvalOf(await asker()({ to: 'bob' }));
    const { at } = records[0] ?? decisionRecord('x');
    const old = { ...decisionRecord('old'), at, tool: { server: 'bank', name: 'pay', operation: 'tools/call' } };
    keep({ ...old, effect: 'hold' });
    keep({ ...old, effect: 'allow' });
    keep({ ...old, effect: 'hold', tool: { ...old.tool, server: 'other' } });
    expect(await preview(id)).toMatchObject({
      covered: counts(1),
      possible: counts(1),
      unchecked: [{ term: 'unbound' }],
    });
  });

  test('looks back seven days, and gives no more than ten examples', async () => {
    const ask = asker();
    const id = approvalOf(await ask({ to: 'bob' }));
    clock.advance(7 * 86_400_000 - 1);
    for (let more = 0; more < 11; more += 1) await ask({ to: 'bob' });
    const [, renewed] = records;
    expect(renewed?.effect).toBe('hold');
    const current = (await book.store.list('acme', { states: ['pending'], limit: 1 }))[0]?.id ?? id;
    const shown = await preview(current);
    expect([shown['covered'], (shown['examples'] as readonly unknown[]).length]).toEqual([counts(12), 10]);
    expect((shown['days'] as readonly unknown[]).length).toBe(2);
    clock.advance(2);
    expect(await preview(current)).toMatchObject({ covered: counts(11), records: { complete: true } });
  });

  test('is for whoever could make the grant, of what could become one', async () => {
    const ask = asker();
    const id = approvalOf(await ask({ to: 'bob' }));
    const by = (changes: Partial<Person>): Promise<unknown> =>
      desk.preview({ ...ANN, ...changes }, { ...WISH, approval: id });
    await expect(by({ roles: ['clerk'] })).rejects.toMatchObject({ code: 'ERR_APPROVAL_FORBIDDEN' });
    await expect(by({ id: 'analyst' })).rejects.toMatchObject({ code: 'ERR_APPROVAL_FORBIDDEN' });
    await expect(by({ tenant: 'globex' })).rejects.toMatchObject({ code: 'ERR_APPROVAL_UNKNOWN' });
    await expect(preview(id, { vary: ['other'] })).rejects.toMatchObject({ code: 'ERR_HTTP_INVALID' });
    await desk.vote(ANN, id, 'deny', '');
    await expect(by({})).rejects.toMatchObject({ code: 'ERR_APPROVAL_CLOSED' });
    expect(await book.store.grants('acme')).toEqual([]);
  });

  test('is not there where decisions are not recorded', async () => {
    desk = createDesk(book, 86_400);
    const id = approvalOf(await asker()({ to: 'bob' }));
    await expect(preview(id)).rejects.toMatchObject({ code: 'ERR_APPROVAL_PREVIEW', kind: 'unavailable' });
  });
});
