import type { ServiceDefinition } from '@grpc/proto-loader';
import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { DECISION_SERVICE_NAME, loadDecisionPackage, loadDecisionService } from './decision-service.js';

const definitions = loadDecisionPackage();
const reference = definitions[DECISION_SERVICE_NAME] as ServiceDefinition;
const ours = loadDecisionService(definitions) as unknown as ServiceDefinition;

interface Descriptor {
  readonly name: string;
  readonly field: readonly {
    readonly name: string;
    readonly label: string;
    readonly type: string;
    readonly typeName: string;
  }[];
}

// Around the lengths at which a length takes one byte more, and where a loop gives way to the native writer.
const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 8 }),
  fc.nat({ max: 200 }).map((length) => 'x'.repeat(length)),
  fc.tuple(fc.nat({ max: 60 }), fc.constantFrom('é', '\u20ac', '\u{1f600}')).map(([n, letter]) => letter.repeat(n)),
  fc.constantFrom('x'.repeat(16_383), 'x'.repeat(16_384), '\u20ac'.repeat(5_462)),
);
const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 8 }),
  fc.constantFrom(127, 128, 300_000).map((length) => new Uint8Array(length)),
);

/** Any message of a type, three deep; each field present or absent. */
function messages(name: string, depth = 3): fc.Arbitrary<object> {
  const { field } = (definitions[`portcullis.v1.${name}`] as unknown as { readonly type: Descriptor }).type;
  const model: Record<string, fc.Arbitrary<unknown>> = {};
  for (const { name: member, label, type, typeName } of field) {
    if (type === 'TYPE_MESSAGE' && depth === 0) continue;
    const value = arbitraryOf(type, typeName, depth);
    model[member] = label === 'LABEL_REPEATED' ? fc.array(value, { maxLength: 3 }) : value;
  }
  return fc.record(model, { requiredKeys: [] });
}

function arbitraryOf(type: string, typeName: string, depth: number): fc.Arbitrary<unknown> {
  switch (type) {
    case 'TYPE_STRING':
      return text;
    case 'TYPE_BYTES':
      return bytes.map((value) => Buffer.from(value));
    case 'TYPE_DOUBLE':
      return fc.double();
    case 'TYPE_UINT32':
      return fc.oneof(fc.nat(), fc.constantFrom(0, 127, 128, 0xffff_ffff, 1.5));
    case 'TYPE_BOOL':
      return fc.boolean();
    case 'TYPE_ENUM': {
      const { value } = (
        definitions[`portcullis.v1.${typeName}`] as unknown as {
          readonly type: { readonly value: readonly { readonly name: string }[] };
        }
      ).type;
      return fc.constantFrom(...value.map((member) => member.name), 'NO_SUCH_MEMBER', 1);
    }
    case 'TYPE_MESSAGE':
      return messages(typeName, depth - 1);
    default:
      throw new Error(`nothing is known of ${type}`);
  }
}

const typeNameOf = (definition: { readonly type: object }): string => (definition.type as Descriptor).name;

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
        fc.property(messages(name, 4), (message) => {
          expect(write(message).equals(expected(message))).toBe(true);
        }),
        { numRuns: 60 },
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
