/** Compression of what is shipped, with a bound on what comes out. */

import { promisify } from 'node:util';
import { constants, gunzip, gzip } from 'node:zlib';
import { PortcullisError } from '../errors/portcullis-error.js';

const compress = promisify(gzip);
const expand = promisify(gunzip);

/** Compresses, off the event loop. Fastest level: the rest is digests, which no level makes smaller. */
export async function packBytes(bytes: Uint8Array): Promise<Uint8Array> {
  return compress(bytes, { level: constants.Z_BEST_SPEED });
}

/** @throws PortcullisError `ERR_CHANNEL_PACKING`, kind `corrupt`, when it is not packed or holds more than `maxBytes`. */
export async function unpackBytes(bytes: Uint8Array, maxBytes: number): Promise<Uint8Array> {
  try {
    return await expand(bytes, { maxOutputLength: maxBytes });
  } catch (cause) {
    throw new PortcullisError('ERR_CHANNEL_PACKING', 'corrupt', 'a shipment cannot be unpacked', { cause });
  }
}
