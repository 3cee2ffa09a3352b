/**
 * A PDP that lies: a real gRPC server with whatever certificate it is given, whose answers are made by hand. A sidecar
 * must not get an allow out of any of it, except out of the one honest answer that shows the others are worth telling.
 */
import { randomBytes, randomInt, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Server, ServerCredentials, type ServerDuplexStream, type ServerWritableStream, status } from '@grpc/grpc-js';
import type { Decision } from '@portcullis/policy/model';
import { fromWireDecision, loadDecisionService, toWireDecision, toWireWatchEvent, type Wire } from '@portcullis/proto';
import type { TlsFiles } from '@portcullis/runtime';

/** One question, and what a liar has at hand to answer it. */
export interface Asked {
  readonly id: number;
  /** The digest of the request in question, as the sidecar sent it. */
  readonly digest: Buffer;
  /** The digest of an earlier request that was another one. */
  readonly earlierDigest: Buffer | undefined;
  /** The id and the digest of another question that waits for an answer. */
  readonly waiting: { readonly id: number; readonly digest: Buffer } | undefined;
  /** A proper answer that allows the request with this digest; `changes` are part of it and of its content digest. */
  allow(digest: Buffer, changes?: Partial<Decision>): Wire.Answer;
  encode(answer: Wire.Answer): Buffer;
  send(bytes: Buffer): void;
  /** Ends the stream, with an error status or as if all were well. */
  end(code?: status): void;
}

/** What it does with a question. */
export type Lie = (asked: Asked) => void;

/** A running liar; `lie` and `pong` may be changed at any time. */
export interface DishonestPdp {
  /** `host:port`. */
  readonly address: string;
  lie: Lie;
  /** What it answers a Ping with; the proper answer by default. */
  pong: (id: number) => Buffer | undefined;
  /** Questions that arrived: a lie that nobody heard proves nothing. */
  readonly questions: number;
  /** Decide streams that were opened. */
  readonly streams: number;
  stop(): void;
}

const EPOCHS = { release_seq: 1, trust: 0, labels: 0, kill: 0 };

function allowing(digest: Buffer, changes: Partial<Decision> = {}): Decision {
  return {
    decision_id: randomUUID(),
    allow: true,
    effect: 'allow',
    deny: [],
    conditions: [],
    obligations: [],
    cache: { ttl_seconds: 0, scope: '' },
    matched: [],
    diagnostics: { errors: [] },
    meta: {
      policy_version: '1.0.0',
      evaluation_ms: 0.01,
      bundle_digest: 'ab'.repeat(32),
      release_seq: 1,
      arm: 'stable',
      engine: 'liar',
      cached: false,
    },
    request_digest: digest.toString('hex'),
    ...changes,
  };
}

/** The one honest answer. */
export const honest: Lie = ({ allow, encode, send, digest }) => send(encode(allow(digest)));

const DENIAL = { code: 'POLICY_DENIED', message: 'no', path: 'platform/no' } as const;

/** Changes the decision after its content digest was made, as a buggy or malicious encoder would. */
function corrupt(changes: (decision: Wire.Decision) => Wire.Decision): Lie {
  return ({ id, digest, allow, encode, send }) => send(encode({ id, decision: changes(allow(digest).decision ?? {}) }));
}

/** Changes the bytes of an honest answer. */
function mangle(change: (bytes: Buffer) => Buffer): Lie {
  return ({ digest, allow, encode, send }) => send(change(encode(allow(digest))));
}

/** What bytes say: the same decision under the same id says the same, however its fields are framed. */
function meaning(bytes: Buffer): string {
  const { answers = [] } = loadDecisionService().Decide.responseDeserialize(bytes);
  return JSON.stringify(answers.map(({ id, decision, fault }) => [id, decision && fromWireDecision(decision), fault]));
}

/** Flips bits until one matters: one in the tag of a field that holds its default anyway changes nothing. */
function flipOneBit(bytes: Buffer): Buffer {
  const said = meaning(bytes);
  while (true) {
    const at = randomInt(bytes.length);
    const changed = Buffer.from(bytes);
    changed.writeUInt8(changed.readUInt8(at) ^ (1 << randomInt(8)), at);
    try {
      if (meaning(changed) === said) continue;
    } catch {
      // Not even a message any more.
    }
    return changed;
  }
}

/** Every lie, by what it is. None may become an allow. */
export const LIES: Readonly<Record<string, Lie>> = {
  'a message of no bytes': ({ send }) => send(Buffer.alloc(0)),
  'an answer to nothing': ({ id, encode, send }) => send(encode({ id })),
  'an empty decision': ({ id, encode, send }) => send(encode({ id, decision: {} })),
  'an unspecified effect': corrupt((decision) => ({ ...decision, effect: 'DECISION_EFFECT_UNSPECIFIED' })),
  'an effect that does not exist': corrupt((decision) => ({ ...decision, effect: 77 as never })),
  'random bytes': ({ send }) => send(randomBytes(randomInt(1, 400))),
  'no digest': corrupt((decision) => ({ ...decision, request_digest: Buffer.alloc(0) })),
  'a digest of nothing': ({ allow, encode, send }) => send(encode(allow(Buffer.alloc(32)))),
  'a digest of something else': ({ allow, encode, send }) => send(encode(allow(randomBytes(32)))),
  'an allow for an earlier request': ({ allow, encode, send, earlierDigest }) =>
    send(encode(allow(earlierDigest ?? randomBytes(32)))),
  'the answers of two questions exchanged': ({ id, digest, waiting, allow, encode, send }) => {
    if (waiting === undefined) return;
    send(encode({ ...allow(digest), id: waiting.id }));
    send(encode({ ...allow(waiting.digest), id }));
  },
  'an allow without content digest': corrupt((decision) => ({ ...decision, content_digest: Buffer.alloc(0) })),
  'an allow that lost its denial': ({ id, digest, allow, encode, send }) => {
    const { decision } = allow(digest, { allow: false, effect: 'deny', deny: [DENIAL] });
    send(encode({ id, decision: { ...decision, effect: 'DECISION_EFFECT_ALLOW', deny: [] } }));
  },
  'an allow that names a denial': ({ digest, allow, encode, send }) => send(encode(allow(digest, { deny: [DENIAL] }))),
  'an allow without an id': ({ digest, allow, encode, send }) => send(encode(allow(digest, { decision_id: '' }))),
  'an allow with an obligation': ({ digest, allow, encode, send }) =>
    send(encode(allow(digest, { obligations: [{ type: 'escort', value: 'the owner' }] }))),
  'an allow with a condition that nobody here can meet': ({ digest, allow, encode, send }) =>
    send(encode(allow(digest, { conditions: [{ type: 'redact', value: ['tool.arguments.path'] }] }))),
  'a hold that says allow': corrupt((decision) => ({ ...decision, effect: 'DECISION_EFFECT_HOLD' })),
  'a denial, then an allow': ({ digest, allow, encode, send }) => {
    send(encode(allow(digest, { allow: false, effect: 'deny', deny: [DENIAL] })));
    send(encode(allow(digest)));
  },
  'an allow under another id': ({ id, digest, allow, encode, send }) =>
    send(encode({ ...allow(digest), id: (id ^ 0x5555) >>> 0 })),
  'half an allow': mangle((bytes) => bytes.subarray(0, randomInt(1, bytes.length))),
  'an allow with one bit flipped': mangle(flipOneBit),
  'an allow of a megabyte': ({ digest, allow, encode, send }) =>
    send(
      encode(
        allow(digest, {
          matched: [
            { policy: 'x'.repeat(1_048_576), version: '1', layer: 'platform', effect: 'allow', conditions: [] },
          ],
        }),
      ),
    ),
  'a fault that does not exist': ({ id, encode, send }) => send(encode({ id, fault: { code: 99 as never } })),
  'a fault without a code': ({ id, encode, send }) => send(encode({ id, fault: {} })),
  'the end of the stream': ({ end }) => end(),
  'an error status': ({ end }) => end(status.INTERNAL),
  silence: () => undefined,
};

type DecideStream = ServerDuplexStream<Wire.DecideRequest__Output, Buffer>;

function credentialsOf(tls: TlsFiles): ServerCredentials {
  // Not our own server credentials: those would refuse the certificates that this is about.
  const pair = { private_key: readFileSync(tls.keyFile), cert_chain: readFileSync(tls.certFile) };
  return ServerCredentials.createSsl(readFileSync(tls.caFile), [pair], true);
}

/** Starts one on loopback, on `port` or a free one. It answers honestly until told otherwise. */
export async function startDishonestPdp(options: {
  readonly tls: TlsFiles;
  readonly port?: number;
}): Promise<DishonestPdp> {
  const service = loadDecisionService();
  const encode = (answer: Wire.Answer): Buffer => service.Decide.responseSerialize({ answers: [answer] });
  const server = new Server({ 'grpc.max_send_message_length': 8 * 1024 * 1024 });
  const counts = { questions: 0, streams: 0 };
  let earlier: { readonly id: number; readonly digest: Buffer } | undefined;

  const receive = (stream: DecideStream, message: Wire.Question__Output): void => {
    const id = message.id ?? 0;
    const send = (bytes: Buffer): void => {
      if (!stream.destroyed && !stream.writableEnded) stream.write(bytes);
    };
    if (message.ping !== undefined) {
      const pong = pdp.pong(id);
      if (pong !== undefined) send(pong);
      return;
    }
    counts.questions += 1;
    const digest = message.evaluate?.request_digest ?? Buffer.alloc(32);
    const before = earlier;
    earlier = { id, digest };
    pdp.lie({
      id,
      digest,
      earlierDigest: before?.digest,
      waiting: before,
      allow: (about, changes) => ({ id, decision: toWireDecision(allowing(about, changes), EPOCHS) }),
      encode,
      send,
      end(code) {
        if (code === undefined) stream.end();
        else stream.emit('error', Object.assign(new Error('as told'), { code }));
      },
    });
  };
  server.addService(
    {
      Decide: { ...service.Decide, responseSerialize: (bytes: Buffer) => bytes },
      Watch: service.Watch,
      Settle: service.Settle,
    },
    {
      Decide: (stream: DecideStream) => {
        counts.streams += 1;
        stream.on('data', ({ questions = [] }: Wire.DecideRequest__Output) => {
          for (const question of questions) receive(stream, question);
        });
        stream.on('error', () => undefined);
        stream.on('end', () => stream.end());
      },
      Watch: (stream: ServerWritableStream<Wire.WatchRequest__Output, Wire.WatchEvent>) => {
        stream.on('error', () => undefined);
        stream.write(
          toWireWatchEvent({
            epochs: EPOCHS,
            bundle_digest: 'ab'.repeat(32),
            policy_version: '1.0.0',
            freshness: 'fresh',
          }),
        );
      },
      Settle: (_call: unknown, callback: (error: null, response: Wire.SettleResponse) => void) => {
        callback(null, { accepted: 0 });
      },
    },
  );
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(`127.0.0.1:${options.port ?? 0}`, credentialsOf(options.tls), (error, bound) => {
      if (error === null) resolve(bound);
      else reject(error);
    });
  });
  const pdp: DishonestPdp = {
    address: `127.0.0.1:${port}`,
    lie: honest,
    pong: (id) => encode({ id, pong: {} }),
    get questions() {
      return counts.questions;
    },
    get streams() {
      return counts.streams;
    },
    stop: () => server.forceShutdown(),
  };
  return pdp;
}
