/**
 * What each type of typed policy means, written as plainly as possible and without the engine's code. The engine must
 * agree with it on every input.
 */
import type { ContextualRequest, Json, JsonObject } from '@portcullis/policy/model';
import { kindOf } from '@portcullis/policy/model';
import { RE2JS } from 're2js';
import { violatesEgress } from './reference-egress.js';
import {
  ask,
  at,
  every,
  type Holds,
  isAmong,
  isMissing,
  isNumber,
  isOneOf,
  isText,
  isThere,
  not,
  some,
} from './reference-holds.js';
import { violatesFlow, violatesSequence } from './reference-session.js';
import { liesInWindow, type PlainWindow } from './reference-values.js';

/** A typed policy as a file has it, valid. */
export interface ReferenceTypedPolicy {
  readonly type: string;
  readonly action: 'deny' | 'escalate' | 'log_only' | 'allow';
  readonly config: JsonObject;
  readonly on?: readonly string[];
}

/** What a type does when the policy says nothing else. */
interface ReferenceKind {
  /** The code of a denial. */
  readonly code: (config: JsonObject) => string;
  readonly on?: readonly string[];
  /** Whether it only counts. */
  readonly isQuota?: (config: JsonObject) => boolean;
  readonly violates: (config: JsonObject, request: ContextualRequest) => Holds;
  /** What `allow` allows; what does not violate when absent. */
  readonly complies?: (config: JsonObject, request: ContextualRequest) => Holds;
}

/** Whether the policy's condition holds of the request, `on` included. */
export function holdsOf(policy: ReferenceTypedPolicy, request: ContextualRequest): Holds {
  const kind = kindNamed(policy.type);
  const on = policy.on ?? kind.on;
  const { config } = policy;
  const asked = (): Holds => {
    if (policy.action !== 'allow') return kind.violates(config, request);
    return kind.complies === undefined ? not(kind.violates(config, request)) : kind.complies(config, request);
  };
  return every([on === undefined || on.includes(kindOf(request)), asked()]);
}

/** The code that the type gives to a denial. */
export function codeOf({ type, config }: ReferenceTypedPolicy): string {
  return kindNamed(type).code(config);
}

/** Whether the policy is a quota, which decides nothing by itself. */
export function isQuota({ type, config }: ReferenceTypedPolicy): boolean {
  return kindNamed(type).isQuota?.(config) ?? false;
}

function kindNamed(type: string): ReferenceKind {
  const kind = KINDS[type];
  if (kind === undefined) throw new Error(`the reference does not know the type ${type}`);
  return kind;
}

const TOKENS = ['request.estimated_tokens', 'request.max_tokens'];
const TEXTS: Readonly<Record<string, string>> = {
  query: 'request.query',
  output: 'request.output',
  arguments: 'tool.arguments',
};

function usesMore(request: ContextualRequest, limit: number): Holds {
  return some([
    ...TOKENS.map((path) => ask(request, path, isNumber, (tokens) => tokens > limit)),
    every(TOKENS.map((path) => isMissing(request, path))),
  ]);
}

function finds(patterns: readonly string[], ignoreCase: boolean, value: Json): boolean {
  if (typeof value === 'string') {
    return patterns.some((pattern) => RE2JS.compile(pattern, ignoreCase ? RE2JS.CASE_INSENSITIVE : 0).test(value));
  }
  if (typeof value !== 'object' || value === null) return false;
  return Object.values(value).some((member) => finds(patterns, ignoreCase, member));
}

/** For each searched field whether it has a match; nothing for a field that is not there. */
function searches(config: JsonObject, request: ContextualRequest, fields: readonly string[], ignoreCase: boolean) {
  return ((config['check_fields'] ?? fields) as readonly string[]).map((name): Holds | undefined => {
    const found = at(request, TEXTS[name] ?? name);
    if (typeof found === 'string') return found === 'missing' ? undefined : 'error';
    return finds(config['patterns'] as readonly string[], ignoreCase, found.value);
  });
}

function textKind(code: string, fields: readonly string[], ignores: (config: JsonObject) => boolean): ReferenceKind {
  return {
    code: () => code,
    violates: (config, request) =>
      some(searches(config, request, fields, ignores(config)).map((held) => held ?? false)),
    complies: (config, request) =>
      every(searches(config, request, fields, ignores(config)).map((held) => (held === undefined ? false : not(held)))),
  };
}

interface Offer {
  readonly provider: string;
  readonly models: readonly string[];
  readonly endpoints?: readonly string[];
}

interface Grant {
  readonly roles: readonly string[];
  readonly models: readonly string[];
  readonly actions: readonly string[];
  readonly environments?: readonly string[];
  readonly teams?: readonly string[];
  readonly max_tokens?: number;
}

function mayUseModel(config: JsonObject, request: ContextualRequest): Holds {
  const { catalogue, rules } = config as unknown as {
    readonly catalogue: Readonly<Record<string, readonly Offer[]>>;
    readonly rules?: readonly Grant[];
  };
  const given = (path: string, accepted: readonly string[] | undefined): readonly Holds[] =>
    accepted === undefined || accepted.includes('*') ? [] : [isOneOf(request, path, accepted)];
  const listed = some(
    Object.entries(catalogue).map(([environment, offers]) =>
      every([
        isAmong(request, 'context.environment', [environment]),
        some(
          offers.map(({ provider, models, endpoints }) =>
            every([
              isOneOf(request, 'request.model_provider', [provider]),
              isOneOf(request, 'request.model', models),
              ...(endpoints === undefined ? [] : [isOneOf(request, 'request.model_endpoint', endpoints)]),
            ]),
          ),
        ),
      ]),
    ),
  );
  const granted = (rules ?? []).map(({ roles, models, actions, environments, teams, max_tokens }) =>
    every([
      isOneOf(request, 'request.model', models),
      ...given('user.role', roles),
      ...given('request.action', actions),
      ...given('user.team', teams),
      ...(environments === undefined ? [] : [isAmong(request, 'context.environment', environments)]),
      ...(max_tokens === undefined ? [] : [not(usesMore(request, max_tokens))]),
    ]),
  );
  return rules === undefined ? listed : every([listed, some(granted)]);
}

type ToolEntry = string | { readonly server: string; readonly name: string | readonly string[] };

function isListing(request: ContextualRequest): Holds {
  return every([isAmong(request, 'kind', ['tool_list']), isMissing(request, 'tool.name')]);
}

function isListedTool(entry: ToolEntry, request: ContextualRequest): Holds {
  const [, server = '', short = ''] = typeof entry === 'string' ? (/^([^/]*)\/(.*)$/s.exec(entry) ?? []) : [];
  const tool = typeof entry === 'string' ? { server, name: short } : entry;
  const names = typeof tool.name === 'string' ? [tool.name] : tool.name;
  return every([
    isOneOf(request, 'tool.server', [tool.server]),
    some([isOneOf(request, 'tool.name', names), isListing(request)]),
  ]);
}

interface Pin {
  readonly server: string;
  readonly name: string;
  readonly digest: string;
}

function violatesPins(config: JsonObject, request: ContextualRequest): Holds {
  const { pins, unpinned = 'deny' } = config as unknown as {
    readonly pins: readonly Pin[];
    readonly unpinned?: string;
  };
  const isTool = ({ server, name }: Pin): Holds =>
    every([isAmong(request, 'tool.server', [server]), isAmong(request, 'tool.name', [name])]);
  const hasDigest = ({ digest }: Pin): Holds => {
    const hex = digest.replace('sha256:', '');
    return isAmong(request, 'tool.definition_digest', [hex, `sha256:${hex}`]);
  };
  const changed = pins.map((pin) => {
    const ofTool = pins.filter(({ server, name }) => server === pin.server && name === pin.name);
    return every([isTool(pin), not(some(ofTool.map(hasDigest)))]);
  });
  const unknown = every([not(isListing(request)), not(some(pins.map(isTool)))]);
  return some([...changed, ...(unpinned === 'deny' ? [unknown] : [])]);
}

function isInTime(config: JsonObject, request: ContextualRequest): Holds {
  const { except = [], ...window } = config as unknown as PlainWindow & { readonly except?: readonly string[] };
  return ask(request, 'context.timestamp', isText, (instant) => {
    const inside = liesInWindow(instant, window);
    if (inside === undefined) return 'error';
    const { days: _days, ...hours } = window;
    const excepted = except.some((date) => liesInWindow(instant, { ...hours, dates: { from: date, to: date } }));
    return inside && !excepted;
  });
}

function accessesData(config: JsonObject, request: ContextualRequest): Holds {
  const operations = config['operations'] ?? ['retrieve', 'write', 'delete'];
  return some([isOneOf(request, 'tool.operation', operations), isOneOf(request, 'request.action', operations)]);
}

const always = (): Holds => true;

const KINDS: Readonly<Record<string, ReferenceKind>> = {
  rate_limit: { code: () => 'RATE_LIMITED', isQuota: () => true, violates: always },
  model_allowlist: {
    code: () => 'MODEL_NOT_ALLOWED',
    on: ['inference'],
    violates: ({ models }, request) => not(isOneOf(request, 'request.model', models)),
  },
  content_filter: textKind(
    'CONTENT_FILTERED',
    ['query', 'output', 'arguments'],
    ({ case_sensitive }) => case_sensitive !== true,
  ),
  pii_guard: textKind('PII_DETECTED', ['output'], () => false),
  data_scope: {
    code: () => 'STORE_NOT_ALLOWED',
    violates: (config, request) =>
      some([
        every([isThere(request, 'context.store'), not(isOneOf(request, 'context.store', config['allowed_stores']))]),
        every([isMissing(request, 'context.store'), accessesData(config, request)]),
      ]),
    complies: (config, request) => isOneOf(request, 'context.store', config['allowed_stores']),
  },
  token_budget: {
    code: () => 'TOKEN_BUDGET_EXCEEDED',
    on: ['inference'],
    isQuota: ({ max_tokens }) => max_tokens !== undefined,
    violates: ({ max_tokens_per_request: cap }, request) =>
      cap === undefined ? true : usesMore(request, cap as number),
  },
  hitl_required: {
    code: () => 'HUMAN_APPROVAL_REQUIRED',
    violates: ({ operations }, request) =>
      some([
        isOneOf(request, 'tool.operation', operations),
        isOneOf(request, 'request.action', operations),
        (operations as readonly string[]).includes(kindOf(request)),
      ]),
  },
  egress: { code: () => 'EGRESS_NOT_ALLOWED', on: ['egress'], violates: violatesEgress },
  model_access: {
    code: () => 'MODEL_ACCESS_DENIED',
    on: ['inference'],
    violates: (config, request) => not(mayUseModel(config, request)),
  },
  quota: {
    code: () => 'QUOTA_EXCEEDED',
    isQuota: () => true,
    violates: ({ kind }, request) => {
      if (kind === 'tokens')
        return some([kindOf(request) === 'inference', ...TOKENS.map((path) => isThere(request, path))]);
      return true;
    },
  },
  tool_allowlist: {
    code: () => 'TOOL_NOT_ALLOWED',
    on: ['tool_call', 'tool_list'],
    violates: ({ tools }, request) =>
      not(some((tools as readonly ToolEntry[]).map((entry) => isListedTool(entry, request)))),
  },
  tool_pin: { code: () => 'TOOL_DEFINITION_CHANGED', on: ['tool_call', 'tool_list'], violates: violatesPins },
  time_window: { code: () => 'OUTSIDE_TIME_WINDOW', violates: (config, request) => not(isInTime(config, request)) },
  sequence: {
    code: ({ require }) => (require === undefined ? 'SEQUENCE_FORBIDDEN' : 'SEQUENCE_REQUIRED'),
    violates: violatesSequence,
  },
  flow: {
    code: () => 'FLOW_FORBIDDEN',
    on: ['tool_call', 'inference', 'egress', 'a2a', 'resource', 'prompt'],
    violates: violatesFlow,
  },
};
