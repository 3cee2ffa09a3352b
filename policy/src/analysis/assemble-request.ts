import type { Field } from '../dsl/fields.js';
import type { ContextualRequest } from '../model/facts.js';
import type { AttemptKind, Json, Source } from '../model/request.js';
import type { Cell } from './cell.js';

type Draft = { [name: string]: Json | Draft };

/** A cell chosen for a field. */
export interface Choice {
  readonly field: Field;
  readonly cell: Cell;
}

const SOURCE_OF_KIND = {
  tool_call: 'mcp_proxy',
  tool_list: 'mcp_proxy',
  resource: 'mcp_proxy',
  prompt: 'mcp_proxy',
  session: 'mcp_proxy',
  inference: 'llm_proxy',
  egress: 'egress_proxy',
  a2a: 'a2a_proxy',
} as const satisfies Record<AttemptKind, Source>;

/**
 * The simplest request with the chosen values. Nothing when two choices cannot stand in one request, or one of them has no
 * sample. That the request does what it was made for is for the engine to say.
 */
export function assembleRequest(choices: readonly Choice[]): ContextualRequest | undefined {
  const draft: Draft = {
    version: '1.0',
    tenant_id: 'tenant-1',
    source: 'mcp_proxy',
    agent: { id: 'agent-1' },
    context: { timestamp: '2026-01-05T12:00:00Z', request_id: 'request-1' },
  };
  // Containers before what is in them, so that a member is never lost to its container.
  const ordered = choices.toSorted((a, b) => a.field.segments.length - b.field.segments.length);
  for (const choice of ordered) if (!place(draft, choice)) return undefined;
  const chosen = new Set(choices.filter(({ cell }) => cell.is === 'value').map(({ field }) => field.path));
  if (!chosen.has('kind')) {
    // Only for people: a request about a model looks like one.
    const kind =
      'request' in draft ? 'inference' : 'egress' in draft ? 'egress' : 'peer' in draft ? 'a2a' : 'tool_call';
    draft['kind'] = chosen.has('source') ? kindOfSource(draft['source']) : kind;
  }
  if (!chosen.has('source')) draft['source'] = SOURCE_OF_KIND[draft['kind'] as AttemptKind] ?? 'mcp_proxy';
  return draft as unknown as ContextualRequest;
}

/** The request with another value, or none, in one field; nothing when the value cannot stand there. */
export function withChoice(request: ContextualRequest, choice: Choice): ContextualRequest | undefined {
  const draft = structuredClone(request) as unknown as Draft;
  take(draft, choice.field.segments.slice(0, (listIndex(choice.field) ?? choice.field.segments.length - 1) + 1));
  return place(draft, choice) ? (draft as unknown as ContextualRequest) : undefined;
}

function take(draft: Draft, [name = '', ...rest]: readonly string[]): void {
  if (rest.length === 0) delete draft[name];
  else if (isDraft(draft[name])) take(draft[name], rest);
}

function kindOfSource(source: unknown): AttemptKind {
  const found = Object.entries(SOURCE_OF_KIND).find(([, one]) => one === source);
  return (found?.[0] as AttemptKind | undefined) ?? 'tool_call';
}

function place(draft: Draft, { field, cell }: Choice): boolean {
  const { segments } = field;
  if (cell.is === 'missing') return true;
  if (cell.is === 'broken') return breakPath(draft, field);
  if (cell.sample === undefined) return false;
  const list = listIndex(field);
  if (list === undefined) return put(draft, segments, cell.sample);
  if (!Array.isArray(cell.sample)) return put(draft, segments.slice(0, list + 1), cell.sample);
  const rest = segments.slice(list + 1);
  const elements = (cell.sample as readonly Json[]).map((value) => nest(rest, value));
  return put(draft, segments.slice(0, list + 1), elements);
}

/** The index of the segment that holds the list whose elements are asked about. */
function listIndex(field: Field): number | undefined {
  return field.each ?? field.quantifiers?.[0]?.at;
}

function nest(names: readonly string[], value: Json): Json {
  return names.toReversed().reduce<Json>((inner, name) => ({ [name]: inner }), value);
}

function put(draft: Draft, names: readonly string[], value: Json): boolean {
  let here: Draft = draft;
  for (const name of names.slice(0, -1)) {
    const next = Object.hasOwn(here, name) ? here[name] : undefined;
    if (next === undefined) {
      const made: Draft = {};
      here[name] = made;
      here = made;
    } else if (isDraft(next)) here = next;
    else return false;
  }
  const last = names.at(-1) ?? '';
  const present = Object.hasOwn(here, last) ? here[last] : undefined;
  const merged = present === undefined ? copy(value) : merge(present, value);
  if (merged === undefined) return false;
  here[last] = merged;
  return true;
}

/** Both values in one: objects by member, lists by element; nothing when they contradict each other. */
function merge(present: Json | Draft, added: Json): Json | Draft | undefined {
  if (Array.isArray(present) && Array.isArray(added)) {
    const longer = present.length >= added.length ? present : added;
    const merged = longer.map((_, index) => {
      const [one, other] = [present[index] as Json | undefined, added[index] as Json | undefined];
      if (one === undefined || other === undefined) return copy((one ?? other) as Json);
      return merge(one, other);
    });
    return merged.includes(undefined) ? undefined : (merged as Json[]);
  }
  if (isDraft(present) && isDraft(added)) {
    const merged: Draft = { ...present };
    for (const [name, value] of Object.entries(added)) {
      const own = merged[name];
      const both = own === undefined ? value : merge(own, value);
      if (both === undefined) return undefined;
      merged[name] = both;
    }
    return merged;
  }
  // The identity of the draft is what a container's own sample adds to.
  return JSON.stringify(present) === JSON.stringify(added) || isDefault(present) ? copy(added) : undefined;
}

const DEFAULTS: readonly unknown[] = ['tenant-1', 'mcp_proxy', 'agent-1', '2026-01-05T12:00:00Z', 'request-1', '1.0'];

function isDefault(value: unknown): boolean {
  return DEFAULTS.includes(value);
}

function copy(value: Json): Json | Draft {
  return typeof value === 'object' && value !== null ? structuredClone(value) : value;
}

function isDraft(value: unknown): value is Draft {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Puts a text where the path wants an object, as deep as it can. */
function breakPath(draft: Draft, field: Field): boolean {
  const list = listIndex(field);
  const depth = list === undefined ? field.segments.length - 1 : list + 1;
  return put(draft, field.segments.slice(0, depth), 'x');
}
