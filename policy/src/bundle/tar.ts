/**
 * The plain POSIX ustar archive, both ways, and nothing else of the tar family. Own code rather than a library, because
 * what matters here is what is refused: extension headers that rename or resize the next entry, links, devices, and
 * everything two readers could read differently.
 */

import type { PolicyProblemCode } from '../dsl/problem-codes.js';
import type { Checked } from '../model/problem.js';
import { createNameRegister, fileNameFault } from './file-name.js';
import type { BundleLimits } from './limits.js';

const BLOCK = 512;
const MODE = '0000644';
const NAME_BYTES = 100;
const PREFIX_BYTES = 155;

/** Writes regular files in the order of their names, with one fixed mode, owner and time. Names must be fit. */
export function writeTar(files: ReadonlyMap<string, Uint8Array>): Uint8Array {
  const names = [...files.keys()].sort();
  const parts: Uint8Array[] = [];
  for (const name of names) {
    const bytes = files.get(name) ?? new Uint8Array();
    parts.push(header(name, bytes.byteLength), bytes, new Uint8Array(padding(bytes.byteLength)));
  }
  parts.push(new Uint8Array(2 * BLOCK));
  return concatenate(parts);
}

function header(name: string, size: number): Uint8Array {
  const block = new Uint8Array(BLOCK);
  const put = (text: Uint8Array | string, offset: number): void => {
    block.set(typeof text === 'string' ? new TextEncoder().encode(text) : text, offset);
  };
  const { short, prefix } = splitName(name);
  put(short, 0);
  put(`${MODE}\0`, 100);
  put('0000000\0', 108);
  put('0000000\0', 116);
  put(`${size.toString(8).padStart(11, '0')}\0`, 124);
  put('00000000000\0', 136);
  put('        ', 148);
  put('0', 156);
  put('ustar\0', 257);
  put('00', 263);
  put('0000000\0', 329);
  put('0000000\0', 337);
  put(prefix, 345);
  put(`${checksum(block).toString(8).padStart(6, '0')}\0 `, 148);
  return block;
}

/** Cuts a long name at a slash, so that each part fits its field. */
function splitName(name: string): { short: Uint8Array; prefix: Uint8Array } {
  const bytes = new TextEncoder().encode(name);
  if (bytes.byteLength <= NAME_BYTES) return { short: bytes, prefix: new Uint8Array() };
  for (let index = Math.min(PREFIX_BYTES, bytes.byteLength - 1); index > 0; index -= 1) {
    if (bytes[index] !== 0x2f) continue;
    const rest = bytes.subarray(index + 1);
    if (rest.byteLength > NAME_BYTES) break;
    return { short: rest, prefix: bytes.subarray(0, index) };
  }
  throw new RangeError(`the name "${name}" is too long for a plain tar`);
}

function padding(size: number): number {
  return (BLOCK - (size % BLOCK)) % BLOCK;
}

function checksum(block: Uint8Array): number {
  let sum = 0;
  for (let index = 0; index < BLOCK; index += 1) sum += index >= 148 && index < 156 ? 0x20 : (block[index] ?? 0);
  return sum;
}

function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.byteLength;
  }
  return whole;
}

const TYPE_NAMES: Readonly<Record<string, string>> = {
  '1': 'a hard link',
  '2': 'a symbolic link',
  '3': 'a character device',
  '4': 'a block device',
  '6': 'a pipe',
  '7': 'a contiguous file',
  g: 'a global pax header',
  x: 'a pax header',
  K: 'a GNU long link',
  L: 'a GNU long name',
  S: 'a sparse file',
};

class Refused extends Error {}

/** Reads an archive of regular files (and folders, which are ignored). Anything else is a problem. */
export function readTar(tar: Uint8Array, limits: BundleLimits): Checked<ReadonlyMap<string, Uint8Array>> {
  try {
    return { ok: true, value: readEntries(tar, limits) };
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    const code: PolicyProblemCode = 'ERR_BUNDLE_ARCHIVE';
    return { ok: false, problems: [{ code, message: error.message, path: '' }] };
  }
}

function readEntries(tar: Uint8Array, limits: BundleLimits): ReadonlyMap<string, Uint8Array> {
  const files = new Map<string, Uint8Array>();
  const register = createNameRegister();
  const seenFolders = new Set<string>();
  let entries = 0;
  let offset = 0;
  for (;;) {
    const block = tar.subarray(offset, offset + BLOCK);
    if (block.byteLength < BLOCK) throw new Refused('the archive is cut short');
    if (isZero(block)) break;
    entries += 1;
    if (entries > 2 * limits.maxFiles) throw new Refused(`the archive has more than ${limits.maxFiles} files`);
    const entry = readHeader(block);
    offset += BLOCK;
    const fault = fileNameFault(entry.name, limits.maxDepth);
    if (fault !== undefined) throw new Refused(`${JSON.stringify(entry.name)}: ${fault}`);
    if (entry.folder) {
      if (entry.size !== 0) throw new Refused(`the folder ${JSON.stringify(entry.name)} has content`);
      if (seenFolders.has(entry.name)) throw new Refused(`the folder ${JSON.stringify(entry.name)} occurs twice`);
      seenFolders.add(entry.name);
      continue;
    }
    if (files.size >= limits.maxFiles) throw new Refused(`the archive has more than ${limits.maxFiles} files`);
    const collision = register.add(entry.name);
    if (collision !== undefined) throw new Refused(`${JSON.stringify(entry.name)}: ${collision}`);
    const end = offset + entry.size;
    if (end + padding(entry.size) > tar.byteLength) throw new Refused('the archive is cut short');
    if (!isZero(tar.subarray(end, end + padding(entry.size)))) throw new Refused('there are bytes between the files');
    files.set(entry.name, tar.slice(offset, end));
    offset = end + padding(entry.size);
  }
  for (const folder of seenFolders) {
    if (files.has(folder)) throw new Refused(`${JSON.stringify(folder)} is a file and a folder`);
  }
  const rest = tar.subarray(offset);
  if (rest.byteLength < 2 * BLOCK || !isZero(rest)) throw new Refused('the archive does not end where it says');
  return files;
}

interface Entry {
  readonly name: string;
  readonly size: number;
  readonly folder: boolean;
}

function readHeader(block: Uint8Array): Entry {
  if (octal(block.subarray(148, 156), 'checksum') !== checksum(block))
    throw new Refused('a header has a wrong checksum');
  const magic = ascii(block.subarray(257, 265));
  if (magic !== 'ustar\x0000') throw new Refused('the archive is not a plain ustar archive');
  const flag = String.fromCharCode(block[156] ?? 0);
  const folder = flag === '5';
  if (!folder && flag !== '0' && flag !== '\0') {
    throw new Refused(`the archive has ${TYPE_NAMES[flag] ?? `an entry of the unknown type ${JSON.stringify(flag)}`}`);
  }
  if (!isZero(block.subarray(157, 257))) throw new Refused('an entry that is not a link has a link target');
  const short = text(block.subarray(0, NAME_BYTES));
  const prefix = text(block.subarray(345, 345 + PREFIX_BYTES));
  const name = prefix === '' ? short : `${prefix}/${short}`;
  return {
    name: folder && name.endsWith('/') ? name.slice(0, -1) : name,
    size: octal(block.subarray(124, 136), 'size'),
    folder,
  };
}

/** A number field: octal digits, then blanks or NULs. GNU's base-256 form is refused. */
function octal(field: Uint8Array, what: string): number {
  const written = /^ *([0-7]{1,11})[ \0]*$/.exec(ascii(field))?.[1];
  if (written === undefined) throw new Refused(`a header has an unreadable ${what}`);
  return Number.parseInt(written, 8);
}

function text(field: Uint8Array): string {
  const end = field.indexOf(0);
  const used = end === -1 ? field : field.subarray(0, end);
  // What follows the NUL is invisible to one reader and part of the name to another.
  if (end !== -1 && !isZero(field.subarray(end))) throw new Refused('a name has bytes behind its end');
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(used);
  } catch {
    throw new Refused('a name is not valid UTF-8');
  }
}

function ascii(field: Uint8Array): string {
  return String.fromCharCode(...field);
}

function isZero(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}
