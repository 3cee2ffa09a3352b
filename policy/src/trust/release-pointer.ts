/** The release pointer: which bundle a channel runs. A TUF target, so its bytes are trusted before they are read. */

import { z } from 'zod';
import type { Checked } from '../model/index.js';
import { encodeDocument, parseDocument } from './document.js';
import { BUNDLE_PATH, isReleaseName, isSha256Hex } from './paths.js';

/** `_type` of a release pointer of this version. */
export const RELEASE_TYPE = 'portcullis.release/1';
/** No pointer is larger. */
export const MAX_POINTER_BYTES = 64 * 1024;

const text = z.string().min(1).max(256);
const name = z.string().refine(isReleaseName, 'expected 1 to 63 lower-case letters, digits and inner hyphens');
const instant = z.iso.datetime();
const seq = z.int().min(1);
const ratio = z.number().min(0).max(1);

const bundleFields = {
  target: text,
  sha256: z.string().refine(isSha256Hex, 'expected 64 lower-case hex digits'),
  policy_version: text,
};
const SWAPPED = 'the target path is not that of the digest';
const isOwnPath = (bundle: { target: string; sha256: string }): boolean => bundle.target === BUNDLE_PATH(bundle.sha256);

const stableSchema = z.strictObject(bundleFields).refine(isOwnPath, SWAPPED).readonly();
const candidateSchema = z
  .strictObject({ ...bundleFields, mode: z.enum(['shadow', 'canary']) })
  .refine(isOwnPath, SWAPPED)
  .readonly();

const rolloutSchema = z
  .strictObject({
    unit: z.enum(['agent', 'tenant', 'pdp']),
    salt: text,
    percent: z.number().min(0).max(100),
    steps: z.array(z.number().min(0).max(100)).max(32).readonly(),
    guard: z
      .strictObject({
        min_samples: z.int().min(1),
        max_error_rate: ratio,
        max_deny_delta: ratio,
        max_p95_ms: z.number().positive(),
        window_s: z.int().min(1),
      })
      .readonly()
      .optional(),
  })
  .readonly();

const pointerSchema = z
  .strictObject({
    _type: z.literal(RELEASE_TYPE),
    env: name,
    channel: name,
    seq,
    issued_at: instant,
    not_after: instant,
    stable: stableSchema,
    candidate: candidateSchema.nullable(),
    rollout: rolloutSchema.nullable(),
    activation: z.strictObject({ min_acks: ratio }).readonly(),
    rollback_of: seq.optional(),
    reason: z.string().min(1).max(1024).optional(),
    actor: text,
  })
  .refine((pointer) => Date.parse(pointer.issued_at) < Date.parse(pointer.not_after), {
    path: ['not_after'],
    message: 'not_after must be later than issued_at',
  })
  .refine((pointer) => pointer.rollback_of === undefined || pointer.rollback_of < pointer.seq, {
    path: ['rollback_of'],
    message: 'a rollback has a higher seq than what it rolls back',
  })
  .refine((pointer) => pointer.rollout === null || pointer.candidate !== null, {
    path: ['rollout'],
    message: 'a rollout needs a candidate',
  })
  .readonly();

/** A bundle as a pointer names it; `target` is always `BUNDLE_PATH(sha256)`. */
export type ReleasedBundle = z.output<typeof stableSchema>;
/** A bundle that is tried beside the stable one. */
export type CandidateBundle = z.output<typeof candidateSchema>;
/** How a candidate is rolled out; `percent` of the units hashed with `salt`. */
export type Rollout = z.output<typeof rolloutSchema>;
/**
 * Which bundle a channel runs. `seq` only ever rises, also for a rollback; `not_after` ends it; `activation.min_acks` is the
 * share (0 to 1) of PDPs that must have staged it before any of them activates.
 */
export type ReleasePointer = z.output<typeof pointerSchema>;

/** Reads a pointer; problems have the code `ERR_RELEASE_POINTER`. Says nothing about who signed it. */
export function parseReleasePointer(bytes: Uint8Array): Checked<ReleasePointer> {
  return parseDocument(bytes, pointerSchema, { code: 'ERR_RELEASE_POINTER', maxBytes: MAX_POINTER_BYTES });
}

/** The bytes to sign and to publish; what {@link parseReleasePointer} reads. */
export function encodeReleasePointer(pointer: ReleasePointer): Uint8Array {
  return encodeDocument(pointer);
}

/**
 * The place in a pointer where it asks for what no PDP does yet: to try a candidate, or to wait for others before activating.
 * Passed over in silence, it would be in force otherwise than was signed, so it is refused.
 */
export function unmetWish({ candidate, activation }: ReleasePointer): 'candidate' | 'activation.min_acks' | undefined {
  if (candidate !== null) return 'candidate';
  return activation.min_acks > 0 ? 'activation.min_acks' : undefined;
}

/** Whether the pointer may still be enforced. `now` is epoch milliseconds; false from `not_after` on. */
export function isReleaseCurrent(pointer: ReleasePointer, now: number): boolean {
  return now < Date.parse(pointer.not_after);
}
