import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { RE2JS } from 're2js';
import type { ContextualRequest } from '../../model/facts.js';
import type { Field } from '../fields.js';
import { truthOf } from '../truth.js';
import { GLOB_MATCH, translate } from './glob.js';
import { createZoneClocks } from './zone-clock.js';

const field: Field = { path: 'tool.name', segments: ['tool', 'name'], type: 'string', sensitive: false };

function matches(glob: string, text: string): boolean {
  const translated = translate(glob);
  if (typeof translated === 'string') throw new Error(translated);
  return RE2JS.compile(translated.pattern).testExact(text);
}

describe('a glob', () => {
  test.each<{ glob: string; yes: readonly string[]; no: readonly string[] }>([
    { glob: 'a', yes: ['a'], no: ['', 'b', 'aa'] },
    { glob: '*', yes: ['', 'a', 'a.b', 'a\nb'], no: ['/', 'a/b'] },
    { glob: '**', yes: ['', 'a', 'a/b/c', 'a\n/b'], no: [] },
    { glob: 'a/**', yes: ['a/', 'a/b', 'a/b/c'], no: ['a', 'b/a/'] },
    { glob: 'a/**/c', yes: ['a/b/c', 'a//c', 'a/b/b/c'], no: ['a/c', 'a/b/d'] },
    { glob: 'a/*/c', yes: ['a/b/c', 'a//c'], no: ['a/b/b/c'] },
    { glob: 'a?c', yes: ['abc', 'a💡c', 'a.c'], no: ['ac', 'a/c', 'abbc'] },
    { glob: '[abc]x', yes: ['ax', 'cx'], no: ['dx', 'x', 'abx'] },
    { glob: '[a-c]', yes: ['a', 'b', 'c'], no: ['d', '-'] },
    { glob: '[a-]', yes: ['a', '-'], no: ['b'] },
    { glob: '[!a-c]', yes: ['d', '-', '^'], no: ['a', '/', ''] },
    { glob: '[^a]', yes: ['b', '!'], no: ['a', '/'] },
    { glob: '[+-9]', yes: ['+', '.', '0', '9'], no: ['/', ':'] },
    { glob: '[\\]]', yes: [']'], no: ['\\', '['] },
    { glob: '[[]', yes: ['['], no: [']'] },
    { glob: '[ž-ž]', yes: ['ž'], no: ['z'] },
    { glob: '{a,bc}d', yes: ['ad', 'bcd'], no: ['a', 'bd', 'abcd'] },
    { glob: 'a{,b}', yes: ['a', 'ab'], no: ['b', 'a,b'] },
    { glob: '{a,{b,c}*}', yes: ['a', 'b', 'cx'], no: ['ax', 'd'] },
    { glob: '{a/*,b}', yes: ['a/x', 'b'], no: ['a/x/y'] },
    { glob: 'a,b', yes: ['a,b'], no: ['a', 'b'] },
    { glob: '\\*\\{\\}', yes: ['*{}'], no: ['a{}'] },
    { glob: 'a.b+(c)|^$', yes: ['a.b+(c)|^$'], no: ['axb+(c)|^$', 'a'] },
  ])('$glob', ({ glob, yes, no }) => {
    expect(yes.filter((text) => !matches(glob, text))).toEqual([]);
    expect(no.filter((text) => matches(glob, text))).toEqual([]);
  });

  test.each([
    { glob: '[', says: 'nothing closes' },
    { glob: '[a', says: 'nothing closes' },
    { glob: '[a-', says: 'nothing closes' },
    { glob: '[]', says: 'no character' },
    { glob: '[/]', says: 'no character' },
    { glob: '[b-a]', says: 'backwards' },
    { glob: '{a', says: 'nothing closes' },
    { glob: 'a}', says: 'nothing opens' },
    { glob: 'a]', says: 'nothing opens' },
    { glob: 'a\\', says: 'backslash' },
    { glob: '{{{{{a}}}}}', says: 'nest at most' },
  ])('$glob is refused: $says', ({ glob, says }) => {
    expect(translate(glob)).toContain(says);
  });

  test('whose every match is known begins with its prefix, and is it when it is exact', () => {
    expect(translate('srv/reports/*.csv')).toMatchObject({ prefix: 'srv/reports/' });
    expect(translate('srv\\*x')).toMatchObject({ prefix: 'srv*x', rest: '' });
    expect(translate('srv/*')).toMatchObject({ prefix: 'srv/', rest: '*' });
    expect(translate('srv/***')).not.toHaveProperty('rest');
    expect(translate('srv/**')).toMatchObject({ prefix: 'srv/', rest: '**' });
    expect(translate('{a,b}c')).toMatchObject({ prefix: '' });
    expect(translate('srv/*x')).not.toHaveProperty('rest');
  });

  test('never throws, and what it matches begins with its prefix', () => {
    const piece = fc.constantFrom('a', 'b', '/', '*', '**', '?', '[ab]', '[!a]', '{a,b/}', '\\*', '[', '}', '💡', '.');
    const glob = fc.array(piece, { maxLength: 6 }).map((pieces) => pieces.join(''));
    const text = fc.array(fc.constantFrom('a', 'b', '/', '*', '💡', '.'), { maxLength: 6 }).map((all) => all.join(''));
    fc.assert(
      fc.property(glob, text, (written, value) => {
        const translated = translate(written);
        if (typeof translated === 'string') return;
        const held = RE2JS.compile(translated.pattern).testExact(value);
        if (held) expect(value.startsWith(translated.prefix)).toBe(true);
        const linked = GLOB_MATCH.link(written, field, { zoneClock: createZoneClocks() });
        expect(linked(value, {} as ContextualRequest)).toBe(truthOf(held));
      }),
    );
  });

  test('full of stars answers at once', () => {
    expect(matches('*a'.repeat(200), 'a'.repeat(20_000))).toBe(true);
    expect(matches('**a'.repeat(200), `${'a'.repeat(20_000)}b`)).toBe(false);
  });
});
