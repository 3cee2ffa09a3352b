/** What `sequence` and `flow` policies mean, written as plainly as possible and without the engine's code. */
import type { ContextualRequest, Json, JsonObject } from '@portcullis/policy/model';
import {
  ask,
  at,
  every,
  type Holds,
  isList,
  isMissing,
  isOneOf,
  isText,
  isTexts,
  isThere,
  not,
  some,
} from './reference-holds.js';
import { matchesName } from './reference-values.js';

type Pattern = Readonly<Record<string, string | readonly string[] | number | undefined>>;
const PAST = ['kind', 'server', 'tool', 'operation', 'host', 'model', 'effect', 'labels'];
const NOW: Readonly<Record<string, string>> = {
  kind: 'kind',
  server: 'tool.server',
  tool: 'tool.name',
  operation: 'tool.operation',
  host: 'egress.host',
  model: 'request.model',
};

function globsOf(pattern: Pattern, key: string): readonly string[] | undefined {
  const value = pattern[key];
  return typeof value === 'string' ? [value] : (value as readonly string[] | undefined);
}

function isLike(pattern: Pattern, attempt: JsonObject): boolean {
  return PAST.every((key) => {
    const globs = globsOf(pattern, key) ?? (key === 'effect' ? ['allow'] : undefined);
    if (globs === undefined) return true;
    const value = attempt[key];
    const texts = Array.isArray(value) ? (value as readonly string[]) : [value as string | undefined];
    return texts.some((text) => text !== undefined && globs.some((glob) => matchesName(text, glob)));
  });
}

function isAttempt(value: Json): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  return PAST.every((key) => {
    const part = (value as JsonObject)[key];
    return part === undefined || (key === 'labels' ? isTexts(part) : typeof part === 'string');
  });
}

/** Whether the attempts hold the steps, in order and each by an attempt of its own. */
function holdsSteps(attempts: readonly JsonObject[], steps: readonly Pattern[]): boolean {
  const [first, ...rest] = steps;
  if (first === undefined) return true;
  return attempts.some((attempt, index) => isLike(first, attempt) && holdsSteps(attempts.slice(index + 1), rest));
}

function timeOf(instant: Json | undefined): number {
  return typeof instant === 'string' && instant.includes('T') ? Date.parse(instant) : Number.NaN;
}

/** Whether an attempt violates a `sequence` policy. */
export function violatesSequence(config: JsonObject, request: ContextualRequest): Holds {
  const {
    after,
    forbid,
    require,
    until,
    within_seconds,
    within_calls,
    unknown = 'block',
  } = config as unknown as {
    readonly after: Pattern | readonly Pattern[];
    readonly forbid?: Pattern;
    readonly require?: Pattern;
    readonly until?: Pattern;
    readonly within_seconds?: number;
    readonly within_calls?: number;
    readonly unknown?: string;
  };
  const steps = ([after].flat() as readonly Pattern[]).flatMap((step) =>
    Array.from({ length: (step['times'] as number | undefined) ?? 1 }, () => step),
  );
  const speaks = every(
    Object.entries(NOW).flatMap(([key, path]) => {
      const globs = globsOf(forbid ?? require ?? {}, key);
      return globs === undefined ? [] : [isOneOf(request, path, globs)];
    }),
  );
  const instant = at(request, 'context.timestamp');
  const came = ask(request, 'facts.history', isList, (history): Holds => {
    if (!history.every(isAttempt)) return 'error';
    let counted = (within_calls === undefined ? history : history.slice(-within_calls)) as readonly JsonObject[];
    if (within_seconds !== undefined) {
      const now = timeOf(typeof instant === 'object' ? instant.value : undefined);
      const times = counted.map((attempt) => timeOf(attempt['at']));
      if ([now, ...times].some(Number.isNaN)) return 'error';
      counted = counted.filter((_, index) => (times[index] ?? 0) >= now - within_seconds * 1000);
    }
    const end = until === undefined ? -1 : counted.findLastIndex((attempt) => isLike(until, attempt));
    return holdsSteps(counted.slice(Math.max(end, 0)), steps);
  });
  const missing = some([
    isMissing(request, 'facts.history'),
    ...(within_seconds === undefined ? [] : [isMissing(request, 'context.timestamp')]),
  ]);
  const wrong = require === undefined ? came : not(came);
  return every([speaks, unknown === 'block' ? some([missing, wrong]) : every([not(missing), wrong])]);
}

interface FlowArgument {
  readonly paths: readonly string[];
  readonly allowed_origins?: readonly string[];
  readonly denied_origins?: readonly string[];
  readonly denied_labels?: readonly string[];
  readonly roles?: readonly string[];
}

interface Placed {
  readonly path: string;
  readonly value: Json;
}

/** Every text, number, truth value and null, and its path as provenance spells it. */
function leavesOf(value: Json, path: string): readonly Placed[] {
  if (typeof value !== 'object' || value === null) return [{ path, value }];
  if (Array.isArray(value)) return value.flatMap((one: Json, index) => leavesOf(one, `${path}[${index}]`));
  return Object.entries(value).flatMap(([name, one]) => leavesOf(one, path === '' ? name : `${path}.${name}`));
}

function isBelow(path: string, above: string): boolean {
  return path === above || path.startsWith(`${above}.`) || path.startsWith(`${above}[`);
}

/** A pattern's `*` is one name or element; elements of lists need not be named. */
function isMeant(path: string, pattern: string): boolean {
  const names = pattern
    .split('.')
    .map((name) => (name === '*' ? '[^.[\\]]+' : name.replaceAll(/[[\]]/g, '\\$&').replaceAll('*', '\\d+')));
  return new RegExp(`^${names.join('(\\[\\d+\\])*\\.')}($|[.[])`).test(path);
}

/** Whether an attempt violates a `flow` policy. */
export function violatesFlow(config: JsonObject, request: ContextualRequest): Holds {
  const {
    sinks,
    labels,
    all_labels,
    task_scope,
    arguments: constraints,
    unless = {},
    unknown = 'block',
  } = config as unknown as {
    readonly sinks: readonly string[];
    readonly labels?: readonly string[];
    readonly all_labels?: readonly string[];
    readonly task_scope?: readonly string[];
    readonly arguments?: readonly FlowArgument[];
    readonly unless?: {
      readonly labels?: readonly string[];
      readonly argument_labels?: readonly string[];
      readonly task_scope?: readonly string[];
    };
    readonly unknown?: string;
  };
  const orUnknown = (path: string, held: Holds): Holds =>
    unknown === 'block' ? some([isMissing(request, path), held]) : held;
  const anyOf = (path: string, wanted: readonly string[]): Holds =>
    ask(request, path, isTexts, (has) => wanted.some((one) => has.some((label) => matchesName(label, one))));
  const parts: Holds[] = [orUnknown('facts.sinks', anyOf('facts.sinks', sinks))];
  if (labels !== undefined) parts.push(orUnknown('context.labels', anyOf('context.labels', labels)));
  if (all_labels !== undefined) {
    const held = ask(request, 'context.labels', isTexts, (has) =>
      all_labels.every((one) => has.some((label) => matchesName(label, one))),
    );
    parts.push(orUnknown('context.labels', held));
  }
  const isScope = (wanted: readonly string[]): Holds =>
    ask(request, 'facts.task_scope', isText, (scope) => wanted.includes(scope));
  if (task_scope !== undefined) parts.push(orUnknown('facts.task_scope', isScope(task_scope)));
  if (unless.labels !== undefined) parts.push(not(anyOf('context.labels', unless.labels)));
  if (unless.task_scope !== undefined) parts.push(not(isScope(unless.task_scope)));
  if (constraints !== undefined) {
    const endorsed = unless.argument_labels ?? [];
    const found = leavesOf(request as unknown as Json, '');
    const asked = constraints.flatMap((one) => one.paths.map((path) => ({ one, path })));
    parts.push(some(asked.map(({ path }) => isThere(request, path.replace(/[.[]\*.*$/, '')))));
    const offends = ask(request, 'facts.provenance', isList, (entries): Holds => {
      if (!entries.every((entry) => isEntry(entry))) return 'error';
      return asked.some(({ one, path }) =>
        found
          .filter((leaf) => isMeant(leaf.path, path))
          .some((leaf) => offendsWith(leaf, one, { entries: entries as readonly JsonObject[], endorsed, unknown })),
      );
    });
    parts.push(orUnknown('facts.provenance', offends));
  }
  return every(parts);
}

function isEntry(entry: Json): boolean {
  const { path, origin, labels, role } = (entry ?? {}) as JsonObject;
  return (
    typeof path === 'string' &&
    !/^$|^\.|\.\.|\.$/.test(path) &&
    typeof origin === 'string' &&
    labels !== undefined &&
    isTexts(labels) &&
    (role === undefined || typeof role === 'string')
  );
}

function offendsWith(
  leaf: Placed,
  { allowed_origins, denied_origins = [], denied_labels = [], roles }: FlowArgument,
  {
    entries,
    endorsed,
    unknown,
  }: { readonly entries: readonly JsonObject[]; readonly endorsed: readonly string[]; readonly unknown: string },
): boolean {
  const known = entries.filter(({ path }) => isBelow(leaf.path, path as string));
  if (known.length === 0)
    return unknown === 'block' && (typeof leaf.value === 'string' || typeof leaf.value === 'number');
  const isLiked = (text: string, globs: readonly string[]): boolean => globs.some((glob) => matchesName(text, glob));
  return known.some((entry) => {
    const origin = entry['origin'] as string;
    const labels = entry['labels'] as readonly string[];
    const role = entry['role'] as string | undefined;
    if (roles !== undefined && role !== undefined && !roles.includes(role)) return false;
    if (labels.some((label) => isLiked(label, endorsed))) return false;
    if (allowed_origins !== undefined && !isLiked(origin, allowed_origins)) return true;
    return isLiked(origin, denied_origins) || labels.some((label) => isLiked(label, denied_labels));
  });
}
