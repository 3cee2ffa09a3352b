/** A beginning of a policy folder. */
export interface Template {
  /** One line for `--help`. */
  readonly description: string;
  /** The layer's set, its policies by file name, and the suite that tests them. */
  readonly set: string;
  readonly policies: Readonly<Record<string, string>>;
  readonly tests: Readonly<Record<string, string>>;
}

const TOOLS: Template = {
  description: 'which tools of MCP servers an agent may call',
  set: 'base',
  policies: {
    'sessions.yaml': `name: MCP sessions
description: Lets clients connect and see which tools there are.
on: [session, tool_list]
when: always
effect: allow
priority: 10
`,
    'read-files.yaml': `name: Read files
description: The file server may be read from, not written to.
on: [tool_call]
when:
  operator: and
  conditions:
    - { field: tool.server, operator: equals, value: files }
    - { field: tool.name, operator: in, value: [read_text_file, list_directory] }
effect: allow
priority: 50
`,
    'no-secrets.yaml': `name: No secrets
description: Keys and passwords stay out of reach, whoever asks.
on: [tool_call]
when: { field: tool.arguments.path, operator: regex_match, value: '(?i)secret|\\.pem$|\\.env$' }
effect: { type: deny, deny_reason_code: SECRET_PATH, deny_user_message: Keys and passwords are off limits. }
priority: 90
`,
  },
  tests: {
    'tools.yaml': `format: portcullis.tests/1
suite: Tools
now: 2026-03-02T09:30:00Z
fixtures:
  tools:
    read: { server: files, name: read_text_file, arguments: { path: reports/march.txt } }
    secret: { server: files, name: read_text_file, arguments: { path: keys/server.pem } }
    list: { server: files, name: list_directory, arguments: { path: reports } }
    write: { server: files, name: write_file, arguments: { path: reports/march.txt } }
    elsewhere: { server: mail, name: list_directory, arguments: { path: inbox } }
tests:
  - name: Files can be read
    tool: read
    expect: { effect: allow, policies: [read-files] }
  - name: Folders can be listed
    tool: list
    expect: allow
  - name: Tools of the same name elsewhere cannot be called
    tool: elsewhere
  - name: Keys cannot
    tool: secret
    expect: { effect: deny, reason_code: SECRET_PATH }
  - name: Nothing can be written
    tool: write
  - name: Clients can connect
    request: { kind: session, source: mcp_proxy }
    expect: allow
`,
  },
};

const MODELS: Template = {
  description: 'which models a team may use, with what data, and who is asked first',
  set: 'models',
  policies: {
    'engineering-models.yaml': `name: Engineering models
description: The models that engineering has agreed on.
on: [inference]
when:
  operator: and
  conditions:
    - { field: user.team, operator: equals, value: engineering }
    - { field: request.model, operator: in, value: [internal-small, internal-large] }
effect: allow
priority: 50
`,
    'premium-models.yaml': `name: Premium models
description: Somebody agrees before a costly model is used.
on: [inference]
when: { field: request.model, operator: starts_with, value: premium- }
effect: { type: require_approval, role: budget-owner }
priority: 70
`,
    'confidential-stays-inside.yaml': `name: Confidential stays inside
on: [inference]
when:
  operator: and
  conditions:
    - { field: context.data_classification, operator: in, value: [confidential, restricted] }
    - { field: request.model_provider, operator: not_equals, value: internal }
effect:
  type: deny
  deny_reason_code: CONFIDENTIAL_EXTERNAL
  deny_user_message: Confidential data is not sent to models outside the company.
priority: 90
`,
  },
  tests: {
    'models.yaml': `format: portcullis.tests/1
suite: Models
now: 2026-03-02T09:30:00Z
fixtures:
  principals:
    engineer: { agent: { id: assistant }, user: { id: ann, team: engineering } }
  requests:
    small: { request: { model: internal-small, model_provider: internal } }
    premium: { request: { model: premium-xl, model_provider: acme } }
  contexts:
    confidential: { data_classification: confidential }
tests:
  - name: Engineering uses its models
    principal: engineer
    request: small
    expect: allow
  - name: Others do not
    request: small
  - name: A premium model waits for an approval
    principal: engineer
    request: premium
    expect: { effect: hold, code: APPROVAL_REQUIRED }
  - name: Confidential data stays inside
    principal: engineer
    request: premium
    context: confidential
    expect: { effect: deny, reason_code: CONFIDENTIAL_EXTERNAL }
`,
  },
};

const EGRESS: Template = {
  description: 'which hosts an agent may connect to',
  set: 'egress',
  policies: {
    'partners.yaml': `name: Partners
description: Our own services and those of partners, over TLS.
on: [egress]
when:
  operator: and
  conditions:
    - { field: egress.scheme, operator: equals, value: https }
    - { field: egress.host, operator: domain_match, value: [api.partner.example, "*.internal.example"] }
effect: allow
priority: 50
`,
    'no-private-addresses.yaml': `name: No private addresses
description: A name of a partner must not lead into our own network.
on: [egress]
when:
  field: egress.resolved_ips[any]
  operator: cidr_match
  value: [10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, 169.254.0.0/16, 127.0.0.0/8]
effect: { type: deny, deny_reason_code: PRIVATE_ADDRESS }
priority: 90
`,
  },
  tests: {
    'egress.yaml': `format: portcullis.tests/1
suite: Egress
now: 2026-03-02T09:30:00Z
tests:
  - name: Partners are reached
    request: { egress: { scheme: https, host: api.partner.example, resolved_ips: ["203.0.113.7"] } }
    expect: allow
  - name: Not without TLS
    request: { egress: { scheme: http, host: api.partner.example, resolved_ips: ["203.0.113.7"] } }
  - name: Not the whole world
    request: { egress: { scheme: https, host: elsewhere.example, resolved_ips: ["203.0.113.7"] } }
  - name: Not our own network by a partner's name
    request: { egress: { scheme: https, host: api.partner.example, resolved_ips: ["10.1.2.3"] } }
    expect: { effect: deny, reason_code: PRIVATE_ADDRESS }
`,
  },
};

/** The templates of `portcullis init`. */
export const TEMPLATES = { tools: TOOLS, models: MODELS, egress: EGRESS } as const satisfies Record<string, Template>;
/** A template's name. */
export type TemplateName = keyof typeof TEMPLATES;
/** The names of all templates. */
export const TEMPLATE_NAMES: readonly TemplateName[] = Object.keys(TEMPLATES) as TemplateName[];
