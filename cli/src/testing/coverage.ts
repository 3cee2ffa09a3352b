import {
  type CompiledBundle,
  type ConditionIr,
  grantedOf,
  type LeafIr,
  type RuleIr,
  type SetIr,
  walkSet,
} from '@portcullis/policy';
import type { ContextualRequest } from '@portcullis/policy/model';
import type { Share } from './percentage.js';
import { fileInPack } from './subject.js';
import { type Probe, probeTruths } from './truth-probe.js';

/** Something about a rule that no test showed. */
export interface Gap {
  readonly what: 'never_matched' | 'never_true' | 'never_false' | 'never_decided';
  /** The place inside the policy; '' for the rule itself. */
  readonly path: string;
  readonly file: string;
  readonly line: number;
  /** The comparison, for a branch of one. */
  readonly condition?: string;
}

/** What the tests showed of one rule. */
export interface RuleCoverage {
  readonly set: string;
  readonly layer: string;
  readonly policy: string;
  readonly file: string;
  readonly line: number;
  readonly matched: boolean;
  readonly branches: Share;
  readonly gaps: readonly Gap[];
}

/** What tests showed of policies. */
export interface Coverage {
  /** Rules that matched, and were reached in their set, at least once. */
  readonly rules: Share;
  /** Each comparison true and false at least once while its rule's scope held; each rule that can decide decided. */
  readonly branches: Share;
  readonly perRule: readonly RuleCoverage[];
  /** Modules of other engines, whose inside is not looked at. */
  readonly modules: readonly string[];
}

/** What has been seen of one rule. */
interface Seen {
  readonly set: SetIr;
  readonly rule: RuleIr;
  readonly leaves: readonly LeafIr[];
  readonly leafTrue: boolean[];
  readonly leafFalse: boolean[];
  matched: boolean;
  decided: boolean;
}

/** Policies and the requests that were asked about them. */
export interface CoverageInput {
  readonly compiled: CompiledBundle;
  readonly requests: readonly ContextualRequest[];
}

/** Computes the coverage of several subjects together: what one of them showed of a rule counts for all. */
export function computeCoverage(inputs: readonly CoverageInput[]): Coverage {
  const united = new Map<string, Seen>();
  for (const input of inputs) {
    for (const seen of lookAt(input)) {
      const key = JSON.stringify([seen.set.name, seen.rule.id, seen.leaves.map(({ path }) => path)]);
      const known = united.get(key);
      if (known === undefined) united.set(key, seen);
      else unite(known, seen);
    }
  }
  const perRule = [...united.values()].map(coverageOf);
  return {
    rules: { covered: perRule.filter((rule) => rule.matched).length, total: perRule.length },
    branches: {
      covered: perRule.reduce((sum, rule) => sum + rule.branches.covered, 0),
      total: perRule.reduce((sum, rule) => sum + rule.branches.total, 0),
    },
    perRule,
    modules: [...new Set(inputs.flatMap(({ compiled }) => compiled.modules.map(({ name }) => name)))],
  };
}

function unite(into: Seen, other: Seen): void {
  into.matched ||= other.matched;
  into.decided ||= other.decided;
  other.leafTrue.forEach((seen, index) => {
    into.leafTrue[index] ||= seen;
  });
  other.leafFalse.forEach((seen, index) => {
    into.leafFalse[index] ||= seen;
  });
}

function lookAt({ compiled, requests }: CoverageInput): readonly Seen[] {
  const all = compiled.sets.flatMap((set) =>
    set.rules.map((rule): Seen => {
      const leaves = leavesOf(rule.when);
      const unseen = leaves.map(() => false);
      return { set, rule, leaves, leafTrue: [...unseen], leafFalse: [...unseen], matched: false, decided: false };
    }),
  );
  const probes = shareProbes();
  const asked = all.map(({ rule, leaves }) => ({
    rule: probes.add({ scope: rule.scope, when: rule.when }),
    scope: rule.scope.length === 0 ? undefined : probes.add({ scope: rule.scope, when: ALWAYS_TRUE }),
    leaves: leaves.map((leaf) => probes.add({ scope: [], when: leaf })),
  }));
  const ask = probeTruths(probes.all, compiled);
  for (const request of requests) {
    const { holds, errs } = ask(request);
    const truths = new Uint8Array(probes.all.length);
    for (const number of holds) truths[number] = TRUE;
    for (const number of errs) truths[number] = ERROR;
    for (const [number, seen] of all.entries()) {
      const { scope, leaves } = asked[number] as (typeof asked)[number];
      if (scope !== undefined && truths[scope] !== TRUE) continue;
      for (const [index, leaf] of leaves.entries()) {
        if (truths[leaf] === TRUE) seen.leafTrue[index] = true;
        else if (truths[leaf] === FALSE) seen.leafFalse[index] = true;
      }
    }
    noteRoles(
      all.map((seen, number) => ({ seen, ir: seen.rule, truth: truths[asked[number]?.rule ?? 0] ?? FALSE })),
      request,
    );
  }
  return all;
}

/** Collects probes, equal ones once: many rules ask the same. */
function shareProbes(): { readonly all: readonly Probe[]; add(probe: Probe): number } {
  const all: Probe[] = [];
  const numbers = new Map<string, number>();
  return {
    all,
    add(probe) {
      const key = JSON.stringify(probe, (name, value: unknown) => (PLACE_KEYS.has(name) ? undefined : value));
      const known = numbers.get(key);
      if (known !== undefined) return known;
      numbers.set(key, all.length);
      return all.push(probe) - 1;
    },
  };
}

/** Where a comparison is written, and how it is spelled, does not change what it is. */
const PLACE_KEYS: ReadonlySet<string> = new Set(['path', 'line', 'written']);

const FALSE = 0;
const TRUE = 1;
const ERROR = 2;

const ALWAYS_TRUE: ConditionIr = { node: 'and', of: [] };

interface Asked {
  readonly seen: Seen;
  readonly ir: RuleIr;
  readonly truth: number;
}

/** Notes what the rules that hold did in their sets, through the walk that decides. */
function noteRoles(all: readonly Asked[], request: ContextualRequest): void {
  const granted = grantedOf(request);
  for (let start = 0; start < all.length; ) {
    const set = all[start]?.seen.set as SetIr;
    const walk = walkSet<Asked>(set, granted);
    let open = true;
    for (; all[start]?.seen.set === set; start += 1) {
      const rule = all[start] as Asked;
      if (open && (rule.truth === TRUE || rule.truth === ERROR)) open = walk.take(rule, rule.truth);
    }
    for (const { rule, truth, role } of walk.finish().findings) {
      if (truth !== TRUE) continue;
      rule.seen.matched = true;
      if (role === 'decided') rule.seen.decided = true;
    }
  }
}

function leavesOf(condition: ConditionIr): readonly LeafIr[] {
  return condition.node === 'leaf' ? [condition] : condition.of.flatMap(leavesOf);
}

/** Whether a rule can decide its set at all. */
function canDecide({ set, rule }: Seen): boolean {
  if (rule.guard !== undefined) return false;
  const { type } = rule.effect;
  const records = ['log_only', 'redact', 'limit', 'escalate'].includes(type);
  return !records || set.combining === 'first_match';
}

function coverageOf(seen: Seen): RuleCoverage {
  const { set, rule, leaves, leafTrue, leafFalse, matched, decided } = seen;
  const file = fileInPack(rule.file);
  const gaps: Gap[] = [];
  if (!matched) gaps.push({ what: 'never_matched', path: '', file, line: rule.line });
  let covered = 0;
  for (const [index, leaf] of leaves.entries()) {
    const place = { path: leaf.path, file, line: leaf.line === 0 ? rule.line : leaf.line, condition: leafText(leaf) };
    if (leafTrue[index] === true) covered += 1;
    else gaps.push({ what: 'never_true', ...place });
    if (leafFalse[index] === true) covered += 1;
    else gaps.push({ what: 'never_false', ...place });
  }
  const decides = canDecide(seen);
  if (decides && decided) covered += 1;
  if (decides && matched && !decided) gaps.push({ what: 'never_decided', path: '', file, line: rule.line });
  return {
    set: set.name,
    layer: set.layer,
    policy: rule.id,
    file,
    line: rule.line,
    matched,
    branches: { covered, total: leaves.length * 2 + (decides ? 1 : 0) },
    gaps,
  };
}

/** A comparison as it is asked, after `not` has been pushed to the leaves. Long literals are cut. */
export function leafText({ field, operator, negated, literal }: LeafIr): string {
  const value = JSON.stringify(literal);
  const shown = value.length > 80 ? `${value.slice(0, 77)}...` : value;
  return `${negated ? 'not ' : ''}${field} ${operator} ${shown}`;
}
