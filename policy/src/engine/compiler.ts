import type { SetDocument } from '../bundle/bundle-document.js';
import { MANIFEST, POLICIES, packedPolicyShape, readPackedLayout, readPackedPolicy } from '../bundle/packed-layout.js';
import { splitPolicies } from '../bundle/packed-split.js';
import type { CustomFields } from '../dsl/custom-fields.js';
import { createFieldTable, type FieldTable } from '../dsl/fields.js';
import { createFindings } from '../dsl/findings.js';
import { policySchemas } from '../dsl/schema.js';
import type { Layer } from '../model/decision.js';
import type { Checked } from '../model/problem.js';
import { compileBundle, compileDocument, scopeOf } from './compile.js';
import { compileSource } from './compile-source.js';
import { type BundleUpdate, segmentsOf } from './image.js';
import type { FieldLookUp } from './index/constraint.js';
import { drain } from './index/rule-index.js';
import type { CompiledBundle, RuleIr } from './ir.js';
import { createPatternLedger, type PatternLedger, type PatternUse } from './pattern-ledger.js';
import { compareLayers, comparePrecedence } from './resolve.js';
import { createFactsOf, type RuleFacts } from './rule-facts.js';
import { createSegmentWriter, type PlacedRule, type SegmentWriter, updateOf } from './segment.js';

/** Compiles one bundle after another, each policy only when its text, or what surrounds it, is new. */
export interface Compiler {
  /**
   * What `compileBundle` gives, as an update of what was compiled before. Problems are those of `compileBundle`; a bundle
   * with problems changes nothing, and the next update follows the one before it.
   */
  compile(files: ReadonlyMap<string, Uint8Array>): Checked<BundleUpdate>;
}

/** A policy that was compiled before. */
interface KnownPolicy {
  /** A copy: a part of the document's text would keep all of it in memory. */
  readonly text: string;
  readonly id: string;
  readonly priority: number;
  readonly createdAt: string | undefined;
  readonly patterns: readonly PatternUse[];
  /** Absent for a policy that is not active. */
  readonly rule?: PlacedRule;
}

/** By what surrounds policies (their set's scope, the bundle's fields), then by their packed text. */
type KnownPolicies = ReadonlyMap<string, ReadonlyMap<string, KnownPolicy>>;

/** What the last update left behind. */
interface Memory {
  readonly policies: KnownPolicies;
  /** The texts of the policies, set by set, in the order of the document. */
  readonly texts: readonly (readonly string[])[];
}

const NOTHING: Memory = { policies: new Map(), texts: [] };

interface Compiled {
  readonly update: BundleUpdate;
  readonly memory: Memory;
}

/** Bytes of rules that are gone which the receiver may have to keep; beyond, everything is sent anew. */
const MAX_DEAD_BYTES = 4 * 1024 * 1024;

/** Knows nothing yet: the first update has everything. */
export function createCompiler(maxDeadBytes: number = MAX_DEAD_BYTES): Compiler {
  const compilePolicy = createPolicyCompiler();
  const factsIn = createFactsByFields();
  let memory = NOTHING;
  /** The bytes of each segment that the receiver has. */
  let held: ReadonlyMap<number, number> = new Map();
  let segments = 0;

  /** Nothing when anything at all is wrong: what it is, is told by compiling the bundle as a whole. */
  const compilePacked = (files: ReadonlyMap<string, Uint8Array>, known: Memory): Compiled | undefined => {
    const split = splitPolicies(textOf(files.get(POLICIES)), known.texts);
    if (split === undefined) return undefined;
    const document = readPackedLayout(new Map(files).set(POLICIES, new TextEncoder().encode(split.rest)));
    if (!document.ok || document.value.sets.length !== split.policies.length) return undefined;
    const outline = compileDocument(document.value);
    if (!outline.ok) return undefined;

    const { fields: declared } = document.value;
    const fields = createFieldTable(declared ?? {});
    const factsOf = factsIn(declared ?? {}, fields);
    const ledger = createPatternLedger();
    const segment = createSegmentWriter(segments + 1);
    const next = new Map<string, Map<string, KnownPolicy>>();
    const texts: string[][] = [];
    const placed: { readonly layer: Layer; readonly rules: readonly PlacedRule[] }[] = [];
    for (const [place, set] of document.value.sets.entries()) {
      const surroundings = JSON.stringify([scopeOf(set), declared ?? null]);
      const before = known.policies.get(surroundings);
      const now = next.get(surroundings) ?? new Map<string, KnownPolicy>();
      next.set(surroundings, now);
      const ids = new Set<string>();
      const own: string[] = [];
      texts.push(own);
      const active: (KnownPolicy & { readonly rule: PlacedRule })[] = [];
      for (const text of split.policies[place] ?? []) {
        const old = now.get(text) ?? before?.get(text);
        const policy = old ?? compilePolicy(text, set, { fields, factsOf, ledger, segment });
        if (policy === undefined || ids.has(policy.id)) return undefined;
        if (old !== undefined && !ledger.take(policy.patterns)) return undefined;
        now.set(policy.text, policy);
        own.push(policy.text);
        ids.add(policy.id);
        if (isActive(policy)) active.push(policy);
      }
      active.sort(comparePrecedence(set.priorityOrder));
      placed.push({ layer: set.layer, rules: active.map(({ rule }) => rule) });
    }
    // As the outline's sets were sorted.
    const rules = placed.toSorted(compareLayers).map((one) => one.rules);
    return { update: drain(updateOf(outline.value, rules, segment)), memory: { policies: next, texts } };
  };

  const compileWhole = (bundle: CompiledBundle): BundleUpdate => {
    const factsOf = createFactsOf(lookUpIn(createFieldTable(bundle.fields ?? {})));
    const segment = createSegmentWriter(segments + 1);
    const rules = bundle.sets.map((set) => set.rules.map((rule) => segment.add(rule, factsOf(rule))));
    return drain(updateOf(bundle, rules, segment));
  };

  const sizesAfter = ({ addresses, added }: BundleUpdate): ReadonlyMap<number, number> =>
    new Map(
      [...segmentsOf(addresses)].map((segment) => [segment, added.get(segment)?.byteLength ?? held.get(segment) ?? 0]),
    );

  /** Bytes of the segments that the receiver would have to keep although their rules are gone. */
  const deadBytes = (update: BundleUpdate): number => {
    const { starts, ends } = update.addresses;
    let dead = 0;
    for (const bytes of sizesAfter(update).values()) dead += bytes;
    for (let number = 0; number < starts.length; number += 1) dead += (starts[number] ?? 0) - (ends[number] ?? 0);
    return dead;
  };

  const compile = (files: ReadonlyMap<string, Uint8Array>): Checked<BundleUpdate> => {
    let result = files.has(MANIFEST) ? compilePacked(files, memory) : undefined;
    if (result !== undefined && deadBytes(result.update) > maxDeadBytes) result = compilePacked(files, NOTHING);
    if (result === undefined) {
      const whole = compileBundle(files);
      if (!whole.ok) return whole;
      result = { update: compileWhole(whole.value), memory: NOTHING };
    }
    held = sizesAfter(result.update);
    memory = result.memory;
    segments += 1;
    return { ok: true, value: result.update };
  };

  return { compile };
}

interface NewPolicyContext {
  readonly fields: FieldTable;
  readonly factsOf: (rule: RuleIr) => RuleFacts;
  readonly ledger: PatternLedger;
  readonly segment: SegmentWriter;
}

/** Compiles policies one at a time from their packed texts; nothing when there is a problem. */
function createPolicyCompiler(): (
  text: string,
  set: SetDocument,
  context: NewPolicyContext,
) => KnownPolicy | undefined {
  const schemas = policySchemas();
  const shape = packedPolicyShape();
  return (text, set, { fields, factsOf, ledger, segment }) => {
    const source = readPackedPolicy(text, shape);
    if (source === undefined) return undefined;
    const findings = createFindings();
    const { budget, uses } = ledger.record();
    const policy = compileSource(source, {
      set: scopeOf(set),
      findings,
      schemas,
      bundle: { fields, patterns: budget },
    });
    if (policy === undefined || findings.count > 0) return undefined;
    const { rule, active, createdAt } = policy;
    const placed = active ? { rule: segment.add(rule, factsOf(rule)) } : {};
    return { text: ownCopy(text), id: rule.id, priority: rule.priority, createdAt, patterns: uses, ...placed };
  };
}

/** Rules of one bundle after another share what there is to know of them, as long as the declared fields are the same. */
function createFactsByFields(): (declared: CustomFields, fields: FieldTable) => (rule: RuleIr) => RuleFacts {
  let last: { readonly declared: string; readonly factsOf: (rule: RuleIr) => RuleFacts } | undefined;
  return (declared, fields) => {
    const name = JSON.stringify(declared);
    if (last?.declared !== name) last = { declared: name, factsOf: createFactsOf(lookUpIn(fields)) };
    return last.factsOf;
  };
}

function isActive(policy: KnownPolicy): policy is KnownPolicy & { readonly rule: PlacedRule } {
  return policy.rule !== undefined;
}

function lookUpIn(fields: FieldTable): FieldLookUp {
  return (path) => {
    const lookup = fields.findField(path);
    if (!('field' in lookup)) throw new TypeError(`compiled bundle names ${lookup.problem}`);
    return lookup.field;
  };
}

/** Nothing but the text: what is not UTF-8 is told by reading the document as a whole. */
function textOf(bytes: Uint8Array | undefined): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return '';
  }
}

function ownCopy(text: string): string {
  return new TextDecoder().decode(new TextEncoder().encode(text));
}
