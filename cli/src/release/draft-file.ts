import type { Checked } from '@portcullis/policy/model';
import { parseReleasePointer } from '@portcullis/policy/trust';
import { parseStrictJson } from '@portcullis/runtime';
import { z } from 'zod';
import type { ReleaseDraft } from './draft.js';

/** `format` of a draft file of this version. */
const DRAFT_FORMAT = 'portcullis.draft/1';
/** A bundle of 16 MiB in base64, and the rest. */
const MAX_DRAFT_BYTES = 32 * 1024 * 1024;

const base64 = z.base64().transform((text) => new Uint8Array(Buffer.from(text, 'base64')));

const draftSchema = z.strictObject({
  format: z.literal(DRAFT_FORMAT),
  pointer: base64,
  releases: base64,
  targets: base64.nullable(),
  bundle: base64.nullable(),
});

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}

/** The bytes of a file that carries a draft from one holder of keys to the next. Holds no secrets. */
export function encodeDraft(draft: ReleaseDraft): Uint8Array {
  const document = {
    format: DRAFT_FORMAT,
    pointer: text(draft.pointerBytes),
    releases: text(draft.releases),
    targets: draft.targets === undefined ? null : text(draft.targets),
    bundle: draft.bundle === undefined ? null : text(draft.bundle),
  };
  return new TextEncoder().encode(`${JSON.stringify(document, null, 2)}\n`);
}

/** Reads a draft file; problems have the code `ERR_RELEASE_DRAFT`. Trusts nothing in it: see `checkDraft`. */
export function parseDraft(bytes: Uint8Array): Checked<ReleaseDraft> {
  const code = 'ERR_RELEASE_DRAFT';
  const json = parseStrictJson(bytes, { maxBytes: MAX_DRAFT_BYTES });
  if (!json.ok) return { ok: false, problems: [{ code, message: `${json.reason} at byte ${json.offset}`, path: '' }] };
  const read = draftSchema.safeParse(json.value);
  if (!read.success) {
    const problems = read.error.issues.map((issue) => ({ code, message: issue.message, path: issue.path.join('.') }));
    return { ok: false, problems };
  }
  const pointer = parseReleasePointer(read.data.pointer);
  if (!pointer.ok) return pointer;
  const { env, channel } = pointer.value;
  return {
    ok: true,
    value: {
      env,
      channel,
      pointer: pointer.value,
      pointerBytes: read.data.pointer,
      releases: read.data.releases,
      targets: read.data.targets ?? undefined,
      bundle: read.data.bundle ?? undefined,
    },
  };
}
