/** The account of one allowed connection: what it may still send, what it did, when it must end, and the settlement. */

import type { Clock } from '@portcullis/runtime';
import type { PolicyClient } from '../../ask/port.js';
import type { OpenAttempts } from '../../enforce/open-attempts.js';
import type { Refusal, Refuser } from '../../enforce/refuse.js';
import type { ExchangeObserver } from '../exchange-outcome.js';
import { type Admission, isPassage, type Passage, type Wish } from './admission.js';
import type { ClientHello } from './client-hello.js';
import type { EgressConfig } from './config.js';
import type { EgressObserver, Ending, Evidence } from './evidence.js';

/** One account. */
export interface Ledger {
  /** Aborted when the connection has to end, for whatever reason. */
  readonly signal: AbortSignal;
  /** Why it was ended by us, where that is a refusal that can still be told. */
  readonly refusal: Refusal | undefined;
  /** Why it was ended by us, where it was. */
  readonly ending: Ending | undefined;
  /** Asks leave for bytes that are about to be sent; false ends the connection, and they must not be sent. */
  sending(bytes: number): true | Promise<boolean>;
  /** Counts bytes that came; false ends the connection, and they must not be passed on. */
  receiving(bytes: number): boolean;
  /** The connection was made. */
  connected(address: string | undefined): void;
  /** What the handshake said. */
  greeted(hello: ClientHello): void;
  /** Ends it; the first ending counts. */
  stop(ending: Ending): void;
  /** Settles, counts and writes down; call once, when nothing runs any more. */
  close(ending: Ending): void;
}

/** Opens accounts. */
export type Ledgers = (passage: Passage, wish: Wish) => Ledger;

/** What accounts need. */
export interface LedgersOptions {
  readonly admission: Pick<Admission, 'extend'>;
  readonly refuser: Refuser;
  readonly client: Pick<PolicyClient, 'settle'>;
  readonly open: Pick<OpenAttempts, 'add'>;
  readonly observer: EgressObserver & Pick<ExchangeObserver, 'carriedOut'>;
  readonly evidence: Evidence;
  readonly clock: Pick<Clock, 'monotonic'>;
  readonly limits: Pick<
    EgressConfig['limits'],
    'bytesPerDecision' | 'idleTimeoutMs' | 'maxDownloadBytes' | 'maxLifetimeMs' | 'maxUploadBytes' | 'recheckMs'
  >;
}

/** Makes them. */
export function createLedgers(options: LedgersOptions): Ledgers {
  const { admission, refuser, client, open, observer, evidence, clock, limits } = options;

  return (first, wish) => {
    const startedAt = clock.monotonic();
    const ended = new AbortController();
    /** The decision in force. */
    let passage = first;
    /** Bytes that the decision in force covers, counted from the beginning. */
    let allowance = wish.bytes;
    let sent = 0;
    /** What earlier decisions have been settled with. */
    let settled = 0;
    let received = 0;
    let isClosed = false;
    let isConnected = false;
    let address: string | undefined;
    let hello: ClientHello | undefined;
    let refusal: Refusal | undefined;
    let why: Ending | undefined;

    const stop = (ending: Ending): void => {
      why ??= ending;
      ended.abort();
    };
    const idle = setTimeout(() => stop('idle'), limits.idleTimeoutMs);
    const lifetime = setTimeout(() => stop('lifetime'), limits.maxLifetimeMs);
    const forget = open.add(first.request, () => {
      refusal = refuser.refuse('KILL_SWITCH', { request: first.request, decision_id: first.permit.decision_id });
      stop('kill_switch');
    });

    const recheck = setInterval(() => {
      void renew(allowance);
    }, limits.recheckMs);

    /** Settles one decision with what was sent under it. */
    function settle(
      { permit, askedAt }: Passage,
      outcome: 'forwarded' | 'upstream_failed' | 'refused',
      bytes: number,
    ): void {
      client.settle({
        decision_id: permit.decision_id,
        request_digest: permit.request_digest,
        outcome,
        duration_ms: Math.max(0, Math.round(clock.monotonic() - askedAt)),
        usage: { bytes },
      });
    }

    /** Puts a new decision in the place of the one in force; false when there is none that allows. */
    async function renew(bytes: number): Promise<boolean> {
      const outcome = await admission.extend(passage, { ...wish, bytes });
      if (isClosed) {
        if (isPassage(outcome)) settle(outcome, 'forwarded', 0);
        return false;
      }
      if (!isPassage(outcome)) {
        refusal ??= outcome;
        stop('denied');
        return false;
      }
      settle(passage, 'forwarded', sent - settled);
      settled = sent;
      passage = outcome;
      allowance = Math.max(allowance, bytes);
      return !ended.signal.aborted;
    }

    async function extend(bytes: number): Promise<boolean> {
      const wanted = Math.max(allowance + limits.bytesPerDecision, sent + bytes);
      if (!(await renew(Math.min(wanted, limits.maxUploadBytes)))) return false;
      sent += bytes;
      observer.bytesPassed('sent', bytes);
      return true;
    }

    return {
      signal: ended.signal,
      get refusal() {
        return refusal;
      },
      get ending() {
        return why;
      },
      sending(bytes) {
        idle.refresh();
        if (sent + bytes > limits.maxUploadBytes) {
          refusal ??= refuser.refuse('REQUEST_INVALID', {
            message: `more than ${limits.maxUploadBytes} bytes may not be sent`,
            httpStatus: 413,
            request: first.request,
            decision_id: passage.permit.decision_id,
          });
          stop('upload_limit');
          return Promise.resolve(false);
        }
        if (sent + bytes > allowance) return extend(bytes);
        sent += bytes;
        observer.bytesPassed('sent', bytes);
        return true;
      },
      receiving(bytes) {
        idle.refresh();
        if (received + bytes > limits.maxDownloadBytes) {
          stop('download_limit');
          return false;
        }
        received += bytes;
        observer.bytesPassed('received', bytes);
        return true;
      },
      connected(to) {
        isConnected = true;
        address = to;
      },
      greeted(said) {
        hello = said;
      },
      stop,
      close(ending) {
        isClosed = true;
        clearTimeout(idle);
        clearTimeout(lifetime);
        clearInterval(recheck);
        forget();
        const final = why ?? ending;
        const outcome = isConnected && final !== 'upstream_failed' ? 'forwarded' : 'upstream_failed';
        settle(passage, final === 'handshake_refused' ? 'refused' : outcome, sent - settled);
        // One that was refused is counted as that.
        if (final !== 'handshake_refused') observer.carriedOut('egress_proxy', outcome);
        observer.connectionEnded(final);
        const durationMs = Math.max(0, Math.round(clock.monotonic() - startedAt));
        evidence.passed(passage, final, { sent, received, durationMs, address, hello });
      },
    };
  };
}
