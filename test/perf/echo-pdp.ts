/**
 * The cheapest PDP there can be: allows everything, evaluates nothing. Runs as a worker thread of the benchmark, so that
 * what is measured on the main thread is the client and not the server.
 */

import { parentPort } from 'node:worker_threads';
import { Server, ServerCredentials, type ServerDuplexStream, type ServerWritableStream } from '@grpc/grpc-js';
import type { Decision } from '@portcullis/policy/model';
import { loadDecisionService, toWireDecision, toWireWatchEvent, type Wire } from '@portcullis/proto';

const EPOCHS = { release_seq: 1, trust: 1, labels: 1, kill: 0 };
const DIGEST_BYTES = 32;
const BUNDLE = 'ab'.repeat(DIGEST_BYTES);

function allow(digest: string): Decision {
  return {
    decision_id: '01890a5d-ac96-774b-bcce-b302099a8057',
    allow: true,
    effect: 'allow',
    deny: [],
    conditions: [],
    obligations: [],
    // For clients that keep answers; of the fields that a rule of this shape reads.
    cache: { ttl_seconds: 30, scope: 'agent.id+agent.trust_level+tool.name+tool.server' },
    matched: [
      {
        policy: 'allow-reads',
        version: '1.0.0',
        layer: 'tenant',
        effect: 'allow',
        conditions: ['tool.name', 'agent.id'],
      },
    ],
    diagnostics: { errors: [] },
    meta: {
      policy_version: '1.0.0',
      evaluation_ms: 0.02,
      bundle_digest: BUNDLE,
      release_seq: 1,
      arm: 'stable',
      engine: 'echo',
      cached: false,
    },
    request_digest: digest,
  };
}

/** Starts the server on a free loopback port and returns it. */
export function startEchoPdp(): Promise<number> {
  const { Decide, Watch, Settle } = loadDecisionService();
  const server = new Server({ 'grpc.enable_channelz': 0 });
  // The questions of the benchmark repeat, so each decision is made once.
  const decisions = new Map<string, Wire.Decision>();
  const decisionOn = (digest: Buffer): Wire.Decision => {
    const key = digest.toString('hex');
    const decision = decisions.get(key) ?? toWireDecision(allow(key), EPOCHS);
    decisions.set(key, decision);
    return decision;
  };
  const answer = ({ id = 0, evaluate }: Wire.Question__Output): Wire.Answer =>
    evaluate === undefined
      ? { id, pong: {} }
      : { id, decision: decisionOn(evaluate.request_digest ?? Buffer.alloc(0)) };
  server.addService(
    { Decide, Watch, Settle },
    {
      Settle: (
        call: { readonly request: Wire.SettleRequest__Output },
        callback: (error: null, response: Wire.SettleResponse) => void,
      ) => callback(null, { accepted: 0, reuses_recorded: call.request.reuses?.length ?? 0 }),
      Decide: (stream: ServerDuplexStream<Wire.DecideRequest__Output, Wire.DecideResponse>) => {
        stream.on('data', ({ questions = [] }: Wire.DecideRequest__Output) => {
          stream.write({ answers: questions.map(answer) });
        });
        stream.on('end', () => {
          stream.end();
        });
      },
      Watch: (stream: ServerWritableStream<Wire.WatchRequest__Output, Wire.WatchEvent>) => {
        stream.write(
          toWireWatchEvent({ epochs: EPOCHS, bundle_digest: BUNDLE, policy_version: '1.0.0', freshness: 'fresh' }),
        );
      },
    },
  );
  return new Promise((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
      if (error === null) resolve(port);
      else reject(error);
    });
  });
}

if (parentPort !== null) parentPort.postMessage(await startEchoPdp());
