import { describe, expect, test } from '@jest/globals';
import { createFakeDistributor, type FakeDistributor, loadedNode } from './fake-distributor.js';
import { releaseStatus } from './status.js';
import { dev, NOW, publish, released, source, utf8 } from './testing/releases.js';

describe('publishRelease', () => {
  test('the first release has seq 1, and every further one the next', async () => {
    const fake = dev();
    const first = released(await publish(fake, '1.0.0', { reason: 'first' }));
    expect(first.pointer).toMatchObject({
      env: 'prod',
      channel: 'default',
      seq: 1,
      candidate: null,
      rollout: null,
      reason: 'first',
      activation: { min_acks: 0 },
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
