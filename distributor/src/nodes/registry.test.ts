import { describe, expect, test } from '@jest/globals';
import type { NodeStatus, ReleasePointer } from '@portcullis/policy/trust';
import { createTestClock } from '../testing/world.js';
import { createNodeRegistry, hasConverged, type NodeRegistry } from './registry.js';

const START = Date.parse('2026-01-01T00:00:00Z');
const digest = (letter: string): string => letter.repeat(64);
const pointer = { env: 'dev', channel: 'default', seq: 2, stable: { sha256: digest('b') } } as ReleasePointer;

function setUp() {
  const clock = createTestClock(START);
  const nodes: NodeRegistry = createNodeRegistry({ clock, lostAfterMs: 1000, forgetAfterMs: 10_000 });
  const say = (
    node: string,
    state: NodeStatus['state'],
    seq: number,
    letter: string,
    more: Partial<NodeStatus> = {},
  ): void =>
    nodes.record({
      node,
      state,
      env: 'dev',
      channel: 'default',
      release_seq: seq,
      bundle_digest: digest(letter),
      freshness: 'fresh',
      at: new Date(clock.now()).toISOString(),
      ...more,
    });
  return { clock, nodes, say, converged: () => hasConverged(pointer, nodes.rows({ env: 'dev', channel: 'default' })) };
}

describe('convergence', () => {
  test('needs a node, and every live node on the digest and the seq', () => {
    const { say, converged } = setUp();
    expect(converged()).toBe(false);
    say('a', 'loaded', 2, 'b');
    expect(converged()).toBe(true);
    say('b', 'heartbeat', 1, 'a');
    expect(converged()).toBe(false);
    say('b', 'staged', 2, 'b');
    expect(converged()).toBe(false);
    say('b', 'heartbeat', 2, 'a');
    expect(converged()).toBe(false);
    say('b', 'loaded', 2, 'b');
    expect(converged()).toBe(true);
  });

  test('is undone by a refusal only as far as the node still runs something else', () => {
    const { say, converged, nodes } = setUp();
    say('a', 'loaded', 1, 'a');
    say('a', 'refused', 2, 'b', { reason: 'signature' });
    expect(converged()).toBe(false);
    expect(nodes.rows()[0]).toMatchObject({ state: 'refused', reason: 'signature', active: { release_seq: 1 } });
    say('a', 'heartbeat', 1, 'a', { reason: 'signature' });
    expect(nodes.rows()[0]).toMatchObject({ state: 'heartbeat', reason: 'signature' });
    say('a', 'loaded', 2, 'b');
    expect(nodes.rows()[0]).not.toHaveProperty('reason');
    say('a', 'refused', 3, 'c', { reason: 'expired' });
    expect(converged()).toBe(true);
  });

  test('what kept a node back is over when its heartbeats say so, though it has loaded nothing', () => {
    const { say, nodes } = setUp();
    say('a', 'loaded', 1, 'a');
    say('a', 'refused', 0, '', { reason: 'expired: the timestamp has expired' });
    say('a', 'heartbeat', 1, 'a', { reason: 'expired: the timestamp has expired' });
    expect(nodes.rows()[0]).toMatchObject({ reason: 'expired: the timestamp has expired' });
    say('a', 'heartbeat', 1, 'a');
    expect(nodes.rows()[0]).not.toHaveProperty('reason');
  });

  test('does not wait for a node that is lost, and says so', () => {
    const { say, converged, clock, nodes } = setUp();
    say('a', 'loaded', 1, 'a');
    clock.set(START + 1001);
    say('b', 'loaded', 2, 'b');
    expect(converged()).toBe(true);
    expect(nodes.rows().map((row) => [row.node, row.live])).toEqual([
      ['a', false],
      ['b', true],
    ]);
    clock.set(START + 10_001);
    expect(nodes.rows().map((row) => row.node)).toEqual(['b']);
  });

  test('is of one channel: other channels and environments do not count', () => {
    const { say, converged } = setUp();
    say('a', 'loaded', 2, 'b');
    say('b', 'loaded', 1, 'a', { channel: 'beta' });
    say('c', 'loaded', 1, 'a', { env: 'prod' });
    expect(converged()).toBe(true);
  });

  test('a late status does not undo a newer one, but a clock set back does not silence a node', () => {
    const { say, nodes } = setUp();
    say('a', 'loaded', 2, 'b');
    say('a', 'heartbeat', 1, 'a', { at: new Date(START - 1).toISOString() });
    expect(nodes.rows()[0]?.release_seq).toBe(2);
    say('a', 'heartbeat', 3, 'c', { at: new Date(START - 3_600_000).toISOString() });
    expect(nodes.rows()[0]?.release_seq).toBe(3);
  });
});
