import { describe, expect, test } from '@jest/globals';
import { createFakeClock } from '../fixtures/fake-clock.js';
import { createEntityCache, type EntityCache } from './entity-cache.js';

interface Subject {
  readonly cache: EntityCache<string>;
  readonly loads: string[];
  readonly clock: ReturnType<typeof createFakeClock>;
  get(key: string): Promise<string>;
}

function subject(changes: { readonly ttlMs?: number; readonly maxEntries?: number } = {}): Subject {
  const clock = createFakeClock();
  const cache = createEntityCache<string>({ ttlMs: 100, maxEntries: 2, monotonic: clock.monotonic, ...changes });
  const loads: string[] = [];
  const load = async (key: string): Promise<string> => {
    loads.push(key);
    return `${key}${loads.length}`;
  };
  return { cache, loads, clock, get: async (key) => cache.get(key, load) };
}

describe('the cache of entities', () => {
  test('answers at once and for its time alone', async () => {
    const { cache, clock, get, loads } = subject();
    expect(await get('a')).toBe('a1');
    clock.advance(99);
    expect(cache.get('a', () => Promise.reject(new Error('not asked')))).toBe('a1');
    clock.advance(1);
    expect(await get('a')).toBe('a2');
    expect(loads).toEqual(['a', 'a']);
  });

  test('counts the time from the question, not from the answer', async () => {
    const { cache, clock, get } = subject();
    const gate = Promise.withResolvers<string>();
    const slow = cache.get('a', () => gate.promise);
    await Promise.resolve();
    clock.advance(60);
    gate.resolve('old');
    expect(await slow).toBe('old');
    clock.advance(40);
    expect(await get('a')).toBe('a1');
  });

  test('asks once for many at the same time', async () => {
    const { get, loads } = subject();
    expect(await Promise.all(['a', 'a', 'b', 'a'].map(get))).toEqual(['a1', 'a1', 'b2', 'a1']);
    expect(loads).toEqual(['a', 'b']);
  });

  test('does not remember a failure', async () => {
    const { cache, get } = subject();
    await expect(cache.get('a', () => Promise.reject(new Error('down')))).rejects.toThrow('down');
    expect(await get('a')).toBe('a1');
  });

  test('forgets what was under way when it was told to forget', async () => {
    const { cache, get } = subject();
    const gate = Promise.withResolvers<string>();
    const before = cache.get('a', () => gate.promise);
    cache.clear();
    expect(await get('a')).toBe('a1');
    gate.resolve('before');
    expect(await before).toBe('before');
    expect(await get('a')).toBe('a1');
  });

  test('remembers so many, and the oldest makes room', async () => {
    const { get, loads } = subject();
    for (const key of ['a', 'b', 'c', 'b', 'a']) await get(key);
    expect(loads).toEqual(['a', 'b', 'c', 'a']);
  });

  test('remembers nothing for no time', async () => {
    const { get, loads } = subject({ ttlMs: 0 });
    await get('a');
    await get('a');
    expect(loads).toEqual(['a', 'a']);
  });
});
