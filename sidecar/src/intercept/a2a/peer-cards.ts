/** The card of one peer: fetched when it is needed, kept for a while, and used only if it counts. */

import { type Clock, LOG_FIELD, type Logger } from '@portcullis/runtime';
import { type AgentCard, type CardOrigin, readCard } from './card.js';
import type { CardTrust } from './card-trust.js';

/** The card in force, or why there is none. */
export type CardLookup =
  | { readonly ok: true; readonly card: AgentCard }
  | { readonly ok: false; readonly reason: string };

/** Cards of one peer. */
export interface PeerCards {
  /** Never rejects. One fetch at a time, whoever asks. */
  current(): Promise<CardLookup>;
}

/** What it needs. */
export interface PeerCardsOptions {
  readonly name: string;
  readonly origin: CardOrigin;
  /** Sent with the request for the card. */
  readonly headers: Readonly<Record<string, string>>;
  readonly trust: CardTrust;
  readonly clock: Pick<Clock, 'monotonic'>;
  readonly log: Logger;
  readonly limits: { readonly maxCardBytes: number; readonly cardTimeoutMs: number; readonly cardMaxAgeMs: number };
}

/** A peer that is down is not asked for its card with every message. */
const RETRY_MS = 1_000;

/** Makes it; nothing is fetched yet. */
export function createPeerCards(options: PeerCardsOptions): PeerCards {
  const { name, origin, headers, trust, clock, log, limits } = options;
  let kept: { readonly lookup: CardLookup; readonly until: number } | undefined;
  let fetching: Promise<CardLookup> | undefined;

  async function look(): Promise<CardLookup> {
    try {
      const read = readCard(await fetchCard(), origin, limits.maxCardBytes);
      if (!read.ok) return read;
      const reason = await trust(read.card);
      return reason === undefined ? read : { ok: false, reason };
    } catch (thrown) {
      log.warn({ [LOG_FIELD.error]: thrown, peer: name }, 'Agent card could not be fetched');
      return { ok: false, reason: 'its card could not be fetched' };
    }
  }

  async function fetchCard(): Promise<Buffer> {
    const reply = await fetch(origin.cardUrl, {
      headers: { ...headers, accept: 'application/json, application/a2a+json' },
      // A card is where it is configured, and nowhere that somebody else says.
      redirect: 'error',
      signal: AbortSignal.timeout(limits.cardTimeoutMs),
    });
    if (reply.status !== 200 || reply.body === null) {
      await reply.body?.cancel();
      throw new Error(`HTTP ${reply.status}`);
    }
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of reply.body) {
      size += chunk.length;
      if (size > limits.maxCardBytes) throw new RangeError('the card is larger than allowed');
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  }

  return {
    async current() {
      if (kept !== undefined && clock.monotonic() < kept.until) return kept.lookup;
      fetching ??= look()
        .then((lookup) => {
          kept = { lookup, until: clock.monotonic() + (lookup.ok ? limits.cardMaxAgeMs : RETRY_MS) };
          if (!lookup.ok) log.warn({ [LOG_FIELD.reason]: lookup.reason, peer: name }, 'Agent card does not count');
          return lookup;
        })
        .finally(() => {
          fetching = undefined;
        });
      return fetching;
    },
  };
}
