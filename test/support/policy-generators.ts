import type { CanonicalRequest, Json } from '@portcullis/policy/model';
import * as fc from 'fast-check';
import type { ReferenceBundle, ReferencePolicy, ReferenceSet } from './reference-evaluator.js';

/** Small pools on purpose: rules and requests must meet often, and in every way. */
const TEXTS = ['a', 'b', 'ab', 'c.d', ''] as const;
const NUMBERS = [0, 1, 2, 0.5, -1] as const;
const text = fc.constantFrom(...TEXTS);
const literalText = fc.constantFrom('a', 'b', 'ab', 'c.d');
const number = fc.constantFrom(...NUMBERS);
const pattern = fc.constantFrom('a', '^a', 'b$', '^ab?$', 'a|b', '[^a]', 'c\\.d', '^(a|b)+$');

type Kind = 'text' | 'number' | 'boolean' | 'texts' | 'any' | 'object';
interface FieldChoice {
  readonly path: string;
  readonly kind: Kind;
  /** When the field is a closed list. */
  readonly members?: readonly string[];
}

const FIELDS: readonly FieldChoice[] = [
  { path: 'agent.id', kind: 'text' },
  { path: 'agent.id', kind: 'text' },
  { path: 'tool.name', kind: 'text' },
  { path: 'tool.name', kind: 'text' },
  { path: 'user.team', kind: 'text' },
  { path: 'tool.arguments.p', kind: 'any' },
  { path: 'tool.arguments.p', kind: 'any' },
  { path: 'tool.arguments.q.r', kind: 'any' },
  { path: 'agent.attributes.x\\.y', kind: 'any' },
  { path: 'agent.trust_level', kind: 'number' },
  { path: 'request.max_tokens', kind: 'number' },
  { path: 'request.stream', kind: 'boolean' },
  { path: 'context.labels', kind: 'texts' },
  { path: 'context.environment', kind: 'text', members: ['dev', 'staging', 'prod'] },
  { path: 'kind', kind: 'text', members: ['tool_call', 'inference', 'egress'] },
  { path: 'intent_risk.risk_dimensions.x', kind: 'number' },
  { path: 'intent_risk.behavioral_signals.signal_type', kind: 'texts' },
  { path: 'tool', kind: 'object' },
  { path: 'tool.arguments', kind: 'object' },
];

function textOf(field: FieldChoice): fc.Arbitrary<string> {
  return field.members === undefined ? literalText : fc.constantFrom(...field.members);
}

function leafOf(field: FieldChoice): fc.Arbitrary<Json> {
  const leaf = (operator: string, value: fc.Arbitrary<Json>): fc.Arbitrary<Json> =>
    value.map((literal) => ({ field: field.path, operator, value: literal }));
  const list = (element: fc.Arbitrary<Json>): fc.Arbitrary<Json> => fc.array(element, { minLength: 1, maxLength: 3 });
  const exists = leaf('exists', fc.boolean());
  const ordered = fc.constantFrom('greater_than', 'less_than').chain((operator) => leaf(operator, number));
  const equality = (value: fc.Arbitrary<Json>): fc.Arbitrary<Json> =>
    fc.oneof(
      { weight: 3, arbitrary: leaf('equals', value) },
      leaf('not_equals', value),
      { weight: 2, arbitrary: leaf('in', list(value)) },
      leaf('not_in', list(value)),
    );
  switch (field.kind) {
    case 'text':
      return fc.oneof(
        { weight: 6, arbitrary: equality(textOf(field)) },
        leaf('contains', literalText),
        leaf('regex_match', pattern),
        exists,
      );
    case 'number':
      return fc.oneof(equality(number), ordered, exists);
    case 'boolean':
      return fc.oneof(equality(fc.boolean()), exists);
    case 'texts':
      return fc.oneof({ weight: 4, arbitrary: leaf('contains', literalText) }, exists);
    case 'any':
      return fc.oneof(
        { weight: 4, arbitrary: equality(literalText) },
        equality(number),
        equality(fc.boolean()),
        leaf('contains', fc.oneof(literalText, number, fc.boolean())),
        leaf('regex_match', pattern),
        ordered,
        exists,
      );
    case 'object':
      return exists;
  }
}

const leaf = fc.constantFrom(...FIELDS).chain(leafOf);

const condition: fc.Arbitrary<Json> = fc.letrec<{ node: Json }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 3, depthSize: 'small' },
    leaf,
    fc.record({ operator: fc.constant('and'), conditions: fc.array(tie('node'), { minLength: 1, maxLength: 3 }) }),
    fc.record({ operator: fc.constant('or'), conditions: fc.array(tie('node'), { minLength: 1, maxLength: 3 }) }),
    fc.record({ operator: fc.constant('not'), conditions: fc.tuple(tie('node')).map((one): Json => one) }),
  ),
})).node;

const policyBody = fc.record(
  {
    when: fc.oneof({ weight: 12, arbitrary: condition }, { weight: 1, arbitrary: fc.constant<Json>('always') }),
    effect: fc.constantFrom<ReferencePolicy['effect']>(
      'allow',
      'allow',
      'deny',
      { type: 'deny', deny_reason_code: 'R1' },
      'log_only',
      { type: 'allow' },
    ),
    // Few values, so that ties happen.
    priority: fc.constantFrom(0, 10, 50, 100),
    on: fc.subarray(['tool_call', 'inference', 'egress'], { minLength: 1 }),
    scope: fc.constantFrom({ tenant: 't1' }, { workspace: 'w1' }, { tenant: 't1', workspace: 'w1' }),
    status: fc.constantFrom('active' as const, 'active' as const, 'disabled' as const, 'archived' as const),
    created_at: fc.constantFrom('2025-01-01T00:00:00Z', '2025-01-01T01:00:00+01:00', '2024-06-30T23:59:59.5Z'),
  },
  { requiredKeys: ['when', 'effect', 'priority'] },
);

/** Policies with distinct slugs in an order that says nothing about their precedence. */
export function policies(maxLength: number): fc.Arbitrary<readonly ReferencePolicy[]> {
  return fc.array(policyBody, { minLength: 1, maxLength, size: 'max' }).chain((bodies) =>
    fc
      .shuffledSubarray(
        bodies.map((_, index) => index),
        { minLength: bodies.length },
      )
      .map((order) =>
        bodies.map((body, index): ReferencePolicy => {
          const slug = `p${String(order[index]).padStart(3, '0')}`;
          return { name: `Policy ${slug}`, slug, ...body };
        }),
      ),
  );
}

/** A set. Its own scope never contradicts its policies', which the compiler would refuse. */
export function policySet(maxPolicies = 8): fc.Arbitrary<Omit<ReferenceSet, 'name'>> {
  return fc.record(
    {
      layer: fc.constantFrom('platform' as const, 'tenant' as const, 'workspace' as const),
      combining: fc.constantFrom('priority' as const, 'first_match' as const, 'deny_overrides' as const),
      priority_order: fc.constantFrom('desc' as const, 'asc' as const),
      policies: policies(maxPolicies),
      tenant: fc.constant('t1'),
      workspace: fc.constant('w1'),
    },
    { requiredKeys: ['layer', 'combining', 'priority_order', 'policies'] },
  );
}

/** A bundle of up to four sets. */
export function bundle(maxPolicies = 8): fc.Arbitrary<ReferenceBundle> {
  return fc
    .record({
      default: fc.constantFrom('allow' as const, 'deny' as const),
      sets: fc.array(policySet(maxPolicies), { maxLength: 4 }),
    })
    .map(({ default: fallback, sets }) => ({
      version: '1.0.0',
      default: fallback,
      sets: sets.map((set, index): ReferenceSet => {
        // Slugs are distinct over the whole bundle here, so that a report names its rule without doubt.
        const own = set.policies.map((policy) => ({ ...policy, slug: `${policy.slug}-s${index}` }));
        return { name: `s${index}`, ...set, policies: own };
      }),
    }));
}

/** A value of the right type most of the time, absent often, and of any wrong type now and then. */
function sometimes(right: fc.Arbitrary<Json>): fc.Arbitrary<Json | undefined> {
  const wrong = fc.constantFrom<Json>(null, 7, 'a', true, [], ['a'], ['a', 1], {}, { r: 'a' }, [[]]);
  return fc.oneof(
    { weight: 8, arbitrary: right },
    { weight: 3, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary: wrong },
  );
}

function members(shape: Readonly<Record<string, fc.Arbitrary<Json | undefined>>>): fc.Arbitrary<Json> {
  return fc.record(shape).map((record): Json => {
    const present = Object.entries(record).filter((entry): entry is [string, Json] => entry[1] !== undefined);
    return Object.fromEntries(present);
  });
}

/** Requests around the rules above, malformed ones included: the engine has to stand them. */
export function request(): fc.Arbitrary<CanonicalRequest> {
  const open = fc.oneof(
    text,
    number,
    fc.boolean(),
    fc.constantFrom<Json>(['a', 'b'], [1, 2], ['a', 1], { r: 'a' }, null),
  );
  return members({
    version: fc.constant('1.0'),
    tenant_id: sometimes(fc.constantFrom('t1', 't2')),
    source: fc.constantFrom('mcp_proxy', 'llm_proxy', 'egress_proxy'),
    kind: fc.option(fc.constantFrom('tool_call', 'inference', 'egress'), { nil: undefined }),
    agent: sometimes(
      members({
        id: sometimes(text),
        trust_level: sometimes(number),
        attributes: sometimes(members({ 'x.y': sometimes(open), x: sometimes(members({ y: sometimes(open) })) })),
      }),
    ),
    tool: sometimes(
      members({
        name: sometimes(text),
        arguments: sometimes(members({ p: sometimes(open), q: sometimes(members({ r: sometimes(open) })) })),
      }),
    ),
    user: sometimes(members({ team: sometimes(text) })),
    request: sometimes(members({ max_tokens: sometimes(number), stream: sometimes(fc.boolean()) })),
    context: sometimes(
      members({
        environment: sometimes(fc.constantFrom('dev', 'staging', 'prod')),
        workspace_id: sometimes(fc.constantFrom('w1', 'w2')),
        labels: sometimes(fc.array(text, { maxLength: 3 })),
      }),
    ),
    intent_risk: sometimes(
      members({
        risk_dimensions: sometimes(members({ x: sometimes(number) })),
        behavioral_signals: sometimes(
          fc.array(
            sometimes(members({ signal_type: sometimes(text) })).map((one) => one ?? {}),
            { maxLength: 2 },
          ),
        ),
      }),
    ),
  }) as unknown as fc.Arbitrary<CanonicalRequest>;
}
