import { type ByteReader, ProgramError, s32Leb, u32Leb } from './wasm-binary.js';

/** One unit of fuel pays for about so many instructions; loops and calls pay at least one. */
const INSTRUCTIONS_PER_UNIT = 32;

const LOOP = 0x03;
const END = 0x0b;

/** What follows an instruction's code. Instructions of later proposals are not in the table, and refused. */
type Immediate = 'none' | 'block' | 'u32' | 'u32x2' | 'table' | 'zero' | 's32' | 's64' | 'f32' | 'f64';

function immediateOf(code: number): Immediate | undefined {
  if (code <= 0x01 || code === 0x05 || code === END || code === 0x0f || code === 0x1a || code === 0x1b) return 'none';
  if (code >= 0x02 && code <= 0x04) return 'block';
  if (code === 0x0c || code === 0x0d || code === 0x10) return 'u32';
  if (code === 0x0e) return 'table';
  if (code === 0x11) return 'u32x2';
  if (code >= 0x20 && code <= 0x24) return 'u32';
  if (code >= 0x28 && code <= 0x3e) return 'u32x2';
  if (code === 0x3f || code === 0x40) return 'zero';
  if (code === 0x41) return 's32';
  if (code === 0x42) return 's64';
  if (code === 0x43) return 'f32';
  if (code === 0x44) return 'f64';
  // Arithmetic and comparisons, then sign extension.
  if (code >= 0x45 && code <= 0xc4) return 'none';
  return undefined;
}

function skipImmediate(kind: Immediate, reader: ByteReader): void {
  switch (kind) {
    case 'none':
      return;
    case 'block': {
      const type = reader.byte();
      // Nothing, or one value of a number type; a type index would be longer than this.
      if (type !== 0x40 && (type < 0x7c || type > 0x7f)) throw new ProgramError('a block has several results');
      return;
    }
    case 'u32':
      reader.u32();
      return;
    case 'u32x2':
      reader.u32();
      reader.u32();
      return;
    case 'table': {
      const count = reader.u32();
      for (let index = 0; index <= count; index += 1) reader.u32();
      return;
    }
    case 'zero':
      if (reader.byte() !== 0) throw new ProgramError('the program has several memories');
      return;
    case 's32':
      reader.skipLeb(5);
      return;
    case 's64':
      reader.skipLeb(10);
      return;
    case 'f32':
      reader.bytes(4);
      return;
    case 'f64':
      reader.bytes(8);
  }
}

/** Where fuel is taken, and how much. */
interface Charge {
  /** The offset in the body at which the code goes. */
  readonly at: number;
  instructions: number;
}

/**
 * The body of a function with code that takes fuel when it is entered and each time one of its loops begins, in
 * proportion to the instructions that follow, and traps when there is none left.
 * @throws ProgramError for an instruction that cannot be metered
 */
export function meterBody(body: Uint8Array, reader: ByteReader, fuelGlobal: number): readonly Uint8Array[] {
  const localGroups = reader.u32();
  for (let index = 0; index < localGroups; index += 1) {
    reader.u32();
    const type = reader.byte();
    if (type < 0x7c || type > 0x7f) throw new ProgramError('a local is not a number');
  }
  const entry: Charge = { at: reader.offset, instructions: 0 };
  const charges: Charge[] = [entry];
  // The charge that each open block pays to: that of the innermost loop, else that of the function.
  const open: Charge[] = [entry];
  while (!reader.end) {
    const code = reader.byte();
    const immediate = immediateOf(code);
    if (immediate === undefined)
      throw new ProgramError(`the instruction 0x${code.toString(16)} is not one of WebAssembly 1.0`);
    skipImmediate(immediate, reader);
    const current = open.at(-1);
    if (current === undefined) throw new ProgramError('a function goes on after its end');
    current.instructions += 1;
    if (code === LOOP) {
      const loop: Charge = { at: reader.offset, instructions: 0 };
      charges.push(loop);
      open.push(loop);
    } else if (immediate === 'block') open.push(current);
    else if (code === END) open.pop();
  }
  if (open.length > 0) throw new ProgramError('a function has no end');
  const pieces: Uint8Array[] = [];
  let from = 0;
  for (const { at, instructions } of charges) {
    const units = 1 + Math.floor(instructions / INSTRUCTIONS_PER_UNIT);
    pieces.push(body.subarray(from, at), takeFuel(fuelGlobal, units));
    from = at;
  }
  pieces.push(body.subarray(from));
  return pieces;
}

/** `fuel -= units; if (fuel < 0) unreachable` */
function takeFuel(fuelGlobal: number, units: number): Uint8Array {
  const [get, set] = [0x23, 0x24].map((code) => [code, ...u32Leb(fuelGlobal)]);
  const constant = [0x41, ...s32Leb(units)];
  const [subtract, less, then, trap] = [0x6b, 0x48, [0x04, 0x40], 0x00];
  return Uint8Array.from([
    ...(get ?? []),
    ...constant,
    subtract,
    ...(set ?? []),
    ...(get ?? []),
    ...[0x41, 0x00],
    less,
    ...then,
    trap,
    END,
  ]);
}
