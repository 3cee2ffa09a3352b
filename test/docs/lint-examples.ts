import type { LintCode } from '@portcullis/policy/analysis';

/** Policies that have a finding: YAML of one set with `combining: priority`. Codes that need more than one set have none. */
export const LINT_EXAMPLES = {
  LINT_UNSATISFIABLE: `- name: Small and large
  when:
    operator: and
    conditions:
      - { field: request.max_tokens, operator: greater_than, value: 1000 }
      - { field: request.max_tokens, operator: less_than, value: 1000 }
  effect: deny
  priority: 50
`,
  LINT_SHADOWED: `- name: Files of everybody
  when: { field: tool.server, operator: equals, value: files }
  effect: allow
  priority: 90
- name: No deleting
  when:
    operator: and
    conditions:
      - { field: tool.server, operator: equals, value: files }
      - { field: tool.name, operator: equals, value: delete_file }
  effect: deny
  priority: 50
`,
  LINT_UNREACHABLE: `- { name: Large, when: { field: egress.port, operator: greater_than, value: 1023 }, effect: deny, priority: 90 }
- { name: Small, when: { field: egress.port, operator: less_than, value: 1024 }, effect: deny, priority: 90 }
- { name: Web, when: { field: egress.port, operator: in, value: [443, 8443] }, effect: allow, priority: 50 }
`,
  LINT_CONTRADICTORY: `- { name: Interns may, when: { field: user.team, operator: equals, value: interns }, effect: allow, priority: 50 }
- { name: Interns may not, when: { field: user.team, operator: in, value: [interns] }, effect: deny, priority: 50 }
`,
  LINT_DUPLICATE: `- { name: No shell, when: { field: tool.name, operator: equals, value: shell }, effect: deny, priority: 90 }
- { name: Never a shell, when: { field: tool.name, operator: equals, value: shell }, effect: deny, priority: 50 }
`,
  LINT_TIE: `- { name: Finance may, when: { field: user.team, operator: equals, value: finance }, effect: allow, priority: 50 }
- { name: No exports, when: { field: tool.name, operator: equals, value: export }, effect: deny, priority: 50 }
`,
  LINT_OVERRULED: undefined,
  LINT_FIELD_UNAVAILABLE: `- name: No mail
  on: [egress]
  when: { field: tool.server, operator: equals, value: mail }
  effect: deny
  priority: 50
`,
  LINT_EFFECT_UNAVAILABLE: `- { name: No cards, on: [inference, egress], when: always, effect: redact, priority: 50 }
`,
  LINT_PATTERN_NEVER: `- { name: Odd, when: { field: tool.name, operator: regex_match, value: "_$^" }, effect: deny, priority: 50 }
`,
  LINT_PATTERN_ALWAYS: `- { name: Deletes, when: { field: tool.name, operator: regex_match, value: "(delete)?" }, effect: deny, priority: 50 }
`,
  LINT_LEAF_NEVER: `- name: The trusted, or finance
  when:
    operator: or
    conditions:
      - { field: agent.trust_level, operator: greater_than, value: 80 }
      - { field: user.team, operator: equals, value: finance }
  effect: allow
  priority: 50
`,
  LINT_LEAF_ALWAYS: `- name: Known agents of finance
  when:
    operator: and
    conditions:
      - { field: agent.id, operator: exists }
      - { field: user.team, operator: equals, value: finance }
  effect: allow
  priority: 50
`,
  LINT_CONDITION_DUPLICATE: `- name: Two teams
  when:
    operator: or
    conditions:
      - { field: user.team, operator: equals, value: finance }
      - { field: user.team, operator: equals, value: finance }
  effect: allow
  priority: 50
`,
  LINT_ALLOW_ALWAYS: `- { name: For now, when: always, effect: allow, priority: 0 }
`,
  LINT_ALLOW_BROAD: `- name: In development all goes
  when: { field: context.environment, operator: equals, value: dev }
  effect: allow
  priority: 50
`,
  LINT_ALLOW_BY_EXCLUSION: `- { name: All but, when: { field: tool.name, operator: not_in, value: [shell] }, effect: allow, priority: 50 }
`,
  LINT_COST_UNPRICED: `- name: Spend per day
  type: quota
  action: deny
  priority: 10
  config: { kind: cost, limit: 50, window_seconds: 86400 }
  enabled: true
`,
  LINT_DEFAULT_ALLOW: undefined,
  LINT_UNTESTED: undefined,
  LINT_IGNORE_UNUSED: undefined,
} as const satisfies Record<LintCode, string | undefined>;
