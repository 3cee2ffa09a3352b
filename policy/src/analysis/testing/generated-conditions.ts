import fc from 'fast-check';
import type { ContextualRequest } from '../../model/facts.js';
import type { Json } from '../../model/request.js';

/** Conditions over every operator and the requests to meet them, from small pools so that they do. For tests. */

const TEXTS = ['a', 'b', 'ab', 'ba', 'A', ''] as const;
const HOSTS = [
  'example.com',
  'a.example.com',
  'b.a.example.com',
  'other.org',
  'EXAMPLE.com',
  '10.0.0.1',
  'no host',
] as const;
const IPS = ['10.0.0.1', '10.1.0.0', '10.255.255.255', '192.168.0.1', 'fd00::1', '::1', 'nothing'] as const;
const TIMES = [
  '2026-01-01T00:00:00Z',
  '2026-01-05T12:00:00Z',
  '2026-01-10T23:59:59.5+01:00',
  '2025-06-30T09:00:00Z',
] as const;
const NUMBERS = [0, 1, 2, 0.5, 10] as const;
const LABELS = ['a', 'b', 'ab'] as const;

const word = fc.constantFrom(...TEXTS.filter((text) => text !== ''));
const pattern = fc.constantFrom('a', '^a', 'b$', '^ab?$', 'a|b', '[^a]', '(?i)^a', '^$|a');
const glob = fc.constantFrom('a*', '*b', '?', '[ab]', '{a,b}*', '**');
const list = (one: fc.Arbitrary<Json>): fc.Arbitrary<Json> => fc.array(one, { minLength: 1, maxLength: 3 });
const leaf = (field: string, operator: string, value: fc.Arbitrary<Json>): fc.Arbitrary<Json> =>
  value.map((literal) => ({ field, operator, value: literal }));
const exists = (field: string): fc.Arbitrary<Json> => leaf(field, 'exists', fc.boolean());

function equality(field: string, value: fc.Arbitrary<Json>): readonly fc.Arbitrary<Json>[] {
  return [
    leaf(field, 'equals', value),
    leaf(field, 'not_equals', value),
    leaf(field, 'in', list(value)),
    leaf(field, 'not_in', list(value)),
  ];
}

function ordered(field: string, value: fc.Arbitrary<Json>): readonly fc.Arbitrary<Json>[] {
  const names = ['greater_than', 'greater_or_equal', 'less_than', 'less_or_equal'];
  return names.map((name) => leaf(field, name, value));
}

function texts(field: string): readonly fc.Arbitrary<Json>[] {
  return [
    leaf(field, 'contains', word),
    leaf(field, 'contains_any', list(word)),
    leaf(field, 'contains_all', list(word)),
    leaf(field, 'starts_with', fc.oneof(word, list(word))),
    leaf(field, 'ends_with', word),
    leaf(field, 'glob_match', glob),
    leaf(field, 'regex_match', pattern),
  ];
}

const number = fc.constantFrom(...NUMBERS);
const between = fc.tuple(number, number).map(([one, other]): Json => [Math.min(one, other), Math.max(one, other)]);
const domain = fc.constantFrom('example.com', '*.example.com', 'a.example.com', '*.a.example.com', '*.org');
const cidr = fc.constantFrom('10.0.0.0/8', '10.0.0.0/16', '10.0.0.1', '192.168.0.0/16', 'fd00::/8', '::1/128');
const time = fc.constantFrom('2026-01-01T00:00:00Z', '2026-01-05T12:00:00Z', '2026-01-10', '2025-01-01');
const window = fc.constantFrom<Json>(
  { timezone: 'Europe/Berlin', days: ['mon', 'tue'], from: '08:00', to: '18:00' },
  { timezone: 'UTC', from: '22:00', to: '06:00' },
  { timezone: 'UTC', dates: { from: '2026-01-01', to: '2026-01-05' } },
);

/** One comparison of a field of each type. */
export const generatedLeaf: fc.Arbitrary<Json> = fc.oneof(
  fc.oneof(...equality('user.team', word), ...texts('user.team'), exists('user.team')),
  fc.oneof(...equality('agent.id', word), ...texts('agent.id')),
  fc.oneof(...equality('context.environment', fc.constantFrom('dev', 'prod')), exists('context.environment')),
  fc.oneof(...equality('kind', fc.constantFrom('tool_call', 'egress'))),
  fc.oneof(
    ...equality('request.max_tokens', number),
    ...ordered('request.max_tokens', number),
    leaf('request.max_tokens', 'between', between),
  ),
  fc.oneof(...equality('request.stream', fc.boolean()), exists('request.stream')),
  fc.oneof(
    leaf('egress.host', 'domain_match', fc.oneof(domain, list(domain))),
    leaf('egress.host', 'ends_with', fc.constant('.com')),
    leaf('egress.host', 'equals', fc.constant('example.com')),
  ),
  fc.oneof(
    leaf('context.ip', 'cidr_match', fc.oneof(cidr, list(cidr))),
    leaf('context.ip', 'equals', fc.constant('10.0.0.1')),
  ),
  fc.oneof(...ordered('context.timestamp', time), leaf('context.timestamp', 'in_time_window', window)),
  fc.oneof(
    leaf('context.labels', 'contains', fc.constantFrom(...LABELS)),
    leaf('context.labels', 'contains_any', list(fc.constantFrom(...LABELS))),
    leaf('context.labels', 'contains_all', list(fc.constantFrom(...LABELS))),
    leaf('context.labels', 'subset_of', list(fc.constantFrom(...LABELS))),
    exists('context.labels'),
  ),
  fc.oneof(
    ...equality('tool.arguments.p', word),
    ...equality('tool.arguments.p', number),
    ...ordered('tool.arguments.p', number),
    ...texts('tool.arguments.p'),
    leaf('tool.arguments.p', 'subset_of', list(word)),
    exists('tool.arguments.p'),
  ),
  fc.oneof(
    ...equality('tool.arguments.q.r', word),
    exists('tool.arguments.q'),
    exists('tool.arguments.q.r'),
    exists('tool'),
  ),
);

/** Groups of comparisons. */
export const generatedCondition: fc.Arbitrary<Json> = fc.letrec<{ node: Json }>((tie) => ({
  node: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    generatedLeaf,
    fc.record({
      operator: fc.constantFrom('and', 'and', 'or'),
      conditions: fc.array(tie('node'), { minLength: 1, maxLength: 3 }),
    }),
    fc.record({ operator: fc.constant('not'), conditions: fc.tuple(tie('node')).map((one): Json => one) }),
  ),
})).node;

function some(value: fc.Arbitrary<Json>): fc.Arbitrary<Json | undefined> {
  return fc.option(value, { nil: undefined, freq: 4 });
}

function members(shape: Readonly<Record<string, fc.Arbitrary<Json | undefined>>>): fc.Arbitrary<Json> {
  return fc.record(shape).map((record): Json => {
    const present = Object.entries(record).filter((entry): entry is [string, Json] => entry[1] !== undefined);
    return Object.fromEntries(present);
  });
}

const anything = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom<Json>(...TEXTS) },
  { weight: 3, arbitrary: number },
  {
    weight: 3,
    arbitrary: fc.constantFrom<Json>(true, null, [], ['a'], ['a', 'b'], ['a', 1], {}, { r: 'a' }, { r: 1 }),
  },
);
const text = fc.constantFrom(...TEXTS);

/** Requests that a decision point accepts. */
export const generatedRequest: fc.Arbitrary<ContextualRequest> = members({
  version: fc.constant('1.0'),
  tenant_id: fc.constant('t1'),
  source: fc.constant('mcp_proxy'),
  kind: fc.constantFrom('tool_call', 'inference', 'egress', undefined),
  agent: members({ id: word, trust_level: some(fc.constantFrom(0, 0.5, 1)) }),
  tool: some(members({ arguments: some(members({ p: some(anything), q: some(anything) })) })),
  user: some(members({ team: some(text) })),
  request: some(members({ max_tokens: some(number), stream: some(fc.boolean()) })),
  egress: some(members({ host: some(fc.constantFrom(...HOSTS)) })),
  context: members({
    timestamp: fc.constantFrom(...TIMES),
    request_id: fc.constant('r1'),
    environment: some(fc.constantFrom('dev', 'staging', 'prod')),
    ip: some(fc.constantFrom(...IPS)),
    labels: some(fc.subarray(['a', 'b', 'ab', 'c'])),
  }),
}) as unknown as fc.Arbitrary<ContextualRequest>;
