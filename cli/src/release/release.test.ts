import { describe, expect, test } from '@jest/globals';
import { buildBundle } from '@portcullis/policy/bundle';
import { hashesOf, metadataKey, parseReleasePointer, RELEASE_PATH, targetKey } from '@portcullis/policy/trust';
import type { Clock } from '@portcullis/runtime';
import { coSignDraft } from './co-sign.js';
import { draftRelease, type ReleaseDraft, releasedBundle } from './draft.js';
import { encodeDraft, parseDraft } from './draft-file.js';
import { createFakeDistributor, type FakeDistributor, loadedNode } from './fake-distributor.js';
import { type PublishOptions, publishRelease } from './publish.js';
import type { PublishResult } from './result.js';
import { type RollbackTo, rollbackRelease } from './rollback.js';
import { releaseStatus } from './status.js';
import { submitDraft } from './submit.js';
import { readTrustedView } from './trusted-view.js';

const NOW = Date.parse('2026-11-22T00:00:00Z');
const utf8 = new TextEncoder();

/** A clock that moves a second at every look, so that waiting needs no time. */
function tickingClock(): Clock {
  let elapsed = 0;
  return {
    now: () => NOW,
    monotonic: () => {
      elapsed += 1000;
      return elapsed;
    },
  };
}

function source(version: string, effect = 'allow'): ReadonlyMap<string, Uint8Array> {
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

function optionsFor(fake: FakeDistributor, holders: readonly string[]): Omit<PublishOptions, 'source'> {
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

function dev(): FakeDistributor {
  return createFakeDistributor({ profile: 'dev', env: 'prod', now: NOW });
}

async function publish(
  fake: FakeDistributor,
  version: string,
  more: Partial<PublishOptions> = {},
): Promise<PublishResult> {
  return publishRelease({ ...optionsFor(fake, ['owner']), source: source(version), ...more });
}

function released(result: PublishResult): Extract<PublishResult, { outcome: 'released' }> {
  if (result.outcome !== 'released') throw new Error(`expected released, got ${JSON.stringify(result)}`);
  return result;
}

function draftOf(result: PublishResult): ReleaseDraft {
  if (result.outcome !== 'needs_signatures') throw new Error(`expected a draft, got ${JSON.stringify(result)}`);
  return result.draft;
}

describe('publishRelease', () => {
  test('the first release has seq 1, and every further one the next', async () => {
    const fake = dev();
    const first = released(await publish(fake, '1.0.0', { reason: 'first', minAcks: 0.5 }));
    expect(first.pointer).toMatchObject({
      env: 'prod',
      channel: 'default',
      seq: 1,
      candidate: null,
      rollout: null,
      reason: 'first',
      activation: { min_acks: 0.5 },
      actor: 'spiffe://example.org/publisher/ci',
      stable: { policy_version: '1.0.0' },
    });
    const second = released(await publish(fake, '1.1.0'));
    expect(second.pointer.seq).toBe(2);
    expect(second.pointer.stable.sha256).not.toBe(first.pointer.stable.sha256);
    expect(fake.bundlesReceived).toEqual([first.pointer.stable.sha256, second.pointer.stable.sha256]);
  });

  test('content that is a target already is released without the owners of targets', async () => {
    const fake = createFakeDistributor({ profile: 'team', env: 'prod', now: NOW });
    const everyone = fake.keysOf('policy-owner-1', 'policy-owner-2', 'release-manager-1');
    released(await publish(fake, '1.0.0', { keys: everyone }));
    const again = released(await publish(fake, '1.0.0', { keys: fake.keysOf('release-manager-2') }));
    expect(again.pointer.seq).toBe(2);
    expect(fake.bundlesReceived).toHaveLength(1);
  });

  test('invalid policies are problems and nothing is sent', async () => {
    const fake = dev();
    const before = new Map(fake.objects);
    const bad = new Map(source('1.0.0')).set('base/reads.yaml', utf8.encode('name: x\nwhen: 1\n'));
    const result = await publish(fake, '1.0.0', { source: bad });
    expect(result.outcome).toBe('invalid');
    if (result.outcome !== 'invalid') return;
    expect(result.problems.length).toBeGreaterThan(0);
    expect(result.problems[0]).toMatchObject({ file: 'base/reads.yaml' });
    expect(fake.objects).toEqual(before);
    expect(fake.bundlesReceived).toEqual([]);
  });

  test('a refusal is a result with its code', async () => {
    const fake = dev();
    fake.refusal = { status: 409, code: 'ERR_RELEASE_CONFLICT', message: 'another release came first' };
    expect(await publish(fake, '1.0.0')).toEqual({ outcome: 'refused', refusal: fake.refusal });
  });

  test('waits until every live PDP has loaded it', async () => {
    const fake = dev();
    fake.onRelease = ({ seq, stable }) => {
      const gone = { ...loadedNode('pdp-gone', 'prod', 0, ''), live: false, active: null };
      fake.nodeViews = [
        loadedNode('pdp-1', 'prod', seq, stable.sha256),
        loadedNode('pdp-2', 'prod', seq, stable.sha256),
        gone,
      ];
    };
    const result = released(await publish(fake, '1.0.0', { waitMs: 5000 }));
    expect(result.convergence?.nodes.map((node) => node.node)).toEqual(['pdp-1', 'pdp-2']);
    expect(result.timings.enforced_ms).toBeGreaterThan(0);
  });

  test.each<[string, (fake: FakeDistributor, seq: number, digest: string) => void, string[]]>([
    ['no PDP has reported', () => undefined, []],
    [
      'one still runs the release before',
      (fake, seq, digest) => {
        fake.nodeViews = [loadedNode('a', 'prod', seq, digest), loadedNode('b', 'prod', seq - 1, 'f'.repeat(64))];
      },
      ['loaded', 'pending'],
    ],
    [
      'one has said nothing about what it enforces',
      (fake, seq, digest) => {
        fake.nodeViews = [{ ...loadedNode('a', 'prod', seq, digest), state: 'staged', active: null }];
      },
      ['pending'],
    ],
    [
      'one refused it',
      (fake, seq, digest) => {
        fake.nodeViews = [
          { ...loadedNode('a', 'prod', seq, digest), state: 'refused', reason: 'signature', active: null },
        ];
      },
      ['refused'],
    ],
    [
      'one has the right seq and other content',
      (fake, seq) => {
        fake.nodeViews = [loadedNode('a', 'prod', seq, 'f'.repeat(64))];
      },
      ['superseded'],
    ],
  ])('does not converge when %s', async (_name, report, states) => {
    const fake = dev();
    fake.onRelease = ({ seq, stable }) => report(fake, seq, stable.sha256);
    const result = await publish(fake, '1.0.0', { waitMs: 3000 });
    expect(result.outcome).toBe('not_converged');
    if (result.outcome !== 'not_converged') return;
    expect(result.convergence?.nodes.map((node) => node.state)).toEqual(states);
    expect(result.timings.enforced_ms).toBeUndefined();
  });
});

describe('what a release is built upon is verified from the pinned root on', () => {
  test.each<[string, (fake: FakeDistributor) => void, RegExp]>([
    ['another root is pinned', (fake) => Object.assign(fake, { root: dev().root }), /timestamp cannot be trusted/],
    [
      'there is no timestamp',
      (fake) => void fake.objects.delete(metadataKey('timestamp', 0)),
      /has no metadata\/timestamp.json/,
    ],
    [
      "targets are somebody else's",
      (fake) => {
        const key = metadataKey('targets', 1);
        fake.objects.set(key, dev().objects.get(key) ?? new Uint8Array());
      },
      /targets cannot be trusted/,
    ],
    [
      "the snapshot is somebody else's",
      (fake) => {
        const key = metadataKey('snapshot', 1);
        fake.objects.set(key, dev().objects.get(key) ?? new Uint8Array());
      },
      /snapshot cannot be trusted/,
    ],
    [
      'a bit of releases is flipped',
      (fake) => {
        const key = metadataKey('releases-prod', 1);
        const bytes = Uint8Array.from(fake.objects.get(key) ?? []);
        const at = bytes.length - 20;
        bytes[at] = (bytes[at] ?? 0) ^ 1;
        fake.objects.set(key, bytes);
      },
      /releases-prod cannot be trusted/,
    ],
  ])('refuses when %s', async (_name, attack, message) => {
    const fake = dev();
    attack(fake);
    await expect(publish(fake, '1.0.0')).rejects.toThrow(message);
    expect(fake.bundlesReceived).toEqual([]);
  });

  test.each(['snapshot', 'targets', 'releases-prod'])(
    'refuses an old %s under the name of the current one',
    async (role) => {
      const fake = dev();
      released(await publish(fake, '1.0.0'));
      fake.objects.set(metadataKey(role, 2), fake.objects.get(metadataKey(role, 1)) ?? new Uint8Array());
      await expect(publish(fake, '1.1.0')).rejects.toThrow(`${role} has version 1, but version 2 is current`);
    },
  );

  test('refuses an old snapshot of signed metadata once its timestamp has expired', async () => {
    const fake = dev();
    const late: Clock = { now: () => NOW + 2 * 3_600_000, monotonic: () => 0 };
    await expect(publish(fake, '1.0.0', { clock: late })).rejects.toThrow(/timestamp has expired/);
  });

  test('refuses an environment that has no role', async () => {
    await expect(publish(dev(), '1.0.0', { env: 'staging' })).rejects.toThrow(/releases-staging does not exist/);
  });

  test('refuses a current pointer whose bytes are not the signed ones', async () => {
    const fake = dev();
    released(await publish(fake, '1.0.0'));
    const path = RELEASE_PATH('prod', 'default');
    const key = [...fake.objects.keys()].find((name) => name.startsWith('targets/releases/prod/')) ?? '';
    const bytes = fake.objects.get(key) ?? new Uint8Array();
    expect(key).toBe(targetKey(path, hashesOf(bytes).sha256));
    const pointer = parseReleasePointer(bytes);
    expect(pointer).toMatchObject({ ok: true, value: { seq: 1 } });
    fake.objects.set(key, utf8.encode(new TextDecoder().decode(bytes).replace('"seq":1,', '"seq":7,')));
    await expect(publish(fake, '1.1.0')).rejects.toThrow(/is not what was signed/);
  });
});

describe('rollbackRelease', () => {
  async function threeReleases(): Promise<{ readonly fake: FakeDistributor; readonly digests: readonly string[] }> {
    const fake = dev();
    const digests: string[] = [];
    for (const version of ['1.0.0', '1.1.0', '1.2.0']) {
      digests.push(released(await publish(fake, version)).pointer.stable.sha256);
    }
    return { fake, digests };
  }

  test.each<[string, RollbackTo, number]>([
    ['the release before by default', { kind: 'previous' }, 1],
    ['a seq', { kind: 'seq', seq: 1 }, 0],
    ['a policy version', { kind: 'version', version: '1.0.0' }, 0],
  ])('goes back to %s, under a higher seq', async (_name, to, index) => {
    const { fake, digests } = await threeReleases();
    const result = released(await rollbackRelease({ ...optionsFor(fake, ['owner']), to, reason: 'error budget' }));
    expect(result.pointer).toMatchObject({
      seq: 4,
      rollback_of: 3,
      reason: 'error budget',
      stable: { sha256: digests[index] },
    });
    expect(fake.bundlesReceived).toHaveLength(3);
  });

  test('twice goes back and forth, never down in seq', async () => {
    const { fake, digests } = await threeReleases();
    const options = { ...optionsFor(fake, ['owner']), to: { kind: 'previous' } as const };
    expect(released(await rollbackRelease(options)).pointer).toMatchObject({ seq: 4, stable: { sha256: digests[1] } });
    expect(released(await rollbackRelease(options)).pointer).toMatchObject({ seq: 5, stable: { sha256: digests[2] } });
  });

  test.each<[string, RollbackTo, RegExp]>([
    ['an unknown seq', { kind: 'seq', seq: 9 }, /no earlier release has seq 9; known: 2 \(1.1.0\), 1 \(1.0.0\)/],
    ['the current seq', { kind: 'seq', seq: 3 }, /no earlier release has seq 3/],
    ['an unknown version', { kind: 'version', version: '9.9.9' }, /no earlier release has policy version 9.9.9/],
  ])('refuses %s', async (_name, to, message) => {
    const { fake } = await threeReleases();
    await expect(rollbackRelease({ ...optionsFor(fake, ['owner']), to })).rejects.toThrow(message);
  });

  test('refuses before the first release', async () => {
    const options = { ...optionsFor(dev(), ['owner']), to: { kind: 'previous' } as const };
    await expect(rollbackRelease(options)).rejects.toThrow(/has no release yet/);
  });

  test('a history that names a bundle nobody signed is not believed', async () => {
    const { fake } = await threeReleases();
    const real = await fake.releases('prod', 'default');
    const history = real.history.map((pointer) =>
      pointer.seq === 2 ? { ...pointer, stable: { ...pointer.stable, sha256: 'e'.repeat(64) } } : pointer,
    );
    const api = { ...fake, releases: async () => ({ ...real, history }) };
    await expect(rollbackRelease({ ...optionsFor(fake, ['owner']), api, to: { kind: 'seq', seq: 2 } })).rejects.toThrow(
      /not among the signed targets/,
    );
  });
});

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

describe('releaseStatus', () => {
  test('tells what should run and what does', async () => {
    const fake = dev();
    const query = { env: 'prod', channel: 'default' };
    expect(await releaseStatus(fake, query)).toMatchObject({ current: null, converged: false });
    const { pointer } = released(await publish(fake, '1.0.0'));
    expect(await releaseStatus(fake, query)).toMatchObject({ current: { seq: 1 }, nodes: [], converged: false });
    fake.nodeViews = [loadedNode('pdp-1', 'prod', 1, pointer.stable.sha256)];
    expect(await releaseStatus(fake, query)).toMatchObject({ converged: true });
    fake.nodeViews = [...fake.nodeViews, loadedNode('pdp-2', 'prod', 1, 'f'.repeat(64))];
    expect(await releaseStatus(fake, query)).toMatchObject({ converged: false });
  });
});
