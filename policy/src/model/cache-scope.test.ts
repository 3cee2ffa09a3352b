import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { MAX_SCOPE_FIELDS, MAX_SCOPE_LENGTH, readScope, writeScope } from './cache-scope.js';
import { BROKEN, MISSING, readSegments } from './reading.js';
import type { CanonicalRequest } from './request.js';

const asRequest = (value: unknown): CanonicalRequest => value as CanonicalRequest;
const keyOf = (scope: string, request: unknown): string | undefined => readScope(scope)?.keyOf(asRequest(request));

describe('a scope', () => {
  test.each<[string, readonly string[], string | undefined]>([
    ['is sorted, each field once', ['tool.name', 'agent.id', 'tool.name'], 'agent.id+tool.name'],
    ['has the list that elements are asked of', ['tool.arguments.to[any].d.e[all]'], 'tool.arguments.to'],
    ['has the source with the kind', ['kind'], 'kind+source'],
    ['keeps names with dots apart', ['tool.arguments.a\\.b'], 'tool.arguments.a\\.b'],
    ['of nothing is empty', [], ''],
    ['has no name with the separator', ['tool.arguments.a+b'], undefined],
    ['has nothing that is no path', [''], undefined],
    ['is not too long', [`tool.arguments.${'x'.repeat(MAX_SCOPE_LENGTH)}`], undefined],
    ['has not too many fields', Array.from({ length: MAX_SCOPE_FIELDS + 1 }, (_, n) => `a.b${n}`), undefined],
  ])('%s', (_name, paths, scope) => {
    expect(writeScope(paths)).toBe(scope);
    if (scope !== undefined) expect(readScope(scope)?.text).toBe(scope);
  });

  test.each(['+', 'tool.name+agent.id', 'agent.id+agent.id', 'kind', 'tool.to[any]', 'a..b', 'x'.repeat(3_000)])(
    'is not read from %j, which nobody writes',
    (text) => {
      expect(readScope(text)).toBeUndefined();
    },
  );
});

describe('a key', () => {
  const scope = 'agent.id+tool.arguments.a+tool.name';
  const base = { agent: { id: 'x' }, tool: { name: 'n', arguments: { a: 'v', other: 1 } } };

  test('is the same where all fields of the scope read the same, whatever else differs', () => {
    const other = { ...base, tenant_id: 'u', tool: { ...base.tool, arguments: { a: 'v', other: 2 } } };
    expect(keyOf(scope, other)).toBe(keyOf(scope, base));
  });

  test.each<[string, unknown]>([
    ['another text', { ...base, tool: { name: 'm', arguments: { a: 'v' } } }],
    ['an absent field', { ...base, tool: { name: 'n', arguments: {} } }],
    ['null instead of nothing', { ...base, tool: { name: 'n', arguments: { a: null } } }],
    ['something that is no object on the way', { ...base, tool: { name: 'n', arguments: 'v' } }],
    ['a list on the way', { ...base, tool: { name: 'n', arguments: [{ a: 'v' }] } }],
    ['a number that is spelled like the text', { ...base, tool: { name: 'n', arguments: { a: 1 } } }],
    ['a field of the prototype', { ...base, tool: { name: 'n', arguments: Object.create({ a: 'v' }) as object } }],
    ['texts that run into each other', { agent: { id: 'xs1:v' }, tool: { arguments: {}, name: 'n' } }],
  ])('differs for %s', (_name, other) => {
    expect(keyOf(scope, other)).not.toBe(keyOf(scope, base));
  });

  test('differs between "1" and 1, true and "true", [] and {}, null and nothing', () => {
    const values = ['1', 1, true, 'true', [], {}, null, undefined, '', '[]', 'null', [1], ['1'], { a: 1 }];
    const keys = values.map((a) => keyOf('tool.arguments.a', { tool: { arguments: { a } } }));
    expect(new Set(keys).size).toBe(values.length);
  });

  test('is the same exactly when the readings are, over generated requests', () => {
    const part = fc.oneof(
      { depthSize: 'small' },
      fc.constantFrom<unknown>('', 'a', 's1:a', 'm;', 'b;', 'j1:1', '1', 1, 0, null, true, undefined),
      fc.array(fc.constantFrom<unknown>('a', 1, null), { maxLength: 2 }),
      fc.dictionary(fc.constantFrom('x', 'y'), fc.constantFrom<unknown>('a', 1, 'j1:1'), { maxKeys: 2 }),
    );
    const request = fc.record({
      agent: fc.record({ id: part }),
      tool: fc.oneof(part, fc.record({ x: part, y: part })),
    });
    const paths = [['agent', 'id'], ['tool'], ['tool', 'x'], ['tool', 'x', 'y'], ['tool', 'y']];
    const text = writeScope(paths.map((names) => names.join('.'))) ?? '';
    const seen = { same: 0, different: 0 };
    fc.assert(
      fc.property(request, request, fc.subarray(['agent', 'tool'] as const), (a, other, changed) => {
        const b = { ...a, ...Object.fromEntries(changed.map((name) => [name, other[name]])) };
        const plain = (value: unknown): string =>
          JSON.stringify(
            paths.map((names) => {
              const reading = readSegments(value, names, 0, names.length);
              return reading === MISSING ? ['missing'] : reading === BROKEN ? ['broken'] : [[reading]];
            }),
          );
        const same = plain(a) === plain(b);
        seen[same ? 'same' : 'different'] += 1;
        expect(keyOf(text, a) === keyOf(text, b)).toBe(same);
      }),
      { numRuns: 5_000 },
    );
    expect(seen.same).toBeGreaterThan(1_000);
    expect(seen.different).toBeGreaterThan(1_000);
  });
});
