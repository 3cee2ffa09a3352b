/** Compression of what is shipped, with a bound on what comes out. */

import { promisify } from 'node:util';
import { constants, createZstdCompress, zstdDecompress } from 'node:zlib';
import { PortcullisError } from '../errors/portcullis-error.js';

const expand = promisify(zstdDecompress);
/** Records shrink to a sixth, at a fifth of what gzip costs; the rest is digests, which no level makes smaller. */
const OPTIONS = { params: { [constants.ZSTD_c_compressionLevel]: 1 }, chunkSize: 64 * 1024 };

/** Compresses parts that follow each other with Zstandard (RFC 8878), off the event loop. They are not to change meanwhile. */
export async function packBytes(...parts: readonly Uint8Array[]): Promise<Uint8Array> {
  const stream = createZstdCompress(OPTIONS);
  for (const part of parts) stream.write(part);
  stream.end();
  const packed: Buffer[] = [];
  for await (const chunk of stream as AsyncIterable<Buffer>) packed.push(chunk);
  return Buffer.concat(packed);
}

/** @throws PortcullisError `ERR_CHANNEL_PACKING`, kind `corrupt`, when it is not packed or holds more than `maxBytes`. */
export async function unpackBytes(bytes: Uint8Array, maxBytes: number): Promise<Uint8Array> {
  try {
    return await expand(bytes, { maxOutputLength: maxBytes });
  } catch (cause) {
    throw new PortcullisError('ERR_CHANNEL_PACKING', 'corrupt', 'a shipment cannot be unpacked', { cause });
  }
}
