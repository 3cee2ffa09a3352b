import type { CustomFields } from '../dsl/custom-fields.js';
import type { EnvironmentScope, PolicySource } from '../dsl/policy-head.js';
import type { Combining, DefaultEffect, ModuleEngine, PriorityOrder } from '../engine/ir.js';
import type { Layer } from '../model/decision.js';
import type { RegistryDocument } from '../registry/registry-shape.js';

/** A policy set as its layout gives it: documents, not yet compiled. */
export interface SetDocument {
  readonly name: string;
  readonly layer: Layer;
  readonly tenant?: string;
  readonly workspace?: string;
  readonly environments?: EnvironmentScope;
  /** The pack it was made from, as `name@version`. */
  readonly pack?: string;
  readonly combining: Combining;
  readonly priorityOrder: PriorityOrder;
  readonly policies: readonly PolicySource[];
}

/** Policies of another engine, as their layout gives them. */
export interface ModuleDocument {
  readonly name: string;
  readonly layer: Layer;
  readonly tenant?: string;
  readonly workspace?: string;
  readonly environments?: EnvironmentScope;
  readonly engine: ModuleEngine;
  readonly entrypoint?: string;
  /** The author's folder, which messages name. */
  readonly folder: string;
  /** By name inside the module's folder. */
  readonly files: ReadonlyMap<string, Uint8Array>;
}

/** A bundle's content, whichever of the two layouts it came from. */
export interface BundleDocument {
  readonly name: string;
  readonly version: string;
  readonly default: DefaultEffect;
  /** How long decisions may be kept, seconds; absent for not at all. */
  readonly cacheTtlSeconds?: number;
  /** The fields it declares; absent when there are none. */
  readonly fields?: CustomFields;
  /** What it says of agents and tools; absent when it has no data. */
  readonly registry?: RegistryDocument;
  readonly sets: readonly SetDocument[];
  readonly modules: readonly ModuleDocument[];
}

/** The document's own name for how long decisions are kept. Zero seconds and nothing said are the same. */
export function keptFor(shape: {
  readonly cache?: { readonly ttl_seconds: number } | undefined;
}): Pick<BundleDocument, 'cacheTtlSeconds'> {
  const seconds = shape.cache?.ttl_seconds ?? 0;
  return seconds === 0 ? {} : { cacheTtlSeconds: seconds };
}
