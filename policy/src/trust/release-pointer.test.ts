import { describe, expect, test } from '@jest/globals';
import { parseNodeStatus } from './node-status.js';
import { encodeReleasePointer, isReleaseCurrent, parseReleasePointer, type ReleasePointer } from './release-pointer.js';

const digest = 'a'.repeat(64);
const pointer: ReleasePointer = {
  _type: 'portcullis.release/1',
  env: 'dev',
  channel: 'default',
  seq: 2,
  issued_at: '2026-01-01T00:00:00Z',
  not_after: '2026-02-01T00:00:00Z',
  stable: { target: `bundles/${digest}.tar.gz`, sha256: digest, policy_version: '1.0.0' },
  candidate: null,
  rollout: null,
  activation: { min_acks: 0 },
  actor: 'alice',
};
const text = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

describe('parseReleasePointer', () => {
  test('reads what encodeReleasePointer writes', () => {
    expect(parseReleasePointer(encodeReleasePointer(pointer))).toEqual({ ok: true, value: pointer });
  });

  test.each([
    ['an unknown field', { ...pointer, extra: 1 }, ''],
    ['another type', { ...pointer, _type: 'portcullis.release/2' }, '_type'],
    ['a seq of zero', { ...pointer, seq: 0 }, 'seq'],
    ['a fractional seq', { ...pointer, seq: 1.5 }, 'seq'],
    ['an unsafe seq', { ...pointer, seq: 2 ** 53 }, 'seq'],
    ['an env that leaves its folder', { ...pointer, env: '../prod' }, 'env'],
    [
      'a target that is not its digest',
      { ...pointer, stable: { ...pointer.stable, target: `bundles/${'b'.repeat(64)}.tar.gz` } },
      'stable',
    ],
    [
      'an upper-case digest',
      { ...pointer, stable: { ...pointer.stable, sha256: digest.toUpperCase() } },
      'stable.sha256',
    ],
    ['an end before the start', { ...pointer, not_after: pointer.issued_at }, 'not_after'],
    ['a rollback of the future', { ...pointer, rollback_of: 2 }, 'rollback_of'],
    ['a rollout of nothing', { ...pointer, rollout: { unit: 'agent', salt: 's', percent: 1, steps: [1] } }, 'rollout'],
    ['more acknowledgements than nodes', { ...pointer, activation: { min_acks: 1.1 } }, 'activation.min_acks'],
    ['a missing actor', { ...pointer, actor: undefined }, 'actor'],
  ])('refuses %s', (_name, value, path) => {
    const read = parseReleasePointer(text(value));
    expect(read.ok).toBe(false);
    if (!read.ok) expect(read.problems.map((found) => found.path)).toContain(path);
  });

  const good = new TextDecoder().decode(encodeReleasePointer(pointer));
  test.each([
    ['a duplicate key', good.replace('"seq":2', '"seq":1,"seq":2')],
    ['white space', good.replace('{', '{ ')],
    ['a byte order mark', `\uFEFF${good}`],
    ['trailing bytes', `${good}x`],
    ['another spelling of a number', good.replace('"seq":2', '"seq":2.0')],
    ['a prototype key', good.replace('"seq":2', '"seq":2,"__proto__":{"x":1}')],
    ['nothing', ''],
    ['an array', '[]'],
    ['endless nesting', '['.repeat(60_000)],
    ['deep nesting', `${'['.repeat(30_000)}${']'.repeat(30_000)}`],
  ])('refuses %s', (_name, document) => {
    expect(parseReleasePointer(new TextEncoder().encode(document)).ok).toBe(false);
  });

  test('refuses invalid UTF-8 and too many bytes', () => {
    expect(parseReleasePointer(Uint8Array.of(0x22, 0xff, 0x22)).ok).toBe(false);
    expect(parseReleasePointer(new Uint8Array(64 * 1024 + 1)).ok).toBe(false);
  });

  test('a release ends at not_after', () => {
    const end = Date.parse(pointer.not_after);
    expect(isReleaseCurrent(pointer, end - 1)).toBe(true);
    expect(isReleaseCurrent(pointer, end)).toBe(false);
  });
});

describe('parseNodeStatus', () => {
  const status = {
    node: 'pdp-1',
    state: 'loaded',
    env: 'dev',
    channel: 'default',
    release_seq: 2,
    bundle_digest: digest,
    freshness: 'fresh',
    at: '2026-01-01T00:00:00.000Z',
  };
  test('reads a status', () => {
    expect(parseNodeStatus(text(status))).toEqual({ ok: true, value: status });
  });
  test.each([
    ['a node with a slash', { ...status, node: 'a/b' }],
    ['an unknown state', { ...status, state: 'happy' }],
    ['an unknown field', { ...status, admin: true }],
    ['a negative seq', { ...status, release_seq: -1 }],
    ['a long reason', { ...status, reason: 'x'.repeat(1025) }],
  ])('refuses %s', (_name, value) => {
    expect(parseNodeStatus(text(value)).ok).toBe(false);
  });
});
