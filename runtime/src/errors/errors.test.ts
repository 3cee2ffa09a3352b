import { runInNewContext } from 'node:vm';
import { describe, expect, test } from '@jest/globals';
import { FAULT_KINDS } from './fault-kinds.js';
import { PortcullisError } from './portcullis-error.js';
import { problemDocument } from './problem-document.js';
import { SURFACE } from './surface.js';

describe('PortcullisError', () => {
  test('is known by its brand, not by its class or looks', () => {
    const fault = new PortcullisError('ERR_X', 'invalid', 'bad');
    expect(PortcullisError.is(fault)).toBe(true);
    expect(fault).toBeInstanceOf(Error);
    expect(PortcullisError.is(Object.assign(new Error('bad'), { code: 'ERR_X', kind: 'invalid' }))).toBe(false);
    expect(PortcullisError.is(undefined)).toBe(false);
    expect(PortcullisError.is('ERR_X')).toBe(false);
    const foreign: unknown = runInNewContext(
      "Object.assign(new Error('x'), { [Symbol.for('portcullis.error')]: true })",
    );
    expect(PortcullisError.is(foreign)).toBe(true);
  });

  test.each<[string, unknown, string]>([
    ['an abort by deadline', AbortSignal.timeout(0), 'timeout'],
    ['an abort', new DOMException('x', 'AbortError'), 'unavailable'],
    ['a refused connection', Object.assign(new Error('x'), { code: 'ECONNREFUSED' }), 'unavailable'],
    ['a network timeout', Object.assign(new Error('x'), { code: 'ETIMEDOUT' }), 'timeout'],
    ['an unknown name', Object.assign(new Error('x'), { code: 'ENOTFOUND' }), 'unavailable'],
    ['a full disk', Object.assign(new Error('x'), { code: 'ENOSPC' }), 'internal'],
    ['an Error', new Error('x'), 'internal'],
    ['a string', 'x', 'internal'],
    ['nothing', undefined, 'internal'],
  ])('from %s', async (_name, value, kind) => {
    const cause =
      value instanceof AbortSignal
        ? await new Promise((resolve) => {
            value.addEventListener('abort', () => resolve(value.reason));
          })
        : value;
    const fault = PortcullisError.from(cause, 'ERR_Y');
    expect(fault).toMatchObject({ kind, code: 'ERR_Y' });
    expect(fault.cause).toBe(cause);
    expect(PortcullisError.from(fault, 'ERR_Z')).toBe(fault);
  });
});

test('every kind has its row, with distinct metric labels', () => {
  expect(Object.keys(SURFACE).sort()).toEqual([...FAULT_KINDS].sort());
  expect(new Set(Object.values(SURFACE).map((row) => row.metricLabel)).size).toBe(FAULT_KINDS.length);
  expect(Object.values(SURFACE).map((row) => row.grpcStatus)).not.toContain(0);
});

describe('problem documents', () => {
  test.each(FAULT_KINDS)('%s says as much as a caller may know', (kind) => {
    const document = problemDocument(
      new PortcullisError('ERR_X', kind, 'the inside', { details: { file: '/secret', problems: [1] } }),
    );
    expect(document).toMatchObject({
      type: 'urn:portcullis:error:ERR_X',
      status: SURFACE[kind].httpStatus,
      code: 'ERR_X',
    });
    expect('detail' in document).toBe(kind !== 'internal' && kind !== 'corrupt');
    expect('problems' in document).toBe(kind === 'invalid');
    expect(JSON.stringify(document)).not.toContain('/secret');
  });
});
