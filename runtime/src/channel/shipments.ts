/**
 * The part of the transport port that carries shipments: bytes that must arrive, each answered by whoever took it in.
 * A transport that says "I have it" says nothing; only the answer does. Like the rest of a channel it is never trusted.
 */

import { PortcullisError } from '../errors/portcullis-error.js';
import { oversize } from './faults.js';

/** One attempt to ship something. */
export interface OutgoingShipment {
  /** Whose shipments these are: 1 to 64 lower-case letters and digits. A newer one of a lane may replace an older. */
  readonly lane: string;
  /** Unique for each attempt: 1 to 64 letters, digits and hyphens. What is sent twice under one id may arrive once. */
  readonly id: string;
  /** At most {@link MAX_SHIPMENT_BYTES}. */
  readonly bytes: Uint8Array;
}

/** The end that ships. */
export interface ShipmentSender {
  /**
   * Ships and waits. `accept` judges every answer; the wait goes on until it is content with one.
   * @throws PortcullisError `unavailable` or `timeout` when there was none until `signal` aborted or the transport failed.
   */
  ship(shipment: OutgoingShipment, accept: (answer: Uint8Array) => boolean, signal: AbortSignal): Promise<void>;
}

/** A shipment that arrived. */
export interface ArrivedShipment {
  readonly bytes: Uint8Array;
  /** The node that sent it, where the transport proved that. */
  readonly node?: string;
}

/**
 * Takes one in and resolves to the answer. Rejecting with a kind of `invalid`, `unauthenticated` or `corrupt` throws it away
 * unanswered; any other rejection has it delivered again.
 */
export type TakeShipment = (shipment: ArrivedShipment) => Promise<Uint8Array>;

/** The end that takes in. */
export interface ShipmentReceiver {
  /** Hands arrivals to `take`, several at once, until `signal` aborts. Never rejects; what fails is tried again. */
  serve(take: TakeShipment, signal: AbortSignal): Promise<void>;
}

/** No shipment is larger as it travels, in bytes; below what NATS servers take by default. */
export const MAX_SHIPMENT_BYTES = 1_000_000;
/** No answer is larger, in bytes. */
export const MAX_ANSWER_BYTES = 8_192;

const LANE = /^[a-z0-9]{1,64}$/;
const ID = /^[A-Za-z0-9-]{1,64}$/;

/** @throws PortcullisError `ERR_CHANNEL_SUBJECT` or `ERR_CHANNEL_OVERSIZE` for what no transport may carry. */
export function requireAddress({ lane, id, bytes }: OutgoingShipment): void {
  if (!isShipmentAddress(lane, id)) {
    throw new PortcullisError('ERR_CHANNEL_SUBJECT', 'invalid', 'a shipment has no lane or no id');
  }
  if (bytes.length > MAX_SHIPMENT_BYTES) throw oversize(id, MAX_SHIPMENT_BYTES);
}

/** Whether both can be a part of a NATS subject. */
export function isShipmentAddress(lane: string, id: string): boolean {
  return LANE.test(lane) && ID.test(id);
}

/** Whether a fault is about the shipment itself: it would fail again. */
export function isHopeless(kind: string): boolean {
  return kind === 'invalid' || kind === 'unauthenticated' || kind === 'corrupt';
}
