/** Builds small policy sources in memory, in the folder format that `portcullis release publish` takes. */

/** One policy of the DSL, as an author writes it. */
export interface PolicyText {
  readonly name: string;
  readonly when: unknown;
  readonly effect: unknown;
  readonly priority?: number;
  readonly on?: readonly string[];
  readonly description?: string;
}

/** The files of one bundle, by path. */
export type PolicySource = ReadonlyMap<string, Uint8Array>;

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/** A bundle of one platform layer with `combining: priority`, higher priority first, and default deny. */
export function policySource(version: string, policies: readonly PolicyText[]): PolicySource {
  const manifest = {
    format: 'portcullis.policy/1',
    name: 'platform-baseline',
    version,
    default: 'deny',
    sets: [
      { name: 'platform', layer: 'platform', combining: 'priority', priority_order: 'desc', policies: 'platform' },
    ],
  };
  return new Map([
    ['bundle.yaml', bytes(JSON.stringify(manifest, null, 2))],
    ['platform/policies.json', bytes(JSON.stringify(policies, null, 2))],
  ]);
}

/** The same bundle, whose decisions may be kept for so long, seconds. */
export function keptFor(source: PolicySource, ttlSeconds: number): PolicySource {
  const manifest = JSON.parse(new TextDecoder().decode(source.get('bundle.yaml'))) as object;
  const changed = { ...manifest, cache: { ttl_seconds: ttlSeconds } };
  return new Map([...source, ['bundle.yaml', bytes(JSON.stringify(changed, null, 2))]]);
}

/** Allows everything that comes from an MCP proxy. */
export const ALLOW_ALL_MCP: PolicyText = {
  name: 'Allow all MCP',
  when: { field: 'source', operator: 'equals', value: 'mcp_proxy' },
  effect: { type: 'allow' },
  priority: 1,
};

/** Lets clients talk: handshake, ping, notifications, and seeing which tools there are. */
export const ALLOW_SESSIONS: PolicyText = {
  name: 'MCP sessions',
  on: ['session', 'tool_list'],
  when: { field: 'source', operator: 'equals', value: 'mcp_proxy' },
  effect: { type: 'allow' },
  priority: 10,
};

/** Allows calling the named tools of one server. */
export function allowTools(server: string, tools: readonly string[], priority = 50): PolicyText {
  return {
    name: `Allow ${tools.join(' ')} on ${server}`,
    on: ['tool_call'],
    when: {
      operator: 'and',
      conditions: [
        { field: 'tool.server', operator: 'equals', value: server },
        { field: 'tool.name', operator: 'in', value: tools },
      ],
    },
    effect: { type: 'allow' },
    priority,
  };
}

/** Denies calling the named tools of one server. */
export function denyTools(server: string, tools: readonly string[], code: string, message: string): PolicyText {
  return {
    name: `Deny ${tools.join(' ')} on ${server}`,
    on: ['tool_call'],
    when: {
      operator: 'and',
      conditions: [
        { field: 'tool.server', operator: 'equals', value: server },
        { field: 'tool.name', operator: 'in', value: tools },
      ],
    },
    effect: { type: 'deny', deny_reason_code: code, deny_user_message: message },
    priority: 90,
  };
}
