/** Carries out the conditions `redact` and `mask_fields` on messages of MCP and A2A, and on texts of models (contracts §4, §8). */

import {
  applyEdits,
  type ContentKind,
  contentKind,
  dropping,
  type Edit,
  FIELD_TYPE,
  hashing,
  type JsonRedaction,
  jsonEdits,
  masking,
  type Replace,
  redactionRules,
  redactJson,
  restoration,
  typesOfDetectors,
} from '@portcullis/policy/content';
import {
  type Condition,
  type Decision,
  type NerOutcome,
  REDACTION_LAYERS,
  type RedactionLayer,
} from '@portcullis/policy/model';
import type { Clock } from '@portcullis/runtime';
import type { Attempt } from '../enforce/guard.js';
import { A2A_LAYOUT } from './a2a-layout.js';
import type { RedactionConfig } from './config.js';
import type { LayerNotes } from './layers.js';
import type { Look } from './look.js';
import type { MessageLayout } from './message-layout.js';
import { MCP_LAYOUT } from './message-parts.js';
import { MODEL_LAYOUT } from './model-layout.js';
import { NerFailure } from './ner/port.js';
import { type FieldPath, type RedactionOrders, type RedactOrder, readOrders } from './orders.js';
import type { Step } from './steps.js';
import { redactedBy, type TextAnswer, type TextRedaction, textAnswer } from './texts.js';
import { createTokenVault, type TokenBook } from './token-vault.js';

/** Whether what goes to a server or what comes from it was searched. */
export const REDACTION_DIRECTIONS = ['request', 'response'] as const;
/** A direction. */
export type RedactionDirection = (typeof REDACTION_DIRECTIONS)[number];

/** Who hears what was done. Never of values. */
export interface RedactionObserver {
  /** A message was searched; `counts` are the values that were replaced. */
  redacted(
    direction: RedactionDirection,
    bytes: number,
    seconds: number,
    counts: Readonly<Record<string, number>>,
  ): void;
}

/** What has to be redacted in one exchange. */
export interface Redaction {
  /** What goes to the server instead of `payload`. Rejects when it cannot be redacted without changing its meaning. */
  request(payload: string): Promise<string>;
  /** What the agent gets instead of a message of the server. Rejects when it cannot be redacted. */
  response(message: string): Promise<string>;
  /** What is found in texts of the answer that come in pieces; what is ordered of fields has no part in it. */
  texts(): TextAnswer;
  /** Whether fields of the answer are meant: nobody finds one in a piece of its JSON. */
  readonly wantsWholeTexts: boolean;
  /** Whether anything is ordered of the answer. */
  readonly ofAnswers: boolean;
}

/** Redacts as decisions say. */
export interface Redactor {
  /** What a decision orders about an attempt; nothing when it orders nothing. @throws Error when it is not understood */
  plan(decision: Decision, attempt: Attempt): Redaction | undefined;
  /**
   * What conditions order about texts that a surface finds by itself; fields are members of the JSON that a text is.
   * @throws Error when it is not understood
   */
  texts(conditions: readonly Condition[], of: TextScope): TextRedaction;
}

/** Whose texts they are. */
export interface TextScope {
  readonly tenant: string;
  readonly session: string;
  /** What is upstream: placeholders mean nothing to another one. */
  readonly server: string;
  /** For the note of what has searched; none is made without it. */
  readonly decision_id?: string;
}

/** What a redactor needs. */
export interface RedactorOptions {
  readonly config: RedactionConfig;
  /** Of `hash`; at least 32 bytes. */
  readonly hashKey: Uint8Array;
  readonly clock: Clock;
  readonly observer: RedactionObserver;
  /** Whoever knows names; an order that wants it is refused without. */
  readonly look?: Look | undefined;
  /** Told what has searched under a decision. */
  readonly noted?: LayerNotes['note'];
}

/** Different sets of conditions that are kept ready: as many as a bundle has, usually. */
const MAX_READY = 64;

/** The conditions that a redactor carries out. */
export const REDACTION_CONDITIONS: ReadonlySet<string> = new Set([
  'redact',
  'mask_fields',
] satisfies Condition['type'][]);

/** Makes it. */
export function createRedactor(options: RedactorOptions): Redactor {
  const { config, hashKey, clock, observer, look, noted } = options;
  const vault = createTokenVault(config, clock);
  const secretTypes = new Set(typesOfDetectors(['secret']));
  const ready = new Map<string, RedactionOrders>();

  function ordersOf(conditions: readonly Condition[], layout: MessageLayout): RedactionOrders {
    const key = JSON.stringify([layout.name, conditions]);
    const orders = ready.get(key) ?? readOrders(conditions, layout);
    // Patterns alone must not pass for it.
    if (look === undefined && orders.redact.some(({ ner }) => ner))
      throw new TypeError('names are to be found, and redaction.ner is not configured');
    if (ready.size >= MAX_READY && !ready.has(key)) ready.clear();
    ready.set(key, orders);
    return orders;
  }

  function replacing(order: RedactOrder, book: () => TokenBook, scope: string, isTheirs: boolean): Replace {
    switch (order.method) {
      case 'drop':
        return dropping;
      case 'mask':
        return masking({ secretTypes, ...(order.placeholder === undefined ? {} : { placeholder: order.placeholder }) });
      case 'hash':
        return hashing(hashKey, scope);
      case 'tokenize':
        return (value, type) => book().tokenOf(value, type, isTheirs);
    }
  }

  /** Looks, and notes how that went; nothing where the order does not want it. */
  function lookFor({ ner }: RedactOrder, decisionId: string | undefined): Look | undefined {
    if (!ner || look === undefined) return undefined;
    return async (texts) => {
      const note = (outcome: NerOutcome, ran: readonly RedactionLayer[]): void => {
        if (decisionId !== undefined) noted?.(decisionId, { layers: ran, ner: outcome });
      };
      try {
        const looked = await look(texts);
        note(looked.outcome, looked.outcome === 'answered' ? ['ner'] : []);
        return looked;
      } catch (thrown) {
        note(thrown instanceof NerFailure ? thrown.outcome : 'failed', []);
        throw thrown;
      }
    };
  }

  function noteLayers(orders: RedactionOrders, decisionId: string | undefined): void {
    if (decisionId === undefined) return;
    const types = new Set(orders.redact.flatMap((order) => order.types));
    const ran: Readonly<Record<RedactionLayer, boolean>> = {
      recognisers: [...types].some((type) => !secretTypes.has(type)),
      secrets: [...types].some((type) => secretTypes.has(type)),
      patterns: orders.redact.some(({ patterns }) => patterns.length > 0),
      fields: orders.masked.length > 0,
      ner: false,
    };
    noted?.(decisionId, { layers: REDACTION_LAYERS.filter((layer) => ran[layer]) });
  }

  return {
    texts(conditions, { tenant, session, server, decision_id: decisionId }) {
      const orders = ordersOf(
        conditions.filter(({ type }) => REDACTION_CONDITIONS.has(type)),
        MODEL_LAYOUT,
      );
      const { masked } = orders;
      if (masked.some((field) => field(['result'])))
        throw new TypeError('a masked path of a result names no member of it');
      const scope = config.hashScope === 'tenant' ? tenant : JSON.stringify([tenant, session]);
      const book = (): TokenBook => vault.book(session, server);
      if (orders.redact.length > 0 || masked.length > 0) noteLayers(orders, decisionId);
      const counting = (direction: RedactionDirection, kind: ContentKind): void =>
        observer.redacted(direction, 0, 0, { [kind]: 1 });
      const searchesFor = (direction: RedactionDirection): readonly Step[] =>
        orders.redact
          .filter((order) => (direction === 'request' ? order.inRequest : order.inResponse))
          .map((order) => {
            const replace = replacing(order, book, scope, direction === 'request');
            const counted: Replace = (value, type) => {
              counting(direction, contentKind(type));
              return replace(value, type);
            };
            const rules = redactionRules(order.types, counted, order.patterns);
            return { rules, look: lookFor(order, decisionId), fields: order.fields };
          });
      const stepsFor = (direction: RedactionDirection): readonly Step[] => [
        ...(masked.length === 0 ? [] : [{ masked, found: () => counting(direction, contentKind(FIELD_TYPE)) }]),
        ...searchesFor(direction),
      ];
      const inRequest = stepsFor('request');
      const restores = orders.redact.some((order) => order.method === 'tokenize' && order.inRequest);
      return {
        request: inRequest.length === 0 ? undefined : redactedBy(inRequest),
        response: (isAtOnce) =>
          textAnswer(
            [...stepsFor('response'), ...(restores ? [{ rules: restoration((token) => book().original(token)) }] : [])],
            isAtOnce,
          ),
      };
    },
    plan(decision, attempt) {
      const conditions = decision.conditions.filter(({ type }) => REDACTION_CONDITIONS.has(type));
      if (conditions.length === 0) return undefined;
      if (attempt.direction !== 'client_to_server')
        throw new TypeError('what a server asks of an agent is not redacted');
      const layout = attempt.request.source === 'a2a_proxy' ? A2A_LAYOUT : MCP_LAYOUT;
      const { isContent } = layout;
      const orders = ordersOf(conditions, layout);
      const { tenant_id, context } = attempt.request;
      const session = context.session_id ?? context.request_id;
      const scope = config.hashScope === 'tenant' ? tenant_id : JSON.stringify([tenant_id, session]);
      const book = (): TokenBook => vault.book(session, attempt.server);

      const { decision_id: decisionId } = decision;
      noteLayers(orders, decisionId);

      async function carryOut(message: string, direction: RedactionDirection): Promise<string> {
        const startedAt = clock.monotonic();
        const counts: Record<string, number> = {};
        let text = mask(message, orders.masked, counts, layout);
        for (const order of orders.redact) {
          if (!(direction === 'request' ? order.inRequest : order.inResponse)) continue;
          const replace = replacing(order, book, scope, direction === 'request');
          const rules = redactionRules(order.types, replace, order.patterns);
          if (direction === 'request') refuseInRouting(text, order, layout);
          const isSearched = (path: readonly string[]): boolean =>
            isContent(path) && (order.fields?.some((field) => field(path)) ?? true);
          const looked = await lookFor(order, decisionId)?.(textsOf(text, { rules, isSearched }));
          const edits = jsonEdits(text, {
            rules,
            isSearched,
            names: true,
            ...(looked === undefined ? {} : { extra: looked.extra }),
          });
          count(edits, counts);
          text = applyEdits(text, edits);
        }
        observer.redacted(direction, Buffer.byteLength(message), (clock.monotonic() - startedAt) / 1000, counts);
        return text;
      }

      return {
        request: (payload) => carryOut(payload, 'request'),
        async response(message) {
          const redacted = await carryOut(message, 'response');
          const restores = orders.redact.some(({ method, inRequest }) => method === 'tokenize' && inRequest);
          const own = restores ? book() : undefined;
          if (own === undefined || own.isEmpty) return redacted;
          return redactJson(redacted, {
            rules: restoration((token) => own.original(token)),
            isSearched: isContent,
            names: true,
          });
        },
        texts() {
          const steps = orders.redact
            .filter(({ inResponse, fields }) => inResponse && fields === undefined)
            .map((order) => ({
              rules: redactionRules(order.types, replacing(order, book, scope, false), order.patterns),
              look: lookFor(order, decisionId),
            }));
          const restores = orders.redact.some(({ method, inRequest }) => method === 'tokenize' && inRequest);
          return textAnswer([
            ...steps,
            ...(restores ? [{ rules: restoration((token) => book().original(token)) }] : []),
          ]);
        },
        ofAnswers: orders.ofAnswers,
        wantsWholeTexts: [
          ...orders.masked,
          ...orders.redact.flatMap(({ inResponse, fields }) => (inResponse ? (fields ?? []) : [])),
        ].some((field) => field.reaches(['result'])),
      };
    },
  };
}

function mask(
  message: string,
  fields: readonly FieldPath[],
  counts: Record<string, number>,
  { isContent }: MessageLayout,
): string {
  if (fields.length === 0) return message;
  const edits = jsonEdits(message, { isMasked: (path) => isContent(path) && fields.some((field) => field(path)) });
  count(edits, counts);
  return applyEdits(message, edits);
}

/** What would be looked at in a message. */
function textsOf(
  message: string,
  { rules, isSearched }: Required<Pick<JsonRedaction, 'rules' | 'isSearched'>>,
): ReadonlySet<string> {
  const seen = new Set<string>();
  const extra = (text: string): [] => {
    seen.add(text);
    return [];
  };
  jsonEdits(message, { rules: { ...rules, replace: (value) => value }, isSearched, extra });
  return seen;
}

/** A tool or resource of another name is another tool or resource. */
function refuseInRouting(message: string, order: RedactOrder, { isRouting }: MessageLayout): void {
  const rules = redactionRules(order.types, (value) => value, order.patterns);
  if (jsonEdits(message, { rules, isSearched: isRouting }).length > 0) {
    throw new RangeError('what has to be redacted is in the name of what is called');
  }
}

function count(edits: readonly Edit[], counts: Partial<Record<ContentKind, number>>): void {
  for (const { type } of edits) {
    const kind = contentKind(type);
    counts[kind] = (counts[kind] ?? 0) + 1;
  }
}
