/** How much a finding matters: an error says that a policy does not do what it says; a warning, that it may not. */
export const LINT_SEVERITIES = ['error', 'warning', 'info'] as const;
/** See {@link LINT_SEVERITIES}. */
export type LintSeverity = (typeof LINT_SEVERITIES)[number];

/** What lint looks for. Closed; a retired code is never reused. */
export const LINT_RULES = {
  LINT_UNSATISFIABLE: {
    severity: 'error',
    title: 'The condition can never hold',
    why: 'The comparisons contradict each other or what a request can contain, so the policy does nothing.',
    fix: 'Take out one of the comparisons, or write or where the condition says and.',
  },
  LINT_SHADOWED: {
    severity: 'error',
    title: 'Another policy of the set always decides first',
    why: 'Whenever this policy would speak, the other one has had the last word, so this one does nothing.',
    fix: 'Give it a priority that comes before the other policy, or narrow the other one.',
  },
  LINT_UNREACHABLE: {
    severity: 'error',
    title: 'The policies before it leave nothing over',
    why: 'No single policy covers this one, but together those before it decide every request that it speaks of.',
    fix: 'Give it a priority that comes before them, or delete it.',
  },
  LINT_CONTRADICTORY: {
    severity: 'error',
    title: 'Two policies of equal priority say opposite things under the same condition',
    why: 'Only the date or the name of the policies, or the way the set combines, settles which of them counts.',
    fix: 'Delete one of them, or give the one that should win a priority of its own.',
  },
  LINT_DUPLICATE: {
    severity: 'warning',
    title: 'Two policies of the set are the same',
    why: 'Their conditions hold for the same requests and their effects agree, so one of them does nothing.',
    fix: 'Delete one of them.',
  },
  LINT_TIE: {
    severity: 'info',
    title: 'Only the date or the name of a policy settles which of two counts',
    why: 'Both hold for some request, their effects are opposite and their priorities equal.',
    fix: 'Give the one that should win another priority.',
  },
  LINT_OVERRULED: {
    severity: 'warning',
    title: 'What the policy allows is always stopped by another set',
    why: 'A denial of any layer denies, so an allow that always meets one allows nothing.',
    fix: 'Narrow the policy of the other set, or delete this one.',
  },
  LINT_FIELD_UNAVAILABLE: {
    severity: 'warning',
    title: 'The kinds of attempt that the policy speaks of do not have the field',
    why: 'The field reads as missing every time: a comparison is then false, and a negated one always the same.',
    fix: 'Correct the field, or what the policy says under on.',
  },
  LINT_EFFECT_UNAVAILABLE: {
    severity: 'warning',
    title: 'The effect cannot be carried out on some of the attempts that the policy speaks of',
    why: 'A redaction or a limit that nobody can carry out is a refusal, so the policy stops what it was to narrow.',
    fix: 'Say under on where it applies.',
  },
  LINT_PATTERN_NEVER: {
    severity: 'error',
    title: 'The pattern matches no text',
    why: 'Its parts contradict each other, as in a^b.',
    fix: 'Correct the pattern; portcullis eval shows what it does with a request.',
  },
  LINT_PATTERN_ALWAYS: {
    severity: 'warning',
    title: 'The pattern matches every text',
    why: 'Patterns search: one that matches the empty text matches everywhere.',
    fix: 'Anchor the pattern with ^ and $, or ask with exists whether the field is there.',
  },
  LINT_LEAF_NEVER: {
    severity: 'warning',
    title: 'The comparison can never hold',
    why: 'The field cannot have such a value in a request that is accepted.',
    fix: 'Correct the value.',
  },
  LINT_LEAF_ALWAYS: {
    severity: 'info',
    title: 'The comparison always holds',
    why: 'Every request that is accepted satisfies it, so it says nothing.',
    fix: 'Take it out, or correct the value.',
  },
  LINT_CONDITION_DUPLICATE: {
    severity: 'warning',
    title: 'A group has the same comparison twice',
    why: 'The second one says nothing; often another field or value was meant.',
    fix: 'Take it out, or write what was meant.',
  },
  LINT_ALLOW_ALWAYS: {
    severity: 'warning',
    title: 'An allow without any condition',
    why: 'Everything that no other set denies is allowed, also what nobody has thought of yet.',
    fix: 'Say whom and what it allows, or say on which kinds of attempt.',
  },
  LINT_ALLOW_BROAD: {
    severity: 'warning',
    title: 'An allow that names neither who nor what',
    why: 'Some way to satisfy it asks nothing of the agent, the user, the tool, the model or the destination.',
    fix: 'Add a comparison of agent.*, user.*, tool.*, request.*, egress.* or peer.* to every branch.',
  },
  LINT_ALLOW_BY_EXCLUSION: {
    severity: 'warning',
    title: 'An allow that only says what it leaves out',
    why: 'Every value that is not listed is allowed, so what is added tomorrow is allowed without anybody deciding it.',
    fix: 'List what is allowed instead.',
  },
  LINT_COST_UNPRICED: {
    severity: 'error',
    title: 'A quota of cost in a bundle without prices of models',
    why: 'What has no price has no room in a budget, so every model call under the quota is denied.',
    fix: 'Name a file with prices in bundle.yaml (data.prices), or count tokens.',
  },
  LINT_DEFAULT_ALLOW: {
    severity: 'warning',
    title: 'The bundle allows what no policy speaks of',
    why: 'A request that nobody has thought of is allowed.',
    fix: 'Say default: deny and allow what is meant.',
  },
  LINT_UNTESTED: {
    severity: 'warning',
    title: 'No test makes the policy speak',
    why: 'What nobody has tried may not do what it says, and a later change will not be noticed.',
    fix: 'Add a test to tests/ for a request that the policy is about.',
  },
  LINT_IGNORE_UNUSED: {
    severity: 'info',
    title: 'An exception that excepts nothing',
    why: 'The finding that it was made for is gone; the next one like it would go unnoticed.',
    fix: 'Take the entry out of lint.ignore.',
  },
} as const satisfies Record<string, { severity: LintSeverity; title: string; why: string; fix: string }>;

/** A code of lint. */
export type LintCode = keyof typeof LINT_RULES;
/** All codes of lint. */
export const LINT_CODES: readonly LintCode[] = Object.keys(LINT_RULES) as LintCode[];

/** Whether a text is a code of lint. */
export function isLintCode(text: string): text is LintCode {
  return Object.hasOwn(LINT_RULES, text);
}
