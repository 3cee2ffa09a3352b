import { setTimeout as delay } from 'node:timers/promises';
import { PortcullisError } from '../errors/portcullis-error.js';
import { LOG_FIELD } from '../log/fields.js';
import type { Logger } from '../log/logger.js';
import { channelFault, ended, orEnded } from './faults.js';

/** A call that comes before the first attempt has ended waits this long; later ones fail at once when disconnected. */
const FIRST_CONNECT_GRACE_MS = 2_000;
/** Short enough for recovery within 10 s, spread enough that a fleet does not return in one wave. */
const RECONNECT_MS = { min: 250, max: 2_000 } as const;

/** Milliseconds until the next attempt. */
export function reconnectDelay(): number {
  return RECONNECT_MS.min + Math.random() * (RECONNECT_MS.max - RECONNECT_MS.min);
}

/** The part of a client's connection that a link needs. */
export interface Linked {
  /** Ends when the connection is closed for good. */
  status(): AsyncIterable<{ readonly type: string; readonly data: unknown }>;
  closed(): Promise<unknown>;
  close(): Promise<void>;
  getServer(): string;
}

/** One connection that is made anew for as long as the link lives. */
export interface Link<C> {
  /** The connection while it is up. */
  current(): C | undefined;
  /** The connection as soon as it is up, and a signal that aborts when it goes down. */
  up(signal: AbortSignal): Promise<{ readonly nats: C; readonly lost: AbortSignal }>;
  /**
   * Makes one call on the connection, with a signal that ends with the caller's or with the connection. A client keeps
   * questions that were under way when the connection went, and their timeouts with them: nobody waits for those here.
   * @throws PortcullisError kind `unavailable` when the connection is down or goes down; else whatever `call` throws.
   */
  use<T>(signal: AbortSignal, call: (nats: C, signal: AbortSignal) => Promise<T>): Promise<T>;
  readonly closing: AbortSignal;
  close(): Promise<void>;
}

/**
 * Starts connecting through `dial`, and again whenever the connection is closed, until the link is closed.
 * @param onUp called whenever the connection comes up, the first time included
 */
export function createLink<C extends Linked>(dial: () => Promise<C>, parent: Logger, onUp?: () => void): Link<C> {
  const log = parent.child({ [LOG_FIELD.transport]: 'nats' });
  const closing = new AbortController();
  const waiting = new Set<() => void>();
  let nats: C | undefined;
  let lost = new AbortController();
  let hasTried = false;
  let reported = '';

  const rise = (connection: C): void => {
    nats = connection;
    lost = new AbortController();
    hasTried = true;
    reported = '';
    log.info({ [LOG_FIELD.address]: connection.getServer() }, 'Connected');
    for (const wake of waiting) wake();
    onUp?.();
  };
  const fall = (): void => {
    if (nats !== undefined && !closing.signal.aborted) log.warn('Disconnected');
    nats = undefined;
    lost.abort();
  };

  const follow = async (connection: C): Promise<void> => {
    for await (const status of connection.status()) {
      if (status.type === 'disconnect') fall();
      else if (status.type === 'reconnect') rise(connection);
      else if (status.type === 'error')
        log.warn({ [LOG_FIELD.reason]: String(status.data) }, 'Server reports an error');
    }
  };
  const live = async (): Promise<void> => {
    while (!closing.signal.aborted) {
      try {
        const connection = await dial();
        closing.signal.addEventListener('abort', () => void connection.close(), { once: true });
        if (closing.signal.aborted) await connection.close();
        else {
          rise(connection);
          follow(connection).catch(() => undefined);
          await connection.closed();
        }
      } catch (error: unknown) {
        hasTried = true;
        const fault = channelFault(error);
        if (fault.message !== reported) log.warn({ [LOG_FIELD.error]: fault }, 'Cannot connect, trying again');
        reported = fault.message;
      }
      fall();
      await delay(reconnectDelay(), undefined, { signal: closing.signal }).catch(() => undefined);
    }
  };
  const living = live();

  const up: Link<C>['up'] = async (signal) => {
    const both = AbortSignal.any([signal, closing.signal]);
    for (;;) {
      if (nats !== undefined) return { nats, lost: lost.signal };
      let wake = (): void => {};
      const risen = new Promise<void>((resolve) => {
        wake = resolve;
      });
      waiting.add(wake);
      try {
        await orEnded(risen, both);
      } finally {
        waiting.delete(wake);
      }
    }
  };
  /** The connection now, or within the grace of the first attempt. */
  const soon: Link<C>['up'] = async (signal) => {
    if (signal.aborted) throw ended(signal);
    if (nats !== undefined) return { nats, lost: lost.signal };
    const down = new PortcullisError('ERR_CHANNEL_UNAVAILABLE', 'unavailable', 'not connected to nats');
    if (hasTried || closing.signal.aborted) throw down;
    const grace = AbortSignal.timeout(FIRST_CONNECT_GRACE_MS);
    try {
      return await up(AbortSignal.any([signal, grace]));
    } catch {
      throw signal.aborted ? ended(signal) : down;
    }
  };
  return {
    current: () => nats,
    up,
    async use(signal, call) {
      const { nats: connection, lost: gone } = await soon(signal);
      const either = AbortSignal.any([signal, gone]);
      try {
        return await orEnded(call(connection, either), either);
      } catch (error: unknown) {
        if (signal.aborted || !gone.aborted) throw error;
        throw new PortcullisError('ERR_CHANNEL_UNAVAILABLE', 'unavailable', 'connection to nats was lost', {
          cause: error,
        });
      }
    },
    closing: closing.signal,
    async close() {
      closing.abort();
      fall();
      await living;
    },
  };
}
