import type { CanonicalRequest, Checked } from '@portcullis/policy/model';
import { parseCanonicalRequest } from '@portcullis/proto';
import { parseStrictJson } from '@portcullis/runtime';

/** Reads a canonical request as strictly as a PDP does: strict JSON first, then the schema. */
export function readRequest(bytes: Uint8Array, file: string): Checked<CanonicalRequest> {
  const parsed = parseStrictJson(bytes);
  if (!parsed.ok) {
    return {
      ok: false,
      problems: [{ code: 'ERR_REQUEST_JSON', message: `${parsed.reason} at byte ${parsed.offset}`, path: '', file }],
    };
  }
  const request = parseCanonicalRequest(parsed.value);
  return request.ok ? request : { ok: false, problems: request.problems.map((problem) => ({ ...problem, file })) };
}
