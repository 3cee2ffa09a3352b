import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { NoticeEntry } from '@portcullis/policy/evidence';
import { createLogger } from '@portcullis/runtime';
import { approvalsConfig } from '../approvals/approvals-config.js';
import { type NoticeJournal, openNoticeJournal } from '../approvals/notice-journal.js';
import type { Deliver, NoticeOutcome } from '../approvals/notices.js';
import type { Webhook } from '../approvals/webhook.js';
import { createFakeClock } from '../fixtures/fake-clock.js';
import { pipelineOf } from '../fixtures/pipeline.js';
import { engineOf } from '../fixtures/policies.js';
import { toolCall } from '../fixtures/requests.js';
import type { DecideParts } from '../pipeline/decide.js';
import { createNotifier, type Notifier } from './notifier.js';

const NOW = Date.parse('2026-11-22T12:00:00Z');
const DAY_MS = 86_400_000;
const log = createLogger({ component: 'test', level: 'fatal' });
const POLICIES = [
  { name: 'Reads', when: 'always', effect: { type: 'allow', notify: ['security', 'other', 'nobody'] }, priority: 1 },
];
const AWAY: Deliver = () => new Promise(() => undefined);

let folder: string;
let path: string;
let outcomes: NoticeOutcome[];
let entries: NoticeEntry[];
let taken: string[];
let bodies: string[];
let journals: NoticeJournal[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'portcullis-notify-'));
  path = join(folder, 'notify');
  [outcomes, entries, taken, bodies, journals] = [[], [], [], [], []];
});
afterEach(async () => {
  for (const journal of journals) await journal.close().catch(() => undefined);
  await rm(folder, { recursive: true, force: true });
});

const TAKES: Deliver = async ({ id, body }) => {
  taken.push(id);
  bodies.push(body);
  return 'delivered';
};

function webhook(name: string): Webhook {
  const base = { name, url: 'https://hooks.test/x', secretFile: 'f', events: ['notify'] };
  const [config] = approvalsConfig.parse({ webhooks: [base] }).webhooks;
  if (config === undefined) throw new Error('no webhook');
  return { config, secret: Buffer.from('k'.repeat(32)) };
}

/** A process that begins with what the file has. */
async function begin(deliver: Deliver, now = NOW, names = ['security', 'other']): Promise<Notifier> {
  const journal = await openNoticeJournal(path, now, log);
  journals.push(journal);
  return createNotifier({
    channels: () => names.map((name) => ({ webhook: webhook(name), deliver })),
    record: async (entry) => void entries.push(entry),
    journal,
    observer: { notice: (outcome) => void outcomes.push(outcome) },
    clock: createFakeClock(now),
    log,
  });
}

const lines = async (): Promise<string[]> => (await readFile(path, 'utf8')).split('\n').filter((line) => line !== '');
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('a notice', () => {
  test('waits on disk before its decision is on record, for each webhook that there is', async () => {
    const waiting: number[] = [];
    const sink: DecideParts['sink'] = { append: async () => void waiting.push((await lines()).length) };
    const { decide } = pipelineOf(engineOf(POLICIES), { notices: await begin(AWAY), sink });
    await decide(toolCall('read'));
    expect(waiting).toEqual([2]);
    const [line] = await lines();
    expect(line).not.toContain('arguments');
  });

  test('is told by the next process, under the id of its decision, and once it is taken by none', async () => {
    const before = await begin(AWAY);
    const { decide } = pipelineOf(engineOf(POLICIES), { notices: before, followers: [before] });
    const { decision_id: id } = await decide(toolCall('read'));
    await turn();
    entries = [];
    // As after a kill: nothing of the process before is asked.
    const after = await begin(TAKES);
    await after.idle();
    expect(taken).toEqual([id, id]);
    const policies = ['platform/s/reads'];
    expect(entries).toEqual(
      ['security', 'other'].map((name) => ({
        kind: 'notice',
        event: 'notified',
        decision_id: id,
        policies,
        webhook: name,
        at: new Date(NOW).toISOString(),
      })),
    );
    await after.stop();
    await (await begin(TAKES)).idle();
    expect(taken).toHaveLength(2);
  });

  test('of a decision that could not be recorded tells of the denial that it became', async () => {
    const sink: DecideParts['sink'] = { append: () => Promise.reject(new Error('full')) };
    const { decide } = pipelineOf(engineOf(POLICIES), { notices: await begin(AWAY), sink });
    expect((await decide(toolCall('read'))).effect).toBe('deny');
    await turn();
    await (await begin(TAKES)).idle();
    expect(bodies.map((body) => JSON.parse(body))).toMatchObject([
      { decision: { effect: 'deny', reasons: [{ code: 'AUDIT_UNAVAILABLE' }] } },
      { decision: { effect: 'deny' } },
    ]);
  });

  test('whose disk does not answer holds its decision up for a while, and denies nothing', async () => {
    const recorded: string[] = [];
    const sink: DecideParts['sink'] = { append: async ({ effect }) => void recorded.push(effect) };
    const notices = { keep: () => new Promise<void>(() => undefined) };
    const { decide, clock } = pipelineOf(engineOf(POLICIES), { notices, sink });
    const decision = await decide(toolCall('read'), { deadline: clock.monotonic() + 50 });
    expect([decision.effect, recorded]).toEqual(['allow', ['allow']]);
  });

  test('that is under way at the end waits for the next process, and is neither counted nor on record', async () => {
    const before = createStoppable();
    const notices = await begin(before.deliver);
    const { decide } = pipelineOf(engineOf(POLICIES), { notices, followers: [notices] });
    await decide(toolCall('read'));
    await turn();
    const stopping = notices.stop();
    before.end();
    await stopping;
    expect([outcomes, entries.map(({ webhook: name }) => name)]).toEqual([['dropped'], ['nobody']]);
    await (await begin(TAKES)).idle();
    expect(taken).toHaveLength(2);
  });
});

describe('what nobody will be told of is counted and on record', () => {
  const waiting = (id: string, webhookName: string) => ({
    webhook: webhookName,
    id: `${id}/${webhookName}`,
    body: '{}',
    until: NOW + DAY_MS,
    policies: ['p'],
  });
  async function leave(count: number, name: string): Promise<void> {
    const journal = await openNoticeJournal(path, NOW, log);
    for (let number = 0; number < count; number += 1) void journal.keep(waiting(`d${number}`, name));
    await journal.close();
  }

  test('when it is older than a day', async () => {
    await leave(2, 'security');
    await (await begin(TAKES, NOW + DAY_MS)).idle();
    expect([taken, outcomes, entries.map(({ event }) => event)]).toEqual([
      [],
      ['dropped', 'dropped'],
      ['unnotified', 'unnotified'],
    ]);
  });

  test('when its webhook is not configured any more, whatever its name', async () => {
    await leave(1, 'a/b');
    await (await begin(TAKES)).idle();
    expect(entries).toMatchObject([{ event: 'unnotified', decision_id: 'd0', webhook: 'a/b', policies: ['p'] }]);
  });

  test('when there are too many: the oldest', async () => {
    await leave(1_003, 'security');
    const notifier = await begin(TAKES);
    await notifier.idle();
    expect(entries.slice(0, 3).map(({ decision_id: id, event }) => [id, event])).toEqual([
      ['d0', 'unnotified'],
      ['d1', 'unnotified'],
      ['d2', 'unnotified'],
    ]);
    expect([outcomes.length, taken.length, taken[0]]).toEqual([3, 1_000, 'd3']);
    await notifier.stop();
    await (await begin(TAKES)).idle();
    expect(taken).toHaveLength(1_000);
  });
});

/** A receiver that answers nothing until the end. */
function createStoppable(): { readonly deliver: Deliver; end(): void } {
  const gate = Promise.withResolvers<'dropped'>();
  return { deliver: () => gate.promise, end: () => gate.resolve('dropped') };
}
