import { appendFile, type FileHandle, mkdir, mkdtemp, open, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { createLogger } from '@portcullis/runtime';
import { createFakeClock } from '../fixtures/fake-clock.js';
import { approvalsConfig } from './approvals-config.js';
import type { Notice } from './book.js';
import { type NoticeJournal, openNoticeJournal, type WaitingNotice } from './notice-journal.js';
import { createNotices, type NoticeParts, type Notices } from './notices.js';
import { heldRequest } from './store-contract.js';
import type { Delivery, Webhook } from './webhook.js';

const NOW = Date.parse('2026-11-22T12:00:00Z');
const log = createLogger({ component: 'test', level: 'silent' });
let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'notices-'));
  path = join(folder, 'notices');
});
afterEach(async () => rm(folder, { recursive: true, force: true }));

const notice = (id: string, until = NOW + 1): WaitingNotice => ({ webhook: 'w', id, body: `{"id":"${id}"}`, until });
async function reopened(now = NOW): Promise<readonly string[]> {
  const journal = await openNoticeJournal(path, now, log);
  await journal.close();
  return journal.left.map(({ id }) => id);
}

test('what waits is there again, and what does not is not', async () => {
  const journal = await openNoticeJournal(path, NOW, log);
  expect(journal.left).toEqual([]);
  for (const id of ['a', 'b', 'c']) void journal.keep(notice(id));
  journal.settle('b');
  journal.settle('unknown');
  await journal.close();
  expect(await reopened()).toEqual(['a', 'c']);
  // Again: reading has lost nothing.
  expect(await reopened()).toEqual(['a', 'c']);
  expect((await stat(path)).mode & 0o077).toBe(0);
});

test('what nobody has to hear any more is left out', async () => {
  const journal = await openNoticeJournal(path, NOW, log);
  void journal.keep(notice('a', NOW + 5));
  void journal.keep(notice('b', NOW + 9));
  await journal.close();
  expect(await reopened(NOW + 5)).toEqual(['b']);
});

test('what a kill has torn, or somebody has damaged, is left out, and nothing beside it', async () => {
  const journal = await openNoticeJournal(path, NOW, log);
  void journal.keep(notice('a'));
  await journal.close();
  await appendFile(path, `{"webhook":1}\n${JSON.stringify(notice('b'))}\n{"webhook":"w","id":"c`);
  expect(await reopened()).toEqual(['a', 'b']);
});

test('the file does not grow with what was delivered', async () => {
  const journal = await openNoticeJournal(path, NOW, log);
  void journal.keep(notice('first'));
  for (let count = 0; count < 10_000; count += 1) {
    void journal.keep(notice(`n-${count}`));
    journal.settle(`n-${count}`);
  }
  void journal.keep(notice('last'));
  await journal.close();
  expect((await readFile(path, 'utf8')).length).toBeLessThan(1_000);
  expect(await reopened()).toEqual(['first', 'last']);
});

test('what a full disk did not take is written with the next, and what it has torn is gone', async () => {
  const journal = await openNoticeJournal(path, NOW, log);
  const probe = await open(path);
  const handles: FileHandle = Object.getPrototypeOf(probe);
  await probe.close();
  const full = jest.spyOn(handles, 'appendFile').mockImplementationOnce(async function (this: FileHandle, data) {
    await this.write(Buffer.from(data as string).subarray(0, 20));
    throw new Error('ENOSPC');
  });
  void journal.keep(notice('a'));
  while (full.mock.results.length === 0) await new Promise((resolve) => setImmediate(resolve));
  await Promise.allSettled(full.mock.results.map(({ value }) => value));
  full.mockRestore();
  expect(await readFile(path, 'utf8')).toHaveLength(20);
  void journal.keep(notice('b'));
  await journal.close();
  expect(await reopened()).toEqual(['a', 'b']);
  expect((await readFile(path, 'utf8')).split('\n')).toHaveLength(3);
});

test('a file that cannot be used is said at start', async () => {
  await mkdir(path);
  await expect(openNoticeJournal(path, NOW, log)).rejects.toMatchObject({ code: 'ERR_APPROVAL_NOTICES' });
});

test('a disk that takes nothing does not stop anybody from being told', async () => {
  const journal = await openNoticeJournal(path, NOW, log);
  await journal.close();
  const { notices, posted } = telling(journal, async () => undefined);
  notices.tell(REQUESTED);
  await notices.idle();
  expect(posted).toHaveLength(1);
});

const { attempt: _attempt, after: _after, lifetimeMs: _lifetime, ...terms } = heldRequest({ id: 'a-1' });
const approval: Notice['approval'] = {
  ...terms,
  state: 'pending',
  createdAt: NOW,
  expiresAt: NOW + 60_000,
  votes: [],
  why: '',
};
const REQUESTED: Notice = { event: 'requested', approval };

/** Notices of one process. */
function telling(
  journal: NoticeJournal,
  answer: (posted: number) => Promise<void>,
  name = 'w',
): { readonly notices: Notices; readonly posted: Delivery[]; readonly outcomes: string[] } {
  const base = { name, url: 'https://hooks.test/x', secretFile: 'f' };
  const [config] = approvalsConfig.parse({ webhooks: [base] }).webhooks;
  if (config === undefined) throw new Error('no webhook');
  const webhook: Webhook = { config, secret: Buffer.from('k'.repeat(32)) };
  const posted: Delivery[] = [];
  const outcomes: string[] = [];
  const pause: NoticeParts['pause'] = (_ms, signal) =>
    new Promise((resolve) => {
      if (signal.aborted) resolve();
      else signal.addEventListener('abort', () => resolve());
    });
  let ids = 0;
  const notices = createNotices({
    webhooks: [webhook],
    post: async (_webhook, delivery) => {
      posted.push(delivery);
      await answer(posted.length);
    },
    pause,
    clock: createFakeClock(NOW),
    random: () => 1,
    newId: () => {
      ids += 1;
      return `d-${ids}`;
    },
    journal,
    observer: { notice: (outcome) => outcomes.push(outcome) },
    log,
  });
  return { notices, posted, outcomes };
}

test('what one process could not deliver, the next does, under the same id and once', async () => {
  const before = telling(await openNoticeJournal(path, NOW, log), async (count) => {
    if (count > 1) throw new Error('the receiver is away');
  });
  for (const event of ['requested', 'decided', 'escalated'] as const) before.notices.tell({ ...REQUESTED, event });
  while (before.posted.length < 2) await new Promise((resolve) => setImmediate(resolve));
  await before.notices.close();
  expect(before.posted.map(({ id }) => id)).toEqual(['d-1', 'd-2']);
  // What the next process tells is not lost.
  expect(before.outcomes).toEqual(['delivered', 'retried']);

  const after = telling(await openNoticeJournal(path, NOW, log), async () => undefined);
  await after.notices.idle();
  expect(after.posted.map(({ id }) => id)).toEqual(['d-2', 'd-3']);
  expect(after.posted[0]).toEqual(before.posted[1]);
  await after.notices.close();
  expect(await reopened()).toEqual([]);
});

test('a question is told for as long as it can be answered, and news for a day', async () => {
  const { notices } = telling(await openNoticeJournal(path, NOW, log), () => Promise.reject(new Error('away')));
  notices.tell(REQUESTED);
  notices.tell({ ...REQUESTED, event: 'decided' });
  await notices.close();
  expect(await reopened(NOW + 59_999)).toHaveLength(2);
  expect(await reopened(NOW + 60_000)).toEqual(['d-2']);
  expect(await reopened(NOW + 86_400_000)).toEqual([]);
});

test('what is given up is not tried by the next', async () => {
  const journal = await openNoticeJournal(path, NOW, log);
  for (let count = 0; count <= 1_001; count += 1) void journal.keep(notice(`d-${count}`));
  await journal.close();
  const gone = telling(await openNoticeJournal(path, NOW, log), async () => undefined, 'another');
  await gone.notices.close();
  expect(gone.outcomes).toHaveLength(1_002);
  expect(await reopened()).toEqual([]);
});
