import { BUNDLE_PATH } from '@portcullis/policy/trust';
import type { Clock } from '@portcullis/runtime';
import type { DistributorApi } from './api.js';
import { type NodeProgress, waitForConvergence } from './converge.js';
import { missingSignatures, type ReleaseDraft } from './draft.js';
import type { PublishResult } from './result.js';
import type { TrustedView } from './trusted-view.js';

/** How to send a draft, and whether to wait for it. */
export interface SubmitOptions {
  /** Milliseconds to wait until every live PDP has loaded it; absent: do not wait. */
  readonly waitMs?: number;
  readonly onProgress?: (nodes: readonly NodeProgress[]) => void;
  readonly onStep?: (message: string) => void;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/**
 * Sends a draft that is signed by enough keys: the bundle first, then the release, then waits.
 * @param buildMs what it took to get here, for the timings
 */
export async function submitDraft(
  api: DistributorApi,
  view: TrustedView,
  draft: ReleaseDraft,
  options: SubmitOptions,
  buildMs: number,
): Promise<PublishResult> {
  const { clock } = options;
  const missing = missingSignatures(view, draft);
  if (missing.length > 0) return { outcome: 'needs_signatures', draft, missing };

  const began = clock.monotonic();
  const { sha256 } = draft.pointer.stable;
  if (draft.bundle !== undefined) {
    options.onStep?.(`uploading ${BUNDLE_PATH(sha256)} (${draft.bundle.byteLength} bytes)`);
    const refusal = await api.putBundle(sha256, draft.bundle);
    if (refusal !== undefined) return { outcome: 'refused', refusal };
  }
  const uploaded = clock.monotonic();
  options.onStep?.(`releasing seq ${draft.pointer.seq} to ${draft.env}/${draft.channel}`);
  const refusal = await api.postRelease({
    env: draft.env,
    channel: draft.channel,
    targets: draft.targets,
    releases: draft.releases,
    pointer: draft.pointerBytes,
  });
  if (refusal !== undefined) return { outcome: 'refused', refusal };
  const released = clock.monotonic();

  const timings = {
    build_ms: Math.round(buildMs),
    upload_ms: Math.round(uploaded - began),
    release_ms: Math.round(released - uploaded),
  };
  const total = (): number => Math.round(buildMs + clock.monotonic() - began);
  if (options.waitMs === undefined) {
    return { outcome: 'released', pointer: draft.pointer, timings: { ...timings, total_ms: total() } };
  }
  const convergence = await waitForConvergence(
    api,
    { env: draft.env, channel: draft.channel, seq: draft.pointer.seq, digest: sha256 },
    {
      timeoutMs: options.waitMs,
      clock,
      signal: options.signal,
      ...(options.onProgress === undefined ? {} : { onProgress: options.onProgress }),
    },
  );
  const enforced = convergence.converged ? { enforced_ms: Math.round(clock.monotonic() - released) } : {};
  return {
    outcome: convergence.converged ? 'released' : 'not_converged',
    pointer: draft.pointer,
    timings: { ...timings, ...enforced, total_ms: total() },
    convergence,
  };
}
