import {
  type BaseOperator,
  BUILT_IN_FIELDS,
  bundleShape,
  COMBININGS,
  COMPILED_EFFECTS,
  type CompiledEffectType,
  effectBlocks,
  FIELD_TYPES,
  type Field,
  type FieldType,
  findField,
  GROUP_OPERATORS,
  MAX_CONDITION_DEPTH,
  MAX_LIST_LENGTH,
  MAX_PATTERN_LENGTH,
  OPERATOR_NAMES,
  OPERATORS,
  operatorRow,
  policyJsonSchema,
} from '@portcullis/policy';
import { ATTEMPT_KINDS, RULE_EFFECTS } from '@portcullis/policy/model';
import { z } from 'zod';
import { code, codes, markdownPage, type Page, table } from './page.js';
import { asSchema, branchesOf, schemaRows } from './schema-rows.js';

const TYPE_MEANINGS = {
  string: 'A text.',
  number: 'A number.',
  boolean: '`true` or `false`.',
  string_list: 'A list of texts.',
  object: 'A container; one can only ask whether it is there.',
  any: 'Whatever the caller put there. The type of the value in the condition says which type is expected; another is an error.',
} as const satisfies Record<FieldType, string>;

const OPERATOR_MEANINGS = {
  equals: { value: 'a text, number or boolean', holds: 'the field is that value' },
  in: {
    value: `a list of 1 to ${MAX_LIST_LENGTH} texts, numbers or booleans, all of one type`,
    holds: 'the field is one of them',
  },
  contains: {
    value: 'a text, not empty; for fields of any type also a number or boolean',
    holds: 'the text has that part, or the list has that element',
  },
  greater_than: { value: 'a number', holds: 'the field is larger' },
  less_than: { value: 'a number', holds: 'the field is smaller' },
  regex_match: {
    value: `an RE2 pattern of at most ${MAX_PATTERN_LENGTH} characters`,
    holds: 'the pattern matches anywhere in the text; anchor it with ^ and $ for the whole',
  },
  exists: { value: '`true` (also when left out) or `false`', holds: 'the field is there, or with `false` is not' },
} as const satisfies Record<BaseOperator, { value: string; holds: string }>;

const GROUP_MEANINGS = {
  and: 'All of its conditions hold.',
  or: 'At least one of its conditions holds.',
  not: 'Its one condition does not hold. Negation is pushed down to the comparisons.',
} as const satisfies Record<(typeof GROUP_OPERATORS)[number], string>;

const EFFECT_MEANINGS = {
  allow: 'Allows, unless another layer denies.',
  deny: "Denies, with the author's code and message when they are given.",
  log_only: 'Is recorded as matched and decides nothing; in a `first_match` set it lets the request continue.',
} as const satisfies Record<CompiledEffectType, string>;

const COMBINING_MEANINGS = {
  priority: 'Walks in precedence order; `log_only` is recorded on the way, the first `allow` or `deny` decides.',
  first_match: 'The first policy that matches decides alone, whatever its effect.',
  deny_overrides: 'Looks at all; any `deny` blocks unless an `allow` of strictly higher precedence matched.',
} as const satisfies Record<(typeof COMBININGS)[number], string>;

function fieldOf(path: string): Field {
  const found = findField(path);
  if ('problem' in found) throw new Error(found.problem);
  return found.field;
}

/** What the names below a container are; empty when it has none of its own choosing. */
function below(path: string): string {
  const found = findField(`${path}.x`);
  if ('problem' in found || BUILT_IN_FIELDS.includes(`${path}.x`)) return '';
  return `any name below it is a field of type ${code(found.field.type)}`;
}

function fieldRow(path: string): readonly string[] {
  const field = fieldOf(path);
  const notes = [
    field.members === undefined ? '' : `one of ${codes(field.members)}`,
    field.type === 'object' ? below(path) : '',
    field.each === undefined ? '' : 'of every element of the list',
    field.sensitive ? 'not shown in explanations' : '',
  ].filter((note) => note !== '');
  return [code(path), code(field.type), notes.join('; ')];
}

/** The keys that an effect takes besides `type`, from the schema that an editor shows. */
function effectKeys(type: string): readonly string[] {
  const effect = asSchema(asSchema(policyJsonSchema()['properties'])?.['effect']) ?? {};
  return branchesOf(effect).flatMap((branch) => {
    const properties = asSchema(branch['properties']) ?? {};
    const constant = asSchema(properties['type'])?.['const'];
    return constant === type ? Object.keys(properties).filter((key) => key !== 'type') : [];
  });
}

function documentRows(): readonly (readonly string[])[] {
  const [always, condition, effect] = ['[conditions](#conditions)', '`always` or a condition', '[effect](#effects)'];
  return schemaRows(policyJsonSchema())
    .filter(({ path }) => !/^(when|effect)\./.test(path))
    .map(({ path, type, fallback, range, description }) => {
      if (path === 'when') return [code(path), condition, fallback, range, `${description} See ${always}.`];
      if (path === 'effect')
        return [code(path), 'a name, or an object', fallback, range, `${description} See ${effect}.`];
      return [code(path), type, fallback, range, description];
    });
}

/** `docs/reference/policy-language.md`. */
export function policyLanguagePage(): Page {
  const later = RULE_EFFECTS.filter((type) => !COMPILED_EFFECTS.some((compiled) => compiled === type));
  return markdownPage('docs/reference/policy-language.md', 'Policy language', [
    "A policy is a JSON or YAML document: when it applies, and what it then does. A bundle's source is a folder with a " +
      '`bundle.yaml` and one folder of policy files per set; a file (`*.yaml`, `*.yml`, `*.json`) is one policy or a list. ' +
      'Editors check policies with [the JSON Schema](../../proto/schema/policy.schema.json); `portcullis validate` checks ' +
      'the folder and prints every problem with its line. Codes of problems: [errors](errors.md#policy-text).',
    '## bundle.yaml',
    table(
      ['key', 'type', 'default', 'range', 'meaning'],
      schemaRows(z.toJSONSchema(bundleShape(), { io: 'input' })).map((row) => [
        code(row.path),
        row.type,
        row.fallback,
        row.range,
        row.description,
      ]),
    ),
    '## A policy',
    table(['key', 'type', 'default', 'range', 'meaning'], documentRows()),
    `Kinds of attempt, for \`on\`: ${codes(ATTEMPT_KINDS)}. What each method of MCP attempts is in ` +
      '[MCP methods](mcp-methods.md).',
    '## Conditions',
    'A comparison is `{field, operator, value}`. A group is `{operator, conditions}`, its conditions are comparisons or ' +
      `groups, and groups nest at most ${MAX_CONDITION_DEPTH} deep. A policy that always applies says \`when: always\`.`,
    table(
      ['group', 'holds when'],
      GROUP_OPERATORS.map((name) => [code(name), GROUP_MEANINGS[name]]),
    ),
    'A field that is not there: a comparison is false; a negated one (`not_…`, or under `not`) is true in a policy that ' +
      'denies and false in any other, so an incomplete request never opens the gate. Ask with `exists`. A value of another ' +
      'type than the comparison expects is an error: a policy that would deny then denies with `POLICY_ERROR`, any other ' +
      'counts as not matched, and the decision reports it.',
    '## Operators',
    table(
      ['operator', 'types of field', 'value', 'holds when'],
      OPERATOR_NAMES.map((name) => {
        const { base, negated } = OPERATORS[name];
        const { value, holds } = OPERATOR_MEANINGS[base];
        return [code(name), codes(operatorRow(base).fields), value, negated ? `not: ${holds}` : holds];
      }),
    ),
    '## Fields',
    'Paths of the [canonical request](../../proto/schema/canonical-request.schema.json). A dot inside a name is written ' +
      '`\\.`, a backslash `\\\\`.',
    table(['field', 'type', 'notes'], BUILT_IN_FIELDS.map(fieldRow)),
    table(
      ['type', 'meaning'],
      FIELD_TYPES.map((type) => [code(type), TYPE_MEANINGS[type]]),
    ),
    '## Effects',
    '`effect: allow` is short for `effect: {type: allow}`.',
    table(
      ['effect', 'further keys', 'blocks', 'meaning'],
      COMPILED_EFFECTS.map((type) => [
        code(type),
        codes(effectKeys(type)),
        effectBlocks(type) ? 'yes' : 'no',
        EFFECT_MEANINGS[type],
      ]),
    ),
    `Words of the language that this version refuses instead of compiling: ${codes(later)}.`,
    '## Combining',
    'Precedence inside a set: priority (`priority_order` says which end wins), then `created_at`, earlier first, then the ' +
      'slug. Only policies whose `status` is `active` count.',
    table(
      ['combining', 'meaning'],
      COMBININGS.map((name) => [code(name), COMBINING_MEANINGS[name]]),
    ),
    'Sets combine over all layers (platform, tenant, workspace): a deny in any denies; otherwise an allow in any allows; ' +
      "otherwise the bundle's `default` decides. So a workspace can tighten and never loosen its tenant. A bundle without " +
      'any active policy denies, whatever its default. Why it is so: [the decisions](../adr).',
  ]);
}
