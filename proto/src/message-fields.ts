/** What the writer and the reader of messages know of them, from the definitions that proto-loader makes of a .proto file. */

import type { EnumTypeDefinition, MessageTypeDefinition, PackageDefinition } from '@grpc/proto-loader';

/** What proto-loader knows of a field, in the words of descriptor.proto. */
interface FieldDescriptor {
  readonly name: string;
  readonly number: number;
  readonly label: string;
  readonly type: string;
  readonly typeName: string;
}

interface MessageDescriptor {
  readonly field: readonly FieldDescriptor[];
  readonly oneofDecl: readonly { readonly name: string }[];
}

/** What a field holds. */
export type Kind = 'text' | 'bytes' | 'double' | 'uint32' | 'flag' | 'enum' | 'message';

const KINDS: Readonly<Record<string, Kind>> = {
  TYPE_STRING: 'text',
  TYPE_BYTES: 'bytes',
  TYPE_DOUBLE: 'double',
  TYPE_UINT32: 'uint32',
  TYPE_BOOL: 'flag',
  TYPE_ENUM: 'enum',
  TYPE_MESSAGE: 'message',
};

/** How a value is framed: as a varint, as eight bytes, or by its length. */
const WIRE_TYPES: Readonly<Record<Kind, number>> = {
  flag: 0,
  uint32: 0,
  enum: 0,
  double: 1,
  text: 2,
  bytes: 2,
  message: 2,
};

/** One field of a message. */
export interface Field {
  readonly name: string;
  readonly kind: Kind;
  readonly isRepeated: boolean;
  /** Number and framing, as they are written. */
  readonly tag: number;
  /** Of a message. */
  readonly fields: readonly Field[];
  /** The name of the choice (`oneof`) that it is a member of. */
  readonly choice: string | undefined;
  /** Of an enum; what is not in it is not written. */
  readonly members: ReadonlyMap<unknown, number>;
}

/** The members of each choice (`oneof`) of each message, by names; what proto-loader knows does not say them. */
export type Choices = Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;

const NO_FIELDS: readonly Field[] = [];
const NO_MEMBERS: ReadonlyMap<unknown, number> = new Map();

/** The fields of a message, in the order of their numbers, by its full name. */
export type FieldLookup = (messageName: string) => readonly Field[];

/**
 * A look-up of the fields of a package's messages.
 * @throws Error from the look-up for a message that is not in the package, or with a kind of field or a choice that is not known here
 */
export function createFieldLookup(definitions: PackageDefinition, choices: Choices): FieldLookup {
  const known = new Map<string, readonly Field[]>();
  const fieldsOf = (name: string): readonly Field[] => {
    const before = known.get(name);
    if (before !== undefined) return before;
    // Known before it is filled: a message may hold itself.
    const fields: Field[] = [];
    known.set(name, fields);
    const { field, oneofDecl } = definitionOf(definitions, name).type as MessageDescriptor;
    const named = choices[name] ?? {};
    for (const { name: choice } of oneofDecl) {
      // So begins the choice that protobuf makes of every optional field.
      if (!choice.startsWith('_') && named[choice] === undefined)
        throw new Error(`the members of ${choice} are not known`);
    }
    const choiceOf = (member: string): string | undefined =>
      Object.keys(named).find((choice) => named[choice]?.includes(member));
    const scope = name.slice(0, name.lastIndexOf('.') + 1);
    for (const one of field.toSorted((a, b) => a.number - b.number)) {
      fields.push(fieldOf(one, scope, choiceOf(one.name)));
    }
    return fields;
  };
  const fieldOf = ({ name, number, label, type, typeName }: FieldDescriptor, scope: string, choice?: string): Field => {
    const kind = KINDS[type];
    const isRepeated = label === 'LABEL_REPEATED';
    // Lists of numbers would have to be packed.
    if (kind === undefined || (isRepeated && WIRE_TYPES[kind] !== 2)) throw new Error(`no writer for field ${name}`);
    return {
      name,
      kind,
      isRepeated,
      tag: number * 8 + WIRE_TYPES[kind],
      fields: kind === 'message' ? fieldsOf(`${scope}${typeName}`) : NO_FIELDS,
      choice,
      members: kind === 'enum' ? membersOf(definitions, `${scope}${typeName}`) : NO_MEMBERS,
    };
  };
  return fieldsOf;
}

function definitionOf(definitions: PackageDefinition, name: string): MessageTypeDefinition<object, object> {
  const found = definitions[name];
  if (found === undefined || !('type' in found)) throw new Error(`no message ${name}`);
  return found as MessageTypeDefinition<object, object>;
}

/** By name and by number: either may be given. */
function membersOf(definitions: PackageDefinition, name: string): ReadonlyMap<unknown, number> {
  const { value } = (definitions[name] as EnumTypeDefinition).type as {
    readonly value: readonly { readonly name: string; readonly number: number }[];
  };
  return new Map(
    value.flatMap((member): [unknown, number][] => [
      [member.name, member.number],
      [member.number, member.number],
    ]),
  );
}
