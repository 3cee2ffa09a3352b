/**
 * Shipments over JetStream. The stream holds the newest shipment of each lane and no more: it is a letter box and not a
 * store, so that a server that is slow, full or wiped costs one shipment per sender, which sends it again.
 */

import { setTimeout as delay } from 'node:timers/promises';
import { PortcullisError } from '../errors/portcullis-error.js';
import { LOG_FIELD } from '../log/fields.js';
import type { Logger } from '../log/logger.js';
import { channelFault, orEnded } from './faults.js';
import {
  AckPolicy,
  DeliverPolicy,
  DiscardPolicy,
  type JetStreamManager,
  type JsMsg,
  type NatsConnection,
  RetentionPolicy,
} from './nats-client.js';
import type { Link } from './nats-link.js';
import {
  isHopeless,
  isShipmentAddress,
  MAX_ANSWER_BYTES,
  MAX_SHIPMENT_BYTES,
  requireAddress,
  type ShipmentReceiver,
  type ShipmentSender,
  type TakeShipment,
} from './shipments.js';

/** Names on the server. */
export interface ShipmentNames {
  readonly stream: string;
  shipment(lane: string): string;
  answer(lane: string, id: string): string;
}

const CONSUMER = 'distributor';
const PUBLISH_TIMEOUT_MS = 2_000;
const PUBLISH_ATTEMPTS = 3;
const REQUEST_TIMEOUT_MS = 5_000;
/** An idle look; after it the stream and the consumer are looked for, as both may be gone without a word. */
const FETCH_MS = 5_000;
const AT_ONCE = 16;
const ACK_WAIT_MS = 30_000;
const AGAIN_MS = 1_000;
const RETRY_MS = 500;
/** The server forgets a shipment that nobody took for so long; its sender has long sent another. */
const MAX_AGE_MS = 10 * 60_000;
/** Reserved at once by servers; a shipment of the default size is some 25 KB. */
const MAX_STREAM_BYTES = 64 * 1024 * 1024;
const DUPLICATES_MS = 120_000;
const NANOS = 1_000_000;

/** Names below a prefix. */
export function shipmentNames(prefix: string): ShipmentNames {
  return {
    stream: `${prefix}-shipments`,
    shipment: (lane) => `${prefix}.shipment.${lane}`,
    answer: (lane, id) => `${prefix}.answer.${lane}.${id}`,
  };
}

/** The end that ships. */
export function createNatsSender(link: Link<NatsConnection>, names: ShipmentNames): ShipmentSender {
  const publish = async (nats: NatsConnection, subject: string, id: string, bytes: Uint8Array): Promise<void> => {
    for (let attempt = 1; ; attempt += 1) {
      try {
        // The server drops what it has under this id already, so that an attempt whose answer was lost can be repeated.
        await nats.jetstream().publish(subject, bytes, { msgID: id, timeout: PUBLISH_TIMEOUT_MS });
        return;
      } catch (error: unknown) {
        if (attempt >= PUBLISH_ATTEMPTS || Reflect.get(Object(error), 'code') !== 'TIMEOUT') throw error;
      }
    }
  };
  return {
    async ship(shipment, accept, signal) {
      requireAddress(shipment);
      const { lane, id, bytes } = shipment;
      try {
        await link.use(signal, async (nats, either) => {
          const accepted = Promise.withResolvers<void>();
          const subscription = nats.subscribe(names.answer(lane, id), {
            callback: (error, message) => {
              if (error === null && message.data.length <= MAX_ANSWER_BYTES && accept(message.data)) accepted.resolve();
            },
          });
          try {
            const published = publish(nats, names.shipment(lane), id, bytes);
            // An answer is worth more than the server's word that it has the shipment.
            await orEnded(Promise.race([accepted.promise, published.then(() => accepted.promise)]), either);
          } finally {
            if (!nats.isClosed()) subscription.unsubscribe();
          }
        });
      } catch (error: unknown) {
        throw channelFault(error, signal);
      }
    },
  };
}

/** The end that takes in; makes the stream and its durable consumer, again when they are gone. */
export function createNatsReceiver(
  link: Link<NatsConnection>,
  names: ShipmentNames,
  options: { readonly replicas: number; readonly log: Logger },
): ShipmentReceiver {
  const log = options.log.child({ [LOG_FIELD.transport]: 'nats' });

  const ensure = async (nats: NatsConnection): Promise<void> => {
    const manager = await nats.jetstreamManager({ checkAPI: false, timeout: REQUEST_TIMEOUT_MS });
    if ((await orMissing(manager.streams.info(names.stream))) === undefined) await addStream(manager);
    if ((await orMissing(manager.consumers.info(names.stream, CONSUMER))) === undefined) await addConsumer(manager);
  };
  const addStream = async (manager: JetStreamManager): Promise<void> => {
    await manager.streams.add({
      name: names.stream,
      subjects: [names.shipment('*')],
      retention: RetentionPolicy.Workqueue,
      max_msgs_per_subject: 1,
      // When the whole is full, senders are told so; of one lane the newest counts.
      discard: DiscardPolicy.New,
      max_bytes: MAX_STREAM_BYTES,
      max_msg_size: MAX_SHIPMENT_BYTES + 4_096,
      max_age: MAX_AGE_MS * NANOS,
      duplicate_window: DUPLICATES_MS * NANOS,
      num_replicas: options.replicas,
    });
  };
  const addConsumer = async (manager: JetStreamManager): Promise<void> => {
    await manager.consumers.add(names.stream, {
      durable_name: CONSUMER,
      ack_policy: AckPolicy.Explicit,
      deliver_policy: DeliverPolicy.All,
      ack_wait: ACK_WAIT_MS * NANOS,
      max_ack_pending: 4 * AT_ONCE,
    });
  };

  const takeOne = async (nats: NatsConnection, message: JsMsg, take: TakeShipment): Promise<void> => {
    const lane = message.subject.slice(names.shipment('').length);
    const id = message.headers?.get('Nats-Msg-Id') ?? '';
    if (!isShipmentAddress(lane, id) || message.data.length > MAX_SHIPMENT_BYTES) {
      message.term();
      return;
    }
    try {
      const answer = await take({ bytes: message.data });
      nats.publish(names.answer(lane, id), answer);
      message.ack();
    } catch (error: unknown) {
      const fault = PortcullisError.from(error);
      log.warn({ [LOG_FIELD.error]: fault }, 'Shipment not taken in');
      if (isHopeless(fault.kind)) message.term();
      else message.nak(AGAIN_MS);
    }
  };

  const follow = async (nats: NatsConnection, take: TakeShipment, signal: AbortSignal): Promise<void> => {
    const running = new Set<Promise<void>>();
    await ensure(nats);
    const consumer = await nats.jetstream().consumers.get(names.stream, CONSUMER);
    while (!signal.aborted) {
      const messages = await consumer.fetch({ max_messages: AT_ONCE - running.size, expires: FETCH_MS });
      const stop = (): void => void messages.close().catch(() => undefined);
      signal.addEventListener('abort', stop, { once: true });
      let count = 0;
      for await (const message of messages) {
        count += 1;
        const taking = takeOne(nats, message, take).finally(() => running.delete(taking));
        running.add(taking);
      }
      signal.removeEventListener('abort', stop);
      // One that takes long holds up no others, as long as there are not many.
      if (running.size >= AT_ONCE) await Promise.race(running);
      if (count === 0 && !signal.aborted) await ensure(nats);
    }
  };

  return {
    async serve(take, signal) {
      let reported = '';
      while (!signal.aborted && !link.closing.aborted) {
        try {
          const { nats, lost } = await link.up(signal);
          const either = AbortSignal.any([signal, lost]);
          await orEnded(follow(nats, take, either), either);
          reported = '';
        } catch (error: unknown) {
          const fault = channelFault(error);
          if (!signal.aborted && fault.message !== reported) {
            log.warn({ [LOG_FIELD.error]: fault }, 'Shipments not received, trying again');
            reported = fault.message;
          }
        }
        await delay(RETRY_MS, undefined, { signal }).catch(() => undefined);
      }
    },
  };
}

async function orMissing<T>(asking: Promise<T>): Promise<T | undefined> {
  try {
    return await asking;
  } catch (error: unknown) {
    if (Reflect.get(Object(error), 'code') === '404') return undefined;
    throw error;
  }
}
