import { coSign, parseTargets, releasesRole, type SigningKey } from '@portcullis/policy/trust';
import { problemFault } from '../faults.js';
import type { DistributorApi } from './api.js';
import { checkDraft } from './check-draft.js';
import { missingSignatures, type ReleaseDraft } from './draft.js';
import { keysFor, type SignatureCount } from './signatures.js';
import {
  readCurrentPointer,
  readTrustedView,
  type TrustedRoot,
  type TrustedTargets,
  type TrustedView,
} from './trusted-view.js';

/** A draft with more signatures. */
export interface CoSigned {
  readonly draft: ReleaseDraft;
  readonly missing: readonly SignatureCount[];
  readonly view: TrustedView;
}

function addSignatures(
  delegator: TrustedRoot | TrustedTargets,
  role: string,
  bytes: Uint8Array,
  keys: readonly SigningKey[],
): Uint8Array {
  const fitting = keysFor(delegator, role, keys);
  if (fitting.length === 0) return bytes;
  const metadata = parseTargets(bytes);
  if (!metadata.ok) throw problemFault('ERR_RELEASE_DRAFT', `${role} of the draft cannot be read`, metadata.problems);
  return coSign(metadata.value, fitting).bytes;
}

/**
 * Adds the signatures of `keys` to a draft that somebody else began, after checking that it changes nothing but this
 * release. Show the draft's pointer to the person first: their signature vouches for it.
 * @throws PortcullisError `ERR_RELEASE_DRAFT` when the draft is not one step from what the distributor serves,
 * `ERR_CLI_TRUST` when that cannot be trusted.
 */
export async function coSignDraft(
  api: Pick<DistributorApi, 'readObject'>,
  draft: ReleaseDraft,
  options: { readonly rootBytes: Uint8Array; readonly keys: readonly SigningKey[]; readonly now: number },
): Promise<CoSigned> {
  const { keys, now, rootBytes } = options;
  const view = await readTrustedView(api.readObject, { rootBytes, env: draft.env, now });
  const checked = checkDraft(view, await readCurrentPointer(api.readObject, view, draft), draft, now);
  if (!checked.ok) throw problemFault('ERR_RELEASE_DRAFT', 'the draft was not signed', checked.problems);
  const signed: ReleaseDraft = {
    ...draft,
    releases: addSignatures(view.targets.metadata, releasesRole(draft.env), draft.releases, keys),
    targets: draft.targets === undefined ? undefined : addSignatures(view.root, 'targets', draft.targets, keys),
  };
  return { draft: signed, missing: missingSignatures(view, signed), view };
}
