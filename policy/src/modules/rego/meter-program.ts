import { MODULE_LIMITS } from '../limits.js';
import { meterBody } from './meter-code.js';
import { type ByteReader, concatBytes, createByteReader, ProgramError, s32Leb, u32Leb } from './wasm-binary.js';

/** The name under which a metered program exports what fuel is left. */
export const FUEL_EXPORT = '#fuel';
/** Further mutable globals of a metered program are exported under this and their number. */
export const GLOBAL_EXPORT = '#global';

const SECTION = { custom: 0, import: 2, table: 4, memory: 5, global: 6, export: 7, code: 10, dataCount: 12 } as const;
const ORDER_OF_GLOBAL = 6;
const ORDER_OF_EXPORT = 7;
const PREFIX = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00] as const;

/** What OPA's programs are given; anything else would be a way out. */
const IMPORTS: ReadonlySet<string> = new Set([
  'env.memory',
  'env.opa_abort',
  'env.opa_println',
  'env.opa_builtin0',
  'env.opa_builtin1',
  'env.opa_builtin2',
  'env.opa_builtin3',
  'env.opa_builtin4',
]);

interface Section {
  readonly id: number;
  readonly body: Uint8Array;
}

/** A program that cannot run for ever and hides nothing. */
export interface MeteredProgram {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The memory it asks for, in pages of 64 KiB. */
  readonly memoryPages: number;
}

/**
 * Rewrites a program so that it takes fuel as it runs and shows all of its state: JavaScript cannot interrupt
 * WebAssembly, so a program that never ends must end itself. Accepts WebAssembly 1.0 with sign extension, one imported
 * memory, and OPA's imports.
 * @throws ProgramError for anything else
 */
export function meterProgram(program: Uint8Array): MeteredProgram {
  const sections = readSections(program);
  const memoryPages = checkImports(sections);
  if (sections.some(({ id }) => id === SECTION.memory)) throw new ProgramError('the program has a memory of its own');
  checkTables(sections);
  const globals = readGlobals(sections);
  const fuel = globals.count;
  const written = sections.filter(({ id }) => id !== SECTION.global && id !== SECTION.export);
  written.push(globalSection(globals), exportSection(sections, fuel, globals.mutable));
  written.sort((a, b) => orderOf(a.id) - orderOf(b.id));
  const pieces = written.flatMap(({ id, body }) => {
    const content = id === SECTION.code ? meterCode(body, fuel) : body;
    return [[id, ...u32Leb(content.length)], content];
  });
  return { bytes: concatBytes([PREFIX, ...pieces]), memoryPages };
}

function readSections(program: Uint8Array): Section[] {
  const reader = createByteReader(program);
  const prefix = program.subarray(0, PREFIX.length);
  if (!PREFIX.every((byte, index) => prefix[index] === byte)) throw new ProgramError('not a WebAssembly 1.0 program');
  reader.bytes(PREFIX.length);
  const sections: Section[] = [];
  let last = 0;
  while (!reader.end) {
    const id = reader.byte();
    const body = reader.bytes(reader.u32());
    // Names and other notes do nothing.
    if (id === SECTION.custom) continue;
    if (id > SECTION.dataCount || orderOf(id) <= last)
      throw new ProgramError(`the section ${id} is not expected there`);
    last = orderOf(id);
    sections.push({ id, body });
  }
  return sections;
}

/** The section that counts data segments stands before the code, whatever its number. */
function orderOf(id: number): number {
  return id === SECTION.dataCount ? SECTION.code - 0.5 : id;
}

function checkImports(sections: readonly Section[]): number {
  const body = sections.find(({ id }) => id === SECTION.import)?.body;
  if (body === undefined) throw new ProgramError('the program imports no memory, so it is not one of OPA');
  const reader = createByteReader(body);
  let memoryPages: number | undefined;
  for (let left = reader.u32(); left > 0; left -= 1) {
    const name = `${readName(reader)}.${readName(reader)}`;
    const kind = reader.byte();
    if (!IMPORTS.has(name)) throw new ProgramError(`the program imports ${name}, which is not one of OPA's imports`);
    if (kind === 0x00 && name !== 'env.memory') reader.u32();
    else if (kind === 0x02 && name === 'env.memory' && memoryPages === undefined) {
      memoryPages = readMinimum(reader);
      if (memoryPages > MODULE_LIMITS.rego.memoryPages) throw new ProgramError('the program asks for too much memory');
    } else throw new ProgramError(`the import ${name} is not of the expected kind`);
  }
  if (memoryPages === undefined) throw new ProgramError('the program imports no memory, so it is not one of OPA');
  return memoryPages;
}

function checkTables(sections: readonly Section[]): void {
  const body = sections.find(({ id }) => id === SECTION.table)?.body;
  if (body === undefined) return;
  const reader = createByteReader(body);
  for (let left = reader.u32(); left > 0; left -= 1) {
    reader.byte();
    if (readMinimum(reader) > MODULE_LIMITS.rego.tableEntries) throw new ProgramError('a table is too large');
  }
}

/** The lower of the two limits of a memory or table. */
function readMinimum(reader: ByteReader): number {
  const flags = reader.byte();
  if (flags > 1) throw new ProgramError('a memory or table is of a kind that is not supported');
  const minimum = reader.u32();
  if (flags === 1) reader.u32();
  return minimum;
}

interface Globals {
  readonly count: number;
  /** Indexes of those that can change. */
  readonly mutable: readonly number[];
  /** The section's content after its count. */
  readonly rest: Uint8Array;
}

function readGlobals(sections: readonly Section[]): Globals {
  const body = sections.find(({ id }) => id === SECTION.global)?.body;
  if (body === undefined) return { count: 0, mutable: [], rest: new Uint8Array() };
  const reader = createByteReader(body);
  const count = reader.u32();
  const rest = body.subarray(reader.offset);
  const mutable: number[] = [];
  for (let index = 0; index < count; index += 1) {
    reader.byte();
    if (reader.byte() === 1) mutable.push(index);
    const code = reader.byte();
    if (code === 0x41) reader.skipLeb(5);
    else if (code === 0x42) reader.skipLeb(10);
    else if (code === 0x43) reader.bytes(4);
    else if (code === 0x44) reader.bytes(8);
    else throw new ProgramError('a global has an initial value that is not a number');
    if (reader.byte() !== 0x0b) throw new ProgramError('a global has an initial value that is not a number');
  }
  return { count, mutable, rest };
}

/** The program's globals and, last, the fuel. */
function globalSection({ count, rest }: Globals): Section {
  const fuel = [0x7f, 0x01, 0x41, ...s32Leb(MODULE_LIMITS.rego.fuel), 0x0b];
  return { id: ORDER_OF_GLOBAL, body: concatBytes([u32Leb(count + 1), rest, fuel]) };
}

/** The program's exports, the fuel, and every global that can change. */
function exportSection(sections: readonly Section[], fuel: number, mutable: readonly number[]): Section {
  const body = sections.find(({ id }) => id === SECTION.export)?.body ?? Uint8Array.of(0);
  const reader = createByteReader(body);
  const count = reader.u32();
  const rest = body.subarray(reader.offset);
  const added = [
    exportOf(FUEL_EXPORT, fuel),
    ...mutable.map((index, position) => exportOf(`${GLOBAL_EXPORT}${position}`, index)),
  ];
  return { id: ORDER_OF_EXPORT, body: concatBytes([u32Leb(count + added.length), rest, ...added]) };
}

function exportOf(name: string, global: number): readonly number[] {
  const bytes = new TextEncoder().encode(name);
  return [...u32Leb(bytes.length), ...bytes, 0x03, ...u32Leb(global)];
}

function meterCode(body: Uint8Array, fuel: number): Uint8Array {
  const reader = createByteReader(body);
  const count = reader.u32();
  const pieces: (Uint8Array | readonly number[])[] = [u32Leb(count)];
  for (let index = 0; index < count; index += 1) {
    const functionBody = reader.bytes(reader.u32());
    const metered = concatBytes(meterBody(functionBody, createByteReader(functionBody), fuel));
    pieces.push(u32Leb(metered.length), metered);
  }
  if (!reader.end) throw new ProgramError('the program has more code than functions');
  return concatBytes(pieces);
}

function readName(reader: ByteReader): string {
  return new TextDecoder().decode(reader.bytes(reader.u32()));
}
