/** The bridge between tuf-js, which fetches URLs, and our channel, which reads keys. */

import { randomUUID } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PortcullisError } from '@portcullis/runtime';
import type { Fetcher } from 'tuf-js';
// Not exported by the package's door; the updater takes "no newer root" from this class and from nothing else.
import { DownloadHTTPError, DownloadLengthMismatchError } from 'tuf-js/dist/error.js';
import type { ObjectSource } from './object-source.js';

const ORIGIN = 'https://channel.invalid/';
const NOT_FOUND = 404;
const ROOT_KEY = /^metadata\/([1-9][0-9]{0,15})\.root\.json$/;

/** What to give tuf-js as `metadataBaseUrl`. */
export const METADATA_BASE_URL = `${ORIGIN}metadata/`;
/** What to give tuf-js as `targetBaseUrl`. */
export const TARGET_BASE_URL = `${ORIGIN}targets/`;

/** A fetcher over `source`. */
export interface ChannelFetcher extends Fetcher {
  /** The last fault of the source, which tuf-js wraps beyond recognition; `undefined` when the source always answered. */
  readonly sourceFault: PortcullisError | undefined;
  /** Every root that was fetched, by the version in its name; tuf-js itself keeps only the last. */
  readonly roots: ReadonlyMap<number, Uint8Array>;
}

/**
 * @param scratchDir an existing folder for the temporary files that tuf-js wants to see.
 * @param signal ends every read; there is no other timeout here.
 */
export function createChannelFetcher(source: ObjectSource, scratchDir: string, signal: AbortSignal): ChannelFetcher {
  let sourceFault: PortcullisError | undefined;
  const roots = new Map<number, Uint8Array>();

  const downloadBytes = async (url: string, maxLength: number): Promise<Buffer> => {
    const key = keyOf(url);
    let bytes: Uint8Array | undefined;
    try {
      bytes = await source.get(key, { maxBytes: maxLength, signal });
    } catch (error) {
      sourceFault = PortcullisError.from(error, 'ERR_BUNDLE_SOURCE');
      throw sourceFault;
    }
    if (bytes === undefined) throw new DownloadHTTPError('the channel has no such object', NOT_FOUND);
    // The source was told the cap; it is not trusted to have kept it.
    if (bytes.byteLength > maxLength) throw new DownloadLengthMismatchError('the object is larger than allowed');
    const [, version] = ROOT_KEY.exec(key) ?? [];
    if (version !== undefined) roots.set(Number(version), bytes);
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  };

  return {
    downloadBytes,
    downloadFile: async (url, maxLength, consume) => {
      const file = join(scratchDir, `.download-${randomUUID()}`);
      try {
        await writeFile(file, await downloadBytes(url, maxLength), { flag: 'wx', mode: 0o600 });
        return await consume(file);
      } finally {
        await rm(file, { force: true });
      }
    },
    roots,
    get sourceFault() {
      return sourceFault;
    },
  };
}

/** The channel key of a URL that tuf-js made from one of the base URLs; role names and paths come percent-encoded. */
function keyOf(url: string): string {
  if (!url.startsWith(ORIGIN)) {
    throw new PortcullisError('ERR_BUNDLE_SOURCE', 'internal', 'a download left the channel', { details: { url } });
  }
  return decodeURIComponent(url.slice(ORIGIN.length));
}
