/** What a load generator is told, and what it found. */

import type { MethodDefinition } from '@grpc/grpc-js';
import type { TlsFiles } from '@portcullis/runtime';

/**
 * How a subject is asked. `stream` with questions that were written before, as all servers are; `client` on the same stream by
 * the client of a sidecar, which makes each question and checks each answer; `sidecar` is that with its cache in front.
 */
export const WAYS = ['stream', 'client', 'sidecar', 'unary', 'http', 'opa', 'cerbos', 'echo'] as const;
/** See {@link WAYS}. */
export type Way = (typeof WAYS)[number];

const bytes = (message: Buffer): Buffer => message;

/** The only method of the bare server: a stream of bytes, each of which comes back. */
export const ECHO_METHOD: MethodDefinition<Buffer, Buffer> = {
  path: '/bench.Echo/Echo',
  requestStream: true,
  responseStream: true,
  requestSerialize: bytes,
  requestDeserialize: bytes,
  responseSerialize: bytes,
  responseDeserialize: bytes,
};

/** One measurement. */
export interface Job {
  readonly way: Way;
  /** `host:port`. */
  readonly address: string;
  readonly tls: TlsFiles;
  /** Rules that are loaded; the questions follow from it. */
  readonly policies: number;
  /** Only questions that are allowed: what is denied is never kept. */
  readonly allowedOnly: boolean;
  /** What a question carries besides, in kB. */
  readonly payloadKb: number;
  /** Questions under way at once. */
  readonly width: number;
  /** Seconds before anything is counted. */
  readonly warmUpSeconds: number;
  readonly seconds: number;
}

/** What came of it; latencies in milliseconds, the client's own work included. */
export interface Load {
  /** Answers in all, those of the warm-up included. */
  readonly answers: number;
  readonly rps: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
}
