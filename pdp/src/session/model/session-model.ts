/**
 * What a session remembers and what follows from it (contracts §9). Pure: no I/O, no clock; the same events in the same order
 * give the same state in every decision point that holds the same key.
 */

import {
  type CanonicalRequest,
  type Facts,
  type Json,
  kindOf,
  type PastAttempt,
  type Provenance,
  type TaskScope,
} from '@portcullis/policy/model';
import type { ToolAnnotations } from './annotations.js';
import type { Attempted, DeclaredTask, Endorsed, Opened, Resulted, SessionEvent } from './events.js';
import { intentsOf } from './intents.js';
import { leavesOf } from './leaves.js';
import { codedReadings, isLeaf, isWithin, type Placing, remember, withText } from './memory.js';
import { type Memory, originOf, USER, VALUE_LABELS } from './provenance.js';
import { isFetch, isOneTimeCode } from './roles.js';
import { type Belief, type Expected, SESSION_CAPS, type SessionState } from './state.js';
import { type SpokenValue, valuesOf } from './values.js';
import { createWordCodes, type WordCodes, wordsOf } from './words.js';

/** What a session says about a request. */
export interface SessionFacts {
  readonly facts: Facts;
  /** Labels of the session, for `context.labels`; to be united with what the caller says. */
  readonly labels: readonly string[];
}

/** What the model is made of. */
export interface SessionModelParts {
  /** At least 32 bytes; the same in every decision point of a cluster. Values are remembered only as HMACs under it. */
  readonly key: Uint8Array;
}

/** The reducer and what is read from it. */
export interface SessionModel {
  /** The state after an event. Never throws for what a result or an argument contains; costs time in proportion to it. */
  afterEvent(state: SessionState, event: SessionEvent): SessionState;
  /** The facts about a request that is now asked about; the request is not yet an attempt of the state. */
  factsFrom(state: SessionState, request: CanonicalRequest, annotations: ToolAnnotations | undefined): SessionFacts;
}

const MIN_KEY_BYTES = 32;

/** @throws RangeError for a key that is too short. */
export function createSessionModel({ key }: SessionModelParts): SessionModel {
  if (key.byteLength < MIN_KEY_BYTES) throw new RangeError(`the key has ${key.byteLength} of ${MIN_KEY_BYTES} bytes`);
  const codes = createWordCodes(key);
  const reduce = (state: SessionState, event: SessionEvent): SessionState => {
    switch (event.type) {
      case 'opened':
        return afterOpened(state, event, codes);
      case 'attempted':
        return afterAttempted(withTaskOf(state, event.request, codes), event, codes);
      case 'resulted':
        return afterResulted(state, event, codes);
      case 'endorsed':
        return afterEndorsed(state, event, codes);
    }
  };
  return {
    afterEvent: (state, event) => ({ ...reduce(state, event), epoch: state.epoch + 1 }),
    factsFrom: (state, request, annotations) =>
      factsFrom(withTaskOf(state, request, codes), request, annotations, codes),
  };
}

/** The user and the task that a request comes with; worked out once for as long as they stay the same. */
function withTaskOf(state: SessionState, { user, context }: CanonicalRequest, codes: WordCodes): SessionState {
  if (user === undefined && context.task === undefined) return state;
  const { prompt, tools, user: seen } = context.task ?? {};
  const task = codes.digest(JSON.stringify([user ?? null, context.task ?? null]));
  if (task === state.task) return state;
  const known = { user: [{ ...user } as unknown as Json, seen ?? null] };
  const said = typeof prompt === 'string' ? { prompt } : {};
  const scope = tools === undefined ? {} : { task: { tools: isTexts(tools) ? tools : [] } };
  return { ...afterOpened(state, { type: 'opened', ...known, ...said, ...scope }, codes), task };
}

function isTexts(value: Json): value is readonly string[] {
  return Array.isArray(value) && value.every((one) => typeof one === 'string');
}

function afterOpened(state: SessionState, { prompt, user, task }: Opened, codes: WordCodes): SessionState {
  let next = state;
  if (prompt !== undefined) {
    const intents = [...new Set([...state.intents, ...intentsOf(prompt)])];
    next = { ...next, user: withText(next.user, prompt, codes), intents };
  }
  for (const { text } of user === undefined ? [] : leavesOf(user)) {
    next = { ...next, user: withText(next.user, text, codes), self: withText(next.self, text, codes) };
  }
  const scope = narrowed(state.scope, task);
  return scope === undefined ? next : { ...next, scope };
}

function narrowed(scope: readonly string[] | undefined, task: DeclaredTask | undefined): readonly string[] | undefined {
  if (task?.tools === undefined) return scope;
  const declared = [...new Set(task.tools)];
  if (declared.length > SESSION_CAPS.scopeTools) return [];
  return scope === undefined ? declared : scope.filter((tool) => declared.includes(tool));
}

function afterAttempted(state: SessionState, event: Attempted, codes: WordCodes): SessionState {
  const { request, effect, annotations } = event;
  const attempts = [...state.attempts, pastAttempt(event)].slice(-SESSION_CAPS.attempts);
  if (effect !== 'allow') return { ...state, attempts };
  const values = valuesOf(request, annotations);
  const memory = memoryOf(state, request, codes);
  const coming: Expected = {
    attempt: attemptName(request),
    steered: values.some((value) => isSteering(memory, value)),
    isDocument: isFetch(request),
  };
  const next = { ...state, attempts, expected: [...state.expected, coming].slice(-SESSION_CAPS.open) };
  if (annotations?.effect === 'read') return next;
  const isHandover = values.some(({ argument, value }) => isOneTimeCode(argument, value));
  const waiting = state.pending.indexOf(request.tool?.server ?? '');
  return {
    ...next,
    pending: isHandover ? state.pending.filter((_, index) => index !== waiting) : state.pending,
    totals: totalsWith(state, request, annotations, values, codes),
    destinations: destinationsWith(state, values, codes),
  };
}

function afterResulted(
  state: SessionState,
  { request, result, annotations }: Resulted,
  codes: WordCodes,
): SessionState {
  const origin = originName(request);
  const attempt = attemptName(request);
  const coming = state.expected.filter((one) => one.attempt === attempt);
  // What nobody expected, or no longer, may have been asked for by anybody.
  const steered = coming.length === 0 || coming.some((one) => one.steered);
  const isDocument = coming.length === 0 || coming.some((one) => one.isDocument);
  if (result === null) return afterUnknown(state, annotations);
  const leaves = leavesOf(result, isDocument);
  const output = annotations?.output;
  const principals = new Map(
    leaves
      .filter(({ name }) => name !== undefined && isPrincipal(name, annotations))
      .map(({ item, text }) => [item, text]),
  );
  const placed = leaves.map(({ text, kind, name, item }) => {
    const principal = principals.get(item);
    const isOwn = output?.principal_fields !== undefined && principal !== undefined && isUser(state, principal, codes);
    const isDeclared = output?.from === 'trusted' || (name !== undefined && output?.trusted_fields?.includes(name));
    let belief: Belief = kind;
    if (isDeclared || isOwn) belief = 'trusted';
    else if (name !== undefined && isPrincipal(name, annotations) && !isNamed(state, text, codes)) belief = 'prose';
    return { placing: { origin, belief, steered } satisfies Placing, text };
  });
  const isUntrusted = placed.some(({ placing, text }) => (placing.belief === 'prose' || steered) && text !== '');
  const labels = [...state.labels, ...(output?.labels ?? []), ...(isUntrusted ? [VALUE_LABELS.untrusted] : [])];
  const asksForCode = annotations?.effect !== 'read' && !steered && leaves.some(({ text }) => ASKS_FOR_CODE.test(text));
  const server = request.tool?.server;
  return {
    ...remember(state, placed, codes),
    expected: state.expected.filter((one) => one.attempt !== attempt),
    labels: boundedLabels(labels),
    ...(asksForCode && server !== undefined ? { pending: [...state.pending, server].slice(-SESSION_CAPS.open) } : {}),
  };
}

/** Nobody knows what came back, so it may have been anything that the tool can bring. */
function afterUnknown(state: SessionState, annotations: ToolAnnotations | undefined): SessionState {
  const isTrusted = annotations?.output?.from === 'trusted';
  const labels = [
    ...state.labels,
    ...(annotations?.output?.labels ?? []),
    ...(isTrusted ? [] : [VALUE_LABELS.untrusted]),
  ];
  return { ...state, overflow: state.overflow || !isTrusted, labels: boundedLabels(labels) };
}

/** Labels that policies of ours read come first: they are never the ones left out. */
function boundedLabels(labels: readonly string[]): readonly string[] {
  const unique = [...new Set(labels)];
  if (unique.length <= SESSION_CAPS.labels) return unique;
  const isFirst = (label: string): boolean => label === VALUE_LABELS.untrusted;
  return [...unique.filter(isFirst), ...unique.filter((label) => !isFirst(label))].slice(0, SESSION_CAPS.labels);
}

/** How services say that an operation waits for a code. */
const ASKS_FOR_CODE =
  /\b(?:one[- ]time (?:password|code|passcode)|otp|2fa|two[- ]factor|verification (?:code|email|e-mail)|(?:verify|confirm|authenticate) (?:your|the|this|it|account|identity))\b/iu;

function afterEndorsed(state: SessionState, { request }: Endorsed, codes: WordCodes): SessionState {
  const words = valuesOf(request, undefined)
    .flatMap(({ value }) => codedReadings(String(value), codes))
    .filter((coded) => coded !== '');
  return {
    ...state,
    endorsed: [...state.endorsed, { origin: originName(request), words: `|${words.join('|')}|` }].slice(
      -SESSION_CAPS.open,
    ),
  };
}

function factsFrom(
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

function totalsWith(
  state: SessionState,
  request: CanonicalRequest,
  annotations: ToolAnnotations | undefined,
  values: readonly SpokenValue[],
  codes: WordCodes,
): { readonly [name: string]: number } {
  const amount = annotations?.amount === undefined ? undefined : request.tool?.arguments?.[annotations.amount];
  const isWrite = annotations?.effect !== 'read';
  return {
    amount: (state.totals['amount'] ?? 0) + (typeof amount === 'number' && amount > 0 ? amount : 0),
    destinations: destinationsWith(state, values, codes).length,
    writes: (state.totals['writes'] ?? 0) + (isWrite ? 1 : 0),
  };
}

function destinationsWith(state: SessionState, values: readonly SpokenValue[], codes: WordCodes): readonly string[] {
  const reached = values
    .filter(({ role }) => role === 'destination')
    .map(({ value }) => codes.encode(wordsOf(String(value)).slice(0, 32)));
  return [...new Set([...state.destinations, ...reached])].slice(0, SESSION_CAPS.destinations);
}

/** Whether somebody else's text chose what is asked for. What is said or stored does not choose, and a number hardly does. */
function isSteering(memory: Memory, value: SpokenValue): boolean {
  if (typeof value.value !== 'string' || value.role === 'payload') return false;
  return originOf(memory, value).labels.includes(VALUE_LABELS.untrusted);
}

function memoryOf(state: SessionState, request: CanonicalRequest, codes: WordCodes): Memory {
  return { state, codes, tool: originName(request), intents: intentsOf(request.tool?.name ?? '') };
}

function attemptName(request: CanonicalRequest): string {
  return `${originName(request)} ${request.context.request_id}`;
}

const PRINCIPAL = /^(?:sender|from|author|reply_to|sent_by|posted_by)$/iu;

function isPrincipal(name: string, annotations: ToolAnnotations | undefined): boolean {
  return annotations?.output?.principal_fields?.includes(name) ?? PRINCIPAL.test(name);
}

function isUser(state: SessionState, principal: string, codes: WordCodes): boolean {
  return (
    principal === 'me' || codedReadings(principal, codes).some((coded) => coded !== '' && isLeaf(state.self, coded))
  );
}

/** Whether the user speaks of somebody by name or address. */
function isNamed(state: SessionState, principal: string, codes: WordCodes): boolean {
  const [local = ''] = principal.split('@');
  return wordsOf(local).some((word) => word.length > 2 && isWithin(state.user, codes.encode([word])));
}

/** `tool:<server>/<name>`. */
function originName({ tool }: CanonicalRequest): string {
  return `tool:${tool?.server ?? ''}/${tool?.name ?? ''}`;
}

function pastAttempt({ request, effect, at, annotations }: Attempted): PastAttempt {
  const { tool, egress, request: inference } = request;
  return {
    kind: kindOf(request),
    ...(tool?.server === undefined ? {} : { server: tool.server }),
    ...(tool?.name === undefined ? {} : { tool: tool.name }),
    ...(tool?.operation === undefined ? {} : { operation: tool.operation }),
    ...(egress?.host === undefined ? {} : { host: egress.host }),
    ...(inference?.model === undefined ? {} : { model: inference.model }),
    effect,
    at,
    ...(annotations?.output?.labels === undefined ? {} : { labels: annotations.output.labels }),
  };
}
