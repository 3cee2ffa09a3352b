import { crc32, deflateRaw, inflateRaw } from 'node:zlib';
import type { PolicyProblemCode } from '../dsl/problem-codes.js';
import type { Checked } from '../model/problem.js';
import type { BundleLimits } from './limits.js';

/** Fixed: deflate, no flags, time 0, "best compression", unknown system. Node's own header names the machine. */
const HEADER = Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 255);
const TRAILER_BYTES = 8;
const LEVEL = 9;

/** Compresses into one gzip member whose header says nothing about where and when. */
export async function gzip(bytes: Uint8Array): Promise<Uint8Array> {
  const body = await new Promise<Buffer>((resolve, reject) => {
    deflateRaw(bytes, { level: LEVEL }, (error, result) => (error === null ? resolve(result) : reject(error)));
  });
  const trailer = new Uint8Array(TRAILER_BYTES);
  const view = new DataView(trailer.buffer);
  view.setUint32(0, crc32(bytes), true);
  view.setUint32(4, bytes.byteLength >>> 0, true);
  return Buffer.concat([HEADER, body, trailer]);
}

interface Inflated {
  readonly buffer: Buffer;
  readonly engine: { readonly bytesWritten: number };
}

/** Expands exactly one gzip member without optional header fields; stops at the cap, whatever the input claims. */
export async function gunzip(bytes: Uint8Array, limits: BundleLimits): Promise<Checked<Uint8Array>> {
  if (bytes.byteLength > limits.maxCompressedBytes) {
    return refusal('ERR_BUNDLE_TOO_LARGE', `the bundle is larger than ${limits.maxCompressedBytes} bytes`);
  }
  if (
    bytes.byteLength < HEADER.byteLength + TRAILER_BYTES ||
    bytes[0] !== 0x1f ||
    bytes[1] !== 0x8b ||
    bytes[2] !== 8
  ) {
    return refusal('ERR_BUNDLE_ARCHIVE', 'the bundle is not a gzip file');
  }
  if (bytes[3] !== 0) return refusal('ERR_BUNDLE_ARCHIVE', 'the gzip header has optional fields');
  const rest = bytes.subarray(HEADER.byteLength);
  let inflated: Inflated;
  try {
    inflated = await inflate(rest, limits.maxExpandedBytes);
  } catch (error) {
    const code = (error as { readonly code?: unknown }).code;
    return code === 'ERR_BUFFER_TOO_LARGE'
      ? refusal('ERR_BUNDLE_TOO_LARGE', `the bundle expands to more than ${limits.maxExpandedBytes} bytes`)
      : refusal('ERR_BUNDLE_ARCHIVE', 'the compressed data is damaged');
  }
  const { buffer, engine } = inflated;
  // A second member, or bytes behind the end, would be read by some readers and not by others.
  if (engine.bytesWritten + TRAILER_BYTES !== rest.byteLength) {
    return refusal('ERR_BUNDLE_ARCHIVE', 'the gzip file does not end where it says');
  }
  const trailer = new DataView(rest.buffer, rest.byteOffset + engine.bytesWritten, TRAILER_BYTES);
  if (trailer.getUint32(0, true) !== crc32(buffer) || trailer.getUint32(4, true) !== buffer.byteLength >>> 0) {
    return refusal('ERR_BUNDLE_ARCHIVE', 'the gzip checksum is wrong');
  }
  return { ok: true, value: buffer };
}

function inflate(bytes: Uint8Array, maxOutputLength: number): Promise<Inflated> {
  return new Promise((resolve, reject) => {
    // With `info`, the result is the buffer and the engine, which knows how much input it consumed.
    inflateRaw(bytes, { maxOutputLength, info: true }, (error, result) =>
      error === null ? resolve(result as unknown as Inflated) : reject(error),
    );
  });
}

function refusal(code: PolicyProblemCode, message: string): Checked<never> {
  return { ok: false, problems: [{ code, message, path: '' }] };
}
