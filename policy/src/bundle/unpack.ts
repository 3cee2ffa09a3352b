import type { Checked } from '../model/problem.js';
import { gunzip } from './gzip.js';
import { BUNDLE_LIMITS, type BundleLimits } from './limits.js';
import { readTar } from './tar.js';

/**
 * Unpacks a bundle into files. Check the digest first: this guards against bombs and path tricks, not against forgery.
 * Caps default to {@link BUNDLE_LIMITS}. Never throws on any input.
 */
export async function unpackBundle(
  bytes: Uint8Array,
  limits: Partial<BundleLimits> = {},
): Promise<Checked<ReadonlyMap<string, Uint8Array>>> {
  const caps = { ...BUNDLE_LIMITS, ...limits };
  const tar = await gunzip(bytes, caps);
  return tar.ok ? readTar(tar.value, caps) : tar;
}
