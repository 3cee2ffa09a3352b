import { type CanonicalRequest, type Facts, kindOf, type Provenance, type TaskScope } from '@portcullis/policy/model';
import { memoryOf } from './after-attempt.js';
import type { ToolAnnotations } from './annotations.js';
import { isDisclaimed } from './declared-scope.js';
import { intentsOf } from './intents.js';
import { originOf, USER } from './provenance.js';
import { isOneTimeCode } from './roles.js';
import type { SessionState } from './state.js';
import { totalsWith } from './totals.js';
import { type SpokenValue, valuesOf } from './values.js';
import type { WordCodes } from './words.js';

/** What a session says about a request. */
export interface SessionFacts {
  readonly facts: Facts;
  /** Labels of the session, for `context.labels`; to be united with what the caller says. */
  readonly labels: readonly string[];
}

/** What follows from a state about a request. */
export function factsFrom(
  state: SessionState,
  request: CanonicalRequest,
  annotations: ToolAnnotations | undefined,
  codes: WordCodes,
): SessionFacts {
  const values = valuesOf(request, annotations);
  const memory = memoryOf(state, request, codes);
  const provenance = values.map((value): Provenance => {
    const { path, role } = value;
    return { path, role, ...originOf(memory, value) };
  });
  const scope = scopeOf(state, request, values, provenance);
  return {
    facts: {
      history: state.attempts,
      provenance,
      sinks: [...new Set([...reachedBy(request, annotations, values), ...(annotations?.sinks ?? [])])],
      ...(scope === undefined ? {} : { task_scope: scope }),
      totals: totalsWith(state, request, annotations, values, codes),
    },
    labels: state.labels,
  };
}

/** What an attempt reaches by its kind, whatever is declared of the tool. */
function reachedBy(
  request: CanonicalRequest,
  annotations: ToolAnnotations | undefined,
  values: readonly SpokenValue[],
): readonly string[] {
  const kind = kindOf(request);
  if (kind === 'egress') return ['egress'];
  if (kind === 'inference') return ['external_model'];
  if (kind === 'a2a') return ['external_message'];
  if (kind !== 'tool_call') return [];
  if (annotations?.effect !== 'read') return ['write'];
  return values.some(({ role }) => role === 'destination') ? ['fetch'] : [];
}

function scopeOf(
  state: SessionState,
  request: CanonicalRequest,
  values: readonly SpokenValue[],
  provenance: readonly Provenance[],
): TaskScope | undefined {
  const { server = '', name } = request.tool ?? {};
  if (name === undefined || kindOf(request) !== 'tool_call') return undefined;
  if (isDisclaimed(request, server, name)) return 'outside';
  const telling = values.filter(({ role }) => TELLING.includes(role));
  const [first] = telling;
  const isCode = first !== undefined && isOneTimeCode(first.argument, first.value);
  if (isCode && telling.length === 1 && state.pending.includes(server)) return 'continued';
  if (isInScope(state, server, name)) return 'inside';
  const spoken = provenance.filter(({ role }) => role !== undefined && TELLING.includes(role));
  const isNamed =
    telling.length > 0 && spoken.length === telling.length && spoken.every(({ origin }) => origin === USER);
  if (isNamed) return 'named';
  return state.scope === undefined && state.user === '' ? undefined : 'outside';
}

function isInScope(state: SessionState, server: string, name: string): boolean {
  if (state.scope !== undefined) return state.scope.includes(name) || state.scope.includes(`${server}/${name}`);
  return intentsOf(name).some((intent) => state.intents.includes(intent));
}

/** The roles of values that decide what a call does, and to whom. */
const TELLING: readonly string[] = ['destination', 'identity', 'credential'];
