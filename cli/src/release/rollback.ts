import { BUNDLE_PATH, type ReleasedBundle, type ReleasePointer } from '@portcullis/policy/trust';
import { PortcullisError } from '@portcullis/runtime';
import { draftRelease, nextPointer, releasedBundle } from './draft.js';
import { type ReleaseOptions, wishesOf } from './publish.js';
import type { PublishResult } from './result.js';
import { submitDraft } from './submit.js';
import { readCurrentPointer, readTrustedView, type TrustedTargets } from './trusted-view.js';

/** Which earlier content to go back to. */
export type RollbackTo =
  | { readonly kind: 'previous' }
  | { readonly kind: 'seq'; readonly seq: number }
  | { readonly kind: 'version'; readonly version: string };

/** A rollback: a release with a higher seq that points at older content. */
export interface RollbackOptions extends ReleaseOptions {
  readonly to: RollbackTo;
}

function fail(message: string): never {
  throw new PortcullisError('ERR_CLI_ROLLBACK', 'invalid', message);
}

function choose(history: readonly ReleasePointer[], current: ReleasePointer, to: RollbackTo): ReleasePointer {
  const older = history.filter((pointer) => pointer.seq < current.seq).toSorted((a, b) => b.seq - a.seq);
  const known = `known: ${older.map(({ seq, stable }) => `${seq} (${stable.policy_version})`).join(', ') || 'none'}`;
  switch (to.kind) {
    case 'previous':
      return (
        older.find((pointer) => pointer.stable.sha256 !== current.stable.sha256) ??
        fail(`there is no earlier release with other content to go back to; ${known}`)
      );
    case 'seq':
      return (
        older.find((pointer) => pointer.seq === to.seq) ?? fail(`--to: no earlier release has seq ${to.seq}; ${known}`)
      );
    case 'version':
      return (
        older.find((pointer) => pointer.stable.policy_version === to.version) ??
        fail(`--to-version: no earlier release has policy version ${to.version}; ${known}`)
      );
  }
}

/** What the distributor remembers is only a hint; which bundles exist, and what they are, the targets' owners signed. */
function signedBundle(targets: TrustedTargets, sha256: string): ReleasedBundle {
  const target = targets.signed.targets[BUNDLE_PATH(sha256)];
  if (target === undefined || target.hashes['sha256'] !== sha256) {
    return fail(`bundle ${sha256} is not among the signed targets any more: publish its content anew`);
  }
  const portcullis: unknown = Reflect.get(Object(target.custom), 'portcullis');
  const version: unknown = Reflect.get(Object(portcullis), 'policy_version');
  return releasedBundle(
    sha256,
    typeof version === 'string' ? version : fail(`bundle ${sha256} was signed without a policy version`),
  );
}

/**
 * Releases earlier content again, under the next seq. Needs a releases key only, because the bundle is signed already.
 * @throws PortcullisError `ERR_CLI_ROLLBACK` when there is nothing such to go back to; else as `publishRelease`.
 */
export async function rollbackRelease(options: RollbackOptions): Promise<PublishResult> {
  const { api, clock, env, channel, keys } = options;
  const began = clock.monotonic();
  const now = clock.now();
  const view = await readTrustedView(api.readObject, { rootBytes: options.rootBytes, env, now });
  const current = await readCurrentPointer(api.readObject, view, { env, channel });
  if (current === undefined) return fail(`${env}/${channel} has no release yet`);
  const { history } = await api.releases(env, channel);
  const target = choose(history, current, options.to);
  const stable = signedBundle(view.targets.metadata, target.stable.sha256);
  options.onStep?.(
    `rolling back from seq ${current.seq} to the content of seq ${target.seq} (${stable.policy_version})`,
  );
  const pointer = nextPointer(current, stable, { ...wishesOf(options), rollbackOf: current.seq }, now);
  const draft = draftRelease(view, pointer, { bundle: undefined, keys, now });
  return submitDraft(api, view, draft, options, clock.monotonic() - began);
}
