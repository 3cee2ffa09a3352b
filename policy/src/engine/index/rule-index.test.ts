import { describe, expect, test } from '@jest/globals';
import type { CanonicalRequest } from '../../model/request.js';
import type { RuleIr } from '../ir.js';
import { createLinker } from '../match.js';
import { buildRuleIndex } from './build.js';
import { constraintsOf, createLeafConstraint } from './constraint.js';
import { combineHash, hashText } from './hash.js';
import { drain, openRuleIndex } from './rule-index.js';
import { and, leaf, or, ruleOf } from './sketch.js';

function candidatesOf(rules: readonly RuleIr[], prepared = false): (request: object) => readonly number[] {
  const linker = createLinker();
  const leafConstraint = createLeafConstraint(linker.fieldOf);
  const index = openRuleIndex(drain(buildRuleIndex(rules.map((rule) => constraintsOf(rule, leafConstraint)))), linker);
  if (prepared) drain(index.prepare((path) => path.startsWith('tool.arguments')));
  return (request) => {
    index.begin(request as CanonicalRequest);
    const numbers: number[] = [];
    for (let number = index.next(0); number !== -1; number = index.next(number + 1)) numbers.push(number);
    return numbers;
  };
}
const candidates = (rules: readonly RuleIr[], request: object): readonly number[] => candidatesOf(rules)(request);
const all = (rules: readonly RuleIr[]): readonly number[] => rules.map((_, number) => number);

describe('equality', () => {
  const a = leaf('agent.id', 'equals', 'a');
  const ab = leaf('agent.id', 'in', ['a', 'b']);
  const notA = leaf('agent.id', 'equals', 'a', { negated: true });
  const tool = leaf('tool.name', 'equals', 't');
  const RULES = [
    ruleOf(a),
    ruleOf(ab),
    ruleOf(notA),
    ruleOf(leaf('agent.id', 'equals', 'a', { negated: true, blocking: true })),
    ruleOf(or(a, tool)),
    ruleOf(and(and(a), tool)),
    ruleOf(and(a, ab)),
    ruleOf(and()),
    ruleOf(or(a)),
    ruleOf(or(leaf('agent.id', 'equals', 'c'), ab)),
    ruleOf(and(), { scope: [a] }),
  ];
  test.each<{ name: string; agent: object; kept: readonly number[] }>([
    { name: 'a text keeps the rules that accept it', agent: { id: 'a' }, kept: [0, 1, 2, 3, 4, 6, 7, 8, 9, 10] },
    { name: 'another text keeps the others', agent: { id: 'b' }, kept: [1, 2, 3, 4, 7, 9] },
    { name: 'an unknown text keeps those without the constraint', agent: { id: 'zzz' }, kept: [2, 3, 4, 7] },
    { name: 'a missing field is false for a positive leaf', agent: {}, kept: [2, 3, 4, 7] },
    // The rule that also needs a tool is out for want of the tool.
    { name: 'a number is an error, not false', agent: { id: 5 }, kept: [0, 1, 2, 3, 4, 6, 7, 8, 9, 10] },
    { name: 'null is an error, not false', agent: { id: null }, kept: [0, 1, 2, 3, 4, 6, 7, 8, 9, 10] },
  ])('$name', ({ agent, kept }) => {
    expect(candidates([...RULES, ruleOf(and(notA, tool))], { agent, tool: {} })).toEqual(kept);
  });

  test('a path through something that is not an object keeps every rule', () => {
    const rules = [1, 2].map(() => ruleOf(leaf('tool.arguments.x', 'equals', 'a')));
    expect(candidates(rules, { tool: { arguments: 'x' } })).toEqual([0, 1]);
    expect(candidates(rules, { tool: { arguments: {} } })).toEqual([]);
  });

  test.each([
    { when: 'at the request', prepared: false },
    { when: 'beforehand', prepared: true },
  ])(
    'a value that cannot be told, prepared for $when, still leaves out what another field rules out',
    ({ prepared }) => {
      const pair = (agent: string, x: string): RuleIr =>
        ruleOf(and(leaf('agent.id', 'equals', agent), leaf('tool.arguments.x', 'equals', x)));
      const ask = candidatesOf([pair('a', 'x'), pair('b', 'x'), pair('a', 'y')], prepared);
      expect(ask({ agent: { id: 'a' }, tool: { arguments: { x: 5 } } })).toEqual([0, 2]);
      expect(ask({ agent: { id: 'b' }, tool: { arguments: { x: 5 } } })).toEqual([1]);
      expect(ask({ agent: { id: 'a' }, tool: { arguments: { x: 'x' } } })).toEqual([0]);
      expect(ask({ agent: { id: 5 }, tool: { arguments: { x: 'x' } } })).toEqual([0, 1]);
      expect(ask({ agent: 5, tool: 5 })).toEqual([0, 1, 2]);
    },
  );
});

describe('prefixes', () => {
  const RULES = ['/a', '/a/b', '/a/b/', '/b'].map((prefix) => ruleOf(leaf('egress.path', 'starts_with', prefix)));
  test.each<{ path: unknown; kept: readonly number[] }>([
    { path: '/a', kept: [0] },
    { path: '/a/b', kept: [0, 1] },
    { path: '/a/b/c', kept: [0, 1, 2] },
    { path: '/', kept: [] },
    { path: '', kept: [] },
    { path: '/bb', kept: [3] },
    { path: 5, kept: [0, 1, 2, 3] },
    { path: undefined, kept: [] },
  ])('of $path', ({ path, kept }) => {
    expect(candidates(RULES, { egress: { path } })).toEqual(kept);
  });

  test('more than fit are not told apart', () => {
    const rules = Array.from({ length: 40 }, (_, n) => ruleOf(leaf('egress.path', 'starts_with', 'x'.repeat(n + 1))));
    const ask = candidatesOf(rules);
    expect(ask({ egress: { path: 'x'.repeat(16) } })).toEqual(all(rules.slice(0, 16)));
    expect(ask({ egress: { path: 'x'.repeat(40) } })).toEqual(all(rules));
  });
});

describe('domains', () => {
  const RULES = ['example.com', '*.example.com', '*.a.example.com', 'a.example.com', '*.com'].map((pattern) =>
    ruleOf(leaf('egress.host', 'domain_match', pattern)),
  );
  test.each<{ host: unknown; kept: readonly number[] }>([
    { host: 'example.com', kept: [0, 4] },
    { host: 'EXAMPLE.com.', kept: [0, 4] },
    { host: 'a.example.com', kept: [1, 3, 4] },
    { host: 'b.a.example.com', kept: [1, 2, 4] },
    { host: 'badexample.com', kept: [4] },
    { host: 'com', kept: [] },
    { host: `${'a.'.repeat(60)}a.example.com`, kept: [1, 2, 4] },
    { host: 'example.com:443', kept: [0, 1, 2, 3, 4] },
    { host: ['example.com'], kept: [0, 1, 2, 3, 4] },
  ])('of $host', ({ host, kept }) => {
    expect(candidates(RULES, { egress: { host } })).toEqual(kept);
  });
});

describe('ranges of addresses', () => {
  const RULES = ['10.0.0.0/8', '10.1.0.0/16', '10.1.2.3', '0.0.0.0/0', 'fd00::/8', '::/0'].map((range) =>
    ruleOf(leaf('context.ip', 'cidr_match', range)),
  );
  test.each<{ ip: unknown; kept: readonly number[] }>([
    { ip: '10.1.2.3', kept: [0, 1, 2, 3] },
    { ip: '::ffff:10.1.2.3', kept: [0, 1, 2, 3] },
    { ip: '10.2.0.0', kept: [0, 3] },
    { ip: '9.255.255.255', kept: [3] },
    { ip: 'fd12::1', kept: [4, 5] },
    { ip: 'fe80::1', kept: [5] },
    { ip: '010.1.2.3', kept: [0, 1, 2, 3, 4, 5] },
    { ip: undefined, kept: [] },
  ])('of $ip', ({ ip, kept }) => {
    expect(candidates(RULES, { context: { ip } })).toEqual(kept);
  });
});

describe('many rules', () => {
  const pair = (number: number): RuleIr =>
    ruleOf(and(leaf('agent.id', 'equals', `a${number % 50}`), leaf('tool.name', 'equals', `t${number}`)));

  test('are told apart by all of their fields together', () => {
    const ask = candidatesOf(Array.from({ length: 5_000 }, (_, number) => pair(number)));
    expect(ask({ agent: { id: 'a7' }, tool: { name: 't4907' } })).toEqual([4907]);
    expect(ask({ agent: { id: 'a8' }, tool: { name: 't4907' } })).toEqual([]);
  });

  test('with long lists that overlap are found by their other fields', () => {
    const listed = Array.from({ length: 100 }, (_, number) => `u${number}`);
    const rules = Array.from({ length: 10 }, (_, number) =>
      ruleOf(and(leaf('tool.name', 'equals', `t${number}`), leaf('user.id', 'in', listed.slice(number)))),
    );
    const ask = candidatesOf([...rules, ruleOf(leaf('user.id', 'in', listed))]);
    expect(ask({ tool: { name: 't1' }, user: { id: 'u7' } })).toEqual([1, 10]);
    expect(ask({ tool: { name: 't1' }, user: { id: 'nobody' } })).toEqual([1]);
  });

  test('with lists are told apart by them', () => {
    const group = (number: number): string[] => Array.from({ length: 30 }, (_, n) => `a${30 * number + n}`);
    const rules = Array.from({ length: 900 }, (_, number) =>
      ruleOf(and(leaf('agent.id', 'in', group(number % 30)), leaf('tool.name', 'in', group(Math.floor(number / 30))))),
    );
    const ask = candidatesOf([...rules, ruleOf(leaf('agent.id', 'equals', 'a7'))]);
    expect(ask({ agent: { id: 'a7' }, tool: { name: 'a95' } })).toEqual([90, 900]);
    expect(ask({ agent: { id: 'a8' }, tool: { name: 'a899' } })).toEqual([870]);
    expect(ask({ agent: { id: 'a8' }, tool: { name: 'a900' } })).toEqual([]);
  });

  test('of more shapes than are kept are found by part of theirs', () => {
    const fields = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
    const rules = Array.from({ length: 256 }, (_, mask) =>
      ruleOf(
        and(...fields.filter((_, bit) => (mask >>> bit) & 1).map((x) => leaf(`tool.arguments.${x}`, 'equals', x))),
      ),
    );
    const ask = candidatesOf([...rules, ...rules]);
    const own = (names: string): object => ({
      tool: { arguments: Object.fromEntries(names.split('').map((x) => [x, x])) },
    });
    expect(ask(own('abcdefgh'))).toHaveLength(512);
    expect(ask(own(''))).toEqual([0, 256]);
    const some = ask(own('ab'));
    expect(some).toEqual(expect.arrayContaining([0, 1, 2, 3, 256, 257, 258, 259]));
    expect(some.length).toBeLessThan(512);
  });

  test('of two groups whose keys have one hash are found all the same', () => {
    // The group with the later rule is written first, so that the list of the hash is not in order by itself.
    const texts = new Map(Array.from({ length: 200_000 }, (_, n) => [combineHash(0, hashText(`a${n}`)), `a${n}`]));
    let name = '';
    for (let n = 0; !texts.has(combineHash(1, hashText(name))); n += 1) name = `t${n}`;
    const agent = texts.get(combineHash(1, hashText(name))) ?? '';
    const rules = [
      ruleOf(leaf('agent.id', 'equals', 'other')),
      ruleOf(leaf('tool.name', 'equals', name)),
      ruleOf(leaf('agent.id', 'equals', agent)),
      ruleOf(leaf('tool.name', 'equals', 'other')),
    ];
    expect(candidates(rules, { agent: { id: 'nobody' }, tool: { name } })).toEqual([1, 2]);
    expect(candidates(rules, { agent: { id: agent }, tool: { name: 'none' } })).toEqual([1, 2]);
  });

  test('are always candidates when they constrain nothing', () => {
    expect(candidates([ruleOf(and()), ruleOf(leaf('agent.id', 'exists', true))], {})).toEqual([0, 1]);
    expect(candidates([], {})).toEqual([]);
  });
});
