/** What the gRPC surface tells the metrics. */

import type { EnforcementOutcome } from '@portcullis/proto';

/** What became of a report of `Settle`; closed list, labels of a metric. `unasked`: refused by a PEP before it asked. */
export const SETTLEMENT_OUTCOMES = [
  'forwarded',
  'upstream_failed',
  'refused',
  'reused',
  'unasked',
  'invalid',
  'repeated',
] as const satisfies readonly (EnforcementOutcome | 'invalid' | 'repeated' | 'reused' | 'unasked')[];
/** What became of a settlement report. */
export type SettlementOutcome = (typeof SETTLEMENT_OUTCOMES)[number];

/** Long-lived calls; closed list, labels of a metric. */
export const STREAM_KINDS = ['decide', 'watch'] as const;
/** A kind of long-lived call. */
export type StreamKind = (typeof STREAM_KINDS)[number];

/** Why a question never reached the pipeline; closed list, labels of a metric. */
export const QUESTION_REFUSALS = ['overload', 'identity', 'invalid', 'draining', 'defect'] as const;
/** Why a question never reached the pipeline. */
export type QuestionRefusal = (typeof QUESTION_REFUSALS)[number];

/** Who counts what happens on the surface. */
export interface ServerObserver {
  settled(outcome: SettlementOutcome): void;
  streamOpened(kind: StreamKind): void;
  streamClosed(kind: StreamKind): void;
  questionRefused(reason: QuestionRefusal): void;
}
