import type { z } from 'zod';
import type { GuardIr } from '../engine/ir.js';
import type { AttemptKind, Json, JsonObject } from '../model/request.js';

/**
 * What a typed policy does when it is violated (seed 003); `escalate` holds the request for a human. `allow` is the other
 * way round: it allows what complies.
 */
export const TYPED_ACTIONS = ['deny', 'escalate', 'log_only', 'allow'] as const;
/** See {@link TYPED_ACTIONS}. */
export type TypedAction = (typeof TYPED_ACTIONS)[number];

/** What a typed policy's config comes to. */
export interface KindRule {
  /**
   * The condition under which the policy is violated, as DSL text would say it; it may use operators that authors cannot.
   * `always` together with a guard: only the quota tells.
   */
  readonly violation: Json;
  /** What the action `allow` allows, where that is less than everything that does not violate. */
  readonly compliance?: Json;
  readonly guard?: GuardIr;
  /** What a denial says unless the policy says it better. */
  readonly denial: { readonly code: string; readonly message: string };
}

/** One type of policy. Everything that is known about it is in its module. */
export interface PolicyKind<C> {
  readonly type: string;
  /** One sentence for people. */
  readonly description: string;
  /** The actions that make sense for it. */
  readonly actions: readonly TypedAction[];
  /** The attempts it speaks of unless the policy says `on`; all when absent. */
  readonly on?: readonly AttemptKind[];
  /** The schema of `config`. Built by a function, so that importing the module costs nothing. */
  readonly config: () => z.ZodType<C>;
  /** A whole policy. */
  readonly example: JsonObject;
  /** Pure; gets only what passed the schema. */
  readonly compile: (config: C) => KindRule;
}

/** A kind whose config's type is not known: what a table of kinds holds. */
export type AnyPolicyKind = Omit<PolicyKind<never>, 'config'> & { readonly config: () => z.ZodType };
