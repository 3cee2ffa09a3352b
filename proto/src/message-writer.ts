/**
 * Writes messages straight from the objects that describe them. proto-loader makes an object of its own of each message
 * before it writes that, which is most of what writing a question or a decision costs. The bytes are the same.
 */

import type { Field, FieldLookup } from './message-fields.js';

/** The bytes of one message; what is absent or null is not written. Throws a TypeError for bytes that are none. */
export type MessageWriter = (message: object) => Buffer;

const START_BYTES = 4_096;
/** A larger buffer is not kept. */
const KEPT_BYTES = 256 * 1024;
const MAX_VARINT_BYTES = 5;
const MAX_UTF8_BYTES = 3;
const DOUBLE_BYTES = 8;
/** Up to here a loop is faster than a call of the native writer. */
const SHORT_TEXT = 24;
const ASCII = 0x80;

/** A maker of writers; they share one buffer. @throws Error from the maker as the look-up does */
export function createMessageWriters(fieldsOf: FieldLookup): (messageName: string) => MessageWriter {
  const output = createOutput();
  return (messageName) => {
    const fields = fieldsOf(messageName);
    return (message) => output.write(fields, message);
  };
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
