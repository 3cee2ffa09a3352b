/** The one file that imports the NATS client, so that another client is a change of one file. */

export {
  AckPolicy,
  type ConnectionOptions,
  connect,
  credsAuthenticator,
  DeliverPolicy,
  DiscardPolicy,
  type JetStreamManager,
  type JsMsg,
  type KV,
  type NatsConnection,
  type ObjectStore,
  RetentionPolicy,
  type StoredMsg,
} from 'nats';
