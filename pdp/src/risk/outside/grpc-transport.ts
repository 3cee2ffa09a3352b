/** An analyser over gRPC (risk_analyser.proto) with mutual TLS. */

import { Client } from '@grpc/grpc-js';
import { loadRiskAnalyser, type Wire } from '@portcullis/proto';
import { grpcChannelCredentials, type TlsMaterial } from '@portcullis/runtime';
import type { OutsideTransport } from './analyser.js';

/** How it is reached. */
export interface GrpcTransportOptions {
  /** `host:port`. */
  readonly address: string;
  readonly material: TlsMaterial;
  /** The SPIFFE identity that the server must have. */
  readonly serverId: string;
  /** A longer answer is none, in bytes. */
  readonly maxAnswerBytes: number;
}

/** Makes it; connects when it is asked, and again when the connection is lost. */
export function createGrpcTransport(options: GrpcTransportOptions): OutsideTransport {
  const { address, material, serverId, maxAnswerBytes } = options;
  const { path, requestSerialize, responseDeserialize } = loadRiskAnalyser().Analyse;
  const client = new Client(address, grpcChannelCredentials(material, { acceptServer: (id) => id === serverId }), {
    'grpc.max_receive_message_length': maxAnswerBytes,
    'grpc.enable_retries': 0,
    'grpc.initial_reconnect_backoff_ms': 100,
    'grpc.max_reconnect_backoff_ms': 5_000,
  });
  return {
    ask: (subject, timeoutMs) =>
      new Promise((resolve, reject) => {
        client.makeUnaryRequest(
          path,
          requestSerialize,
          responseDeserialize,
          { subject: Buffer.from(subject) },
          { deadline: Date.now() + timeoutMs },
          (error, response) => {
            if (error !== null || response === undefined) reject(error ?? new Error('no response'));
            else resolve(plain(response));
          },
        );
      }),
    close: () => client.close(),
  };
}

/** The shape of a JSON answer; what is absent on the wire is zero there. */
function plain({ signals = [], risk_dimensions = {} }: Wire.AnalyseResponse__Output): unknown {
  return {
    signals: signals.map(({ signal_type, score = 0, details = {} }) => ({ signal_type, score, details })),
    risk_dimensions,
  };
}
