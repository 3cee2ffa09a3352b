import { isDeepStrictEqual } from 'node:util';
import type { ServiceDefinition } from '@grpc/proto-loader';
import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { CHOICES, DECISION_SERVICE_NAME, loadDecisionPackage, loadDecisionService } from './decision-service.js';
import { createFieldLookup } from './message-fields.js';
import { createMessageReaders, type MessageReader } from './message-reader.js';
import { anyMessage } from './testing/any-message.js';

const definitions = loadDecisionPackage();
const reference = definitions[DECISION_SERVICE_NAME] as ServiceDefinition;
const ours = loadDecisionService(definitions) as unknown as ServiceDefinition;
const readers = createMessageReaders(createFieldLookup(definitions, CHOICES));

interface Side {
  readonly name: string;
  readonly write: (message: object) => Buffer;
  readonly library: (bytes: Buffer) => object;
  /** The library for what ours does not read. */
  readonly deserialize: (bytes: Buffer) => object;
  readonly read: MessageReader;
}

const sides: readonly Side[] = Object.entries(reference).flatMap(([method, theirs]) => {
  const mine = ours[method];
  if (mine === undefined) throw new Error('no method');
  const [request, response] = [theirs.requestType, theirs.responseType].map(
    ({ type }) => (type as { readonly name: string }).name,
  ) as [string, string];
  return [
    {
      name: request,
      write: theirs.requestSerialize,
      library: theirs.requestDeserialize,
      deserialize: mine.requestDeserialize,
      read: readers(`portcullis.v1.${request}`),
    },
    {
      name: response,
      write: theirs.responseSerialize,
      library: theirs.responseDeserialize,
      deserialize: mine.responseDeserialize,
      read: readers(`portcullis.v1.${response}`),
    },
  ];
});

/** The library says besides of every optional field that it is there. */
function withoutPresence(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutPresence);
  if (value === null || typeof value !== 'object' || value instanceof Uint8Array) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name]) => !name.startsWith('_'))
      .map(([name, inner]) => [name, withoutPresence(inner)]),
  );
}

const EXCLUSIVE = Object.values(CHOICES).flatMap((choices) => Object.values(choices));

/** Whether there are two members of a choice anywhere: our writer writes what it is given, a message is not so. */
function hasBoth(value: unknown): boolean {
  if (Array.isArray(value)) return value.some(hasBoth);
  if (value === null || typeof value !== 'object' || value instanceof Uint8Array) return false;
  const members = EXCLUSIVE.map((names) => names.filter((name) => Object.hasOwn(value, name)));
  return members.some(({ length }) => length > 1) || Object.values(value).some(hasBoth);
}

/** Of each message; the long form has ten times as many. */
const RUNS = Math.max(20, Math.ceil(Number(process.env['JEST_PROPERTY_RUNS'] ?? 10_000) / 500));

/** What reading comes to. */
function outcome(read: (bytes: Buffer) => object, bytes: Buffer): unknown {
  try {
    return withoutPresence(read(bytes));
  } catch {
    return 'no message';
  }
}

describe.each(sides)('$name', ({ name, write, library, deserialize, read }) => {
  test('is read as the library reads it, whenever it was written by the rules', () => {
    fc.assert(
      fc.property(anyMessage(name, 4), (message) => {
        const bytes = write(message);
        const expected = library(bytes);
        expect(isDeepStrictEqual(read(bytes), hasBoth(expected) ? undefined : withoutPresence(expected))).toBe(true);
      }),
      { numRuns: RUNS },
    );
  });

  test('damaged in any way comes to what the library makes of it', () => {
    const damage = fc.record({
      at: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
      cut: fc.nat({ max: 3 }),
      put: fc.uint8Array({ maxLength: 4 }),
    });
    fc.assert(
      fc.property(anyMessage(name, 3), fc.array(damage, { minLength: 1, maxLength: 3 }), (message, damages) => {
        const bytes = damages.reduce((now, { at, cut, put }) => {
          const place = Math.floor(at * (now.length + 1));
          return Buffer.concat([now.subarray(0, place), put, now.subarray(place + cut)]);
        }, write(message));
        expect(isDeepStrictEqual(outcome(deserialize, bytes), outcome(library, bytes))).toBe(true);
      }),
      { numRuns: 2 * RUNS },
    );
  });

  test('twice over, as concatenated messages are, comes to what the library makes of it', () => {
    fc.assert(
      fc.property(anyMessage(name, 3), anyMessage(name, 3), (one, other) => {
        const bytes = Buffer.concat([write(one), write(other)]);
        expect(isDeepStrictEqual(outcome(deserialize, bytes), outcome(library, bytes))).toBe(true);
      }),
      { numRuns: RUNS },
    );
  });
});

describe('what our writer would not write is left to the library', () => {
  const read = readers('portcullis.v1.Answer');
  test.each([
    ['an unknown field', [0x08, 0x01, 0x2a, 0x00]],
    ['a field that comes again', [0x08, 0x01, 0x08, 0x01]],
    ['fields out of order', [0x1a, 0x00, 0x08, 0x01]],
    ['a field that is framed otherwise', [0x0a, 0x00]],
    ['a member that the enum does not have', [0x1a, 0x02, 0x08, 0x63]],
    ['two members of a choice', [0x08, 0x01, 0x1a, 0x00, 0x22, 0x00]],
    ['a group', [0x0b, 0x0c]],
    ['a field number 0', [0x00, 0x00]],
    ['a number that is larger than its kind', [0x08, 0xff, 0xff, 0xff, 0xff, 0x1f]],
    ['a number without an end', [0x08, 0xff]],
    ['a length beyond the end', [0x1a, 0x05, 0x08]],
    ['a length beyond the end of the message around it', [0x1a, 0x02, 0x12, 0x05, 0x41, 0x41, 0x41, 0x41, 0x41]],
    ['a flag that is neither', [0x12, 0x03, 0x80, 0x01, 0x02]],
  ])('%s', (_, bytes) => {
    expect(read(Buffer.from(bytes))).toBeUndefined();
  });

  test('and nothing of it stays behind', () => {
    expect(read(Buffer.from([0x08, 0x01, 0x2a, 0x00]))).toBeUndefined();
    expect(read(Buffer.from([0x08, 0x07, 0x22, 0x00]))).toEqual({ id: 7, answer: 'pong', pong: {} });
  });
});

test('a choice whose members are not known fails when the service is loaded, not when it is asked', () => {
  expect(() => createFieldLookup(definitions, {})('portcullis.v1.Answer')).toThrow(
    'the members of answer are not known',
  );
});
