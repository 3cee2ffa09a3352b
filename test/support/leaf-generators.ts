import type { Json } from '@portcullis/policy/model';
import * as fc from 'fast-check';
import type { ReferenceBundle } from './reference-evaluator.js';

/** Small pools on purpose: rules and requests must meet often, and in every way. */
// Of a letter that is written in two ways, and of a line that goes on, the engine makes no more than is there.
const TEXTS = ['a', 'b', 'ab', 'c.d', '', 'a/b', 'x.example.com', '10.0.0.1', 'é', 'e\u0301', 'b\na'] as const;
const NUMBERS = [0, 1, 2, 0.5, -1, -0] as const;
const TIMES = [
  '2026-01-12T08:30:00Z',
  '2026-01-12T09:30:00+01:00',
  '2026-03-29T00:59:59.999999999Z',
  '2026-03-29T01:00:00Z',
  '2026-10-25T01:30:00Z',
  '2026-01-16T23:30:00Z',
  '2026-01-17T04:00:00Z',
  '2024-02-29T23:59:59.999999999Z',
] as const;
const DATES = ['2026-01-12', '2026-03-29', '2026-10-25', '2024-02-29'] as const;
/** Addresses of requests, one of which is none. */
export const ADDRESSES = [
  '10.0.0.1',
  '10.1.0.1',
  '::ffff:10.0.0.1',
  '192.0.2.7',
  'fd00::1',
  'FD00:0::1',
  '::ffff:a00:1',
  '::1',
  '010.0.0.1',
] as const;
const RANGES = [
  '10.0.0.0/8',
  '10.0.0.0/16',
  '10.0.0.1',
  '0.0.0.0/0',
  'fd00::/8',
  '::/0',
  '::ffff:10.0.0.0/104',
  '::1/128',
] as const;
/** Hosts of requests, some of which are none. */
export const HOSTS = [
  'example.com',
  'Example.COM.',
  'a.example.com',
  'a.b.example.com',
  'badexample.com',
  'example.com:443',
  'münchen.de',
  'xn--mnchen-3ya.de',
  'mu\u0308nchen。de',
  '10.0.0.1',
  '[::1]',
  '',
] as const;
const DOMAINS = ['example.com', '*.example.com', 'a.example.com', 'EXAMPLE.com', '*.com', 'MÜNCHEN.de'] as const;
const GLOBS = [
  '*',
  '**',
  'a*',
  'a/*',
  '**b',
  '?',
  '[ab]',
  '[!a]*',
  '{a,b}',
  '{a,c.}d',
  'a\\*',
  '{a/,}b',
  'ab',
  'c.?',
  '[a-c][.-]d',
  'é',
  'e?',
  '*\na',
] as const;

/** Texts of requests. */
export const text = fc.constantFrom(...TEXTS);
const literalText = fc.constantFrom('a', 'b', 'ab', 'c.d', 'a/', '/b', 'é', 'e\u0301', '\n');
/** Numbers of requests. */
export const number = fc.constantFrom(...NUMBERS);
const pattern = fc.constantFrom(
  'a',
  '^a',
  'b$',
  '^ab?$',
  'a|b',
  '[^a]',
  'c\\.d',
  '^(a|b)+$',
  '^a/',
  '^ab+',
  '^a\\.*b',
  '(?i)^A',
  '^a$',
  '(?m)^a$',
  '^.$',
);
/** Times of requests. */
export const time = fc.constantFrom<string>(...TIMES);
const bound = fc.constantFrom<string>(...TIMES, ...DATES);

type Kind = 'text' | 'number' | 'boolean' | 'datetime' | 'ip' | 'host' | 'texts' | 'numbers' | 'any' | 'object';
interface FieldChoice {
  readonly path: string;
  readonly kind: Kind;
  /** When the field is a closed list. */
  readonly members?: readonly string[];
}

/** What the bundles below declare. */
export const DECLARED_FIELDS = {
  'tool.attributes.level': { type: 'string', members: ['low', 'high'] },
  'tool.attributes.cost': { type: 'number' },
  'user.attributes.since': { type: 'datetime' },
  'agent.attributes.home': { type: 'ip' },
  'agent.attributes.groups': { type: 'string_list' },
  'agent.attributes.ports': { type: 'number_list' },
} as const satisfies NonNullable<ReferenceBundle['fields']>;

const FIELDS: readonly FieldChoice[] = [
  { path: 'agent.id', kind: 'text' },
  { path: 'agent.id', kind: 'text' },
  { path: 'tool.name', kind: 'text' },
  { path: 'tool.name', kind: 'text' },
  { path: 'user.team', kind: 'text' },
  { path: 'tool.arguments.p', kind: 'any' },
  { path: 'tool.arguments.p', kind: 'any' },
  { path: 'tool.arguments.q.r', kind: 'any' },
  { path: 'tool.arguments.l[any]', kind: 'any' },
  { path: 'tool.arguments.l[all]', kind: 'any' },
  { path: 'tool.arguments.l[any].r', kind: 'any' },
  { path: 'tool.arguments.l[all].r', kind: 'any' },
  { path: 'tool.arguments.m[any][all]', kind: 'any' },
  { path: 'tool.arguments.l[all].s[any]', kind: 'any' },
  { path: 'tool.arguments.w\\[any]', kind: 'any' },
  { path: 'agent.attributes.x\\.y', kind: 'any' },
  { path: 'agent.trust_level', kind: 'number' },
  { path: 'request.max_tokens', kind: 'number' },
  { path: 'request.stream', kind: 'boolean' },
  { path: 'egress.host', kind: 'host' },
  { path: 'egress.resolved_ips[any]', kind: 'ip' },
  { path: 'egress.resolved_ips[all]', kind: 'ip' },
  { path: 'context.ip', kind: 'ip' },
  { path: 'context.timestamp', kind: 'datetime' },
  { path: 'context.labels', kind: 'texts' },
  { path: 'context.labels[any]', kind: 'text' },
  { path: 'context.labels[all]', kind: 'text' },
  { path: 'context.environment', kind: 'text', members: ['dev', 'staging', 'prod'] },
  { path: 'kind', kind: 'text', members: ['tool_call', 'inference', 'egress'] },
  { path: 'intent_risk.risk_dimensions.x', kind: 'number' },
  { path: 'intent_risk.behavioral_signals.signal_type', kind: 'texts' },
  { path: 'intent_risk.behavioral_signals[all].signal_type', kind: 'text' },
  { path: 'facts.sinks', kind: 'texts' },
  { path: 'facts.history[any].tool', kind: 'text' },
  { path: 'facts.history[all].at', kind: 'datetime' },
  { path: 'tool.attributes.level', kind: 'text', members: ['low', 'high'] },
  { path: 'tool.attributes.cost', kind: 'number' },
  { path: 'user.attributes.since', kind: 'datetime' },
  { path: 'agent.attributes.home', kind: 'ip' },
  { path: 'agent.attributes.groups', kind: 'texts' },
  { path: 'agent.attributes.groups[all]', kind: 'text' },
  { path: 'agent.attributes.ports', kind: 'numbers' },
  { path: 'agent.attributes.ports[any]', kind: 'number' },
  { path: 'tool', kind: 'object' },
  { path: 'tool.arguments', kind: 'object' },
];

function textOf(field: FieldChoice): fc.Arbitrary<string> {
  return field.members === undefined ? literalText : fc.constantFrom(...field.members);
}

const window: fc.Arbitrary<Json> = fc
  .record(
    {
      timezone: fc.constantFrom('UTC', 'Europe/Berlin', 'Asia/Kolkata', 'America/New_York'),
      days: fc.subarray(['mon', 'tue', 'fri', 'sat', 'sun'], { minLength: 1 }),
      hours: fc.constantFrom(
        ['09:00', '17:00'],
        ['22:00', '06:00'],
        ['02:00', '03:00'],
        ['00:00', '24:00'],
        ['18:30', '18:31'],
      ),
      dates: fc.constantFrom<Json>(
        { from: '2026-01-13' },
        { to: '2026-01-16' },
        { from: '2026-03-01', to: '2026-10-25' },
      ),
    },
    { requiredKeys: ['timezone', 'hours'] },
  )
  .map(({ hours: [from = '', to = ''], ...rest }): Json => ({ ...rest, from, to }));

function listOf(element: fc.Arbitrary<Json>): fc.Arbitrary<Json> {
  return fc.array(element, { minLength: 1, maxLength: 3 });
}

function oneOrMore(element: fc.Arbitrary<Json>): fc.Arbitrary<Json> {
  return fc.oneof(element, listOf(element));
}

/** Two bounds in their order. */
function pair<T extends string | number>(element: fc.Arbitrary<T>, orderOf: (one: T) => number): fc.Arbitrary<Json> {
  return fc.tuple(element, element).map(([a, b]): Json => (orderOf(a) <= orderOf(b) ? [a, b] : [b, a]));
}

function leafOf(field: FieldChoice): fc.Arbitrary<Json> {
  const leaf = (operator: string, value: fc.Arbitrary<Json>): fc.Arbitrary<Json> =>
    value.map((literal) => ({ field: field.path, operator, value: literal }));
  const some = (operators: readonly string[], value: fc.Arbitrary<Json>): fc.Arbitrary<Json> =>
    fc.constantFrom(...operators).chain((operator) => leaf(operator, value));
  const exists = leaf('exists', fc.boolean());
  const ORDER = ['greater_than', 'greater_or_equal', 'less_than', 'less_or_equal'];
  const equality = (value: fc.Arbitrary<Json>): fc.Arbitrary<Json> =>
    fc.oneof(
      { weight: 3, arbitrary: leaf('equals', value) },
      leaf('not_equals', value),
      { weight: 2, arbitrary: leaf('in', listOf(value)) },
      leaf('not_in', listOf(value)),
    );
  const texts = fc.oneof(
    leaf('contains', literalText),
    some(['contains_any', 'contains_all'], listOf(literalText)),
    some(['starts_with', 'ends_with'], oneOrMore(literalText)),
    leaf('glob_match', oneOrMore(fc.constantFrom(...GLOBS))),
    leaf('regex_match', pattern),
  );
  const numbers = fc.oneof(some(ORDER, number), leaf('between', pair(number, Number)));
  const times = fc.oneof(
    some(ORDER, bound),
    leaf(
      'between',
      pair(bound, (one) => Date.parse(one)),
    ),
    { weight: 2, arbitrary: leaf('in_time_window', window) },
  );
  const members = (element: fc.Arbitrary<Json>): fc.Arbitrary<Json> =>
    fc.oneof(leaf('contains', element), some(['contains_any', 'contains_all', 'subset_of'], listOf(element)));
  const address = leaf('cidr_match', oneOrMore(fc.constantFrom(...RANGES)));
  const domain = leaf('domain_match', oneOrMore(fc.constantFrom(...DOMAINS)));
  switch (field.kind) {
    case 'text':
      return fc.oneof({ weight: 6, arbitrary: equality(textOf(field)) }, { weight: 3, arbitrary: texts }, exists);
    case 'number':
      return fc.oneof(equality(number), numbers, exists);
    case 'boolean':
      return fc.oneof(equality(fc.boolean()), exists);
    case 'datetime':
      return fc.oneof(equality(bound), { weight: 3, arbitrary: times }, exists);
    case 'ip':
      return fc.oneof(
        equality(fc.constantFrom('10.0.0.1', '::ffff:10.0.0.1', 'fd00::1')),
        { weight: 3, arbitrary: address },
        exists,
      );
    case 'host':
      return fc.oneof(
        equality(fc.constantFrom('example.com', '10.0.0.1')),
        { weight: 4, arbitrary: domain },
        address,
        exists,
      );
    case 'texts':
      return fc.oneof({ weight: 4, arbitrary: members(literalText) }, exists);
    case 'numbers':
      return fc.oneof({ weight: 4, arbitrary: members(number) }, exists);
    case 'any':
      return fc.oneof(
        { weight: 4, arbitrary: equality(literalText) },
        equality(number),
        equality(fc.boolean()),
        members(literalText),
        members(number),
        leaf('contains', fc.boolean()),
        { weight: 2, arbitrary: texts },
        numbers,
        times,
        address,
        domain,
        exists,
      );
    case 'object':
      return exists;
  }
}

/** A comparison that compiles, of any operator on any of the fields above. */
export const leaf: fc.Arbitrary<Json> = fc.constantFrom(...FIELDS).chain(leafOf);
