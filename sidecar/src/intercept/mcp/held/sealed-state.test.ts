import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { approvalsConfig } from './config.js';
import { openHolds } from './open.js';
import { createStateSealer, type HeldState } from './sealed-state.js';

const OWNER = { tenant: 'acme', agent: 'agent-7', server: 'files' };
const STATE: HeldState = {
  approval: 'approval-1',
  call: 'ab'.repeat(32),
  expiresAt: 1,
  upstream: { requestState: 'theirs', inputResponses: { a: { action: 'accept' } } },
};
const sealer = createStateSealer(Buffer.alloc(32, 1));
const sealed = sealer.seal(STATE, OWNER) ?? '';

describe('a sealed state', () => {
  test('opens under the same key for the same owner, and shows nothing before', () => {
    expect(createStateSealer(Buffer.alloc(32, 1)).open(sealed, OWNER)).toEqual(STATE);
    expect(Buffer.from(sealed.split('.').at(-1) ?? '', 'base64url').toString('latin1')).not.toMatch(/theirs|approval/);
    expect(sealer.seal(STATE, OWNER)).not.toBe(sealed);
  });

  test.each([
    ['tenant', { ...OWNER, tenant: 'other' }],
    ['agent', { ...OWNER, agent: 'agent-8' }],
    ['server', { ...OWNER, server: 'bank' }],
    ['split between them', { ...OWNER, tenant: 'acme","agent-7', agent: '' }],
  ])('does not open for another %s', (_what, owner) => {
    expect(sealer.open(sealed, owner)).toBeUndefined();
  });

  test('does not open under another key', () => {
    expect(createStateSealer(Buffer.alloc(32, 2)).open(sealed, OWNER)).toBeUndefined();
  });

  test('does not open when any one of its bits was changed, or it was cut off anywhere', () => {
    const [prefix, encoded = ''] = [sealed.slice(0, sealed.lastIndexOf('.') + 1), sealed.split('.').at(-1)];
    const bytes = Buffer.from(encoded, 'base64url');
    for (let at = 0; at < bytes.length; at += 1) {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8));
      expect(sealer.open(prefix + changed.toString('base64url'), OWNER)).toBeUndefined();
      expect(sealer.open(prefix + bytes.subarray(0, at).toString('base64url'), OWNER)).toBeUndefined();
    }
    for (const more of ['A', '=', ' ', '.']) expect(sealer.open(sealed + more, OWNER)).toBeUndefined();
  });

  test('is none when it would be too large to carry', () => {
    const upstream = { requestState: 'x'.repeat(300_000) };
    expect(sealer.seal({ ...STATE, upstream }, OWNER)).toBeUndefined();
  });
});

describe('the configuration', () => {
  test.each([
    'https://console.example.com/approvals',
    'https://console.example.com/{id}/{id}',
    'javascript:alert({id})',
    'https://user:secret@console.example.com/{id}',
    '/approvals/{id}',
  ])('refuses the page %s', (page) => {
    expect(approvalsConfig.safeParse({ page }).success).toBe(false);
  });

  test('refuses a key that cannot be read or is too short, and takes one that is long enough', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'portcullis-state-'));
    const never = () => Promise.reject(new Error('not asked here'));
    const parts = {
      identity: OWNER,
      guard: never,
      again: never,
      refuser: {} as never,
      news: {} as never,
      clock: {} as never,
    };
    const open = (stateKeyFile: string) => openHolds(approvalsConfig.parse({ stateKeyFile }), parts);
    try {
      writeFileSync(join(folder, 'short'), randomBytes(31));
      writeFileSync(join(folder, 'key'), randomBytes(32));
      for (const name of ['short', 'missing']) {
        await expect(open(join(folder, name))).rejects.toMatchObject({
          code: 'ERR_CREDENTIAL_MISSING',
          message: expect.stringContaining('approvals.stateKeyFile'),
        });
      }
      expect((await open(join(folder, 'key'))).waiting).toBe(0);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
