import type { Json } from '@portcullis/policy/model';
import { parse } from 'yaml';
import type { ReferenceBundle, ReferencePolicy, ReferenceSet } from './reference-evaluator.js';
import { codeOf, type ReferenceTypedPolicy } from './reference-kinds.js';

interface Manifest {
  readonly version: string;
  readonly default?: 'allow' | 'deny';
  readonly sets: readonly (Omit<ReferenceSet, 'policies'> & { readonly policies: string })[];
}

/** Reads a valid source folder into the reference evaluator's terms, without the compiler. */
export function readReferenceBundle(files: ReadonlyMap<string, Uint8Array>): ReferenceBundle {
  const read = (name: string): unknown => parse(new TextDecoder().decode(files.get(name)));
  const manifest = read('bundle.yaml') as Manifest;
  return {
    ...manifest,
    sets: manifest.sets.map((set) => ({
      ...set,
      policies: [...files.keys()]
        .filter((name) => name.startsWith(`${set.policies}/`))
        .flatMap((name) => read(name) as Written | readonly Written[])
        .map((policy) => (isTyped(policy) ? ofTyped(policy) : policy))
        .map((policy) => ({ ...policy, slug: policy.slug ?? plainSlug(policy.name) })),
    })),
  };
}

/** A typed policy as a file has it (seed 003). */
interface WrittenTyped
  extends ReferenceTypedPolicy,
    Pick<ReferencePolicy, 'name' | 'slug' | 'priority' | 'scope' | 'created_at'> {
  readonly enabled?: boolean;
  readonly group?: string;
  readonly deny_reason_code?: string;
  readonly when?: Json;
}
type Written = ReferencePolicy | WrittenTyped;

function isTyped(policy: Written): policy is WrittenTyped {
  return 'config' in policy;
}

function ofTyped(policy: WrittenTyped): ReferencePolicy {
  const { name, slug, priority, scope, created_at, enabled, group, action, when } = policy;
  const said = {
    deny_reason_code: policy.deny_reason_code ?? codeOf(policy),
    ...(group === undefined ? {} : { group }),
  };
  const effects = {
    deny: { type: 'deny', ...said },
    escalate: { type: 'require_hitl', ...said },
    log_only: 'log_only',
    allow: 'allow',
  };
  return {
    name,
    slug: slug ?? plainSlug(name),
    priority,
    when: when ?? 'always',
    effect: effects[action],
    typed: policy,
    status: enabled === false ? 'disabled' : 'active',
    ...(scope === undefined ? {} : { scope }),
    ...(created_at === undefined ? {} : { created_at }),
  };
}

/** The slug of a plain ASCII name. */
function plainSlug(name: string): string {
  return name
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter(Boolean)
    .join('-');
}
