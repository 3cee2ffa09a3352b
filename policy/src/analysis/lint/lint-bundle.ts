import type { CompiledBundle, RuleIr } from '../../engine/ir.js';
import { type Engine, linkBundle } from '../../engine/link.js';
import type { ContextualRequest } from '../../model/facts.js';
import { every, not } from '../claim.js';
import { type Reach, reachOf } from '../reach.js';
import { isAllow, isBlocking, linkerOf, type RuleView, ruleViews } from '../rule-claims.js';
import { createSolver, type Solver } from '../solver.js';
import { broadAllow } from './broad-allow.js';
import { effectUnavailable } from './effect-unavailable.js';
import { type FindingText, findingOf, type LintFinding, type Locate } from './finding.js';
import { leafFindings } from './leaf-findings.js';
import { overruledBy } from './overruled.js';
import { duplicateFindings } from './same-condition.js';
import { unpriced } from './unpriced.js';

/** What lint found in a bundle. */
export interface LintReport {
  /** By file and line. */
  readonly findings: readonly LintFinding[];
  /** Active rules that were looked at. */
  readonly rules: number;
  /** Rules of which it could not be said whether they ever have a say: too large a question. */
  readonly undecided: readonly {
    readonly policy: string;
    readonly set: string;
    readonly file: string;
    readonly line: number;
  }[];
}

/** What lint may be told besides the bundle. */
export interface LintOptions {
  /** Finds the place of a value of a policy; without it a finding has its line only. */
  readonly locate?: Locate;
  /** The file that a finding about the bundle itself names. */
  readonly manifest?: string;
}

/** Rules of one priority among which ties are looked for; in larger groups most ties are meant. */
const MAX_TIED = 40;

/**
 * Looks for policies that do not do what they say. Pure and bounded: the same bundle gives the same findings, and what
 * would take too long is listed as undecided. Everything that is claimed is proven, or shown by a request that the engine
 * has confirmed.
 */
export function lintBundle(bundle: CompiledBundle, options: LintOptions = {}): LintReport {
  const solver = createSolver(linkerOf(bundle));
  const sets = bundle.sets.map(ruleViews);
  const engine = bundle.modules.length === 0 ? linkBundle(bundle) : undefined;
  const locate = options.locate ?? (() => undefined);
  const findings: LintFinding[] = [];
  const undecided: LintReport['undecided'][number][] = [];
  if (bundle.default === 'allow') findings.push(defaultAllow(options.manifest ?? 'bundle.yaml'));
  for (const views of sets) {
    const silent = new Set<RuleView>();
    for (const view of views) {
      const { rule, set } = view;
      const add = (text: FindingText): void => void findings.push(findingOf(rule, set, text, locate));
      const reach = reachOf(view, views, solver);
      if (reach.reached === 'no' || reach.reached === 'never') silent.add(view);
      if (reach.reached === 'unknown')
        undecided.push({ policy: rule.id, set: set.name, file: rule.file, line: rule.line });
      for (const text of reachFindings(view, reach, { views, sets, solver, engine })) add(text);
      // A typed policy's condition is ours, not the author's.
      if (rule.kind === undefined) for (const text of leafFindings(rule, solver)) add(text);
      for (const text of broadAllow(rule)) add(witnessed(text, reach));
      for (const text of unpriced(rule, bundle.registry?.prices)) add(text);
      for (const text of effectUnavailable(rule)) add(text);
    }
    const paired = [
      ...duplicateFindings(views, silent),
      ...tieFindings(
        views.filter((view) => !silent.has(view)),
        solver,
      ),
    ];
    for (const [view, text] of paired) findings.push(findingOf(view.rule, view.set, text, locate));
  }
  const rules = sets.reduce((sum, views) => sum + views.length, 0);
  const rulesOf = sets.flatMap((views) => views.map(({ rule }) => rule));
  return { findings: distinct(commonFindings(findings, rulesOf)).toSorted(compareFindings), rules, undecided };
}

/**
 * One policy of a pack becomes several rules, one for each way in which its parameters are filled. That it does nothing
 * is a finding only when none of them does anything. `rules` are all that may have the same origin.
 */
export function commonFindings(findings: readonly LintFinding[], rules: readonly RuleIr[]): readonly LintFinding[] {
  const originOf = (one: { readonly file: string }, id: string): string => `${one.file} ${id}`;
  const instances = Map.groupBy(rules, (rule) => originOf(rule, rule.id));
  const found = Map.groupBy(findings, (one) => `${one.code} ${one.path} ${originOf(one, one.policy ?? '')}`);
  return findings.filter((one) => {
    if (one.policy === undefined || EACH.has(one.code)) return true;
    const told = found.get(`${one.code} ${one.path} ${originOf(one, one.policy)}`)?.length ?? 0;
    return told >= (instances.get(originOf(one, one.policy))?.length ?? 0);
  });
}

/** What is worth telling of every rule by itself. */
const EACH: ReadonlySet<string> = new Set([
  'LINT_ALLOW_ALWAYS',
  'LINT_ALLOW_BROAD',
  'LINT_ALLOW_BY_EXCLUSION',
  'LINT_TIE',
]);

function witnessed(text: FindingText, reach: Reach): FindingText {
  return reach.reached === 'yes' ? { ...text, witness: reach.request } : text;
}

interface ReachContext {
  readonly views: readonly RuleView[];
  readonly sets: readonly (readonly RuleView[])[];
  readonly solver: Solver;
  readonly engine: Engine | undefined;
}

function reachFindings(view: RuleView, reach: Reach, { sets, solver, engine }: ReachContext): readonly FindingText[] {
  switch (reach.reached) {
    case 'unknown':
      return [];
    case 'never':
      return [unsatisfiable(view, solver)];
    case 'no':
      return [coveredFinding(view, reach.by, solver)];
    case 'yes':
      return overruled(view, reach.request, { sets, solver, engine });
  }
}

function unsatisfiable({ rule, matters }: RuleView, solver: Solver): FindingText {
  const errs = solver.ask(matters).answer === 'yes';
  const rest = errs ? '; it only stops requests for which it cannot be evaluated' : '';
  return {
    code: 'LINT_UNSATISFIABLE',
    message: `the condition of "${rule.name}" can never hold${rest}`,
    path: placeOf(rule),
  };
}

/** Where the condition of a rule stands. */
function placeOf(rule: RuleIr): string {
  return rule.kind === undefined ? 'when' : 'config';
}

function coveredFinding(view: RuleView, by: readonly RuleView[], solver: Solver): FindingText {
  const { rule } = view;
  const related = by.map((one) => one.rule);
  const [only] = by;
  if (only === undefined || by.length > 1) {
    const names = related.map(({ id, line, file }) => `${id} (${file}:${line})`).join(', ');
    return {
      code: 'LINT_UNREACHABLE',
      message: `"${rule.name}" never has a say: ${names} together decide before it`,
      related,
    };
  }
  const place = `"${only.rule.name}" (${only.rule.file}:${only.rule.line})`;
  const same = solver.ask(every(only.holds, not(view.holds))).answer === 'no';
  const agree = JSON.stringify(only.rule.effect) === JSON.stringify(rule.effect);
  const opposed = isAllow(only.rule) ? isBlocking(rule) : isAllow(rule) && isBlocking(only.rule);
  if (same && agree) return { code: 'LINT_DUPLICATE', message: `"${rule.name}" says the same as ${place}`, related };
  if (same && opposed && only.rule.priority === rule.priority) {
    const message = `"${rule.name}" (${rule.effect.type}) and ${place} (${only.rule.effect.type}) have the same condition and the same priority ${rule.priority}`;
    return { code: 'LINT_CONTRADICTORY', message, related };
  }
  const message = `"${rule.name}" (${rule.effect.type}) never has a say: ${place} (${only.rule.effect.type}) covers everything that it speaks of`;
  // Where both do the same, nothing is let through or stopped that should not be.
  const severity = only.rule.effect.type === rule.effect.type ? ({ severity: 'warning' } as const) : {};
  return { code: 'LINT_SHADOWED', message, related, ...severity };
}

function overruled(
  view: RuleView,
  request: ContextualRequest,
  { sets, solver, engine }: Omit<ReachContext, 'views'>,
): readonly FindingText[] {
  if (!isAllow(view.rule) || engine === undefined || engine.evaluate(request).effect === 'allow') return [];
  const by = overruledBy(view, sets, { stopped: request, solver });
  if (by === undefined) return [];
  const names = by.map(({ rule, set }) => `${set.layer}/${rule.id}`).join(', ');
  const message = `"${view.rule.name}" allows nothing: ${names} stops everything that it speaks of`;
  return [{ code: 'LINT_OVERRULED', message, related: by.map(({ rule }) => rule), witness: request }];
}

/** Pairs of opposite effect and equal priority that some request meets at once. */
function tieFindings(views: readonly RuleView[], solver: Solver): readonly (readonly [RuleView, FindingText])[] {
  if (views[0]?.set.combining === 'deny_overrides') return [];
  const found: (readonly [RuleView, FindingText])[] = [];
  const groups = Map.groupBy(
    views.filter(({ decides }) => decides !== undefined),
    ({ rule }) => rule.priority,
  );
  for (const group of groups.values()) {
    if (group.length > MAX_TIED) continue;
    for (const [index, later] of group.entries()) {
      for (const earlier of group.slice(0, index)) {
        if (isAllow(earlier.rule) === isAllow(later.rule) || !(isBlocking(earlier.rule) || isBlocking(later.rule)))
          continue;
        const both = solver.ask(every(earlier.holds, later.holds));
        if (both.answer !== 'yes') continue;
        const message = `"${later.rule.name}" (${later.rule.effect.type}) and "${earlier.rule.name}" (${earlier.rule.effect.type}, ${earlier.rule.file}:${earlier.rule.line}) have the same priority ${later.rule.priority}, and the second counts only because of its date or its slug`;
        found.push([
          later,
          { code: 'LINT_TIE', message, path: 'priority', witness: both.request, related: [earlier.rule] },
        ]);
      }
    }
  }
  return found;
}

function defaultAllow(file: string): LintFinding {
  const message = 'default: allow lets everything pass that no policy speaks of';
  return {
    code: 'LINT_DEFAULT_ALLOW',
    severity: 'warning',
    message,
    suggestion: 'say default: deny and allow what is meant',
    path: 'default',
    file,
    line: 1,
    column: 1,
    related: [],
  };
}

/** A pack that is used for several environments is one file with one finding. */
function distinct(findings: readonly LintFinding[]): readonly LintFinding[] {
  return [
    ...new Map(
      findings.map((one) => [`${one.code} ${one.file}:${one.line}:${one.column} ${one.message}`, one]),
    ).values(),
  ];
}

/** Orders findings as an author reads. */
export function compareFindings(a: LintFinding, b: LintFinding): number {
  if (a.file !== b.file) return a.file < b.file ? -1 : 1;
  return a.line - b.line || a.column - b.column || (a.code < b.code ? -1 : 1);
}
