import { describe, expect, test } from '@jest/globals';
import { createKeptDecisions, MAX_KEY_LENGTH, MAX_SCOPES } from './kept-decisions.js';
import type { CanonicalRequest } from './request.js';

const request = (tool: string, agent = 'a', extra: object = {}): CanonicalRequest =>
  ({ agent: { id: agent }, tool: { name: tool, ...extra } }) as unknown as CanonicalRequest;
const LIMITS = { maxEntries: 4, maxBytes: 10_000 };
const entry = (tool: string, scope = 'tool.name', expiresAt = 100) => ({
  scope,
  request: request(tool),
  value: tool,
  bytes: 10,
  expiresAt,
});

describe('kept decisions', () => {
  test('serve what reads the same, until they expire', () => {
    const kept = createKeptDecisions<string>(LIMITS);
    expect(kept.add(entry('x'))).toBe(true);
    expect(kept.find(request('x', 'other'), 99)).toMatchObject({ value: 'x', expiresAt: 100 });
    expect(kept.find(request('y'), 0)).toBeUndefined();
    expect(kept.find(request('x'), 100)).toBeUndefined();
    expect(kept.find(request('x'), 0)).toBeUndefined();
    expect([kept.entries, kept.bytes]).toEqual([0, 0]);
  });

  test('are found under every scope that was met, and replaced under their own', () => {
    const kept = createKeptDecisions<string>(LIMITS);
    kept.add(entry('x'));
    kept.add({ ...entry('y', 'agent.id+tool.name'), value: 'with agent' });
    kept.add({ ...entry('y', 'agent.id+tool.name'), value: 'newer' });
    expect(kept.entries).toBe(2);
    expect(kept.find(request('y'), 0)?.value).toBe('newer');
    expect(kept.find(request('y', 'b'), 0)).toBeUndefined();
    expect(kept.find(request('x', 'b'), 0)?.value).toBe('x');
  });

  test('a scope without fields serves every request', () => {
    const kept = createKeptDecisions<string>(LIMITS);
    expect(kept.add(entry('x', ''))).toBe(true);
    expect(kept.find(request('anything'), 0)?.value).toBe('x');
  });

  test('are bounded in number: the least recently used goes first', () => {
    const kept = createKeptDecisions<string>(LIMITS);
    for (const name of ['a', 'b', 'c', 'd']) kept.add(entry(name));
    kept.find(request('a'), 0);
    kept.add(entry('e'));
    expect(kept.entries).toBe(4);
    expect(kept.find(request('b'), 0)).toBeUndefined();
    expect(['a', 'c', 'd', 'e'].map((name) => kept.find(request(name), 0)?.value)).toEqual(['a', 'c', 'd', 'e']);
  });

  test('are bounded in bytes, and what is too large for all of them is not kept', () => {
    const kept = createKeptDecisions<string>({ maxEntries: 1_000, maxBytes: 200 });
    for (const name of ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j']) kept.add(entry(name));
    expect(kept.bytes).toBeLessThanOrEqual(200);
    expect(kept.entries).toBeGreaterThan(5);
    expect(kept.find(request('j'), 0)?.value).toBe('j');
    expect(kept.add({ ...entry('x'), bytes: 200 })).toBe(false);
    expect(kept.add({ ...entry('x'), request: request('x'.repeat(MAX_KEY_LENGTH)) })).toBe(false);
  });

  test('are bounded in scopes: a new one takes the place of the one that served least', () => {
    const kept = createKeptDecisions<string>({ maxEntries: 100, maxBytes: 100_000 });
    const scopes = Array.from({ length: MAX_SCOPES }, (_, n) => `tool.f${n}+tool.name`);
    for (const [n, scope] of scopes.entries()) kept.add(entry(`t${n}`, scope));
    expect(kept.find(request(`t${MAX_SCOPES - 1}`), 0)).toBeDefined();
    kept.add(entry('new', 'agent.id'));
    expect(kept.entries).toBe(MAX_SCOPES);
    expect(kept.find(request('new'), 0)?.value).toBe('new');
    expect(kept.find(request(`t${MAX_SCOPES - 1}`, 'b'), 0)).toBeDefined();
    expect(kept.find(request(`t${MAX_SCOPES - 2}`, 'b'), 0)).toBeUndefined();
  });

  test.each(['tool.name+agent.id', 'a..b', 'tool[any]'])('a scope that nobody writes is refused: %s', (scope) => {
    const kept = createKeptDecisions<string>(LIMITS);
    expect(kept.add(entry('x', scope))).toBe(false);
    expect(kept.entries).toBe(0);
  });

  test('are gone when cleared', () => {
    const kept = createKeptDecisions<string>(LIMITS);
    kept.add(entry('x'));
    kept.clear();
    expect(kept.find(request('x'), 0)).toBeUndefined();
    expect([kept.entries, kept.bytes]).toEqual([0, 0]);
  });
});
