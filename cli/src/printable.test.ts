import { describe, expect, test } from '@jest/globals';
import { runForTest } from './fake-terminal.js';
import { printable, printableLines } from './printable.js';
import { printTable } from './shell.js';
import { usageLine } from './verbs/quota.js';
import { pointerText } from './verbs/release-output.js';
import { reviewLine } from './verbs/reviews.js';

/** Clears a screen, sets a title, turns a line around, breaks a line, and says the first again in one character. */
const HOSTILE = 'x\u001b[2J\u001b]0;t\u0007\u202ey\r\nz\u009b2J';
const OBEYED = /[^\P{Cc}\n]|\p{Cf}/u;

test.each(['', 'plain', 'Grüße, 你好 💡'])('%j stays as it is', (text) => {
  expect(printable(text)).toBe(text);
  expect(printableLines(`${text}\n${text}`)).toBe(`${text}\n${text}`);
});

test('what a terminal would obey is replaced, and newlines where there is one line', () => {
  expect(printable(HOSTILE)).toBe('x\ufffd[2J\ufffd]0;t\ufffd\ufffdy\ufffd\ufffdz\ufffd2J');
  expect(printableLines('a\nb\u001b[A\tc')).toBe('a\nb\ufffd[A\ufffdc');
});

describe('nothing that others composed speaks to the terminal', () => {
  test('in a table', () => {
    const lines: string[] = [];
    const shell = { terminal: { data: (text: string) => lines.push(text) } } as unknown as Parameters<
      typeof printTable
    >[0];
    printTable(shell, [
      ['NODE', 'REASON'],
      ['pdp-1', HOSTILE],
    ]);
    expect(lines).toHaveLength(2);
    expect(lines.join('')).not.toMatch(/\p{Cc}|\p{Cf}/u);
  });

  test('in a review', () => {
    const line = reviewLine({
      id: 'r1',
      tenant: 'acme',
      agent: HOSTILE,
      user: HOSTILE,
      server: HOSTILE,
      tool: HOSTILE,
      asked: [{ policy: 'p', reason: HOSTILE }],
      opened_at: '2026-11-22T12:00:00Z',
      closed: { by: HOSTILE, at: '2026-11-22T12:00:01Z', note: HOSTILE },
    });
    expect(line).toContain('acme/x');
    expect(line).not.toMatch(/\p{Cc}|\p{Cf}/u);
  });

  test('in an account of a quota', () => {
    const line = usageLine({
      quota: 'q',
      kind: 'requests',
      account: { tool: HOSTILE, user: null },
      limit: 10,
      used: 1,
    });
    expect(line).toContain('tool=x');
    expect(line).not.toMatch(/\p{Cc}|\p{Cf}/u);
  });

  test('in what is about to be signed', () => {
    const digest = 'a'.repeat(64);
    const text = pointerText({
      _type: 'portcullis.release/1',
      env: 'prod',
      channel: 'default',
      seq: 2,
      issued_at: '2026-11-22T12:00:00Z',
      not_after: '2026-12-22T12:00:00Z',
      stable: { target: `bundles/${digest}.tar.gz`, sha256: digest, policy_version: '2.0.0' },
      candidate: null,
      rollout: null,
      activation: { min_acks: 0 },
      reason: HOSTILE,
      actor: HOSTILE,
    });
    expect(text).toContain(`"sha256": "${digest}"`);
    expect(text).not.toMatch(OBEYED);
  });

  test('in what went wrong', async () => {
    const run = await runForTest(['inspect', `${HOSTILE}.tar.gz`]);
    expect(run.code).not.toBe(0);
    expect(run.stderr).toContain('2J');
    expect(run.stderr).not.toMatch(OBEYED);
  });
});
