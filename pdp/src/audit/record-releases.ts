/** Writes down which release is in force, so that a chain says it by itself and not only by its decisions. */

import type { ReleaseEntry } from '@portcullis/policy/evidence';
import { type Clock, LOG_FIELD, type Logger, PortcullisError } from '@portcullis/runtime';
import type { ActiveReleases } from '../bundles/active.js';

/** What following needs. */
export interface RecordReleasesOptions {
  readonly releases: Pick<ActiveReleases, 'state' | 'onChange'>;
  readonly append: (entry: ReleaseEntry) => Promise<void>;
  readonly env: string;
  readonly channel: string;
  readonly clock: Pick<Clock, 'now'>;
  readonly log: Logger;
}

/**
 * Follows the release in force from now on. A record that cannot be written does not keep a release from being put in force,
 * which may be the one that denies; decisions name it too, and it is tried again with the next change.
 */
export function recordReleases(options: RecordReleasesOptions): void {
  const { releases, append, env, channel, clock, log } = options;
  let recorded = '';
  releases.onChange(() => {
    const { releaseSeq, bundleDigest, policyVersion } = releases.state();
    const release = `${releaseSeq} ${bundleDigest}`;
    if (bundleDigest === '' || release === recorded) return;
    const before = recorded;
    recorded = release;
    const at = new Date(clock.now()).toISOString();
    const what = { release_seq: releaseSeq, bundle_digest: bundleDigest, policy_version: policyVersion };
    append({ kind: 'release', event: 'activated', env, channel, ...what, at }).catch((error: unknown) => {
      recorded = before;
      log.error({ [LOG_FIELD.error]: PortcullisError.from(error) }, 'Release in force not recorded');
    });
  });
}
