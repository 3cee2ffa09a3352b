/**
 * Reads messages straight into the objects that describe them. The library makes a message of the bytes and an object of
 * the message, with code of its own for every type: for a message that comes alone, most of the cost is that code.
 *
 * Read here is only what our own writer writes: known fields, in order, each framed as it is declared and with a value that
 * it can have. Everything else is left to the library, so what unusual or hostile bytes mean is its word alone.
 */

import type { Field, FieldLookup } from './message-fields.js';

/**
 * The message that the bytes are, as the library has it, but without a word about optional fields that they are there.
 * `undefined` for bytes that the library has to read.
 */
export type MessageReader = (bytes: Buffer) => object | undefined;

/** Fields by their tags: a field that is framed otherwise than it is declared is not found. */
type Table = (Slot | undefined)[];

interface Slot {
  readonly field: Field;
  /** Of a message. */
  readonly table: Table;
  /** Of an enum, by number. */
  readonly names: readonly (string | undefined)[];
}

/** Messages within messages; deeper ones are left to the library. */
const MAX_DEPTH = 32;
/** A larger member of an enum is left to the library. */
const MAX_MEMBER = 1_023;
const DOUBLE_BYTES = 8;
const CONTINUES = 0x80;
/** No varint that is read here, and no length. */
const UNUSUAL = -1;

/** A maker of readers. @throws Error from the maker as the look-up does */
export function createMessageReaders(fieldsOf: FieldLookup): (messageName: string) => MessageReader {
  const known = new Map<readonly Field[], Table>();
  const tableOf = (fields: readonly Field[]): Table => {
    const before = known.get(fields);
    if (before !== undefined) return before;
    const table: Table = [];
    // Known before it is filled: a message may hold itself.
    known.set(fields, table);
    for (const field of fields) table[field.tag] = { field, table: tableOf(field.fields), names: namesOf(field) };
    return table;
  };
  const input = createInput();
  return (messageName) => {
    const table = tableOf(fieldsOf(messageName));
    return (bytes) => input.read(table, bytes);
  };
}

function namesOf({ members }: Field): readonly (string | undefined)[] {
  const names: (string | undefined)[] = [];
  for (const [name, number] of members) {
    if (typeof name === 'string' && number >= 0 && number <= MAX_MEMBER) names[number] = name;
  }
  return names;
}

function createInput(): { read(table: Table, bytes: Buffer): object | undefined } {
  let bytes: Buffer = Buffer.alloc(0);
  let at = 0;

  /** Up to 2^32 - 1. */
  const varint = (end: number): number => {
    let value = 0;
    for (let unit = 1; unit <= 0x1000_0000; unit *= 0x80) {
      if (at >= end) return UNUSUAL;
      const byte = bytes[at] as number;
      at += 1;
      if (byte < CONTINUES) {
        value += byte * unit;
        return value <= 0xffff_ffff ? value : UNUSUAL;
      }
      value += (byte - CONTINUES) * unit;
    }
    return UNUSUAL;
  };
  /** Where a value that says its length ends. */
  const framed = (end: number): number => {
    const length = varint(end);
    return length === UNUSUAL || length > end - at ? UNUSUAL : at + length;
  };
  /** `undefined` for one that is left to the library. */
  const one = ({ field, table, names }: Slot, end: number, depth: number): unknown => {
    switch (field.kind) {
      case 'text':
      case 'bytes': {
        const until = framed(end);
        if (until === UNUSUAL) return undefined;
        const start = at;
        at = until;
        return field.kind === 'text' ? bytes.toString('utf8', start, until) : bytes.subarray(start, until);
      }
      case 'message': {
        const until = framed(end);
        return until === UNUSUAL ? undefined : members(table, until, depth + 1);
      }
      case 'double': {
        if (end - at < DOUBLE_BYTES) return undefined;
        at += DOUBLE_BYTES;
        return bytes.readDoubleLE(at - DOUBLE_BYTES);
      }
      case 'uint32': {
        const value = varint(end);
        return value === UNUSUAL ? undefined : value;
      }
      case 'flag': {
        const value = varint(end);
        return value === 0 ? false : value === 1 ? true : undefined;
      }
      case 'enum': {
        const value = varint(end);
        return value === UNUSUAL ? undefined : names[value];
      }
    }
  };
  const members = (table: Table, end: number, depth: number): object | undefined => {
    if (depth > MAX_DEPTH) return undefined;
    const message: Record<string, unknown> = {};
    let last = 0;
    while (at < end) {
      const tag = varint(end);
      const slot = table[tag];
      if (slot === undefined || tag < last) return undefined;
      const { name, isRepeated, choice } = slot.field;
      if (tag === last && !isRepeated) return undefined;
      if (choice !== undefined) {
        if (message[choice] !== undefined) return undefined;
        message[choice] = name;
      }
      const value = one(slot, end, depth);
      if (value === undefined) return undefined;
      if (!isRepeated) message[name] = value;
      else if (tag === last) (message[name] as unknown[]).push(value);
      else message[name] = [value];
      last = tag;
    }
    return message;
  };
  return {
    read(table, message) {
      bytes = message;
      at = 0;
      return members(table, bytes.length, 1);
    },
  };
}
