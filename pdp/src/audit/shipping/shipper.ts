/**
 * Ships the chain to the distributor: one shipment at a time, and none counts until its receipt is here. What the transport
 * says about a shipment is worth nothing; what the distributor signs about it moves the position, forward or back.
 */

import { randomUUID } from 'node:crypto';
import {
  type ChainEnd,
  GENESIS,
  type Introduction,
  type NoteSigner,
  openReceipt,
  type Receipt,
  type ReceiptKeys,
  type ShipmentContent,
  sealShipment,
  signCheckpoint,
} from '@portcullis/policy/evidence';
import { type Clock, PortcullisError } from '@portcullis/runtime';
import { packBytes, type ShipmentSender } from '@portcullis/runtime/channel';
import type { ChainReader } from './chain-reader.js';
import type { ShipConfig } from './shipping-config.js';

/** What keeps evidence from being shipped until a person has looked. */
export const SHIPPING_ALARMS = [
  /** The distributor has another record than ours under a number: the chain was forked, or its history changed. */
  'mismatch',
  /** The distributor has more records than there are: the chain here was cut, or set back. */
  'ahead',
  /** The distributor found something wrong with what was shipped. */
  'refused',
  /** The distributor lacks records that are not here any more. */
  'missing',
] as const;
/** What keeps evidence from being shipped. */
export type ShippingAlarm = (typeof SHIPPING_ALARMS)[number];

/** What becomes of a shipment. */
export const SHIPMENT_OUTCOMES = ['stored', 'held', 'refused', 'failed'] as const;

/** Who counts. */
export interface ShippingObserver {
  shipped(outcome: (typeof SHIPMENT_OUTCOMES)[number]): void;
  /** An answer that was no receipt for us: forged, old, or of another. */
  receiptRefused(): void;
  /** What keeps evidence from being shipped now; `undefined` when nothing does. */
  alarm(kind: ShippingAlarm | undefined): void;
}

/** What shipping is made of. */
export interface ShipperParts {
  readonly config: ShipConfig;
  readonly signer: NoteSigner;
  readonly reader: ChainReader;
  /** Resolves to a record up to which all are on the disk: what a power cut could take back must not be shipped. */
  readonly durable: () => Promise<ChainEnd>;
  /** Asked in turn when one fails. */
  readonly senders: readonly ShipmentSender[];
  /** Whose receipts count now. */
  readonly receiptKeys: () => Promise<ReceiptKeys>;
  /** Says whose key signs the chain. */
  readonly introduce: () => Introduction;
  readonly observer: ShippingObserver;
  readonly clock: Pick<Clock, 'now'>;
}

/** Where shipping stands. */
export interface ShippedTo {
  /** What the distributor has, as far as is known. */
  readonly acknowledged: ChainEnd;
  /** What it has stored for good, by a receipt of this process. */
  readonly stored: number;
}

/** The shipper. One step at a time. */
export interface Shipper {
  readonly position: ShippedTo;
  /** When the oldest record that waits was made, epoch milliseconds; `undefined` when none is known to wait. */
  readonly oldestAt: number | undefined;
  /** What keeps evidence from being shipped. */
  readonly alarm: ShippingAlarm | undefined;
  /**
   * Ships what there is, in one shipment.
   * @returns whether more is known to wait.
   * @throws PortcullisError when it could not: the transport failed, or there is an alarm.
   */
  step(signal: AbortSignal): Promise<boolean>;
}

const NONE = new Uint8Array();
const AT = /"at":"([0-9T:.Z-]{20,30})"/;

/** A shipper that begins where `remembered` says, and asks the distributor first. */
export function createShipper(parts: ShipperParts, remembered: ChainEnd | undefined): Shipper {
  const { config, signer, reader, observer } = parts;
  const lane = laneOf(signer.verifierKey);
  let acknowledged: ChainEnd = remembered ?? { seq: 0, hash: GENESIS };
  let stored = 0;
  /** The distributor has said how far it is, since the last failure. */
  let asked = false;
  let durable: ChainEnd = { seq: 0, hash: GENESIS };
  let oldestAt: number | undefined;
  let alarm: ShippingAlarm | undefined;
  let turn = 0;

  const raise = (kind: ShippingAlarm, message: string, details: Readonly<Record<string, unknown>>): never => {
    alarm = kind;
    // Whatever it stored, it did not store this chain: no reason to remove anything.
    stored = 0;
    observer.alarm(kind);
    throw new PortcullisError('ERR_AUDIT_SHIP_ALARM', 'conflict', message, { details: { ...details, alarm: kind } });
  };

  const exchange = async (content: Omit<ShipmentContent, 'id' | 'at'>, signal: AbortSignal): Promise<Receipt> => {
    const sender = parts.senders[turn % parts.senders.length];
    if (sender === undefined) {
      throw new PortcullisError('ERR_AUDIT_SHIP', 'unavailable', 'no source of this PDP takes evidence');
    }
    const id = randomUUID();
    const keys = await parts.receiptKeys();
    const bytes = await packBytes(...sealShipment(signer, { ...content, id, at: parts.clock.now() }));
    let receipt: Receipt | undefined;
    const accept = (answer: Uint8Array): boolean => {
      const opened = openReceipt(keys, answer);
      // The id makes it the receipt for this shipment and no older one, however true that was.
      if (opened?.writer === signer.name && opened.id === id) receipt = opened;
      else observer.receiptRefused();
      return receipt !== undefined;
    };
    const bounded = AbortSignal.any([signal, AbortSignal.timeout(config.receiptMs)]);
    try {
      await sender.ship({ lane, id, bytes }, accept, bounded);
    } catch (error) {
      // The next attempt takes another way, where there is one.
      turn += 1;
      throw error;
    }
    if (receipt === undefined) throw new PortcullisError('ERR_AUDIT_SHIP', 'unavailable', 'there is no receipt');
    return receipt;
  };

  /** Of our own record; `undefined` when it is not here any more, and its hash is not remembered either. */
  const hashAt = async (seq: number, sent: ChainEnd | undefined): Promise<string | undefined> => {
    if (seq === 0) return GENESIS;
    const known = [sent, durable, acknowledged].find((one) => one?.seq === seq);
    if (known !== undefined || seq < reader.first()) return known?.hash;
    return (await reader.read(seq, { to: seq, records: 1, bytes: 1 }))?.last.hash;
  };

  /** Believes a receipt that is about our chain as it is here. */
  const settle = async ({ end, outcome }: Receipt, sent: ChainEnd | undefined): Promise<void> => {
    if (end.seq > durable.seq) {
      raise('ahead', 'the distributor has more records than are here', { stored: end.seq, here: durable.seq });
    }
    const ours = await hashAt(end.seq, sent);
    if (ours !== undefined && ours !== end.hash) {
      raise('mismatch', 'the distributor has another record than ours', { seq: end.seq });
    }
    if (outcome !== 'stored' && outcome !== 'held') {
      observer.shipped('refused');
      raise('refused', 'the distributor refuses the chain', { finding: outcome, stored: end.seq });
    }
    acknowledged = end;
    stored = outcome === 'stored' ? end.seq : 0;
    asked = true;
    if (end.seq + 1 < reader.first()) {
      raise('missing', 'the distributor lacks records that are not here any more', { stored: end.seq });
    }
    // A question proves nothing about records that were refused.
    if (sent === undefined && end.seq < durable.seq) return;
    if (sent !== undefined) observer.shipped(outcome === 'held' ? 'held' : 'stored');
    if (alarm !== undefined) observer.alarm(undefined);
    alarm = undefined;
  };

  const waitingSince = async (): Promise<number | undefined> => {
    const from = acknowledged.seq + 1;
    return madeAt((await reader.read(from, { to: durable.seq, records: 1, bytes: 1 }))?.first);
  };

  const ship = async (signal: AbortSignal): Promise<boolean> => {
    if (!asked || acknowledged.seq >= durable.seq) durable = await parts.durable();
    if (durable.seq === 0) return false;
    if (!asked) {
      const checkpoint = signCheckpoint(signer, { size: durable.seq, head: durable.hash });
      const question = { from: acknowledged.seq + 1, records: NONE, checkpoint, introduction: parts.introduce() };
      await settle(await exchange(question, signal), undefined);
    }
    const from = acknowledged.seq + 1;
    const limits = { to: durable.seq, records: config.batchRecords, bytes: config.batchBytes };
    const batch = await reader.read(from, limits);
    if (batch === undefined) {
      oldestAt = undefined;
      return false;
    }
    oldestAt = madeAt(batch.first);
    if (batch.last.seq === durable.seq && batch.last.hash !== durable.hash) {
      throw new PortcullisError(
        'ERR_AUDIT_CHAIN',
        'corrupt',
        'the last record on disk is not the one that was written',
      );
    }
    const checkpoint = signCheckpoint(signer, { size: batch.last.seq, head: batch.last.hash });
    const introduced = from === 1 ? { introduction: parts.introduce() } : {};
    const receipt = await exchange({ from, records: batch.bytes, checkpoint, ...introduced }, signal);
    await settle(receipt, batch.last);
    if (acknowledged.seq < durable.seq) return true;
    oldestAt = undefined;
    return false;
  };

  return {
    get position() {
      return { acknowledged, stored };
    },
    get oldestAt() {
      return oldestAt;
    },
    get alarm() {
      return alarm;
    },
    async step(signal) {
      try {
        return await ship(signal);
      } catch (error) {
        asked = false;
        oldestAt ??= await waitingSince().catch(() => undefined);
        const fault = PortcullisError.from(error);
        if (fault.code !== 'ERR_AUDIT_SHIP_ALARM') observer.shipped('failed');
        throw fault;
      }
    },
  };
}

/** Epoch milliseconds. */
function madeAt(line: string | undefined): number | undefined {
  const at = Date.parse(AT.exec(line ?? '')?.[1] ?? '');
  return Number.isNaN(at) ? undefined : at;
}

/** A part of the key: what NATS subjects may be made of. */
function laneOf(verifierKey: string): string {
  return Buffer.from(verifierKey.slice(verifierKey.lastIndexOf('+') + 1), 'base64')
    .toString('hex')
    .slice(0, 64);
}
