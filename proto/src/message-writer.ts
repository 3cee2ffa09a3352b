/**
 * Writes messages straight from the objects that describe them. proto-loader makes an object of its own of each message
 * before it writes that, which is most of what writing a question or a decision costs. The bytes are the same.
 */

import type { EnumTypeDefinition, MessageTypeDefinition, PackageDefinition } from '@grpc/proto-loader';

/** The bytes of one message; what is absent or null is not written. Throws a TypeError for bytes that are none. */
export type MessageWriter = (message: object) => Buffer;

/** What proto-loader knows of a field, in the words of descriptor.proto. */
interface FieldDescriptor {
  readonly name: string;
  readonly number: number;
  readonly label: string;
  readonly type: string;
  readonly typeName: string;
}

type Kind = 'text' | 'bytes' | 'double' | 'uint32' | 'flag' | 'enum' | 'message';

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

interface Field {
  readonly name: string;
  readonly kind: Kind;
  readonly isRepeated: boolean;
  /** Number and framing, as they are written. */
  readonly tag: number;
  /** Of a message. */
  readonly fields: readonly Field[];
  /** Of an enum; what is not in it is not written. */
  readonly members: ReadonlyMap<unknown, number>;
}

const NO_FIELDS: readonly Field[] = [];
const NO_MEMBERS: ReadonlyMap<unknown, number> = new Map();
const START_BYTES = 4_096;
/** A larger buffer is not kept. */
const KEPT_BYTES = 256 * 1024;
const MAX_VARINT_BYTES = 5;
const MAX_UTF8_BYTES = 3;
const DOUBLE_BYTES = 8;
/** Up to here a loop is faster than a call of the native writer. */
const SHORT_TEXT = 24;
const ASCII = 0x80;

/**
 * A maker of writers for the messages of a package; they share one buffer.
 * @throws Error from the maker for a message that is not in the package, or with a kind of field that is not known here
 */
export function createMessageWriters(definitions: PackageDefinition): (messageName: string) => MessageWriter {
  const known = new Map<string, readonly Field[]>();
  const fieldsOf = (name: string): readonly Field[] => {
    const before = known.get(name);
    if (before !== undefined) return before;
    // Known before it is filled: a message may hold itself.
    const fields: Field[] = [];
    known.set(name, fields);
    const { field } = definitionOf(definitions, name).type as { readonly field: readonly FieldDescriptor[] };
    const scope = name.slice(0, name.lastIndexOf('.') + 1);
    for (const one of field.toSorted((a, b) => a.number - b.number)) fields.push(fieldOf(one, scope));
    return fields;
  };
  const fieldOf = ({ name, number, label, type, typeName }: FieldDescriptor, scope: string): Field => {
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
      members: kind === 'enum' ? membersOf(definitions, `${scope}${typeName}`) : NO_MEMBERS,
    };
  };
  const output = createOutput();
  return (messageName) => {
    const fields = fieldsOf(messageName);
    return (message) => output.write(fields, message);
  };
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

function createOutput(): { write(fields: readonly Field[], message: object): Buffer } {
  let buffer = Buffer.allocUnsafe(START_BYTES);
  let end = 0;

  const reserve = (bytes: number): void => {
    if (end + bytes <= buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(2 * buffer.length, end + bytes));
    buffer.copy(larger, 0, 0, end);
    buffer = larger;
  };
  /** Room must be reserved. */
  const varint = (value: number): void => {
    let rest = value;
    while (rest >= 0x80) {
      buffer[end] = (rest & 0x7f) | 0x80;
      end += 1;
      rest >>>= 7;
    }
    buffer[end] = rest;
    end += 1;
  };
  /** Writes the length of what stands behind `start`, which left `guessed` bytes for it. */
  const frame = (start: number, guessed: number): void => {
    const length = end - start;
    const needed = varintBytes(length);
    if (needed !== guessed) {
      reserve(MAX_VARINT_BYTES);
      buffer.copyWithin(start + needed - guessed, start, end);
    }
    end = start - guessed;
    varint(length);
    end += length;
  };
  const text = (value: string): void => {
    const guessed = varintBytes(value.length);
    reserve(MAX_VARINT_BYTES + MAX_UTF8_BYTES * value.length);
    end += guessed;
    const start = end;
    if (value.length > SHORT_TEXT || !ascii(value)) {
      end = start + buffer.write(value, start, 'utf8');
    }
    frame(start, guessed);
  };
  /** False, and nothing to rely on, for a text with other characters. */
  const ascii = (value: string): boolean => {
    for (let index = 0; index < value.length; index += 1) {
      const code = value.charCodeAt(index);
      if (code >= ASCII) return false;
      buffer[end + index] = code;
    }
    end += value.length;
    return true;
  };
  const one = (field: Field, value: unknown): void => {
    if (field.kind === 'enum' && !field.members.has(value)) return;
    reserve(2 * MAX_VARINT_BYTES + DOUBLE_BYTES);
    varint(field.tag);
    switch (field.kind) {
      case 'text':
        text(String(value));
        return;
      case 'bytes': {
        // The library takes base64 as well, which nothing here is.
        if (!(value instanceof Uint8Array)) throw new TypeError(`${field.name} must be bytes`);
        varint(value.length);
        reserve(value.length);
        buffer.set(value, end);
        end += value.length;
        return;
      }
      case 'double':
        end = buffer.writeDoubleLE(Number(value), end);
        return;
      case 'uint32':
        varint((value as number) >>> 0);
        return;
      case 'flag':
        varint(value === true ? 1 : 0);
        return;
      case 'enum':
        varint(field.members.get(value) ?? 0);
        return;
      case 'message': {
        // Most of them are longer than what one byte of length can say, and shorter than what two can.
        end += 2;
        const start = end;
        members(field.fields, value as object);
        frame(start, 2);
      }
    }
  };
  const members = (fields: readonly Field[], message: object): void => {
    const values = message as Readonly<Record<string, unknown>>;
    for (const field of fields) {
      const value = values[field.name];
      if (value === undefined || value === null) continue;
      if (!field.isRepeated) one(field, value);
      else for (const element of value as readonly unknown[]) one(field, element);
    }
  };
  return {
    write(fields, message) {
      end = 0;
      members(fields, message);
      const bytes = Buffer.allocUnsafe(end);
      buffer.copy(bytes, 0, 0, end);
      if (buffer.length > KEPT_BYTES) buffer = Buffer.allocUnsafe(START_BYTES);
      return bytes;
    },
  };
}

function varintBytes(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  if (value < 0x20_0000) return 3;
  return value < 0x1000_0000 ? 4 : MAX_VARINT_BYTES;
}
