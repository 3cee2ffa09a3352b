import type { OutsideTransport } from './analyser.js';
import type { Behaviour, TransportSubject } from './transport-contract.js';

/** An analyser without a network. Held to the same contract as the real transports. */
export function createFakeTransport(): TransportSubject & { readonly asked: () => number } {
  let behaviour: Behaviour = { kind: 'answers', value: { signals: [], risk_dimensions: {} } };
  let shown: Uint8Array | undefined;
  let asked = 0;
  const transport: OutsideTransport = {
    ask: (subject, timeoutMs) => {
      shown = subject;
      asked += 1;
      const { promise, resolve, reject } = Promise.withResolvers<unknown>();
      if (behaviour.kind === 'answers') resolve(behaviour.value);
      else if (behaviour.kind === 'fails') reject(new Error('refused'));
      else setTimeout(() => reject(new Error('late')), timeoutMs);
      return promise;
    },
    close: () => undefined,
  };
  return {
    transport,
    behave: (next) => {
      behaviour = next;
    },
    shown: () => shown,
    asked: () => asked,
  };
}
