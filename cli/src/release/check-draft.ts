import type { Checked, Problem } from '@portcullis/policy/model';
import {
  BUNDLE_PATH,
  DEFAULT_EXPIRIES,
  expiryOf,
  hashesOf,
  parseTargets,
  RELEASE_PATH,
  type ReleasePointer,
  sameDocument,
} from '@portcullis/policy/trust';
import type { ReleaseDraft } from './draft.js';
import type { TrustedTargets, TrustedView } from './trusted-view.js';

const CODE = 'ERR_RELEASE_DRAFT';
const SKEW_MS = 60_000;

/**
 * What is the same in both, if the draft only adds or replaces `path`: everything but version, expiry and that path. A key
 * signs the whole document, so a draft that also changes a delegation must not get a second signature by accident.
 */
function unchanged(signed: TrustedTargets['signed'], path: string | undefined): unknown {
  const { version: _version, expires: _expires, targets, ...rest } = signed.toJSON();
  const others = Object.entries(Object(targets) as Record<string, unknown>).filter(([name]) => name !== path);
  return { ...rest, targets: Object.fromEntries(others) };
}

/**
 * Whether a draft that somebody else made is exactly one step from what the distributor serves: the next versions, one
 * bundle more, one pointer changed, nothing else. Asked before anyone adds a signature.
 */
export function checkDraft(
  view: TrustedView,
  current: ReleasePointer | undefined,
  draft: ReleaseDraft,
  now: number,
): Checked<void> {
  const problems: Problem[] = [];
  const expect = (holds: boolean, path: string, message: string): void => {
    if (!holds) problems.push({ code: CODE, message, path });
  };
  const compare = (
    what: string,
    before: TrustedTargets,
    bytes: Uint8Array,
    change: { readonly path: string; readonly bytes: Uint8Array } | undefined,
    lifetimeMs: number,
  ): TrustedTargets | undefined => {
    const parsed = parseTargets(bytes);
    if (!parsed.ok) {
      problems.push(...parsed.problems);
      return undefined;
    }
    const after = parsed.value;
    const due = before.signed.version + 1;
    expect(
      after.signed.version === due,
      what,
      `expected version ${due}, found ${after.signed.version}: was there a release meanwhile?`,
    );
    expect(expiryOf(after) <= now + lifetimeMs + SKEW_MS, what, 'it would be valid for longer than this role may be');
    expect(
      sameDocument(unchanged(after.signed, change?.path), unchanged(before.signed, change?.path)),
      what,
      'it changes more than this release',
    );
    if (change !== undefined) {
      const target = after.signed.targets[change.path];
      const { sha256, sha512 } = hashesOf(change.bytes);
      const same = target?.hashes['sha256'] === sha256 && target.hashes['sha512'] === sha512;
      expect(same && target?.length === change.bytes.byteLength, what, `${change.path} is not what the draft carries`);
    }
    return after;
  };

  const { pointer, pointerBytes, bundle } = draft;
  const { sha256 } = pointer.stable;
  const seq = (current?.seq ?? 0) + 1;
  expect(pointer.seq === seq, 'pointer.seq', `expected ${seq}, found ${pointer.seq}: was there a release meanwhile?`);
  expect(Date.parse(pointer.issued_at) <= now + SKEW_MS, 'pointer.issued_at', 'it is in the future');
  const path = RELEASE_PATH(draft.env, draft.channel);
  compare('releases', view.releases.metadata, draft.releases, { path, bytes: pointerBytes }, DEFAULT_EXPIRIES.releases);

  let targets: TrustedTargets | undefined = view.targets.metadata;
  if (draft.targets !== undefined) {
    const change = bundle === undefined ? undefined : { path: BUNDLE_PATH(hashesOf(bundle).sha256), bytes: bundle };
    targets = compare('targets', view.targets.metadata, draft.targets, change, DEFAULT_EXPIRIES.targets);
  }
  if (bundle !== undefined)
    expect(hashesOf(bundle).sha256 === sha256, 'bundle', 'it is not the bundle that the pointer names');
  expect(
    targets?.signed.targets[BUNDLE_PATH(sha256)]?.hashes['sha256'] === sha256,
    'pointer.stable',
    'its bundle is not a signed target',
  );
  return problems.length === 0 ? { ok: true, value: undefined } : { ok: false, problems };
}
