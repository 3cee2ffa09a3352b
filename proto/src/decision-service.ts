/** Loads the decision plane's service, so that client and server of grpc-js speak exactly decision.proto. */

import { fileURLToPath } from 'node:url';
import {
  loadSync,
  type MessageTypeDefinition,
  type Options,
  type PackageDefinition,
  type ServiceDefinition,
} from '@grpc/proto-loader';
import { type Choices, createFieldLookup } from './message-fields.js';
import { createMessageReaders } from './message-reader.js';
import { createMessageWriters } from './message-writer.js';
import type { DecisionServiceDefinition } from './wire.js';

const PACKAGE = 'portcullis.v1';
/** The service's full name; also the name under which its health is reported. */
export const DECISION_SERVICE_NAME = `${PACKAGE}.DecisionService`;

/**
 * How messages appear in JavaScript. `defaults: false` is load-bearing: an absent field stays absent, so the codec can
 * tell "not said" from "said zero". generate.mjs passes the same options.
 */
export const LOADER_OPTIONS = {
  keepCase: true,
  longs: String,
  enums: String,
  defaults: false,
  oneofs: true,
} as const satisfies Options;

/** Every `oneof` of decision.proto. */
export const CHOICES: Choices = {
  [`${PACKAGE}.Question`]: { ask: ['evaluate', 'ping'] },
  [`${PACKAGE}.Answer`]: { answer: ['decision', 'fault', 'pong'] },
};

/**
 * Reads decision.proto; some 20 ms, so once per process, from the composition root.
 * @returns every message, enum and service by its full name; what gRPC reflection is built from
 * @throws Error when the file is missing or broken: the installation is, and nothing can start
 */
export function loadDecisionPackage(): PackageDefinition {
  // One level below the package both as source and as built output.
  const root = fileURLToPath(new URL('..', import.meta.url));
  return loadSync('portcullis/v1/decision.proto', { ...LOADER_OPTIONS, includeDirs: [root] });
}

/**
 * The service definition for `server.addService` and for clients, with writers and readers of our own (`message-writer.ts`,
 * `message-reader.ts`). Reads decision.proto unless given what was read.
 * @throws Error as {@link loadDecisionPackage}
 */
export function loadDecisionService(loaded: PackageDefinition = loadDecisionPackage()): DecisionServiceDefinition {
  const fieldsOf = createFieldLookup(loaded, CHOICES);
  const writers = createMessageWriters(fieldsOf);
  const readers = createMessageReaders(fieldsOf);
  const readerOf = (type: MessageTypeDefinition<object, object>, library: (bytes: Buffer) => object) => {
    const read = readers(messageName(type));
    return (bytes: Buffer): object => read(bytes) ?? library(bytes);
  };
  const service = loaded[DECISION_SERVICE_NAME] as ServiceDefinition;
  const written = Object.entries(service).map(([name, method]) => [
    name,
    {
      ...method,
      requestSerialize: writers(messageName(method.requestType)),
      responseSerialize: writers(messageName(method.responseType)),
      requestDeserialize: readerOf(method.requestType, method.requestDeserialize),
      responseDeserialize: readerOf(method.responseType, method.responseDeserialize),
    },
  ]);
  return Object.fromEntries(written);
}

function messageName({ type }: MessageTypeDefinition<object, object>): string {
  return `${PACKAGE}.${(type as { readonly name: string }).name}`;
}
