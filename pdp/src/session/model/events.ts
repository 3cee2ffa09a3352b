import type { CanonicalRequest, DecisionEffect, Json } from '@portcullis/policy/model';
import type { ToolAnnotations } from './annotations.js';

/** What a task may need, as somebody trusted declared it before the first result was read. */
export interface DeclaredTask {
  /** Tools that the task needs: `name` or `server/name`. Absent: no scope is declared. */
  readonly tools?: readonly string[];
}

/**
 * The session begins, or its user speaks again. The same may come with a request, as `context.task`. Comes from the PEP that saw the user; never from an agent or a tool.
 * A later task only narrows the scope by itself: what is in both stays.
 */
export interface Opened {
  readonly type: 'opened';
  /** What the user asked for, in the user's own words. */
  readonly prompt?: string;
  /** What is known of the user: names, addresses; each value counts as the user's own. */
  readonly user?: Json;
  readonly task?: DeclaredTask;
}

/** An attempt was decided; whoever executes it is told at about the same time. */
export interface Attempted {
  readonly type: 'attempted';
  readonly request: CanonicalRequest;
  readonly effect: DecisionEffect;
  /** RFC 3339. */
  readonly at: string;
  readonly annotations?: ToolAnnotations;
}

/** An attempt that was allowed brought something back. Without this event its result must not reach the agent. */
export interface Resulted {
  readonly type: 'resulted';
  /**
   * The attempt that brought it. Tool, server and `context.request_id` are enough: what its arguments say of the result was
   * worked out when it was attempted.
   */
  readonly request: CanonicalRequest;
  /**
   * What came back: JSON, or text, which may itself be JSON or a list of `name: value` lines. `null`: nobody knows what, so it
   * may have been anything.
   */
  readonly result: Json;
  readonly annotations?: ToolAnnotations;
}

/** A person approved exactly this request; its values may flow to the same tool again. */
export interface Endorsed {
  readonly type: 'endorsed';
  readonly request: CanonicalRequest;
}

/** What happens in a session. Order matters; the store keeps it. */
export type SessionEvent = Opened | Attempted | Resulted | Endorsed;
