import { buildBundle } from '@portcullis/policy/bundle';
import type { SigningKey } from '@portcullis/policy/trust';
import type { DistributorApi } from './api.js';
import { draftRelease, nextPointer, releasedBundle } from './draft.js';
import type { PublishResult } from './result.js';
import { type SubmitOptions, submitDraft } from './submit.js';
import { readCurrentPointer, readTrustedView } from './trusted-view.js';

/** What every release needs to be told. */
export interface ReleaseOptions extends SubmitOptions {
  readonly api: DistributorApi;
  /** Exact bytes of the pinned root. */
  readonly rootBytes: Uint8Array;
  /** Those that are needed are picked by their ids; the others are not used. */
  readonly keys: readonly SigningKey[];
  readonly env: string;
  readonly channel: string;
  readonly reason?: string;
  /** How long PDPs may enforce it, in milliseconds; default 30 days. */
  readonly validForMs?: number;
}

/** A publish: the release of a policy directory's content. */
export interface PublishOptions extends ReleaseOptions {
  /** The policy directory's files, by path. */
  readonly source: ReadonlyMap<string, Uint8Array>;
}

/**
 * Builds a bundle, signs it and its release on top of what the distributor verifiably serves now, and sends both.
 * Equal content that is a known target already is not signed again, only released.
 * @throws PortcullisError `ERR_CLI_TRUST` when the distributor's metadata cannot be trusted; faults of the connection.
 */
export async function publishRelease(options: PublishOptions): Promise<PublishResult> {
  const { api, clock, env, channel, keys } = options;
  const began = clock.monotonic();
  const built = await buildBundle(options.source);
  if (!built.ok) return { outcome: 'invalid', problems: built.problems };
  const bundle = built.value;

  options.onStep?.(`built ${bundle.policyCount} policies, version ${bundle.policyVersion}, sha256:${bundle.sha256}`);
  const now = clock.now();
  const view = await readTrustedView(api.readObject, { rootBytes: options.rootBytes, env, now });
  const current = await readCurrentPointer(api.readObject, view, { env, channel });
  const pointer = nextPointer(current, releasedBundle(bundle.sha256, bundle.policyVersion), wishesOf(options), now);
  const draft = draftRelease(view, pointer, { bundle, keys, now });
  return submitDraft(api, view, draft, options, clock.monotonic() - began);
}

/** The part of the options that goes into the pointer. */
export function wishesOf(options: ReleaseOptions): Parameters<typeof nextPointer>[2] {
  return {
    env: options.env,
    channel: options.channel,
    actor: options.api.actor,
    ...(options.reason === undefined ? {} : { reason: options.reason }),
    ...(options.validForMs === undefined ? {} : { validForMs: options.validForMs }),
  };
}
