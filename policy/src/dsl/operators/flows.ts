import type { ContextualRequest, Provenance } from '../../model/facts.js';
import type { Json, JsonObject } from '../../model/request.js';
import type { Field } from '../fields.js';
import { ERROR, TRUE, type Truth, truthOf } from '../truth.js';
import { GLOB_MATCH } from './glob.js';
import { elementsFault, valueFault } from './literal.js';
import type { LinkContext, LiteralFault, OperatorRow } from './row.js';
import { parseValuePath, type ValuePath, valuesBelow } from './value-paths.js';

/** What is asked of the values at some places of a request. */
export interface FlowConstraint {
  /** Where the values stand, e.g. `tool.arguments.to`; everything below it as well. `*` is any one name. */
  readonly paths: readonly string[];
  /** Globs: a value that came from anywhere else offends. */
  readonly allowed_origins?: readonly string[];
  /** Globs: a value that came from there offends. */
  readonly denied_origins?: readonly string[];
  /** Globs: a value with such a label offends. */
  readonly denied_labels?: readonly string[];
  /** What is known of a value counts only where the value has one of these roles, or nobody knows its role. */
  readonly roles?: readonly string[];
}

/** The literal of `flows`. */
export interface FlowQuestion {
  readonly constraints: readonly FlowConstraint[];
  /** Globs: a value with such a label never offends by what is known of it. */
  readonly endorsed: readonly string[];
  /** Whether a text or number whose origin nobody knows offends. */
  readonly unknown: 'block' | 'ignore';
}

/**
 * `flows`: some value of the request offends by where it came from. A value is spoken of by every entry of the provenance
 * whose path is its own or one above it, and each of them must be in order. It reads the request at the constraints' paths:
 * a condition that uses it asks for these fields as well, so that they are known to be read.
 */
export const FLOWS: OperatorRow = {
  fields: ['object'],
  internal: true,
  check: questionFault,
  link: (literal, field, context) => {
    const { constraints, endorsed, unknown } = literal as unknown as FlowQuestion;
    const isEndorsed = linkGlobs(endorsed, field, context);
    const linked = constraints.map((constraint) => ({
      paths: constraint.paths.map(readPath),
      offends: linkConstraint(constraint, field, context),
    }));
    return (value, request): Truth => {
      const known = readProvenance(value);
      if (known === undefined) return ERROR;
      return truthOf(
        linked.some(({ paths, offends }) =>
          paths.some((path) => someOffends(path, request, { known, offends, isEndorsed, unknown })),
        ),
      );
    };
  },
};

/** What is known of values, by the place it speaks of. */
type Known = ReadonlyMap<string, readonly Provenance[]>;

type TextTest = (text: string) => boolean;

interface Judge {
  readonly known: Known;
  readonly offends: (entry: Provenance) => boolean;
  readonly isEndorsed: TextTest;
  readonly unknown: FlowQuestion['unknown'];
}

function someOffends(pattern: ValuePath, request: ContextualRequest, judge: Judge): boolean {
  return valuesBelow(request as unknown as Json, pattern).some(({ path, value }) => {
    const entries = spokenOf(path, judge.known);
    if (entries.length > 0) {
      return entries.some((entry) => !entry.labels.some(judge.isEndorsed) && judge.offends(entry));
    }
    // A truth value or an absence says too little to carry anything.
    return judge.unknown === 'block' && (typeof value === 'string' || typeof value === 'number');
  });
}

/** The entries for a value's own place and for those above it. */
function spokenOf(path: ValuePath, known: Known): readonly Provenance[] {
  const entries: Provenance[] = [];
  let key = '';
  for (const part of path) {
    key += keyOf(part);
    entries.push(...(known.get(key) ?? []));
  }
  return entries;
}

/** An element's number is not the name of a member. */
function keyOf(part: string | number): string {
  return typeof part === 'number' ? `#${part}\0` : `.${part}\0`;
}

function linkConstraint(
  constraint: FlowConstraint,
  field: Field,
  context: LinkContext,
): (entry: Provenance) => boolean {
  const { allowed_origins: allowed, denied_origins: denied, denied_labels: labels, roles } = constraint;
  const isAllowed = allowed === undefined ? () => true : linkGlobs(allowed, field, context);
  const isDenied = linkGlobs(denied ?? [], field, context);
  const isDeniedLabel = linkGlobs(labels ?? [], field, context);
  const isMeant = ({ role }: Provenance): boolean => roles === undefined || role === undefined || roles.includes(role);
  return (entry) =>
    isMeant(entry) && (!isAllowed(entry.origin) || isDenied(entry.origin) || entry.labels.some(isDeniedLabel));
}

function linkGlobs(globs: readonly string[], field: Field, context: LinkContext): TextTest {
  if (globs.length === 0) return () => false;
  const matches = GLOB_MATCH.link(globs, field, context);
  return (text) => matches(text, NOBODY) === TRUE;
}

/** A glob asks a text only. */
const NOBODY = {} as ContextualRequest;

function readPath(text: string): ValuePath {
  const path = parseValuePath(text);
  if (path === undefined) throw new TypeError(`not a path: ${text}`);
  return path;
}

function readProvenance(value: Json): Known | undefined {
  if (!Array.isArray(value)) return undefined;
  const known = new Map<string, Provenance[]>();
  for (const element of value as readonly Json[]) {
    const entry = element as unknown as Partial<Provenance> | null;
    const path = typeof entry?.path === 'string' ? parseValuePath(entry.path) : undefined;
    // An entry that cannot be read might be the one that speaks against a value.
    if (path === undefined || typeof entry?.origin !== 'string' || !isTexts(entry.labels)) return undefined;
    if (entry.role !== undefined && typeof entry.role !== 'string') return undefined;
    const key = path.map(keyOf).join('');
    const others = known.get(key);
    if (others === undefined) known.set(key, [entry as Provenance]);
    else others.push(entry as Provenance);
  }
  return known;
}

function isTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every((text) => typeof text === 'string');
}

function questionFault(literal: Json | undefined, field: Field): LiteralFault | undefined {
  const { constraints } = (literal ?? {}) as JsonObject;
  return elementsFault(constraints, (element) => {
    const constraint = element as JsonObject;
    const paths = elementsFault(constraint['paths'], (path) =>
      typeof path === 'string' && parseValuePath(path) !== undefined ? undefined : valueFault('expected a path'),
    );
    if (paths !== undefined) return { ...paths, at: ['paths', ...paths.at] };
    const { roles } = constraint;
    if (roles !== undefined && !(Array.isArray(roles) && isTexts(roles)))
      return { ...valueFault('expected texts'), at: ['roles'] };
    for (const key of ['allowed_origins', 'denied_origins', 'denied_labels']) {
      const fault = constraint[key] === undefined ? undefined : GLOB_MATCH.check(constraint[key], field);
      if (fault !== undefined) return { ...fault, at: [key, ...fault.at] };
    }
    return undefined;
  });
}
