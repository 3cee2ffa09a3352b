/** Every metric of the sidecar is named here and nowhere else; others call verbs. */

import { CONTENT_KINDS } from '@portcullis/policy/content';
import { DENY_CODES, type DenyCode, SOURCES, type Source } from '@portcullis/policy/model';
import { deferred, type Registry, type Tally, tally } from '@portcullis/runtime';
import { type AskObserver, BREAKER_STATES } from './ask/observer.js';
import { type AnswerCacheObserver, UNSTORED_REASONS } from './cache/answer-cache.js';
import type { RefusalObserver } from './enforce/refuse.js';
import { DIRECTIONS, type EgressObserver, ENDINGS } from './intercept/egress/evidence.js';
import type { ExchangeObserver } from './intercept/exchange-outcome.js';
import { CALL_OUTCOMES } from './intercept/llm/calls.js';
import type { GatewayObserver } from './intercept/llm/compose-llm.js';
import type { CombinedObserver } from './intercept/mcp/combined/answer.js';
import { QUARANTINE_REASONS } from './intercept/mcp/definitions/ledger.js';
import { CALL_REASONS, HIDDEN_REASONS, type ToolObserver } from './intercept/mcp/definitions/tool-definitions.js';
import { REDACTION_DIRECTIONS, type RedactionObserver } from './redact/redactor.js';

/** How attempts end, as a label. */
export const ATTEMPT_OUTCOMES = ['forwarded', 'upstream_failed', 'denied', 'held', 'invalid', 'failed_closed'] as const;

/** What the parts of the sidecar report. */
export interface SidecarMetrics
  extends RefusalObserver,
    ExchangeObserver,
    GatewayObserver,
    Omit<AskObserver, 'answers'>,
    AnswerCacheObserver,
    EgressObserver,
    RedactionObserver,
    ToolObserver,
    CombinedObserver {
  /** What the gauge of kept allows reads when scraped. */
  followCache(entries: () => number): void;
  /** What the gauge of calls that wait for people reads when scraped. */
  followWaiting(calls: () => number): void;
}

/** Registers the metrics; call once per registry. */
export function createSidecarMetrics(registry: Registry): SidecarMetrics {
  const attempts = registry.counter<'source' | 'outcome'>({
    name: 'attempts_total',
    help: 'Attempts that were intercepted, by how they ended.',
    labels: { source: SOURCES, outcome: ATTEMPT_OUTCOMES },
  });
  const attemptSeconds = registry.histogram({
    name: 'attempt_duration_seconds',
    help: 'Time from the arrival of a message until it was dealt with, the upstream included.',
  });
  const askSeconds = registry.histogram<'cached'>({
    name: 'ask_duration_seconds',
    help: 'Time from a question to its answer.',
    labels: { cached: ['false', 'true'] },
  });
  const failedClosed = registry.counter<'reason'>({
    name: 'failed_closed_total',
    help: 'Attempts that were refused because no decision could be had or enforced.',
    labels: { reason: DENY_CODES },
  });
  const breaker = registry.gauge<'state'>({
    name: 'breaker_state',
    help: '1 for the state that the breaker is in.',
    labels: { state: BREAKER_STATES },
  });
  breaker.set({ state: 'closed' }, 1);
  const hedges = registry.counter({ name: 'hedges_total', help: 'Questions that were also sent to a second PDP.' });
  const dropped = registry.counter({
    name: 'settlements_dropped_total',
    help: 'Settlements that could not be delivered.',
  });
  const release = registry.gauge({ name: 'release_seq', help: 'Highest release that a PDP has reported.' });
  const unstored = registry.counter({
    name: 'decision_cache_refusals_total',
    help: 'Answers that were not kept, by reason.',
    labels: { reason: UNSTORED_REASONS },
  });
  const reusesLost = registry.counter({
    name: 'reuses_lost_total',
    help: 'Allows out of kept decisions that no PDP had recorded when the sidecar ended.',
  });
  const refusalsLost = registry.counter({
    name: 'refusals_unrecorded_total',
    help: 'Attempts that were refused without a decision, and that could not be put on record.',
  });
  const redactedValues = registry.counter<'direction' | 'kind'>({
    name: 'redacted_values_total',
    help: 'Values that were masked, hashed, dropped or replaced by a placeholder, by kind.',
    labels: { direction: REDACTION_DIRECTIONS, kind: CONTENT_KINDS },
  });
  const redactionBytes = registry.counter<'direction'>({
    name: 'redaction_scanned_bytes_total',
    help: 'Bytes of messages that were searched for what has to be redacted.',
    labels: { direction: REDACTION_DIRECTIONS },
  });
  const redactionSeconds = registry.histogram<'direction'>({
    name: 'redaction_duration_seconds',
    help: 'Time that one message took to redact.',
    labels: { direction: REDACTION_DIRECTIONS },
  });
  const egressEnded = registry.counter({
    name: 'egress_connections_total',
    help: 'Connections and requests that the egress proxy let through, by how they ended.',
    labels: { ending: ENDINGS },
  });
  const egressBytes = registry.counter({
    name: 'egress_bytes_total',
    help: 'Bytes that passed the egress proxy, heads of plain requests not counted.',
    labels: { direction: DIRECTIONS },
  });
  const tokens = registry.counter<'direction' | 'counted'>({
    name: 'llm_tokens_total',
    help: 'Tokens of model calls, by who counted them.',
    labels: { direction: ['input', 'output'], counted: ['provider', 'estimate'] },
  });
  const toolCalls = registry.counter<'outcome'>({
    name: 'llm_tool_calls_total',
    help: 'Calls of tools that models proposed, by what became of them.',
    labels: { outcome: CALL_OUTCOMES },
  });
  const streamsCut = registry.counter({
    name: 'llm_streams_cut_total',
    help: 'Streams of models that were ended because their limit of tokens was reached.',
  });
  const hidden = registry.counter<'reason'>({
    name: 'tools_hidden_total',
    help: 'Tools that were left out of lists, each time, by reason.',
    labels: { reason: [...HIDDEN_REASONS, ...QUARANTINE_REASONS] },
  });
  const missing = registry.counter({
    name: 'combined_servers_missing_total',
    help: 'Times that a server could not be asked for its part of what the endpoint of all servers answers.',
  });
  const strayed = registry.counter({
    name: 'combined_messages_dropped_total',
    help: 'Messages of servers that were about a request or task of another server or client at the endpoint of all servers.',
  });
  const quarantined = registry.counter<'reason'>({
    name: 'quarantined_calls_total',
    help: "Calls that were refused because of the tool's definition, by reason.",
    labels: { reason: [...CALL_REASONS, ...QUARANTINE_REASONS] },
  });
  let highest = 0;
  // On the path of every attempt: told in batches, or when somebody asks.
  const took = deferred(attemptSeconds, ['all'], () => attemptSeconds);
  const asked = deferred(askSeconds, ['false', 'true'], (cached) => askSeconds.labels({ cached }));
  const ended = new Map(
    SOURCES.map((source) => [
      source,
      new Map<string, Tally>(
        ATTEMPT_OUTCOMES.map((outcome) => [outcome, tally((more) => attempts.inc({ source, outcome }, more))] as const),
      ),
    ]),
  );
  Object.assign(attempts, {
    collect: () => {
      for (const outcomes of ended.values()) for (const count of outcomes.values()) count.tell();
    },
  });

  return {
    refused(source: Source, outcome) {
      ended.get(source)?.get(outcome)?.add(1);
    },
    failedClosed(code: DenyCode) {
      failedClosed.inc({ reason: code });
    },
    carriedOut(source, outcome) {
      ended.get(source)?.get(outcome)?.add(1);
    },
    connectionEnded(ending) {
      egressEnded.inc({ ending });
    },
    bytesPassed(direction, count) {
      egressBytes.inc({ direction }, count);
    },
    took(seconds) {
      took('all', seconds);
    },
    asked(_outcome, seconds, cached) {
      asked(cached ? 'true' : 'false', seconds);
    },
    hedged() {
      hedges.inc();
    },
    breakerChanged(state) {
      for (const known of BREAKER_STATES) breaker.set({ state: known }, known === state ? 1 : 0);
    },
    endpointChanged() {
      // Endpoints are not a closed list; their changes are logged.
    },
    epochs(_endpoint, epochs) {
      highest = Math.max(highest, epochs.release_seq);
      release.set(highest);
    },
    settleDropped(count) {
      dropped.inc(count);
    },
    reusesLost(count) {
      reusesLost.inc(count);
    },
    refusalsLost(count) {
      refusalsLost.inc(count);
    },
    unstored(reason) {
      unstored.inc({ reason });
    },
    redacted(direction, bytes, seconds, counts) {
      redactionBytes.inc({ direction }, bytes);
      redactionSeconds.observe({ direction }, seconds);
      for (const [kind, count] of Object.entries(counts)) redactedValues.inc({ direction, kind }, count);
    },
    tokensUsed({ input, output }, counted) {
      tokens.inc({ direction: 'input', counted }, input);
      tokens.inc({ direction: 'output', counted }, output);
    },
    callDecided(outcome) {
      toolCalls.inc({ outcome });
    },
    streamCut() {
      streamsCut.inc();
    },
    toolHidden(reason) {
      hidden.inc({ reason });
    },
    serverMissing() {
      missing.inc();
    },
    messageDropped() {
      strayed.inc();
    },
    quarantinedCall(reason) {
      quarantined.inc({ reason });
    },
    followCache(entries) {
      const held = registry.gauge({ name: 'decision_cache_entries', help: 'Allows that are kept.' });
      Object.assign(held, { collect: () => held.set(entries()) });
    },
    followWaiting(calls) {
      const waiting = registry.gauge({
        name: 'held_calls_waiting',
        help: 'Tool calls that wait for people to approve them.',
      });
      Object.assign(waiting, { collect: () => waiting.set(calls()) });
    },
  };
}
