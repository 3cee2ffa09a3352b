import { describe, expect, test } from '@jest/globals';
import { buildBundle } from '@portcullis/policy/bundle';
import { metadataKey } from '@portcullis/policy/trust';
import { coSignDraft } from './co-sign.js';
import { draftRelease, type ReleaseDraft, releasedBundle } from './draft.js';
import { encodeDraft, parseDraft } from './draft-file.js';
import { createFakeDistributor, type FakeDistributor } from './fake-distributor.js';
import type { PublishResult } from './result.js';
import { submitDraft } from './submit.js';
import { draftOf, NOW, publish, released, source, tickingClock } from './testing/releases.js';
import { readTrustedView } from './trusted-view.js';

describe('too few keys', () => {
  async function unsigned(
    holders: readonly string[],
  ): Promise<{ readonly fake: FakeDistributor; readonly result: PublishResult }> {
    const fake = createFakeDistributor({ profile: 'team', env: 'prod', now: NOW });
    return { fake, result: await publish(fake, '1.0.0', { keys: fake.keysOf(...holders) }) };
  }

  test.each<[string, string[], [string, number][]]>([
    [
      'nobody',
      [],
      [
        ['targets', 0],
        ['releases-prod', 0],
      ],
    ],
    ['one of two owners', ['policy-owner-1', 'release-manager-1'], [['targets', 1]]],
    ['both owners and no release manager', ['policy-owner-1', 'policy-owner-2'], [['releases-prod', 0]]],
    [
      'keys of other roles',
      ['root-1', 'distributor', 'abort'],
      [
        ['targets', 0],
        ['releases-prod', 0],
      ],
    ],
  ])('%s: says who is missing and sends nothing', async (_name, holders, missing) => {
    const { fake, result } = await unsigned(holders);
    expect(result.outcome).toBe('needs_signatures');
    if (result.outcome !== 'needs_signatures') return;
    expect(result.missing.map((count) => [count.role, count.signed.length])).toEqual(missing);
    expect(fake.bundlesReceived).toEqual([]);
    // A key signs only for the roles that it is named in.
    const signers = [result.draft.targets, result.draft.releases].map(
      (bytes) => (JSON.parse(new TextDecoder().decode(bytes)) as { signatures: unknown[] }).signatures.length,
    );
    const among = (pattern: RegExp): number => holders.filter((name) => pattern.test(name)).length;
    expect(signers).toEqual([among(/^policy-owner/), among(/^release-manager/)]);
  });

  test('the others sign one after the other, through a file, and it is released', async () => {
    const { fake, result } = await unsigned(['policy-owner-1']);
    let draft = draftOf(result);
    let view: Awaited<ReturnType<typeof coSignDraft>>['view'] | undefined;
    for (const [holder, left] of [
      ['policy-owner-2', 1],
      ['release-manager-2', 0],
    ] as const) {
      const carried = parseDraft(encodeDraft(draft));
      expect(carried).toEqual({ ok: true, value: draft });
      const signed = await coSignDraft(fake, draft, { rootBytes: fake.root, keys: fake.keysOf(holder), now: NOW });
      expect(signed.missing).toHaveLength(left);
      ({ draft, view } = signed);
    }
    if (view === undefined) throw new Error('nobody signed');
    const submit = { clock: tickingClock(), signal: new AbortController().signal };
    expect(released(await submitDraft(fake, view, draft, submit, 0)).pointer.seq).toBe(1);
  });

  test('one holder cannot make up for another by signing twice', async () => {
    const { fake, result } = await unsigned(['policy-owner-1', 'release-manager-1']);
    const again = await coSignDraft(fake, draftOf(result), {
      rootBytes: fake.root,
      keys: fake.keysOf('policy-owner-1'),
      now: NOW,
    });
    expect(again.missing).toMatchObject([{ role: 'targets', signed: [expect.any(String)] }]);
  });

  test.each<[string, (draft: ReleaseDraft, other: ReleaseDraft) => ReleaseDraft, RegExp]>([
    [
      'another pointer than was signed',
      (draft, other) => ({ ...draft, pointer: other.pointer, pointerBytes: other.pointerBytes }),
      /is not what the draft carries/,
    ],
    [
      'another bundle than was signed',
      (draft, other) => ({ ...draft, bundle: other.bundle }),
      /not the bundle that the pointer names/,
    ],
    [
      'metadata of another trust',
      (draft) => {
        const foreign = createFakeDistributor({ profile: 'team', env: 'prod', now: NOW });
        return { ...draft, targets: foreign.objects.get(metadataKey('targets', 1)) };
      },
      /it changes more than this release/,
    ],
  ])('refuses to sign %s', async (_name, forge, message) => {
    const { fake, result } = await unsigned(['policy-owner-1']);
    const other = draftOf(await publish(fake, '6.6.6', { keys: [] }));
    const options = { rootBytes: fake.root, keys: fake.keysOf('policy-owner-2'), now: NOW };
    await expect(coSignDraft(fake, forge(draftOf(result), other), options)).rejects.toThrow(message);
  });

  test.each<[string, Partial<ReleaseDraft['pointer']>, number, RegExp]>([
    ['skips numbers', { seq: 9 }, NOW, /expected 1, found 9/],
    ['is from the future', { issued_at: '2026-11-22T01:00:00.000Z' }, NOW, /it is in the future/],
    ['would be valid for too long', {}, NOW + 365 * 86_400_000, /valid for longer than this role may be/],
    [
      'names a bundle that nobody signs',
      { stable: releasedBundle('e'.repeat(64), '1.0.0') },
      NOW,
      /not a signed target/,
    ],
  ])('refuses to sign a draft that %s, well signed as it is', async (_name, changes, signedAt, message) => {
    const { fake, result } = await unsigned(['policy-owner-1']);
    const pointer = { ...draftOf(result).pointer, ...changes };
    const view = await readTrustedView(fake.readObject, { rootBytes: fake.root, env: 'prod', now: NOW });
    const built = await buildBundle(source('1.0.0'));
    if (!built.ok) throw new Error('the source is broken');
    const draft = draftRelease(view, pointer, {
      bundle: built.value,
      keys: fake.keysOf('release-manager-1'),
      now: signedAt,
    });
    const options = { rootBytes: fake.root, keys: fake.keysOf('policy-owner-2'), now: NOW };
    await expect(coSignDraft(fake, draft, options)).rejects.toThrow(message);
  });

  test('refuses a draft that a release of another channel has overtaken', async () => {
    const { fake, result } = await unsigned(['policy-owner-1']);
    const keys = fake.keysOf('policy-owner-1', 'policy-owner-2', 'release-manager-1');
    released(await publish(fake, '1.1.0', { keys, channel: 'other' }));
    const options = { rootBytes: fake.root, keys: fake.keysOf('policy-owner-2'), now: NOW };
    await expect(coSignDraft(fake, draftOf(result), options)).rejects.toThrow(/releases: expected version 3, found 2/);
  });

  test('refuses a draft that another release has overtaken', async () => {
    const { fake, result } = await unsigned(['policy-owner-1']);
    released(
      await publish(fake, '1.1.0', { keys: fake.keysOf('policy-owner-1', 'policy-owner-2', 'release-manager-1') }),
    );
    const options = { rootBytes: fake.root, keys: fake.keysOf('policy-owner-2'), now: NOW };
    await expect(coSignDraft(fake, draftOf(result), options)).rejects.toThrow(/was there a release meanwhile/);
  });
});
