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
    cache: { ttl_seconds: 0, scope: '' },
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

/** The first byte of the field, in DecideResponse and DecideRequest. */
const TAG_DECISION = 0x12;
const TAG_EVALUATE = 0x12;

/** Starts the server on a free loopback port and returns it. */
export function startEchoPdp(): Promise<number> {
  const { Decide, Watch } = loadDecisionService();
  const server = new Server({ 'grpc.enable_channelz': 0 });
  const identity = (bytes: Buffer): Buffer => bytes;
  // The questions of the benchmark repeat, so each answer is made once; everything else is copying bytes.
  const answers = new Map<string, Buffer>();
  const answerTo = (digest: Buffer): Buffer => {
    const key = digest.toString('latin1');
    const known = answers.get(key);
    if (known !== undefined) return known;
    const whole = Decide.responseSerialize({ id: 1, decision: toWireDecision(allow(digest.toString('hex')), EPOCHS) });
    const decision = whole.subarray(whole.indexOf(TAG_DECISION));
    answers.set(key, decision);
    return decision;
  };
  const reply = (question: Buffer): Buffer => {
    let end = 1;
    while ((question[end] ?? 0) >= 0x80) end += 1;
    const id = question.subarray(0, end + 1);
    // The digest is the last field of the question.
    if (question[end + 1] === TAG_EVALUATE) return Buffer.concat([id, answerTo(question.subarray(-DIGEST_BYTES))]);
    return Decide.responseSerialize({ id: Decide.requestDeserialize(question).id ?? 0, pong: {} });
  };
  server.addService(
    { Decide: { ...Decide, requestDeserialize: identity, responseSerialize: identity }, Watch },
    {
      Decide: (stream: ServerDuplexStream<Buffer, Buffer>) => {
        stream.on('data', (question: Buffer) => {
          stream.write(reply(question));
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
