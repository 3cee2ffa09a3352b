/** The digest that ties an answer to the exact question. */

import { hash } from 'node:crypto';
import type { CanonicalRequest, Json, JsonObject } from '@portcullis/policy/model';
import { canonicalText } from './canonical-text.js';
import { sha256 } from './sha256.js';

/** SHA-256, in bytes. */
export const DIGEST_BYTES = 32;

/**
 * SHA-256 over the request's RFC 8785 form.
 * @throws Error when the request is not strict JSON (a lone surrogate, a number that is not finite, a cycle)
 */
export function requestDigest(request: CanonicalRequest): Buffer {
  return sha256(canonicalText(request));
}

/** {@link requestDigest} in lower-case hex, as `Decision.request_digest` carries it. */
export function requestDigestHex(request: CanonicalRequest): string {
  return hash('sha256', canonicalText(request), 'hex');
}

/**
 * SHA-256 in lower-case hex over the RFC 8785 form of a tool's arguments alone: what evidence can be compared with by
 * somebody who saw the call and not the question.
 * @throws Error when the arguments are not strict JSON
 */
export function argumentsDigestHex(args: JsonObject): string {
  return hash('sha256', canonicalText(args), 'hex');
}

/**
 * SHA-256 in lower-case hex over the RFC 8785 form of a JSON value.
 * @throws Error when the value is not strict JSON
 */
export function jsonDigestHex(value: Json): string {
  return hash('sha256', canonicalText(value), 'hex');
}
