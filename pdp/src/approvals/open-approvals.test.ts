import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createLogger, type TlsMaterial } from '@portcullis/runtime';
import { createTestBook } from '../fixtures/approvals.js';
import { createFakeClock } from '../fixtures/fake-clock.js';
import { approvalsConfig } from './approvals-config.js';
import { escalate, openApprovals } from './open-approvals.js';
import { heldRequest } from './store-contract.js';

const log = createLogger({ component: 'test', level: 'silent' });
let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'portcullis-approvals-'));
});
afterEach(() => rm(folder, { recursive: true }));

async function open(config: object): Promise<void> {
  const clock = createFakeClock();
  const observer = { approvalStoreFailed: () => undefined, notice: () => undefined };
  // Only a Redis over TLS looks at certificates.
  const tls = {} as TlsMaterial;
  const approvals = await openApprovals(approvalsConfig.parse(config), {
    dataDir: folder,
    tls,
    clock,
    observer,
    log,
    sink: undefined,
    past: undefined,
  });
  await approvals.close();
}

describe('approvals are not opened', () => {
  const webhook = { name: 'w', url: 'https://hooks.test/x' };
  test.each<[string, string | undefined, (file: string) => object]>([
    ['with a secret that is not there', undefined, (secretFile) => ({ webhooks: [{ ...webhook, secretFile }] })],
    ['with a short secret', 'x'.repeat(31), (secretFile) => ({ webhooks: [{ ...webhook, secretFile }] })],
    ['with a key of another length', 'AAAA', (keyFile) => ({ payload: { show: 'sealed', keyFile } })],
  ])('%s', async (_name, content, config) => {
    const file = join(folder, 'key');
    if (content !== undefined) await writeFile(file, `${content}\n`);
    await expect(open(config(file))).rejects.toMatchObject({ code: 'ERR_APPROVAL_KEY', kind: 'invalid' });
  });

  test('with keys of approvers that are none', async () => {
    const jwksFile = join(folder, 'jwks');
    await writeFile(jwksFile, '{}');
    const approvers = [{ issuer: 'i', audience: 'a', jwksFile }];
    await expect(open({ approvers })).rejects.toMatchObject({ code: 'ERR_HTTP_KEYS' });
  });

  test('they are, with good ones', async () => {
    const file = join(folder, 'key');
    await writeFile(file, `${Buffer.alloc(32, 7).toString('base64')}\n`);
    const config = { payload: { show: 'sealed', keyFile: file }, webhooks: [{ ...webhook, secretFile: file }] };
    await expect(open(config)).resolves.toBeUndefined();
  });
});

describe('what waits too long', () => {
  test('is told and recorded once', async () => {
    const clock = createFakeClock();
    const book = createTestBook(clock);
    await book.store.present(heldRequest({ id: 'x', lifetimeMs: 1_000 }));
    await escalate(book, 0.5, log);
    expect(book.notices).toEqual([]);
    clock.advance(500);
    await escalate(book, 0.5, log);
    await escalate(book, 0.5, log);
    expect(book.notices).toMatchObject([{ event: 'escalated', approval: { id: 'x', state: 'pending' } }]);
    expect(book.records).toMatchObject([{ event: 'escalated', approval_id: 'x', tenant: 'acme' }]);
  });

  test('is left for the next look when the store does not answer', async () => {
    const book = createTestBook(createFakeClock());
    Object.assign(book.store, { overdue: () => Promise.reject(new Error('gone')) });
    await expect(escalate(book, 0.5, log)).resolves.toBeUndefined();
  });
});
