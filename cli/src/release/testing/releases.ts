/** Releases of a fake distributor. */

import type { Clock } from '@portcullis/runtime';
import type { ReleaseDraft } from '../draft.js';
import { createFakeDistributor, type FakeDistributor } from '../fake-distributor.js';
import { type PublishOptions, publishRelease } from '../publish.js';
import type { PublishResult } from '../result.js';

/** Now, for everybody. */
export const NOW = Date.parse('2026-11-22T00:00:00Z');
/** Makes bytes of text. */
export const utf8 = new TextEncoder();

/** A clock that moves a second at every look, so that waiting needs no time. */
export function tickingClock(): Clock {
  let elapsed = 0;
  return {
    now: () => NOW,
    monotonic: () => {
      elapsed += 1000;
      return elapsed;
    },
  };
}

/** A source of one policy. */
export function source(version: string, effect = 'allow'): ReadonlyMap<string, Uint8Array> {
  const manifest = `format: portcullis.policy/1
name: demo
version: ${version}
sets:
  - { name: base, layer: platform, combining: priority, priority_order: desc, policies: base }
`;
  const policy = `name: ${effect === 'allow' ? 'Allow reads' : 'Deny reads'}
slug: reads
when: { operator: and, conditions: [{ field: tool.name, operator: equals, value: read_file }] }
effect: ${effect === 'allow' ? '{ type: allow }' : '{ type: deny, deny_reason_code: NO_READS, deny_user_message: Reading is off. }'}
priority: 50
`;
  return new Map([
    ['bundle.yaml', utf8.encode(manifest)],
    ['base/reads.yaml', utf8.encode(policy)],
  ]);
}

/** What the holders of these keys publish with. */
export function optionsFor(fake: FakeDistributor, holders: readonly string[]): Omit<PublishOptions, 'source'> {
  return {
    api: fake,
    rootBytes: fake.root,
    keys: fake.keysOf(...holders),
    env: 'prod',
    channel: 'default',
    clock: tickingClock(),
    signal: new AbortController().signal,
  };
}

/** A distributor of the profile for development. */
export function dev(): FakeDistributor {
  return createFakeDistributor({ profile: 'dev', env: 'prod', now: NOW });
}

/** Publishes a version, with the keys of one owner. */
export async function publish(
  fake: FakeDistributor,
  version: string,
  more: Partial<PublishOptions> = {},
): Promise<PublishResult> {
  return publishRelease({ ...optionsFor(fake, ['owner']), source: source(version), ...more });
}

/** A release that was made. @throws Error when it was not */
export function released(result: PublishResult): Extract<PublishResult, { outcome: 'released' }> {
  if (result.outcome !== 'released') throw new Error(`expected released, got ${JSON.stringify(result)}`);
  return result;
}

/** The draft that needs more signatures. @throws Error when there is none */
export function draftOf(result: PublishResult): ReleaseDraft {
  if (result.outcome !== 'needs_signatures') throw new Error(`expected a draft, got ${JSON.stringify(result)}`);
  return result.draft;
}
