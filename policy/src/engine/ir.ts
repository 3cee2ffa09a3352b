import type { CustomFields } from '../dsl/custom-fields.js';
import type { CompiledEffect } from '../dsl/effects.js';
import type { BaseOperator, Literal, Operator } from '../dsl/operators.js';
import type { Layer, QuotaDimension, QuotaKind } from '../model/decision.js';
import type { Quantifier } from '../model/field-path.js';
import type { RegistryIr } from '../registry/registry.js';

/** The format of bundle documents and of what they compile to. */
export const BUNDLE_FORMAT = 'portcullis.policy/1';

/** How the rules of a set become one outcome (ADR-0001). */
export const COMBININGS = ['priority', 'first_match', 'deny_overrides'] as const;
/** See {@link COMBININGS}. */
export type Combining = (typeof COMBININGS)[number];

/** Which end of the priority scale wins: `desc`, the higher number; `asc`, the lower one. */
export const PRIORITY_ORDERS = ['desc', 'asc'] as const;
/** See {@link PRIORITY_ORDERS}. */
export type PriorityOrder = (typeof PRIORITY_ORDERS)[number];

/** No decision is kept for longer (contracts §5, §13). */
export const MAX_CACHE_TTL_SECONDS = 30;

/** What happens when no set decides. */
export type DefaultEffect = 'allow' | 'deny';

/**
 * What a negated leaf says of a missing field: true in a rule that blocks, false in one that does not, and `error` where
 * neither would be safe (contracts §2: an incomplete request never opens the gate).
 */
export type WhenMissing = boolean | 'error';

/** One comparison. Negation has been pushed here, and what a missing field means is settled. */
export interface LeafIr {
  readonly node: 'leaf';
  /** The field's path in its normal spelling. */
  readonly field: string;
  readonly operator: BaseOperator;
  readonly negated: boolean;
  readonly literal: Literal;
  /** The leaf's value when the field is missing: positive, false; negated, see {@link WhenMissing}. */
  readonly whenMissing: WhenMissing;
  /**
   * For a field with quantifiers, what each of them asks after negation has been pushed here: the leaf, sign included,
   * holds for any or for all elements. An empty list reads as a missing field.
   */
  readonly quantifiers?: readonly Quantifier[];
  /** As the author wrote it. */
  readonly written: Operator;
  /** The place inside the policy, e.g. `when.conditions[1]`. */
  readonly path: string;
  /** 1-based, in the rule's file; 0 when not known. */
  readonly line: number;
}

/** A condition in negation normal form; an `and` of nothing holds always. */
export type ConditionIr = LeafIr | { readonly node: 'and' | 'or'; readonly of: readonly ConditionIr[] };

/** A clause of a framework that a rule serves. */
export interface FrameworkClause {
  readonly framework: string;
  readonly clause: string;
}

/** A quota that a matching rule asks to be reserved. The rule then decides nothing by itself. */
export interface GuardIr {
  readonly kind: QuotaKind;
  /** Units of `kind`. */
  readonly limit: number;
  /** Absent for `concurrent`. */
  readonly windowSeconds?: number;
  readonly burst?: number;
  /** Shares of the limit, 0 to 1. */
  readonly warnAt?: readonly number[];
  /** One account per combination of values. */
  readonly per: readonly QuotaDimension[];
}

/** A rule, in the precedence order of its set. */
export interface RuleIr {
  /** The policy's slug. */
  readonly id: string;
  readonly name: string;
  readonly effect: CompiledEffect;
  /** As written; compare it only through the set's `priorityOrder`. */
  readonly priority: number;
  /** What the set's and the policy's scope and `on` ask, then `when`. */
  readonly scope: readonly LeafIr[];
  readonly when: ConditionIr;
  readonly guard?: GuardIr;
  /** The type of a typed policy; absent for a policy of the DSL. */
  readonly kind?: string;
  readonly frameworks: readonly FrameworkClause[];
  readonly file: string;
  /** 1-based. */
  readonly line: number;
  /** 1-based. */
  readonly column: number;
}

/** Rules with one precedence order and one way of combining. */
export interface SetIr {
  readonly name: string;
  readonly layer: Layer;
  readonly combining: Combining;
  readonly priorityOrder: PriorityOrder;
  /** The pack it was made from, as `name@version`. */
  readonly pack?: string;
  /** Highest precedence first. */
  readonly rules: readonly RuleIr[];
}

/** Which other engines may decide as a module of a bundle. */
export const MODULE_ENGINES = ['cedar', 'rego'] as const;
/** See {@link MODULE_ENGINES}. */
export type ModuleEngine = (typeof MODULE_ENGINES)[number];

/** Policies of another engine that decide together, as one set of their layer. */
export interface ModuleIr {
  readonly name: string;
  readonly layer: Layer;
  /** Only requests that these hold for are handed to it. */
  readonly scope: readonly LeafIr[];
  readonly engine: ModuleEngine;
  /** Rego: the rule that is evaluated, e.g. `portcullis/decision`. */
  readonly entrypoint?: string;
  /** The author's folder, which messages name. */
  readonly folder: string;
  /** By name inside the module's folder, sorted. */
  readonly files: readonly (readonly [name: string, bytes: Uint8Array])[];
}

/** A bundle, compiled: plain data that a worker can hand over. */
export interface CompiledBundle {
  readonly format: typeof BUNDLE_FORMAT;
  readonly name: string;
  /** The bundle's semantic version. */
  readonly version: string;
  readonly default: DefaultEffect;
  /** How long decisions may be kept, 1 to {@link MAX_CACHE_TTL_SECONDS}; absent for not at all. */
  readonly cacheTtlSeconds?: number;
  /** The fields that the bundle declares; absent when there are none. */
  readonly fields?: CustomFields;
  /** What the bundle says of agents and tools; absent when it has no data. */
  readonly registry?: RegistryIr;
  /** Platform first, then tenant, then workspace; inside a layer as the bundle lists them. */
  readonly sets: readonly SetIr[];
  /** In the order of their layers. */
  readonly modules: readonly ModuleIr[];
}
