/** What is written down of a connection: host, addresses, port and bytes, whether it was let through and how it ended. */

import { FIELD } from '@portcullis/policy/model';
import { LOG_FIELD, type Logger } from '@portcullis/runtime';
import type { Refusal } from '../../enforce/refuse.js';
import type { Passage } from './admission.js';
import type { Unreachable } from './answer.js';
import type { ClientHello } from './client-hello.js';
import type { Destination } from './destination.js';

/** How connections that were allowed end. `completed`: both sides were done. */
export const ENDINGS = [
  'completed',
  'client_left',
  'upstream_failed',
  'handshake_refused',
  'idle',
  'lifetime',
  'upload_limit',
  'download_limit',
  'denied',
  'kill_switch',
  'shutdown',
] as const;
/** How a connection that was allowed ended. */
export type Ending = (typeof ENDINGS)[number];

/** Which way bytes went, seen from the agent. */
export const DIRECTIONS = ['sent', 'received'] as const;

/** Who hears of connections. */
export interface EgressObserver {
  connectionEnded(ending: Ending): void;
  bytesPassed(direction: (typeof DIRECTIONS)[number], count: number): void;
}

/** Field names of the log; what policies call `egress.*` is called the same here. */
const EGRESS_FIELD = {
  scheme: 'scheme',
  host: 'host',
  port: 'port',
  method: 'method',
  reasonCode: 'reason_code',
  resolved: 'resolved_ips',
  sent: 'bytes_sent',
  received: 'bytes_received',
  ending: 'ending',
  serverName: 'sni',
  alpn: 'alpn',
  encryptedHello: 'ech',
} as const;

/** What a connection came to. */
export interface Totals {
  readonly sent: number;
  readonly received: number;
  readonly durationMs: number;
  /** The address that was connected to. */
  readonly address: string | undefined;
  readonly hello: ClientHello | undefined;
}

/** Writes it down. */
export interface Evidence {
  /** What was not let through; `destination` as far as it is known. */
  blocked(destination: Destination | undefined, method: string, outcome: Refusal | Unreachable): void;
  passed(passage: Passage, ending: Ending, totals: Totals): void;
}

/** Into the log: the decisions are on record at the PDP, this is the enforcement of each. */
export function createEvidence(log: Logger): Evidence {
  return {
    blocked(destination, method, outcome) {
      log.info(
        {
          ...(destination === undefined ? {} : fieldsOf(destination)),
          [EGRESS_FIELD.method]: method,
          [FIELD.outcome]: outcome.kind === 'refusal' ? outcome.outcome : 'upstream_failed',
          [outcome.kind === 'refusal' ? FIELD.denyCode : LOG_FIELD.code]: outcome.code,
          ...(outcome.kind === 'refusal' ? { [EGRESS_FIELD.reasonCode]: outcome.reason_code } : {}),
          [FIELD.decisionId]: outcome.decision_id,
          [LOG_FIELD.reason]: outcome.message,
        },
        'Connection blocked',
      );
    },
    passed({ permit, request, destination, addresses }, ending, { sent, received, durationMs, address, hello }) {
      log.info(
        {
          ...fieldsOf(destination),
          [EGRESS_FIELD.method]: request.egress?.method,
          [EGRESS_FIELD.resolved]: addresses,
          [LOG_FIELD.address]: address,
          [EGRESS_FIELD.sent]: sent,
          [EGRESS_FIELD.received]: received,
          [LOG_FIELD.durationMs]: durationMs,
          [EGRESS_FIELD.ending]: ending,
          [FIELD.decisionId]: permit.decision_id,
          [FIELD.requestId]: request.context.request_id,
          ...(hello === undefined
            ? {}
            : {
                [EGRESS_FIELD.serverName]: hello.serverName,
                [EGRESS_FIELD.alpn]: hello.alpn,
                [EGRESS_FIELD.encryptedHello]: hello.hasEncryptedHello,
              }),
        },
        'Connection ended',
      );
    },
  };
}

function fieldsOf({ scheme, host, port }: Destination): Readonly<Record<string, unknown>> {
  return { [EGRESS_FIELD.scheme]: scheme, [EGRESS_FIELD.host]: host, [EGRESS_FIELD.port]: port };
}
