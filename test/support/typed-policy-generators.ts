import type { Json, JsonObject } from '@portcullis/policy/model';
import * as fc from 'fast-check';
import type { ReferenceTypedPolicy } from './reference-kinds.js';

/** A few values for a few places, so that policies and requests meet. */
const pick = <T>(...values: readonly T[]): fc.Arbitrary<T> => fc.constantFrom(...values);
const some = <T>(...values: readonly T[]): fc.Arbitrary<T[]> =>
  fc.uniqueArray(pick(...values), { minLength: 1, maxLength: 3 });
const list = <T>(element: fc.Arbitrary<T>): fc.Arbitrary<T[]> => fc.array(element, { minLength: 1, maxLength: 3 });
const object = (shape: Readonly<Record<string, fc.Arbitrary<unknown>>>, required: readonly string[] = []) =>
  fc.record(shape, { requiredKeys: [...required] }) as fc.Arbitrary<JsonObject>;

/** Mostly what belongs there, sometimes what does not. */
const spoilt = (value: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> =>
  fc.oneof({ arbitrary: value, weight: 12 }, { arbitrary: pick<Json>(5, 'x', null, [], {}, true), weight: 1 });

const models = some('gpt-4o', 'gpt-4*', 'meta/*', 'meta/**', '*', 'claude-?', '{o1,o3}-mini');
const names = some('read', 'read_*', 'send', '*', 'a/b', '[rs]e*');
const servers = pick('files', 'mail', 'eu-*');
const environments = some('dev', 'staging', 'prod');
const digest = (char: string): string => char.repeat(64);
const tokens = pick(10, 100, 1000);
const domains = some('example.com', '*.example.com', 'api.example.com', 'bücher.example');
const cidrs = some('10.0.0.0/8', '8.8.0.0/16', '2001:4860::/32', '93.184.215.14');
const entry = object({
  domains,
  cidrs,
  ports: some(443, 80),
  schemes: some('https', 'http'),
  environments,
  methods: some('GET', 'POST'),
}).filter((value) => Object.keys(value).length > 0);
const past = object({
  kind: pick('tool_call', 'egress'),
  server: fc.oneof(servers, some('files', 'mail')),
  tool: fc.oneof(pick('read', 'read_*'), names),
  effect: fc.oneof(pick('allow', 'deny'), some('deny', 'hold')),
  labels: pick('untrusted', 'secret*'),
}).filter((value) => Object.keys(value).length > 0);
const step = fc.tuple(past, fc.option(pick(1, 2), { nil: undefined })).map(([pattern, times]) => ({
  ...pattern,
  ...(times === undefined ? {} : { times }),
}));
const present = object({ kind: pick('tool_call'), server: servers, tool: names }).filter(
  (value) => Object.keys(value).length > 0,
);
const labels = some('untrusted', 'confidential', 'endorsed');
const origins = some('user', 'agent', 'tool:mail/*', 'tool:**');

const CONFIGS = {
  model_allowlist: object({ models }, ['models']),
  content_filter: object(
    {
      patterns: some('secret', '^a', 'b$', '\\d{3}', 'S(e|c)'),
      check_fields: some('query', 'output', 'arguments', 'egress.host', 'user.attributes.note'),
      case_sensitive: fc.boolean(),
    },
    ['patterns'],
  ),
  pii_guard: object({ patterns: some('\\d{3}', 'secret'), check_fields: some('query', 'output') }, ['patterns']),
  data_scope: object({ allowed_stores: some('a', 'b', 'eu-*'), operations: some('write', 'read*') }, [
    'allowed_stores',
  ]),
  token_budget: object({ max_tokens_per_request: tokens }, ['max_tokens_per_request']),
  hitl_required: object({ operations: some('write', 'read*', 'inference', 'tool_call', 'chat') }, ['operations']),
  egress: fc.oneof(
    object({ allow: list(entry), deny: list(entry), resolved: fc.constant('any') }, ['allow', 'resolved']),
    object({ allow: fc.constant('any'), deny: list(entry) }, ['allow']),
  ),
  model_access: object(
    {
      catalogue: object({ dev: list(offer()), prod: list(offer()) }).filter((value) => Object.keys(value).length > 0),
      rules: list(
        object(
          {
            roles: some('dev', 'ops', '*'),
            models,
            actions: some('chat', 'embed', '*'),
            environments,
            teams: some('risk', '*'),
            max_tokens: tokens,
          },
          ['roles', 'models', 'actions'],
        ),
      ),
    },
    ['catalogue'],
  ),
  tool_allowlist: object(
    {
      tools: list(
        fc.oneof(
          pick('files/read', 'mail/*', 'eu-*/a/b'),
          object({ server: servers, name: fc.oneof(pick('read'), names) }, ['server', 'name']),
        ),
      ),
    },
    ['tools'],
  ),
  tool_pin: object(
    {
      pins: list(
        object(
          {
            server: pick('files', 'mail'),
            name: pick('read', 'send'),
            digest: pick(digest('a'), `sha256:${digest('b')}`),
          },
          ['server', 'name', 'digest'],
        ),
      ),
      unpinned: pick('deny', 'ignore'),
    },
    ['pins'],
  ),
  time_window: fc
    .tuple(
      pick('UTC', 'Europe/Berlin', 'Asia/Jakarta', 'America/New_York'),
      object({
        days: some('mon', 'tue', 'sat', 'sun'),
        dates: object({ from: pick('2026-01-01', '2026-03-29') }, ['from']),
        except: some('2026-03-29', '2026-12-25'),
      }),
      pick({}, { from: '09:00', to: '17:00' }, { from: '22:00', to: '06:30' }, { from: '00:00', to: '24:00' }),
    )
    .map(([timezone, rest, hours]): JsonObject => ({ timezone, days: ['wed'], ...rest, ...hours })),
  sequence: fc
    .tuple(
      object(
        {
          after: fc.oneof(step, list(step)),
          until: past,
          within_seconds: pick(60, 3600),
          within_calls: pick(1, 2, 3),
          unknown: pick('block', 'ignore'),
        },
        ['after'],
      ),
      pick('forbid', 'require'),
      present,
    )
    .map(([config, mode, attempt]): JsonObject => ({ ...config, [mode]: attempt })),
  flow: object(
    {
      sinks: some('external_message', 'payment'),
      labels,
      all_labels: labels,
      arguments: list(
        object(
          {
            paths: some(
              'tool.arguments.to',
              'tool.arguments',
              'tool.arguments.*.url',
              'tool.arguments.items[*]',
              'egress.host',
            ),
            allowed_origins: origins,
            denied_origins: origins,
            denied_labels: labels,
            roles: some('destination', 'payload'),
          },
          ['paths', 'allowed_origins'],
        ),
      ),
      task_scope: some('inside', 'outside'),
      unless: object({ labels, argument_labels: labels, task_scope: some('named', 'continued') }, ['argument_labels']),
      unknown: pick('block', 'ignore'),
    },
    ['sinks', 'arguments'],
  ),
} as const satisfies Record<string, fc.Arbitrary<JsonObject>>;

function offer(): fc.Arbitrary<JsonObject> {
  return object(
    { provider: pick('azure', '*', 'open*'), models, endpoints: some('https://a.example/**', 'https://b.example/v1') },
    ['provider', 'models'],
  );
}

/** The types that decide something. */
export const GENERATED_TYPES = Object.keys(CONFIGS) as readonly (keyof typeof CONFIGS)[];

/** A valid policy of a type, with one of the actions. */
export function typedPolicy(
  type: keyof typeof CONFIGS,
  actions: readonly ReferenceTypedPolicy['action'][],
): fc.Arbitrary<ReferenceTypedPolicy> {
  return fc
    .record({
      config: CONFIGS[type],
      action: pick(...actions),
      on: fc.option(some('tool_call', 'inference', 'egress'), { nil: undefined }),
    })
    .map(({ config, action, on }) => ({ type, config, action, ...(on === undefined ? {} : { on }) }));
}

const IPS = [
  '8.8.8.8',
  '10.1.2.3',
  '93.184.215.14',
  '2001:4860::8888',
  '::1',
  '::ffff:8.8.8.8',
  '169.254.169.254',
  'fe80::1%eth0',
  '127.1',
  'x',
] as const;
const ip = pick(...IPS);
const NAMES = [
  'example.com',
  'API.example.com.',
  'a.b.example.com',
  'bücher.example',
  'xn--bcher-kva.example',
  'xn--a',
  'xn---nne.example.com',
  'evil.test',
  'a b',
  '[::1]',
  '0x7f000001',
  '',
] as const;
/** Every host that a generated request may have. */
export const GENERATED_HOSTS: readonly string[] = [...NAMES, ...IPS];
const host = fc.oneof(pick(...NAMES), ip);
const text = pick('secret', 'a', 'cab', '123', 'SE', '');
const time = pick(
  '2026-03-29T00:59:59Z',
  '2026-03-29T01:00:00Z',
  '2026-03-02T09:00:00+01:00',
  '2026-12-25T22:15:00Z',
  '2026-06-30T16:59:59.999-04:00',
  'soon',
);
const attempt = object(
  {
    kind: pick('tool_call', 'egress'),
    server: pick('files', 'mail', 'eu-1'),
    tool: pick('read', 'read_x', 'send'),
    effect: pick('allow', 'allow', 'deny', 'hold'),
    labels: fc.uniqueArray(pick('untrusted', 'secret:x'), { maxLength: 2 }),
    at: fc.oneof(
      { arbitrary: pick('2026-03-29T00:59:30Z', '2026-03-29T00:30:00Z', '2026-03-28T00:00:00Z'), weight: 20 },
      { arbitrary: pick('once'), weight: 1 },
    ),
  },
  ['effect', 'at'],
);
const origin = object(
  {
    path: pick(
      'tool.arguments',
      'tool.arguments.to',
      'tool.arguments.to[0]',
      'tool.arguments.a.url',
      'tool.arguments.items[1]',
      'egress',
      'x..y',
    ),
    origin: pick('user', 'agent', 'tool:mail/read', 'tool:web/fetch/x'),
    labels: fc.uniqueArray(pick('untrusted', 'endorsed'), { maxLength: 2 }),
  },
  ['path', 'origin', 'labels'],
);

/** A request that says this and that, sometimes in the wrong type. */
export const typedRequest: fc.Arbitrary<JsonObject> = fc.record(
  {
    version: fc.constant('1.0'),
    tenant_id: fc.constant('acme'),
    source: fc.constant('sdk'),
    kind: pick('tool_call', 'tool_list', 'inference', 'egress'),
    agent: fc.constant({ id: 'a' }),
    tool: spoilt(
      object({
        server: spoilt(pick('files', 'mail', 'eu-1', 'evil')),
        name: spoilt(pick('read', 'read_x', 'send', 'a/b')),
        operation: spoilt(pick('write', 'read', 'tools/call')),
        definition_digest: spoilt(pick(digest('a'), digest('b'), `sha256:${digest('a')}`, digest('c'))),
        arguments: spoilt(
          object({
            to: fc.oneof(text, fc.array(text, { maxLength: 2 }), fc.boolean(), fc.integer({ min: 0, max: 9 })),
            a: object({ url: text }),
            items: fc.array(fc.oneof(text, object({ url: text })), { maxLength: 3 }),
          }),
        ),
      }),
    ),
    user: spoilt(
      object({
        role: spoilt(pick('dev', 'ops')),
        team: spoilt(pick('risk', 'sales')),
        attributes: object({ note: text }),
      }),
    ),
    request: spoilt(
      object({
        model: spoilt(pick('gpt-4o', 'gpt-4o-mini', 'meta/llama', 'meta/a/b', 'claude-3', 'o1-mini')),
        model_provider: spoilt(pick('azure', 'openai')),
        model_endpoint: spoilt(pick('https://a.example/x/y', 'https://b.example/v1')),
        action: spoilt(pick('chat', 'embed', 'write')),
        estimated_tokens: spoilt(pick(1, 10, 11, 500, 5000)),
        max_tokens: spoilt(pick(1, 10, 11, 500, 5000)),
        query: spoilt(text),
        output: spoilt(text),
      }),
    ),
    egress: spoilt(
      object({
        scheme: spoilt(pick('https', 'http')),
        host: spoilt(host),
        port: spoilt(pick(443, 80, 22)),
        method: spoilt(pick('GET', 'POST', 'PUT')),
        resolved_ips: spoilt(fc.array(ip, { maxLength: 2 })),
      }),
    ),
    context: object(
      {
        timestamp: spoilt(time),
        environment: spoilt(pick('dev', 'staging', 'prod')),
        store: spoilt(pick('a', 'b', 'c', 'eu-1')),
        labels: spoilt(fc.uniqueArray(pick('untrusted', 'confidential', 'endorsed'), { maxLength: 3 })),
        request_id: fc.constant('r'),
      },
      ['request_id'],
    ),
    facts: object({
      history: spoilt(fc.array(attempt, { maxLength: 5 })),
      provenance: spoilt(fc.array(origin, { maxLength: 4 })),
      sinks: spoilt(fc.uniqueArray(pick('external_message', 'payment', 'log'), { maxLength: 2 })),
      task_scope: spoilt(pick('inside', 'named', 'outside', 'continued')),
    }),
  },
  { requiredKeys: ['version', 'tenant_id', 'source', 'kind', 'agent', 'context'] },
) as fc.Arbitrary<JsonObject>;
