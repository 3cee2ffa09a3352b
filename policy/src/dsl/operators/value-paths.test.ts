import { describe, expect, test } from '@jest/globals';
import type { Json } from '../../model/request.js';
import { parseValuePath, type ValuePath, valuesBelow } from './value-paths.js';

describe('parseValuePath', () => {
  test.each<{ text: string; path: ValuePath | undefined }>([
    { text: 'a', path: ['a'] },
    { text: 'a.b', path: ['a', 'b'] },
    { text: 'a[0]', path: ['a', 0] },
    { text: 'a[0][12].b', path: ['a', 0, 12, 'b'] },
    { text: 'a.*.b', path: ['a', '*', 'b'] },
    { text: 'a[*].b', path: ['a', '*', 'b'] },
    { text: 'a\\.b.c', path: ['a.b', 'c'] },
    { text: 'a\\[0]', path: ['a[0]'] },
    { text: 'a\\\\.b', path: ['a\\', 'b'] },
    { text: '', path: undefined },
    { text: '.a', path: undefined },
    { text: 'a.', path: undefined },
    { text: 'a..b', path: undefined },
    { text: '[0]', path: undefined },
    { text: 'a.[0]', path: undefined },
    { text: 'a[0]b', path: undefined },
    { text: 'a[01]', path: undefined },
    { text: 'a[any]', path: undefined },
    { text: 'a\\', path: undefined },
    { text: Array.from({ length: 65 }, () => 'a').join('.'), path: undefined },
  ])('$text', ({ text, path }) => {
    expect(parseValuePath(text)).toEqual(path);
  });
});

describe('valuesBelow', () => {
  const root: Json = { a: { b: [{ c: 1 }, { c: 2, d: null }], e: 'x' }, f: true };
  test.each<{ pattern: string; paths: readonly string[] }>([
    { pattern: 'a', paths: ['a,b,0,c', 'a,b,1,c', 'a,b,1,d', 'a,e'] },
    { pattern: 'a.e', paths: ['a,e'] },
    { pattern: 'a.b[1]', paths: ['a,b,1,c', 'a,b,1,d'] },
    { pattern: 'a.b[*].c', paths: ['a,b,0,c', 'a,b,1,c'] },
    { pattern: 'a.b.c', paths: ['a,b,0,c', 'a,b,1,c'] },
    { pattern: 'a.*', paths: ['a,b,0,c', 'a,b,1,c', 'a,b,1,d', 'a,e'] },
    { pattern: 'f', paths: ['f'] },
    { pattern: 'a.e.g', paths: [] },
    { pattern: 'toString', paths: [] },
  ])('$pattern', ({ pattern, paths }) => {
    expect(valuesBelow(root, parseValuePath(pattern) ?? []).map(({ path }) => path.join(','))).toEqual(paths);
  });
});
