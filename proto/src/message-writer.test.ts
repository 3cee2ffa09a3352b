import type { ServiceDefinition } from '@grpc/proto-loader';
import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { DECISION_SERVICE_NAME, loadDecisionPackage, loadDecisionService } from './decision-service.js';
import { anyMessage } from './testing/any-message.js';

const definitions = loadDecisionPackage();
const reference = definitions[DECISION_SERVICE_NAME] as ServiceDefinition;
const ours = loadDecisionService(definitions) as unknown as ServiceDefinition;

/** Of each message; the long form has ten times as many. */
const RUNS = Math.max(20, Math.ceil(Number(process.env['JEST_PROPERTY_RUNS'] ?? 10_000) / 500));

const typeNameOf = (definition: { readonly type: object }): string =>
  (definition.type as { readonly name: string }).name;

describe('every message of the service', () => {
  test.each(Object.keys(ours))('%s is written as the library writes it', (method) => {
    const [mine, theirs] = [ours[method], reference[method]];
    if (mine === undefined || theirs === undefined) throw new Error('no method');
    const directions = [
      [mine.requestSerialize, theirs.requestSerialize, typeNameOf(mine.requestType)],
      [mine.responseSerialize, theirs.responseSerialize, typeNameOf(mine.responseType)],
    ] as const;
    for (const [write, expected, name] of directions) {
      fc.assert(
        fc.property(anyMessage(name, 4), (message) => {
          expect(write(message).equals(expected(message))).toBe(true);
        }),
        { numRuns: RUNS },
      );
    }
  });

  test('is written into bytes of its own', () => {
    const ping = { answers: [{ id: 7, pong: {} }] };
    const serialize = ours['Decide']?.responseSerialize;
    const first = serialize?.(ping);
    const before = first?.toString('hex');
    serialize?.({ answers: [{ id: 9, fault: { code: 'DENY_CODE_INTERNAL_ERROR', message: 'x'.repeat(50_000) } }] });
    expect(first?.toString('hex')).toBe(before);
    expect(before).toBe(reference['Decide']?.responseSerialize(ping).toString('hex'));
  });

  test('takes nothing but bytes for bytes, and is none the worse for having refused', () => {
    const serialize = ours['Evaluate']?.requestSerialize;
    expect(() => serialize?.({ user_token: 'x', request_digest: 'AAAA' })).toThrow('request_digest must be bytes');
    const right = { user_token: 'x', request_digest: Buffer.from([1]) };
    expect(serialize?.(right)).toEqual(reference['Evaluate']?.requestSerialize(right));
  });
});
