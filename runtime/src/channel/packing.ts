/** Compression of what is shipped, with a bound on what comes out. */

import { promisify } from 'node:util';
import { constants, zstdCompress, zstdDecompress } from 'node:zlib';
import { PortcullisError } from '../errors/portcullis-error.js';

const compress = promisify(zstdCompress);
const expand = promisify(zstdDecompress);
/** Records shrink to a sixth, at a fifth of what gzip costs; the rest is digests, which no level makes smaller. */
const LEVEL = { params: { [constants.ZSTD_c_compressionLevel]: 1 } };

/** Compresses with Zstandard (RFC 8878), off the event loop. */
export async function packBytes(bytes: Uint8Array): Promise<Uint8Array> {
  return compress(bytes, LEVEL);
}

/** @throws PortcullisError `ERR_CHANNEL_PACKING`, kind `corrupt`, when it is not packed or holds more than `maxBytes`. */
export async function unpackBytes(bytes: Uint8Array, maxBytes: number): Promise<Uint8Array> {
  try {
    return await expand(bytes, { maxOutputLength: maxBytes });
  } catch (cause) {
    throw new PortcullisError('ERR_CHANNEL_PACKING', 'corrupt', 'a shipment cannot be unpacked', { cause });
  }
}
