import {
  BUILT_IN_FIELDS,
  bundleShape,
  COMBININGS,
  effectBlocks,
  effectSchemas,
  FIELD_TYPES,
  type Field,
  type FieldType,
  findField,
  GROUP_OPERATORS,
  MAX_CONDITION_DEPTH,
  OPERATOR_NAMES,
  operatorRow,
  POLICY_TYPES,
  policyJsonSchema,
  spellingOf,
  surfacesOf,
} from '@portcullis/policy';
import { ATTEMPT_KINDS, RULE_EFFECTS, type RuleEffect } from '@portcullis/policy/model';
import { z } from 'zod';
import { meaningOf } from './operator-meanings.js';
import { code, codes, markdownPage, type Page, table } from './page.js';
import { asSchema, schemaRows } from './schema-rows.js';

const TYPE_MEANINGS = {
  string: 'A text.',
  number: 'A number.',
  boolean: '`true` or `false`.',
  datetime:
    'An RFC 3339 time with its offset. It compares as an instant, with another time or with a date, which is that whole day in UTC.',
  ip: 'An IPv4 or IPv6 address. It compares by its bits: `::ffff:10.0.0.1` is `10.0.0.1`. Octal and short forms are errors.',
  string_list: 'A list of texts.',
  number_list: 'A list of numbers.',
  object: 'A container; one can only ask whether it is there.',
  any: 'Whatever the caller put there. The type of the value in the condition says which type is expected; another is an error.',
} as const satisfies Record<FieldType, string>;

const GROUP_MEANINGS = {
  and: 'All of its conditions hold.',
  or: 'At least one of its conditions holds.',
  not: 'Its one condition does not hold. Negation is pushed down to the comparisons.',
} as const satisfies Record<(typeof GROUP_OPERATORS)[number], string>;

const EFFECT_MEANINGS = {
  allow: 'Allows, unless another set denies or holds.',
  deny: "Denies, with the author's code and message when they are given. The agent is told the message on every surface: say in it what it may do instead.",
  log_only: 'Is recorded as matched and decides nothing; in a `first_match` set it lets the request continue.',
  redact:
    'Adds a condition `redact` to an allow, or `mask_fields` where the configuration names such, and decides nothing; in a `first_match` set it lets the request continue.',
  limit:
    'Adds a condition `max_tokens` to an allow: a model gateway lowers what the request asks for to it; whoever else enforces decisions refuses. Decides nothing; an allow does not lift it, and in a `first_match` set it lets the request continue.',
  require_approval:
    'Holds the request until people in a role agree. Once they have, the request is evaluated again and this policy allows it.',
  require_hitl: 'Like `require_approval`, for a group of reviewers.',
  escalate:
    'Adds an obligation `review` to an allow, for someone to look at afterwards, and decides nothing; in a `first_match` set it lets the request continue.',
} as const satisfies Record<RuleEffect, string>;

const COMBINING_MEANINGS = {
  priority:
    'Walks in precedence order; `log_only`, `redact`, `limit` and `escalate` add up on the way, the first `allow`, `deny` or `require_…` decides.',
  first_match: 'The first policy that matches decides alone, whatever its effect.',
  deny_overrides:
    'Looks at all; any `deny` or `require_…` blocks unless an `allow` of strictly higher precedence matched.',
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
    elements(path),
    field.each === undefined ? '' : 'of every element of the list',
    field.sensitive ? 'not shown in explanations' : '',
  ].filter((note) => note !== '');
  const surfaces = surfacesOf(path);
  return [
    code(path),
    code(field.type),
    surfaces.length === ATTEMPT_KINDS.length ? 'all' : codes(surfaces),
    notes.join('; '),
  ];
}

/** What the elements of a list are, where that is not plain from its type. */
function elements(path: string): string {
  const found = findField(`${path}[any]`);
  if ('problem' in found || fieldOf(path).type === 'any') return '';
  return found.field.type === 'string' ? '' : `a list; an element is of type ${code(found.field.type)}`;
}

/** The keys that an effect takes besides `type`. */
function effectKeys(type: RuleEffect): readonly string[] {
  const schema = effectSchemas().find(({ shape }) => (shape['type'] as z.ZodLiteral).value === type);
  return Object.keys(schema?.shape ?? {}).filter((key) => key !== 'type');
}

function documentRows(): readonly (readonly string[])[] {
  const [always, condition, effect] = ['[conditions](#conditions)', '`always` or a condition', '[effect](#effects)'];
  const definitions = asSchema(policyJsonSchema()['$defs']);
  return schemaRows(definitions?.['policy'])
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
      'blocks (see [effects](#effects)) and false in any other, so an incomplete request never opens the gate. Ask with ' +
      '`exists`. A value of another type than the comparison expects is an error: a policy that blocks then denies with ' +
      '`POLICY_ERROR`, any other counts as not matched, and the decision reports it.',
    '## Operators',
    table(
      ['operator', 'types of field', 'value', 'holds when', 'example'],
      OPERATOR_NAMES.map((name) => {
        const { value, holds, example } = meaningOf(name);
        return [code(name), codes(operatorRow(spellingOf(name).base).fields), value, holds, code(example)];
      }),
    ),
    'A list with a member of another type than the value asks for is an error where that member could matter. Patterns ' +
      'and globs take time in proportion to the text, whatever they say.',
    '## Fields',
    'Paths of the [canonical request](../../proto/schema/canonical-request.schema.json), and of the facts that a decision ' +
      'point adds to it. Inside a name a dot is written `\\.`, a backslash `\\\\` and an opening bracket `\\[`. ' +
      '`kinds` are those of the attempts that can have the field.',
    table(['field', 'type', 'kinds', 'notes'], BUILT_IN_FIELDS.map(fieldRow)),
    table(
      ['type', 'meaning'],
      FIELD_TYPES.map((type) => [code(type), TYPE_MEANINGS[type]]),
    ),
    '### Elements of lists',
    '`[any]` or `[all]` behind a name asks the elements of a list: `tool.arguments.to[any].domain` is true when some ' +
      'element satisfies the comparison, `[all]` when every one does. Behind both there may be more names and more ' +
      'quantifiers. A list that is empty or missing reads as a missing field, so `[all]` of nothing is not true; a name ' +
      'that one element lacks is missing for that element; a value that is no list is an error. `not` turns `[any]` into ' +
      '`[all]` and the other way round; a `not_…` operator is asked of each element as it stands.',
    '### Fields of your own',
    'Names below `*.attributes` are of type `any` until the bundle declares them under `fields`, by path. A declared ' +
      'field has its type like a built-in one, and a comparison that can never hold is refused.',
    code('fields: {tool.attributes.sensitivity: {type: string, members: [low, high]}}'),
    '## Effects',
    '`effect: allow` is short for `effect: {type: allow}`.',
    table(
      ['effect', 'further keys', 'blocks', 'meaning'],
      RULE_EFFECTS.map((type) => [
        code(type),
        codes(effectKeys(type)),
        effectBlocks(type) ? 'yes' : 'no',
        EFFECT_MEANINGS[type],
      ]),
    ),
    '## Typed policies',
    'A policy with a `type` and a `config` in place of `when` and `effect` says what must not happen; its `action` says ' +
      'what then does: `deny`, `escalate` (hold for a human), `log_only`; or `allow`, which allows what complies. `enabled` ' +
      'stands in place of `status`. It compiles to the same rules. Each type and its config: ' +
      `[types of policy](policy-types.md). They are ${codes(POLICY_TYPES)}.`,
    '## Combining',
    'Precedence inside a set: priority (`priority_order` says which end wins), then `created_at`, earlier first, then the ' +
      'slug. Only policies whose `status` is `active` count.',
    table(
      ['combining', 'meaning'],
      COMBININGS.map((name) => [code(name), COMBINING_MEANINGS[name]]),
    ),
    'Sets combine over all layers (platform, tenant, workspace): a deny in any denies; otherwise a hold in any holds; ' +
      'otherwise an allow in any allows; ' +
      "otherwise the bundle's `default` decides. So a workspace can tighten and never loosen its tenant. A bundle without " +
      'any active policy denies, whatever its default. Why it is so: [the decisions](../adr).',
  ]);
}
