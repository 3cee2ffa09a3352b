/** What every way to reach an analyser promises, as checks that throw when one breaks it. */

import assert from 'node:assert/strict';
import type { OutsideTransport } from './analyser.js';

/** How the analyser at the other end behaves. */
export type Behaviour =
  | {
      readonly kind: 'answers';
      readonly value: { readonly signals: readonly object[]; readonly risk_dimensions: object };
    }
  | { readonly kind: 'silent' }
  | { readonly kind: 'fails' };

/** A transport and the analyser that it leads to. */
export interface TransportSubject {
  readonly transport: OutsideTransport;
  behave(behaviour: Behaviour): void;
  /** What the analyser was shown last. */
  shown(): Uint8Array | undefined;
}

/** One promise of the port. */
export interface TransportContractCase {
  readonly name: string;
  readonly check: (subject: TransportSubject) => Promise<void>;
}

/** Milliseconds; patient, because a busy machine is no broken analyser. */
const PATIENCE_MS = 5_000;
const SUBJECT = new TextEncoder().encode('{"version":"1","request":{"tenant_id":"acmé"}}');
const ANSWER = {
  signals: [{ signal_type: 'reputation', score: 0.5, details: { list: 'blocked' } }],
  risk_dimensions: { data_exfiltration: 0.25 },
};

/** The promises. */
export const transportContract: readonly TransportContractCase[] = [
  {
    name: 'shows the subject byte for byte and brings the answer',
    check: async ({ transport, behave, shown }) => {
      behave({ kind: 'answers', value: ANSWER });
      assert.deepEqual(await transport.ask(SUBJECT, PATIENCE_MS), ANSWER);
      assert.deepEqual(Buffer.from(shown() ?? []), Buffer.from(SUBJECT));
    },
  },
  {
    name: 'an answer of nothing is an answer',
    check: async ({ transport, behave }) => {
      behave({ kind: 'answers', value: { signals: [], risk_dimensions: {} } });
      assert.deepEqual(await transport.ask(SUBJECT, PATIENCE_MS), { signals: [], risk_dimensions: {} });
    },
  },
  {
    name: 'rejects when the analyser fails, and works again afterwards',
    check: async ({ transport, behave }) => {
      behave({ kind: 'fails' });
      await assert.rejects(transport.ask(SUBJECT, PATIENCE_MS));
      behave({ kind: 'answers', value: ANSWER });
      assert.deepEqual(await transport.ask(SUBJECT, PATIENCE_MS), ANSWER);
    },
  },
  {
    name: 'rejects when nothing comes in time',
    check: async ({ transport, behave }) => {
      behave({ kind: 'silent' });
      await assert.rejects(transport.ask(SUBJECT, 50));
    },
  },
];
