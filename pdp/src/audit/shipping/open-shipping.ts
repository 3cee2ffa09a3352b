/** Shipping, put together: reader, shipper, the task that steps it, and the removal of what was stored. */

import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type ChainEnd, introductionText, type ReceiptKeys } from '@portcullis/policy/evidence';
import {
  type Clock,
  LOG_FIELD,
  type Logger,
  PortcullisError,
  type SignedStatement,
  type Task,
} from '@portcullis/runtime';
import type { ShipmentSender } from '@portcullis/runtime/channel';
import type { AuditChain } from '../open-audit.js';
import { createChainReader } from './chain-reader.js';
import { readShipped, SHIPPED_FILE, writeShipped } from './position-file.js';
import { removeShipped } from './retention.js';
import { createShipper, type ShippingAlarm, type ShippingObserver } from './shipper.js';
import type { KeepConfig, ShipConfig } from './shipping-config.js';

/** What is counted. */
export interface RetentionObserver extends ShippingObserver {
  segmentsRemoved(count: number): void;
}

/** What opening needs. */
export interface OpenShippingOptions {
  readonly config: ShipConfig;
  readonly keep: KeepConfig;
  readonly chain: AuditChain;
  readonly senders: readonly ShipmentSender[];
  readonly receiptKeys: () => Promise<ReceiptKeys>;
  /** Signs with the node's certificate. */
  readonly sign: (statement: string) => SignedStatement;
  readonly observer: RetentionObserver;
  readonly clock: Clock;
  readonly log: Logger;
  /** 0 up to 1; for jitter. */
  readonly random: () => number;
}

/** How far behind the distributor is. */
export interface ShippingLag {
  readonly records: number;
  readonly bytes: number;
  /** Age of the oldest record that waits; 0 when none does. */
  readonly seconds: number;
}

/** Shipping, running as its task does. */
export interface Shipping {
  readonly task: Task;
  lag(): Promise<ShippingLag>;
  alarm(): ShippingAlarm | undefined;
  /** Ships what is left, as far as `timeoutMs` allows, and ends. Before the chain is closed. Never rejects. */
  close(timeoutMs: number): Promise<void>;
}

/** Recovery takes 10 s at most (contracts §13). */
const RETRY_MS = { min: 250, max: 5_000 } as const;
/** A person has to look; until then there is no hurry. */
const ALARM_RETRY_MS = 30_000;
/** Between two writes of the position, and between two looks for what may be removed. */
const TIDY_MS = 1_000;

/** Opens shipping; nothing is shipped until the task runs. */
export async function openShipping(options: OpenShippingOptions): Promise<Shipping> {
  const { chain, clock, log, config } = options;
  const file = join(chain.folder, SHIPPED_FILE);
  const writer = chain.signer.name;
  const remembered = await readShipped(file, writer);
  const reader = createChainReader(chain.folder);
  const shipper = createShipper(
    {
      config,
      signer: chain.signer,
      reader,
      durable: chain.durable,
      senders: options.senders,
      receiptKeys: options.receiptKeys,
      introduce: () => options.sign(introductionText(chain.signer.verifierKey)),
      observer: options.observer,
      clock,
    },
    remembered,
  );
  const stop = new AbortController();
  let written: ChainEnd | undefined = remembered;
  let tidiedAt = Number.NEGATIVE_INFINITY;
  let told = '';
  let tail: Promise<unknown> = Promise.resolve();

  const tidy = async (): Promise<void> => {
    if (clock.monotonic() - tidiedAt < TIDY_MS) return;
    tidiedAt = clock.monotonic();
    const { acknowledged, stored } = shipper.position;
    try {
      // Removal first: it may be what the write needs room from.
      const removable = { stored, signed: chain.signed() };
      const removed = await removeShipped(chain.folder, options.keep, removable, clock.now());
      if (removed > 0) options.observer.segmentsRemoved(removed);
      if (acknowledged.seq !== written?.seq) await writeShipped(file, writer, acknowledged);
      written = acknowledged;
    } catch (error) {
      log.warn({ [LOG_FIELD.error]: PortcullisError.from(error) }, 'Shipped segments not tidied');
    }
  };
  const step = (signal: AbortSignal): Promise<boolean> => {
    const stepping = tail.then(() => shipper.step(signal));
    tail = stepping.catch(() => undefined).then(tidy);
    return stepping;
  };
  const tell = (fault: PortcullisError): void => {
    // Once, not at every attempt.
    if (fault.message === told) return;
    told = fault.message;
    const fields = { [LOG_FIELD.error]: fault };
    if (shipper.alarm === undefined) log.warn(fields, 'Evidence not shipped, trying again');
    else log.error(fields, 'Evidence not shipped, somebody must look');
  };

  const run = async (signal: AbortSignal): Promise<void> => {
    const either = AbortSignal.any([signal, stop.signal]);
    let backOff: number = RETRY_MS.min;
    while (!either.aborted) {
      let waitMs: number;
      try {
        const more = await step(either);
        waitMs = more ? 0 : config.everyMs;
        backOff = RETRY_MS.min;
        told = '';
      } catch (error) {
        if (either.aborted) return;
        tell(PortcullisError.from(error));
        waitMs = (shipper.alarm === undefined ? backOff : ALARM_RETRY_MS) * (0.8 + 0.4 * options.random());
        backOff = Math.min(2 * backOff, RETRY_MS.max);
      }
      // Also without a wait: decisions come before their evidence is shipped.
      await delay(waitMs, undefined, { signal: either }).catch(() => undefined);
    }
  };

  return {
    task: { name: 'evidence', run, mayEnd: true },
    alarm: () => shipper.alarm,
    async lag() {
      const { seq } = shipper.position.acknowledged;
      const records = Math.max(0, chain.last().seq - seq);
      const { oldestAt } = shipper;
      return {
        records,
        bytes: records === 0 ? 0 : await reader.bytesFrom(seq + 1),
        seconds: records === 0 || oldestAt === undefined ? 0 : Math.max(0, (clock.now() - oldestAt) / 1_000),
      };
    },
    async close(timeoutMs) {
      stop.abort();
      const signal = AbortSignal.timeout(timeoutMs);
      try {
        // What was written while the last shipment was under way, too.
        do await step(signal);
        while (!signal.aborted && shipper.position.acknowledged.seq < chain.last().seq);
      } catch (error) {
        log.warn({ [LOG_FIELD.error]: PortcullisError.from(error) }, 'Evidence not shipped to its end');
      }
      tidiedAt = Number.NEGATIVE_INFINITY;
      await tail.then(tidy);
    },
  };
}
