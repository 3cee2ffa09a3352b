import { describe, expect, test } from '@jest/globals';
import { compileCondition } from '../dsl/condition.js';
import { createFindings } from '../dsl/findings.js';
import type { ConditionIr } from '../engine/ir.js';
import { createLinker } from '../engine/match.js';
import type { Json } from '../model/request.js';
import { type Claim, every, not, some, truthIs } from './claim.js';
import { createSolver } from './solver.js';
import { CAN_ERROR, CAN_TRUE } from './truth-set.js';

function condition(when: Json, blocking = true): ConditionIr {
  const findings = createFindings();
  const where = { file: 'p.yaml', base: '', at: () => undefined };
  const compiled = compileCondition(when, { where, findings, blocking });
  if (compiled === undefined) throw new Error(JSON.stringify(findings.sorted()));
  return compiled;
}

const leaf = (field: string, operator: string, value: Json): Json => ({ field, operator, value });
const and = (...conditions: readonly Json[]): Json => ({ operator: 'and', conditions });
const or = (...conditions: readonly Json[]): Json => ({ operator: 'or', conditions });
const no = (one: Json): Json => ({ operator: 'not', conditions: [one] });
const answer = (claim: Claim): string => createSolver(createLinker()).ask(claim).answer;

describe('whether a condition can hold', () => {
  test.each<[string, Json, 'yes' | 'no' | 'unknown']>([
    ['two values of one field', and(leaf('user.team', 'equals', 'a'), leaf('user.team', 'equals', 'b')), 'no'],
    [
      'a value inside and outside a list',
      and(leaf('user.team', 'in', ['a', 'b']), leaf('user.team', 'not_in', ['a', 'b'])),
      'no',
    ],
    ['lists that meet', and(leaf('user.team', 'in', ['a', 'b']), leaf('user.team', 'in', ['b', 'c'])), 'yes'],
    [
      'an empty range',
      and(leaf('request.max_tokens', 'greater_than', 10), leaf('request.max_tokens', 'less_than', 10)),
      'no',
    ],
    [
      'a range between neighbours',
      and(leaf('request.max_tokens', 'greater_than', 10), leaf('request.max_tokens', 'less_than', 10.001)),
      'yes',
    ],
    [
      'a range between whole numbers',
      and(leaf('egress.port', 'greater_than', 10), leaf('egress.port', 'less_than', 11)),
      'no',
    ],
    ['more than the schema allows', leaf('agent.trust_level', 'greater_than', 1), 'no'],
    ['less than the schema allows', leaf('egress.bytes', 'less_than', 0), 'no'],
    ['a negated leaf of a missing field', no(leaf('user.team', 'equals', 'a')), 'yes'],
    ['a missing field that must be there', and(leaf('agent.id', 'exists', false)), 'no'],
    [
      'a prefix and another value',
      and(leaf('tool.name', 'regex_match', '^read'), leaf('tool.name', 'equals', 'write')),
      'no',
    ],
    [
      'a pattern inside another',
      and(leaf('tool.name', 'regex_match', '^read_'), no(leaf('tool.name', 'regex_match', '^re'))),
      'no',
    ],
    [
      'patterns that meet',
      and(
        leaf('tool.name', 'regex_match', '^read_'),
        leaf('tool.name', 'contains', 'file'),
        leaf('tool.name', 'not_equals', 'read_file'),
      ),
      'yes',
    ],
    ['a pattern that nothing matches', leaf('tool.name', 'regex_match', 'a^b'), 'no'],
    [
      'kinds that exclude each other',
      and(leaf('kind', 'equals', 'egress'), leaf('kind', 'in', ['inference', 'a2a'])),
      'no',
    ],
    ['all of a closed list', leaf('context.environment', 'not_in', ['dev', 'staging', 'prod']), 'yes'],
    [
      'all of a closed list, and there',
      and(
        leaf('context.environment', 'not_in', ['dev', 'staging', 'prod']),
        leaf('context.environment', 'exists', true),
      ),
      'no',
    ],
    ['a text and a number', and(leaf('tool.arguments.n', 'equals', 1), leaf('tool.arguments.n', 'equals', '1')), 'no'],
    [
      'a label with and without',
      and(leaf('context.labels', 'contains', 'pii'), no(leaf('context.labels', 'contains', 'pii'))),
      'no',
    ],
    [
      'two labels',
      and(
        leaf('context.labels', 'contains', 'pii'),
        leaf('context.labels', 'contains', 'gdpr'),
        no(leaf('context.labels', 'contains', 'x')),
      ),
      'yes',
    ],
    [
      'a branch that can',
      or(and(leaf('user.team', 'equals', 'a'), leaf('user.team', 'equals', 'b')), leaf('user.team', 'equals', 'c')),
      'yes',
    ],
    ['a container and its member', and(leaf('tool', 'exists', true), leaf('tool.name', 'equals', 'x')), 'yes'],
    ['a member without its container', and(leaf('tool', 'exists', false), leaf('tool.name', 'equals', 'x')), 'unknown'],
    [
      'members of members',
      and(leaf('tool.arguments.a', 'exists', true), leaf('tool.arguments.a.b', 'equals', 'x')),
      'yes',
    ],
    ['always', 'always', 'yes'],
    ['an element of a list', leaf('tool.arguments.to[any]', 'ends_with', '@example.com'), 'yes'],
    [
      'an element of a list that cannot be',
      and(leaf('tool.arguments.to[any]', 'equals', 'a'), no(leaf('tool.arguments.to[any]', 'in', ['a', 'b']))),
      'no',
    ],
    ['a member of the elements', leaf('tool.arguments.to[all].domain', 'equals', 'example.com'), 'yes'],
    [
      'an address in a range and in none',
      and(leaf('context.ip', 'cidr_match', '10.0.0.0/16'), no(leaf('context.ip', 'cidr_match', '10.0.0.0/8'))),
      'no',
    ],
    [
      'an address in a range beside another',
      and(leaf('context.ip', 'cidr_match', '10.0.0.0/8'), no(leaf('context.ip', 'cidr_match', '10.0.0.0/16'))),
      'yes',
    ],
    [
      'a host below another',
      and(
        leaf('egress.host', 'domain_match', '*.a.example.com'),
        no(leaf('egress.host', 'domain_match', '*.example.com')),
      ),
      'no',
    ],
    [
      'a host beside another',
      and(
        leaf('egress.host', 'domain_match', '*.example.com'),
        no(leaf('egress.host', 'domain_match', '*.a.example.com')),
      ),
      'yes',
    ],
    [
      'times that do not meet',
      and(
        leaf('context.timestamp', 'less_than', '2026-01-01'),
        leaf('context.timestamp', 'greater_than', '2026-01-02'),
      ),
      'no',
    ],
    [
      'a window and a date',
      and(
        leaf('context.timestamp', 'in_time_window', { timezone: 'UTC', days: ['sun'], from: '09:00', to: '10:00' }),
        leaf('context.timestamp', 'greater_than', '2026-01-01'),
      ),
      'yes',
    ],
    [
      'a glob inside another',
      and(leaf('tool.name', 'glob_match', 'a/*.csv'), no(leaf('tool.name', 'glob_match', 'a/**'))),
      'no',
    ],
    ['facts', leaf('facts.sinks', 'contains', 'egress'), 'yes'],
  ])('%s', (_name, when, expected) => {
    expect(answer(truthIs(condition(when), CAN_TRUE))).toBe(expected);
  });

  test('an error of an open field, and none of one that the schema types', () => {
    const open = condition(leaf('tool.arguments.n', 'greater_than', 1));
    const typed = condition(leaf('request.max_tokens', 'greater_than', 1));
    expect(answer(truthIs(open, CAN_ERROR))).toBe('yes');
    expect(answer(truthIs(typed, CAN_ERROR))).toBe('no');
  });

  test('formulas over several conditions', () => {
    const wide = condition(leaf('user.team', 'in', ['a', 'b', 'c']));
    const narrow = condition(leaf('user.team', 'in', ['a', 'b']));
    expect(answer(every(truthIs(narrow, CAN_TRUE), not(truthIs(wide, CAN_TRUE))))).toBe('no');
    expect(answer(every(truthIs(wide, CAN_TRUE), not(truthIs(narrow, CAN_TRUE))))).toBe('yes');
    expect(answer(some())).toBe('no');
    expect(answer(every())).toBe('yes');
  });

  test('the witness is the simplest request that there is', () => {
    const asked = createSolver(createLinker()).ask(
      truthIs(condition(and(leaf('user.team', 'in', ['a', 'b']), no(leaf('user.role', 'equals', 'x')))), CAN_TRUE),
    );
    expect(asked).toMatchObject({ answer: 'yes', request: { user: { team: 'a' } } });
    expect(asked.answer === 'yes' && asked.request.user).toEqual({ team: 'a' });
  });

  test('a search that is too large says that it does not know', () => {
    const wide = Array.from({ length: 14 }, (_, index) =>
      leaf(`tool.arguments.f${index}`, 'regex_match', '(a|b)*a(a|b){12}$'),
    );
    const asked = createSolver(createLinker(), 50).ask(truthIs(condition(and(...wide)), CAN_TRUE));
    expect(asked.answer).toBe('unknown');
  });
});
