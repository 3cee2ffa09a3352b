import type { PolicySource } from '../dsl/policy.js';
import type { Combining, DefaultEffect, PriorityOrder } from '../engine/ir.js';
import type { Layer } from '../model/decision.js';

/** A policy set as its layout gives it: documents, not yet compiled. */
export interface SetDocument {
  readonly name: string;
  readonly layer: Layer;
  readonly tenant?: string;
  readonly workspace?: string;
  readonly combining: Combining;
  readonly priorityOrder: PriorityOrder;
  readonly policies: readonly PolicySource[];
}

/** A bundle's content, whichever of the two layouts it came from. */
export interface BundleDocument {
  readonly name: string;
  readonly version: string;
  readonly default: DefaultEffect;
  readonly sets: readonly SetDocument[];
}
