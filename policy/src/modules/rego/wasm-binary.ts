/** Reading and writing the binary format of WebAssembly, as far as metering needs it. */

/** Not a program that can be metered. The message says what is in the way. */
export class ProgramError extends Error {
  override name = 'ProgramError';
}

/** A cursor over bytes. */
export interface ByteReader {
  readonly offset: number;
  readonly end: boolean;
  byte(): number;
  bytes(length: number): Uint8Array;
  /** An unsigned LEB128 of at most 32 bits. */
  u32(): number;
  /** Steps over a signed LEB128 of at most `maxBytes` bytes. */
  skipLeb(maxBytes: number): void;
  /** A reader over the next `length` bytes. */
  sub(length: number): ByteReader;
}

/** A reader over `source`. Reading past the end throws {@link ProgramError}. */
export function createByteReader(source: Uint8Array): ByteReader {
  let offset = 0;
  const byte = (): number => {
    const value = source[offset];
    if (value === undefined) throw new ProgramError('the program ends in the middle');
    offset += 1;
    return value;
  };
  const bytes = (length: number): Uint8Array => {
    if (offset + length > source.length) throw new ProgramError('the program ends in the middle');
    offset += length;
    return source.subarray(offset - length, offset);
  };
  return {
    get offset() {
      return offset;
    },
    get end() {
      return offset >= source.length;
    },
    byte,
    bytes,
    u32() {
      let value = 0;
      for (let shift = 0; shift < 35; shift += 7) {
        const next = byte();
        value += (next & 0x7f) * 2 ** shift;
        if (next < 0x80) {
          if (value > 0xffff_ffff) break;
          return value;
        }
      }
      throw new ProgramError('a number in the program is too long');
    },
    skipLeb(maxBytes) {
      for (let count = 0; count < maxBytes; count += 1) if (byte() < 0x80) return;
      throw new ProgramError('a number in the program is too long');
    },
    sub: (length) => createByteReader(bytes(length)),
  };
}

/** An unsigned LEB128. */
export function u32Leb(value: number): readonly number[] {
  const out: number[] = [];
  let rest = value;
  do {
    const low = rest % 128;
    rest = Math.floor(rest / 128);
    out.push(rest === 0 ? low : low + 128);
  } while (rest !== 0);
  return out;
}

/** A signed LEB128 of a number that is not negative. */
export function s32Leb(value: number): readonly number[] {
  const out = [...u32Leb(value)];
  const last = out.at(-1) ?? 0;
  // The topmost bit of the last byte is the sign.
  if ((last & 0x40) !== 0) {
    out[out.length - 1] = last | 0x80;
    out.push(0);
  }
  return out;
}

/** Joins pieces into one array. */
export function concatBytes(pieces: readonly (Uint8Array | readonly number[])[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let offset = 0;
  for (const piece of pieces) {
    whole.set(piece, offset);
    offset += piece.length;
  }
  return whole;
}
