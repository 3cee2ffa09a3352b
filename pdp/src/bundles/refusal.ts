/** Why an update was not taken, in words that a metric can carry. */

import { PortcullisError } from '@portcullis/runtime';
import {
  BadVersionError,
  DownloadHTTPError,
  DownloadLengthMismatchError,
  ExpiredMetadataError,
} from 'tuf-js/dist/error.js';

/** Closed list; labels of a metric and words of a status report. */
export const REFUSAL_REASONS = [
  /** The channel could not be read. */
  'unavailable',
  /** Something in the chain of trust is missing. */
  'missing',
  'oversized',
  'expired',
  'rollback',
  /** Signatures, hashes or the form of metadata. */
  'metadata',
  /** The release pointer: its form, its place, its sequence. */
  'release',
  /** The bundle's bytes are not those of the digest. */
  'digest',
  /** The bundle does not unpack or compile. */
  'compile',
  /** The wall clock is behind the last trusted time. */
  'clock',
  /** What was verified could not be written to disk. */
  'persist',
  'internal',
] as const;
/** Why an update was not taken. */
export type RefusalReason = (typeof REFUSAL_REASONS)[number];

/** Ends one attempt to update; the release in force stays. */
export class RefusedError extends Error {
  override readonly name = 'RefusedError';
  readonly reason: RefusalReason;

  constructor(reason: RefusalReason, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.reason = reason;
  }
}

/**
 * Sorts whatever was thrown during an update.
 * @param sourceFault what the channel threw meanwhile, which tuf-js hides inside errors of its own.
 */
export function refusalOf(error: unknown, sourceFault?: PortcullisError): RefusedError {
  if (error instanceof RefusedError) return error;
  const message = messageOf(error);
  if (sourceFault !== undefined) {
    const reason = sourceFault.kind === 'corrupt' ? 'oversized' : 'unavailable';
    return new RefusedError(reason, sourceFault.message, error);
  }
  if (PortcullisError.is(error)) return new RefusedError('internal', message, error);
  if (error instanceof DownloadHTTPError) return new RefusedError('missing', message, error);
  if (error instanceof DownloadLengthMismatchError) return new RefusedError('oversized', message, error);
  if (error instanceof ExpiredMetadataError) return new RefusedError('expired', message, error);
  if (error instanceof BadVersionError) return new RefusedError('rollback', message, error);
  return new RefusedError(wrappedReason(message), message, error);
}

/** A refusal as the log shows it, with a code that operators can look up. */
export function asFault(refusal: RefusedError): PortcullisError {
  return new PortcullisError('ERR_BUNDLE_REFUSED', 'corrupt', refusal.message, { cause: refusal });
}

/** What an error says. Not by `instanceof`: errors of workers and of Node itself may be of another realm. */
export function messageOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'message' in error ? String(error.message) : String(error);
}

/** tuf-js turns failures of snapshot and targets into text. Only the label depends on reading it; the refusal does not. */
function wrappedReason(message: string): RefusalReason {
  if (/expired/i.test(message)) return 'expired';
  if (/less than current version|doesn't match timestamp/i.test(message)) return 'rollback';
  if (/no such object/i.test(message)) return 'missing';
  if (/larger than allowed/i.test(message)) return 'oversized';
  return 'metadata';
}
