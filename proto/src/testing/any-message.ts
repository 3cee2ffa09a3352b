/** Any message of the decision service, for tests of what writes and reads them. */

import * as fc from 'fast-check';
import { loadDecisionPackage } from '../decision-service.js';

const definitions = loadDecisionPackage();

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

/** Any message of a type; each field present or absent. */
export function anyMessage(name: string, depth = 3): fc.Arbitrary<object> {
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
      return anyMessage(typeName, depth - 1);
    default:
      throw new Error(`nothing is known of ${type}`);
  }
}
