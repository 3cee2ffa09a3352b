import {
  type BundleDocument,
  compileDocument,
  type PolicySource,
  type RuleIr,
  type SetDocument,
  type SetIr,
} from '@portcullis/policy';
import type { Json } from '@portcullis/policy/model';
import { fileInPack, type Subject } from '../subject.js';
import { isObject } from './edit.js';
import { type MutationKind, mutatePolicy } from './mutate-policy.js';
import { neverTogether, sameRule } from './same-decisions.js';

/** A rule of a subject, and the text it was compiled from. */
export interface Origin {
  readonly set: SetIr;
  readonly rule: RuleIr;
  /** Absent when it cannot be told apart; the rule is then never changed. */
  readonly text?: { readonly source: PolicySource; readonly set: SetDocument };
}

/** What a change is, and where. */
export interface MutantHead {
  readonly kind: MutationKind;
  readonly set: string;
  /** '' when it is the set that was changed. */
  readonly policy: string;
  readonly file: string;
  /** 0 when it is the set that was changed. */
  readonly line: number;
  /** The place inside the policy. */
  readonly path: string;
  /** What was changed, for people. */
  readonly what: string;
}

/** A change of the policies, not yet compiled. */
export interface Draft {
  readonly head: MutantHead;
  /** By the number of the rule: its new text, nothing when it is gone, or what it is compiled to. */
  readonly edits: readonly (
    | { readonly number: number; readonly document: Json | undefined }
    | { readonly number: number; readonly rule: RuleIr }
  )[];
}

/** A change of the policies. */
export interface Mutant {
  /** By the number of the rule; nothing when the rule is gone. */
  readonly changes: ReadonlyMap<number, RuleIr | undefined>;
  /** No decision can differ. */
  readonly equivalent: boolean;
}

/** The rules of a subject with their sources, numbered in the order of sets and of precedence. */
export function originsOf({ document, compiled }: Subject): readonly Origin[] {
  return compiled.sets.flatMap((set) => {
    const setDocument = document.sets.find((candidate) => candidate.name === set.name);
    const byPlace = new Map((setDocument?.policies ?? []).map((source) => [placeOf(source), source]));
    return set.rules.map((rule): Origin => {
      const source = byPlace.get(`${rule.file}:${rule.line}:${rule.column}`);
      const known = source !== undefined && setDocument !== undefined;
      return { set, rule, ...(known ? { text: { source, set: setDocument } } : {}) };
    });
  });
}

function placeOf(source: PolicySource): string {
  const [line, column] = source.at('') ?? [1, 1];
  return `${source.file}:${line}:${column}`;
}

/**
 * Every change of a subject: of the policies that the tests touch first, and spread, so that a run that is cut short
 * has looked at each of them a little.
 * @param isTouched whether some case is not false of the rule of a number
 */
export function planMutants(
  subject: Subject,
  origins: readonly Origin[],
  isTouched: (number: number) => boolean,
): readonly Draft[] {
  const lists = [...origins.map(draftsOf), swapDrafts(origins), setScopeDrafts(subject, origins)];
  const ordered: Draft[] = [];
  const longest = lists.reduce((most, list) => Math.max(most, list.length), 0);
  for (let round = 0; round < longest; round += 1) ordered.push(...lists.flatMap((list) => list[round] ?? []));
  const touched = ordered.filter(({ edits }) => edits.some(({ number }) => isTouched(number)));
  const first = new Set(touched);
  return [...touched, ...ordered.filter((draft) => !first.has(draft))];
}

/**
 * Compiles drafts, each policy by itself; nothing else of the bundle is compiled again. Nothing for a draft that is not
 * a policy any more: it shows nothing about tests.
 */
export function compileDrafts(
  { document }: Subject,
  origins: readonly Origin[],
  drafts: readonly Draft[],
): readonly (Mutant | undefined)[] {
  const texts = drafts.flatMap(({ edits }) =>
    edits.flatMap((edit) => {
      const text = origins[edit.number]?.text;
      return 'document' in edit && edit.document !== undefined && text !== undefined
        ? [{ text, document: edit.document }]
        : [];
    }),
  );
  const rules = compileTexts(document, texts);
  return drafts.map(({ head, edits }) => {
    const changes = new Map<number, RuleIr | undefined>();
    for (const edit of edits) {
      const rule = 'rule' in edit ? edit.rule : edit.document === undefined ? undefined : rules.get(edit.document);
      if (rule === undefined && ('rule' in edit || edit.document !== undefined)) return undefined;
      changes.set(edit.number, rule);
    }
    return { changes, equivalent: isEquivalent(head.kind, changes, origins) };
  });
}

type DraftText = { readonly text: NonNullable<Origin['text']>; readonly document: Json };

/** The rules of changed texts, compiled together; one by one when some of them are no policies. */
function compileTexts(bundle: BundleDocument, texts: readonly DraftText[]): ReadonlyMap<Json, RuleIr> {
  const sets = texts.map(({ text, document }, index) => ({
    ...text.set,
    name: `draft-${index}`,
    policies: [{ ...text.source, document }],
  }));
  const compiled = compileDocument({ ...bundle, sets, modules: [] });
  if (!compiled.ok) {
    return texts.length < 2 ? new Map() : new Map(texts.flatMap((text) => [...compileTexts(bundle, [text])]));
  }
  // Sets are ordered by layer; their names say which text they are.
  return new Map(
    compiled.value.sets.flatMap(({ name, rules: [rule] }) => {
      const document = texts[Number(name.slice('draft-'.length))]?.document;
      return rule === undefined || document === undefined ? [] : [[document, rule] as const];
    }),
  );
}

/** What a set adds to the scope of its policies, and how its leaf is called. */
const SET_SCOPE = { tenant: 'scope.tenant', workspace: 'scope.workspace', environments: 'scope.environments' } as const;

/** Every set without one part of its scope. */
function setScopeDrafts({ document }: Subject, origins: readonly Origin[]): readonly Draft[] {
  const keys = Object.keys(SET_SCOPE) as readonly (keyof typeof SET_SCOPE)[];
  return document.sets.flatMap((set) =>
    keys
      .filter((key) => set[key] !== undefined)
      .flatMap((key): readonly Draft[] => {
        const edits: { readonly number: number; readonly rule: RuleIr }[] = [];
        for (const [number, { set: own, rule, text }] of origins.entries()) {
          // A policy that says it itself keeps it.
          const document = text?.source.document;
          const scope = isObject(document) ? document['scope'] : undefined;
          if (own.name !== set.name || (isObject(scope) && Object.hasOwn(scope, key))) continue;
          edits.push({ number, rule: { ...rule, scope: rule.scope.filter((leaf) => leaf.path !== SET_SCOPE[key]) } });
        }
        if (edits.length === 0) return [];
        const what = `${key} was left out of the set`;
        const place = { set: set.name, policy: '', file: 'bundle.yaml', line: 0, path: key };
        return [{ head: { kind: 'drop_scope', what, ...place }, edits }];
      }),
  );
}

function draftsOf(origin: Origin, number: number): readonly Draft[] {
  if (origin.text === undefined) return [];
  return mutatePolicy(origin.text.source.document).map(({ kind, path, what, document }) => ({
    head: { kind, path, what, ...placeIn(origin, path) },
    edits: [{ number, document }],
  }));
}

function placeIn(
  { set, rule, text }: Origin,
  path: string,
): { readonly set: string; readonly policy: string; readonly file: string; readonly line: number } {
  const line = text?.source.at(path)?.[0] ?? rule.line;
  return { set: set.name, policy: rule.id, file: fileInPack(rule.file), line };
}

/** Neighbours in precedence exchange their priorities. */
function swapDrafts(origins: readonly Origin[]): readonly Draft[] {
  return origins.flatMap((upper, number): readonly Draft[] => {
    const lower = origins[number + 1];
    if (lower === undefined || lower.set !== upper.set || lower.rule.priority === upper.rule.priority) return [];
    const [one, other] = [upper.text?.source.document, lower.text?.source.document];
    if (!isObject(one) || !isObject(other)) return [];
    const what = `the priorities ${upper.rule.priority} and ${lower.rule.priority} of ${upper.rule.id} and ${lower.rule.id} were exchanged`;
    return [
      {
        head: { kind: 'swap_priority', path: 'priority', what, ...placeIn(upper, 'priority') },
        edits: [
          { number, document: { ...one, priority: lower.rule.priority } },
          { number: number + 1, document: { ...other, priority: upper.rule.priority } },
        ],
      },
    ];
  });
}

function isEquivalent(
  kind: MutationKind,
  changes: ReadonlyMap<number, RuleIr | undefined>,
  origins: readonly Origin[],
): boolean {
  const pairs = [...changes].map(([number, to]) => ({ from: (origins[number] as Origin).rule, to }));
  if (pairs.every(({ from, to }) => to !== undefined && sameRule(from, to))) return true;
  const [upper, lower] = pairs;
  if (kind !== 'swap_priority' || upper === undefined || lower === undefined) return false;
  const plain = new Set([upper.from.effect.type, lower.from.effect.type]);
  const alike = plain.size === 1 && (plain.has('allow') || plain.has('log_only'));
  return alike || neverTogether(upper.from, lower.from);
}
