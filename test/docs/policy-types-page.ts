import { POLICY_TYPES, type PolicyType, policyKind, SPECIAL_RANGES, type TypedAction } from '@portcullis/policy';
import { z } from 'zod';
import { code, codes, markdownPage, type Page, table } from './page.js';
import { schemaRows } from './schema-rows.js';

const ACTION_MEANINGS = {
  deny: 'A request that violates the policy is denied.',
  escalate: 'A request that violates the policy is held for a human (the effect `require_hitl`; `group` says who).',
  log_only: 'A request that violates the policy is recorded as matched, and nothing else.',
  allow: 'A request that complies with the policy is allowed. What violates it is not denied, only not allowed by it.',
} as const satisfies Record<TypedAction, string>;

function anchor(type: PolicyType): string {
  return `[${code(type)}](#${type})`;
}

function section(type: PolicyType): readonly string[] {
  const { description, actions, on, config, example } = policyKind(type);
  const attempts = on === undefined ? 'every kind of attempt' : codes(on);
  return [
    `## ${type}`,
    `${description} Actions: ${codes(actions)}. Speaks of ${attempts}, unless the policy says \`on\`.`,
    table(
      ['config', 'type', 'default', 'range', 'meaning'],
      schemaRows(z.toJSONSchema(config(), { io: 'input', reused: 'inline' })).map((row) => [
        code(row.path),
        row.type,
        row.fallback,
        row.range,
        row.description,
      ]),
    ),
    `\`\`\`json\n${JSON.stringify(example, null, 2)}\n\`\`\``,
  ];
}

/** `docs/reference/policy-types.md`. */
export function policyTypesPage(): Page {
  return markdownPage('docs/reference/policy-types.md', 'Policy types', [
    'A typed policy says what it is (`type`) and how much (`config`) in place of conditions: `{name, type, action, ' +
      'priority, config, enabled}`. It compiles to the same rules as [the policy language](policy-language.md), stands in ' +
      'the same files and sets, and may say `slug`, `description`, `on`, `scope`, `framework_mapping`, `group`, ' +
      '`deny_reason_code` and `deny_user_message` as well.',
    table(
      ['type', 'what it does', 'actions'],
      POLICY_TYPES.map((type) => [anchor(type), policyKind(type).description, codes(policyKind(type).actions)]),
    ),
    '## Actions',
    table(
      ['action', 'meaning'],
      Object.entries(ACTION_MEANINGS).map(([action, meaning]) => [code(action), meaning]),
    ),
    'A request that does not say what a policy needs to know violates it, whatever the action. A value of the wrong type is ' +
      'an error: a policy that denies or escalates then denies with `POLICY_ERROR`, any other counts as not matched.',
    'The types with a quota decide nothing by themselves: a request that something else allows is counted, and what is ' +
      'over the limit gets the action.',
    'Names in a config may have wildcards where the meaning says so: `*` is any text, `?` one character but a slash, `[a-z]` one of ' +
      'these, `{a,b}` one of these texts; a backslash takes the next character as it is. Unlike in `glob_match`, a `*` goes ' +
      'over slashes, because names are not paths.',
    ...POLICY_TYPES.flatMap(section),
    '## Special addresses',
    'What `public_only` of [`egress`](#egress) keeps connections away from, besides IPv6 outside of `2000::/3` and ' +
      'IPv4-mapped addresses.',
    table(
      ['range', 'what it is', 'source'],
      SPECIAL_RANGES.map(({ cidr, name, source }) => [code(cidr), name, source]),
    ),
  ]);
}
