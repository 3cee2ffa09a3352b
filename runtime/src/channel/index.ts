import type { NatsChannel, NatsChannelOptions } from './nats.js';

export { fallbackReader } from './fallback.js';
export { createHttpChannelReader, type HttpChannelOptions } from './http.js';
export { createInProcessChannel, type InProcessChannel } from './in-process.js';
export { isChannelKey } from './key.js';
export type { NatsChannel, NatsChannelOptions } from './nats.js';
export { packBytes, unpackBytes } from './packing.js';
export type { ChannelReader, ChannelWriter } from './port.js';
export {
  type ArrivedShipment,
  MAX_ANSWER_BYTES,
  MAX_SHIPMENT_BYTES,
  type OutgoingShipment,
  type ShipmentReceiver,
  type ShipmentSender,
  type TakeShipment,
} from './shipments.js';

/**
 * Opens a channel over NATS. The client library is loaded by the first call, so that processes without NATS do not pay
 * for it.
 * @throws PortcullisError kind `unavailable` only for settings that can never work; an unreachable server is waited for.
 */
export async function openNatsChannel(options: NatsChannelOptions): Promise<NatsChannel> {
  const { openNats } = await import('./nats.js');
  return openNats(options);
}
