import { describe, expect, test } from '@jest/globals';
import { COUNTERS, createEpochs } from './epochs.js';

function releases(): Parameters<typeof createEpochs>[0] & { publish(seq: number): void } {
  const listeners = new Set<() => void>();
  let releaseSeq = 0;
  return {
    state: () => ({ releaseSeq }),
    onChange: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    publish: (seq) => {
      releaseSeq = seq;
      for (const listener of listeners) listener();
    },
  };
}

describe('the epochs', () => {
  test('start with the release in force and follow it, once per release', () => {
    const source = releases();
    source.publish(3);
    const epochs = createEpochs(source);
    const seen: number[] = [];
    epochs.onChange(() => seen.push(epochs.current().release_seq));
    expect(epochs.current()).toEqual({ release_seq: 3, trust: 0, labels: 0, kill: 0 });
    source.publish(3);
    source.publish(4);
    expect(seen).toEqual([4]);
  });

  test.each(COUNTERS)('move %s by itself, and tell', (counter) => {
    const epochs = createEpochs(releases());
    let told = 0;
    const stop = epochs.onChange(() => {
      told += 1;
    });
    epochs.advance(counter);
    epochs.advance(counter);
    expect(epochs.current()).toEqual({ release_seq: 0, trust: 0, labels: 0, kill: 0, [counter]: 2 });
    stop();
    epochs.advance(counter);
    expect(told).toBe(2);
  });

  test('never go back, in whatever order shared numbers come', () => {
    const epochs = createEpochs(releases());
    let told = 0;
    epochs.onChange(() => {
      told += 1;
    });
    for (const value of [7, 3, 7, 8]) epochs.reach('trust', value);
    expect(epochs.current().trust).toBe(8);
    expect(told).toBe(2);
  });

  test.each([-1, 0.5, Number.NaN, 2 ** 32])('refuse %p, which the wire cannot carry', (value) => {
    const epochs = createEpochs(releases());
    expect(() => epochs.reach('kill', value)).toThrow(RangeError);
    expect(epochs.current().kill).toBe(0);
  });
});
