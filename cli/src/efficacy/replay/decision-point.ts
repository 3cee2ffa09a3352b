/** A running PDP, asked call by call over gRPC with mTLS, as a gateway asks. */

import { Client, Metadata } from '@grpc/grpc-js';
import type { CanonicalRequest, Decision } from '@portcullis/policy/model';
import {
  fromWireDecision,
  loadDecisionService,
  parsePeerIdentity,
  requestDigest,
  type SettlementReport,
  toWireRequest,
  toWireSettlement,
} from '@portcullis/proto';
import { createLogger, grpcChannelCredentials, openTlsMaterial, type TlsFiles } from '@portcullis/runtime';

/** Whoever decides. */
export interface DecisionPoint {
  /** `undefined` without an answer that is a decision about this request. Does not reject. */
  ask(request: CanonicalRequest): Promise<Decision | undefined>;
  /** Whether it was taken. Does not reject. */
  report(settlement: SettlementReport): Promise<boolean>;
  close(): void;
}

/** Where it is, and who asks. */
export interface DecisionPointOptions {
  /** `host:port` of its gRPC endpoint. */
  readonly endpoint: string;
  readonly tls: TlsFiles;
  /** The server must be a PDP of it. */
  readonly trustDomain: string;
}

/** Patient: what is decided is of interest, and a late answer would count as none. */
const PATIENCE_MS = 10_000;
const MAX_MESSAGE_BYTES = 4 * 1024 * 1024;

interface Method<Question, Answer> {
  readonly path: string;
  readonly requestSerialize: (question: Question) => Buffer;
  readonly responseDeserialize: (bytes: Buffer) => Answer;
}

/** Connects at the first question. @throws PortcullisError `ERR_TLS_MATERIAL` when the certificate cannot be used. */
export async function openDecisionPoint({ endpoint, tls, trustDomain }: DecisionPointOptions): Promise<DecisionPoint> {
  const material = await openTlsMaterial(tls, { log: createLogger({ component: 'cli', level: 'silent' }) });
  const acceptServer = (id: string): boolean => parsePeerIdentity(id, trustDomain)?.kind === 'pdp';
  const client = new Client(endpoint, grpcChannelCredentials(material, { acceptServer }), {
    'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
  });
  const { Evaluate, Settle } = loadDecisionService();
  const call = <Question, Answer>(method: Method<Question, Answer>, question: Question): Promise<Answer | undefined> =>
    new Promise((resolve) => {
      const { path, requestSerialize, responseDeserialize } = method;
      const deadline = { deadline: Date.now() + PATIENCE_MS };
      client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        question,
        new Metadata(),
        deadline,
        (error, answer) => resolve(error === null ? answer : undefined),
      );
    });
  return {
    async ask(request) {
      const digest = requestDigest(request);
      const answer = await call(Evaluate, { request: toWireRequest(request), request_digest: digest });
      if (answer?.decision === undefined || answer.decision === null) return undefined;
      const checked = fromWireDecision(answer.decision);
      if (!checked.ok) return undefined;
      const { decision } = checked.value;
      return decision.request_digest === digest.toString('hex') ? decision : undefined;
    },
    report: async (settlement) => (await call(Settle, { settlements: [toWireSettlement(settlement)] }))?.accepted === 1,
    close() {
      client.close();
      material.close();
    },
  };
}
