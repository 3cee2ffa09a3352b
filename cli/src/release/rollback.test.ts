import { describe, expect, test } from '@jest/globals';
import type { FakeDistributor } from './fake-distributor.js';
import { type RollbackTo, rollbackRelease } from './rollback.js';
import { dev, optionsFor, publish, released } from './testing/releases.js';

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
