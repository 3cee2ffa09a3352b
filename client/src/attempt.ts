/** What a program is about to do, in the terms that policies speak of (the canonical request's own names). */

/** A JSON value. */
export type JsonValue =
  | null
  | boolean
  | number
  | string
  | readonly JsonValue[]
  | { readonly [name: string]: JsonValue };

/** An attempt; at least one of `tool`, `request`, `egress` and `peer`. Who attempts is for the sidecar to say. */
export interface Attempt {
  /** `sdk` for programs, `hook` for the hooks of coding agents. Default: `sdk`. */
  readonly source?: 'sdk' | 'hook';
  /** Default: `tool_call`. */
  readonly kind?: 'tool_call' | 'tool_list' | 'inference' | 'egress' | 'a2a' | 'resource' | 'prompt' | 'session';
  /** The program's own session; counts where the sidecar is configured with `session.scope: mcp`. */
  readonly session_id?: string;
  /** A name of the program's own, under which another process may tell the outcome. */
  readonly correlation_id?: string;
  readonly tool?: {
    readonly id?: string;
    readonly name?: string;
    readonly operation?: string;
    readonly server?: string;
    readonly arguments?: { readonly [name: string]: JsonValue };
    readonly definition_digest?: string;
    readonly attributes?: { readonly [name: string]: JsonValue };
  };
  readonly request?: {
    readonly action?: string;
    readonly model?: string;
    readonly model_provider?: string;
    readonly model_endpoint?: string;
    readonly estimated_tokens?: number;
    readonly max_tokens?: number;
    readonly stream?: boolean;
    readonly query?: string;
    readonly output?: string;
  };
  readonly egress?: {
    readonly scheme?: string;
    readonly host?: string;
    readonly port?: number;
    readonly method?: string;
    readonly path?: string;
    readonly resolved_ips?: readonly string[];
    readonly bytes?: number;
  };
  readonly peer?: { readonly agent_id?: string; readonly skill?: string; readonly url?: string };
}
