import { z } from 'zod';
import { POLICY_TYPES, type PolicyType, policyKind } from '../kinds/registry.js';
import { RULE_EFFECTS } from '../model/decision.js';
import { BUILT_IN_FIELDS } from './built-in-fields.js';
import { ALWAYS, GROUP_OPERATORS } from './condition.js';
import { effectSchemas } from './effects.js';
import { MAX_LIST_LENGTH } from './operators/literal.js';
import { MAX_PATTERN_LENGTH } from './operators/pattern.js';
import { CALENDAR_DATE, CLOCK_TIME, WEEKDAYS } from './operators/time-window.js';
import type { Operator } from './operators.js';
import { policyShape, typedPolicyShape } from './schema.js';

/** Operators that take one kind of literal, and what it is. */
export interface OperatorLiterals {
  readonly operators: readonly [Operator, ...Operator[]];
  readonly value: () => z.ZodType;
  /** Whether the literal may be left out. */
  readonly optional?: true;
}

const scalar = () => z.union([z.string(), z.number(), z.boolean()]);
const text = () => z.string().min(1);
const listOf = (element: z.ZodType) => z.array(element).min(1).max(MAX_LIST_LENGTH);
const oneOrMore = (element: () => z.ZodType) => z.union([element(), listOf(element())]);
const bound = () => z.union([z.number(), z.string()]);

/** What an editor can say of the literal of each operator; the field's type says the rest. */
export const OPERATOR_LITERALS: readonly OperatorLiterals[] = [
  { operators: ['equals', 'not_equals'], value: scalar },
  { operators: ['in', 'not_in'], value: () => listOf(scalar()) },
  { operators: ['contains'], value: () => z.union([text(), z.number(), z.boolean()]) },
  {
    operators: ['contains_any', 'contains_all'],
    value: () => listOf(z.union([text(), z.number(), z.boolean()])),
  },
  { operators: ['subset_of'], value: () => listOf(scalar()) },
  {
    operators: ['greater_than', 'greater_or_equal', 'less_than', 'less_or_equal'],
    value: () => bound().describe('A number, an RFC 3339 time, or a date.'),
  },
  { operators: ['between'], value: () => z.array(bound()).length(2).describe('[lowest, highest], both included.') },
  { operators: ['starts_with', 'ends_with'], value: () => oneOrMore(text) },
  {
    operators: ['glob_match'],
    value: () =>
      oneOrMore(() => text().max(MAX_PATTERN_LENGTH).describe('* within a segment, ** across, ?, [a-z], {a,b}.')),
  },
  {
    operators: ['regex_match'],
    value: () => text().max(MAX_PATTERN_LENGTH).describe('RE2, searched for; anchor it with ^ and $.'),
  },
  {
    operators: ['domain_match'],
    value: () => oneOrMore(() => text().describe('example.com, or *.example.com for what lies below it.')),
  },
  { operators: ['cidr_match'], value: () => oneOrMore(() => text().describe('10.0.0.0/8, fd00::/8, or an address.')) },
  { operators: ['in_time_window'], value: timeWindow },
  { operators: ['exists'], value: () => z.boolean().describe('true when absent.'), optional: true },
];

function timeWindow() {
  const time = () => z.string().regex(CLOCK_TIME);
  const date = () => z.string().regex(CALENDAR_DATE);
  return z.strictObject({
    timezone: z.string().min(1).describe('An IANA time zone, such as Asia/Jakarta.'),
    days: z
      .array(z.enum(WEEKDAYS))
      .min(1)
      .describe('The weekdays on which it begins; every day when absent.')
      .optional(),
    from: time().describe('Local time at which it begins; later than to: it wraps midnight.').optional(),
    to: time().describe('Local time at which it has ended.').optional(),
    dates: z
      .strictObject({ from: date().optional(), to: date().optional() })
      .describe('First and last local date on which it begins.')
      .meta({ minProperties: 1 })
      .optional(),
  });
}

/** The JSON Schema (2020-12) of a policy file: what an editor shows and what `proto/schema` publishes. */
export function policyJsonSchema(): Record<string, unknown> {
  const when = z.union([z.literal(ALWAYS), conditionSchema()]);
  const policies = [dslPolicy(when), ...POLICY_TYPES.map((type) => typedPolicy(type, when))] as const;
  const file = z.union([...policies, z.array(z.union(policies)).min(1)]);
  return {
    ...z.toJSONSchema(file, { io: 'input', target: 'draft-2020-12', unrepresentable: 'any' }),
    $id: 'https://portcullis.dev/schema/policy.schema.json',
    title: 'Portcullis policy',
    description: 'One policy or a list of them: of the condition language (when, effect), or typed (type, config).',
  };
}

function dslPolicy(when: z.ZodType) {
  return policyShape()
    .extend({
      when: when.describe('When the policy applies.'),
      effect: z.union([z.enum(RULE_EFFECTS), ...effectSchemas()]).describe('What it then does.'),
    })
    .meta({ id: 'policy' });
}

function conditionSchema(): z.ZodType {
  const field = z
    .union([z.enum(BUILT_IN_FIELDS as [string, ...string[]]), z.string().min(1)])
    .describe('A path of the request, e.g. user.team or tool.arguments.to[any].domain.')
    .meta({ id: 'field' });
  const leaves = OPERATOR_LITERALS.map(({ operators, value, optional }): z.ZodType => {
    const literal = value();
    return z.strictObject({
      field,
      operator: z.enum(operators),
      value: optional === true ? literal.optional() : literal,
    });
  });
  const leaf = z
    .union(leaves as [z.ZodType, ...z.ZodType[]])
    .describe('One comparison.')
    .meta({ id: 'leaf' });
  const group = z
    .strictObject({
      operator: z.enum(GROUP_OPERATORS),
      get conditions() {
        return z.array(condition).min(1);
      },
    })
    .describe('and, or: any number of conditions; not: exactly one.')
    .meta({ id: 'group' });
  const condition: z.ZodType = z.union([leaf, z.lazy(() => group)]).meta({ id: 'condition' });
  return condition;
}

function typedPolicy(type: PolicyType, when: z.ZodType) {
  const kind = policyKind(type);
  const config = kind.config();
  return typedPolicyShape()
    .extend({
      type: z.literal(type),
      action: z
        .enum(kind.actions as [string, ...string[]])
        .describe('What happens when it is violated; allow: what complies is allowed.'),
      config: config.safeParse({}).success ? config.optional() : config,
      when: when.describe('Narrows it to requests for which this holds too.').optional(),
    })
    .describe(kind.description)
    .meta({ id: `${type}_policy` });
}
