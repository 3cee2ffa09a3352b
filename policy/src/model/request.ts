/**
 * The canonical request, version "1.0": the JSON document a PEP asks about (seed 004 §7.4, contracts §1).
 * The names are those of the document itself, because policies address it by path (`user.team`, `tool.arguments.path`).
 */

/** A JSON value as the strict parser yields it: finite numbers, no duplicate keys, no prototype keys. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;

/** A JSON object. */
export interface JsonObject {
  readonly [name: string]: Json;
}

/** Where the attempt was intercepted. */
export const SOURCES = ['mcp_proxy', 'llm_proxy', 'egress_proxy', 'a2a_proxy', 'sdk', 'ext_authz', 'hook'] as const;
/** Where the attempt was intercepted. */
export type Source = (typeof SOURCES)[number];

/**
 * What is attempted; a policy's `on` names these. `session` is what a protocol needs to talk at all
 * (handshake, ping, notifications) and is decided like everything else (ADR-0006).
 */
export const ATTEMPT_KINDS = [
  'tool_call',
  'tool_list',
  'inference',
  'egress',
  'a2a',
  'resource',
  'prompt',
  'session',
] as const;
/** What is attempted. */
export type AttemptKind = (typeof ATTEMPT_KINDS)[number];

/** Deployment environments of the canonical input. */
export const ENVIRONMENTS = ['dev', 'staging', 'prod'] as const;
/** A deployment environment. */
export type Environment = (typeof ENVIRONMENTS)[number];

/** The agent that attempts; `id` comes from its certificate, never from the body alone. */
export interface AgentSubject {
  readonly id: string;
  readonly type?: string;
  /** 0 (untrusted) to 1. */
  readonly trust_level?: number;
  readonly attributes?: JsonObject;
}

/** The tool that would run. For MCP `operation` is the JSON-RPC method. */
export interface ToolTarget {
  readonly id?: string;
  readonly name?: string;
  readonly operation?: string;
  /** The upstream server the tool lives on; tools are keyed by (server, name), never by bare name. */
  readonly server?: string;
  readonly arguments?: JsonObject;
  readonly definition_digest?: string;
  readonly attributes?: JsonObject;
}

/** The person on whose behalf the agent acts; from a verified token only. */
export interface UserSubject {
  readonly id?: string;
  readonly email?: string;
  readonly role?: string;
  readonly team?: string;
  readonly attributes?: JsonObject;
}

/** What a model call asks for. */
export interface ModelRequest {
  readonly action?: string;
  readonly model?: string;
  readonly model_provider?: string;
  readonly model_endpoint?: string;
  readonly estimated_tokens?: number;
  readonly max_tokens?: number;
  readonly stream?: boolean;
  readonly query?: string;
  readonly output?: string;
}

/** An outbound connection. */
export interface EgressTarget {
  readonly scheme?: string;
  readonly host?: string;
  /** 1 to 65535. */
  readonly port?: number;
  readonly method?: string;
  readonly path?: string;
  readonly resolved_ips?: readonly string[];
  readonly bytes?: number;
}

/** Another agent that is spoken to. */
export interface PeerTarget {
  readonly agent_id?: string;
  readonly skill?: string;
  readonly url?: string;
}

/** Circumstances of the attempt. */
export interface RequestContext {
  /** RFC 3339. */
  readonly timestamp: string;
  readonly request_id: string;
  readonly environment?: Environment;
  readonly ip?: string;
  readonly session_id?: string;
  readonly workspace_id?: string;
  readonly tenant_id?: string;
  readonly data_classification?: string;
  readonly labels?: readonly string[];
  readonly store?: string;
  readonly delegation?: JsonObject;
  readonly approval?: JsonObject;
  /**
   * What the PEP saw of the user: `prompt` (the user's words), `user` (names and addresses) and `tools` (those that the task
   * was declared to need).
   * Never from the agent or a tool: what stands here counts as the user's own.
   */
  readonly task?: JsonObject;
  readonly attributes?: JsonObject;
}

/** A behavioural signal of the risk stage. */
export interface BehavioralSignal {
  readonly signal_type: string;
  readonly details?: JsonObject;
}

/** What the risk stage (or the caller) thinks of the intent. */
export interface IntentRisk {
  readonly decision?: 'ALLOW' | 'REVIEW' | 'BLOCK';
  readonly explanation?: string;
  readonly behavioral_signals?: readonly BehavioralSignal[];
  readonly risk_dimensions?: { readonly [dimension: string]: number };
}

/** The document a decision is about. Immutable once built. */
export interface CanonicalRequest {
  readonly version: '1.0';
  readonly tenant_id: string;
  readonly source: Source;
  /** What is attempted; absent in seed-shaped input, where it is derived from `source` (see {@link kindOf}). */
  readonly kind?: AttemptKind;
  readonly agent: AgentSubject;
  readonly tool?: ToolTarget;
  readonly user?: UserSubject;
  readonly request?: ModelRequest;
  readonly egress?: EgressTarget;
  readonly peer?: PeerTarget;
  readonly context: RequestContext;
  readonly intent_risk?: IntentRisk;
}

const KIND_OF_SOURCE = {
  mcp_proxy: 'tool_call',
  llm_proxy: 'inference',
  egress_proxy: 'egress',
  a2a_proxy: 'a2a',
  sdk: 'tool_call',
  ext_authz: 'egress',
  hook: 'tool_call',
} as const satisfies Record<Source, AttemptKind>;

/** What the request attempts: its own `kind`, or for seed-shaped input the one its `source` implies. */
export function kindOf(request: CanonicalRequest): AttemptKind {
  return request.kind ?? KIND_OF_SOURCE[request.source];
}
