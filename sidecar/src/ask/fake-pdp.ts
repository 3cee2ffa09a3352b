/** A PDP for tests: a real gRPC server in this process that misbehaves on demand. */

import { createServer, connect as dial, type Socket, type Server as TcpServer } from 'node:net';
import {
  type ChannelOptions,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerWritableStream,
  status,
} from '@grpc/grpc-js';
import type { Decision, DenyCode } from '@portcullis/policy/model';
import {
  type Epochs,
  fromWireRefusal,
  fromWireReuse,
  fromWireSettlement,
  loadDecisionService,
  type RefusalReport,
  type ReuseReport,
  type SettlementReport,
  toWireDecision,
  toWireFault,
  toWireWatchEvent,
  type Wire,
} from '@portcullis/proto';

/** One question as it arrived, and the ways to answer it. */
export interface FakeQuestion {
  readonly id: number;
  /** Lower-case hex, as it was sent. */
  readonly digest: string;
  readonly requestId: string;
  /** Whether only kills are asked about. */
  readonly onlyKills: boolean;
  /** Answers properly; `over` replaces parts of an allow. */
  readonly decide: (over?: Partial<Decision>) => void;
  readonly fault: (code: DenyCode) => void;
  /** Answers with an answer of the caller's making. */
  readonly reply: (answer: Wire.Answer) => void;
  /** Answers with bytes of the caller's making. */
  readonly raw: (bytes: Uint8Array) => void;
  /** Ends the stream with an error. */
  readonly drop: () => void;
  /** Ends the stream as if all were well. */
  readonly end: () => void;
}

/** A fake PDP. The fields are knobs and may be changed at any time. */
export interface FakePdp {
  readonly address: string;
  readonly port: number;
  /** What it does with a question. Default: allow. */
  onQuestion: (question: FakeQuestion) => void;
  /** Whether it answers Pings. */
  pongs: boolean;
  /** Whether Settle succeeds. */
  takesSettlements: boolean;
  /** Questions that arrived so far. */
  readonly questions: number;
  readonly pings: number;
  /** How many questions and Pings each message carried, in order of arrival. */
  readonly messages: readonly number[];
  /** Decide streams opened so far. */
  readonly streams: number;
  readonly settled: readonly SettlementReport[];
  /** Whether it records reuses. */
  recordsReuses: boolean;
  readonly reused: readonly ReuseReport[];
  readonly refused: readonly RefusalReport[];
  /** The epochs besides the release that it tells watchers and puts on answers. */
  counters: Omit<Epochs, 'release_seq'>;
  /** Tells every watcher what is in force. */
  tell(): void;
  /** Tells every watcher, and later ones first, that this release is active. */
  publish(releaseSeq: number): void;
  /** Ends every Decide stream with an error. */
  dropStreams(): void;
  /** Stops at once, connections included. */
  stop(): void;
}

/** A well-formed allow. */
export function allowing(digest: string, over: Partial<Decision> = {}): Decision {
  return {
    decision_id: 'd-1',
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
      engine: 'fake',
      cached: false,
    },
    request_digest: digest,
    ...over,
  };
}

function allowingAt(digest: string, releaseSeq: number, over: Partial<Decision> = {}): Decision {
  const decision = allowing(digest);
  return { ...decision, meta: { ...decision.meta, release_seq: releaseSeq }, ...over };
}

type DecideStream = ServerDuplexStream<Wire.DecideRequest__Output, Buffer>;
type WatchStream = ServerWritableStream<Wire.WatchRequest__Output, Wire.WatchEvent>;

/** Starts a fake PDP on loopback, on `port` or a free one. */
export async function startFakePdp(
  options: { readonly port?: number; readonly channel?: ChannelOptions; readonly credentials?: ServerCredentials } = {},
): Promise<FakePdp> {
  const service = loadDecisionService();
  const encode = (answer: Wire.Answer): Buffer => service.Decide.responseSerialize({ answers: [answer] });
  const server = new Server(options.channel ?? {});
  const streams = new Set<DecideStream>();
  const watchers = new Set<WatchStream>();
  const settled: SettlementReport[] = [];
  const reused: ReuseReport[] = [];
  const refused: RefusalReport[] = [];
  const messages: number[] = [];
  const counts = { questions: 0, pings: 0, streams: 0 };
  let releaseSeq = 1;

  const event = (): Wire.WatchEvent =>
    toWireWatchEvent({
      epochs: { release_seq: releaseSeq, ...pdp.counters },
      bundle_digest: 'ab'.repeat(32),
      policy_version: '1.0.0',
      freshness: 'fresh',
    });
  const fail = (stream: DecideStream): void => {
    stream.emit('error', Object.assign(new Error('dropped'), { code: status.UNAVAILABLE }));
  };
  const receive = (stream: DecideStream, message: Wire.Question__Output): void => {
    const id = message.id ?? 0;
    if (message.ping !== undefined) {
      counts.pings += 1;
      if (pdp.pongs) stream.write(encode({ id, pong: {} }));
      return;
    }
    counts.questions += 1;
    const digest = (message.evaluate?.request_digest ?? Buffer.alloc(0)).toString('hex');
    const epochs = { release_seq: releaseSeq, ...pdp.counters };
    pdp.onQuestion({
      id,
      digest,
      requestId: message.evaluate?.request?.context?.request_id ?? '',
      onlyKills: message.evaluate?.only_kills ?? false,
      decide: (over) =>
        stream.write(encode({ id, decision: toWireDecision(allowingAt(digest, epochs.release_seq, over), epochs) })),
      fault: (code) => stream.write(encode({ id, fault: toWireFault({ code, message: 'as told' }) })),
      reply: (reply) => stream.write(encode(reply)),
      raw: (bytes) => stream.write(Buffer.from(bytes)),
      drop: () => {
        fail(stream);
      },
      end: () => {
        stream.end();
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
        streams.add(stream);
        stream.on('data', (message: Wire.DecideRequest__Output) => {
          const { questions = [] } = message;
          messages.push(questions.length);
          for (const question of questions) receive(stream, question);
        });
        stream.on('error', () => undefined);
        stream.on('end', () => {
          stream.end();
        });
        stream.on('close', () => streams.delete(stream));
      },
      Watch: (stream: WatchStream) => {
        watchers.add(stream);
        stream.on('cancelled', () => watchers.delete(stream));
        stream.on('error', () => undefined);
        stream.write(event());
      },
      Settle: (
        call: { readonly request: Wire.SettleRequest__Output },
        callback: (error: Error | null, response?: Wire.SettleResponse) => void,
      ) => {
        if (!pdp.takesSettlements) {
          callback(new Error('not now'));
          return;
        }
        const before = settled.length;
        for (const message of call.request.settlements ?? []) {
          const report = fromWireSettlement(message);
          if (report.ok) settled.push(report.value);
        }
        const reports = pdp.recordsReuses ? (call.request.reuses ?? []).map(fromWireReuse) : [];
        for (const report of reports) if (report.ok) reused.push(report.value);
        const refusals = (call.request.refusals ?? []).map(fromWireRefusal);
        for (const report of refusals) if (report.ok) refused.push(report.value);
        callback(null, {
          accepted: settled.length - before,
          reuses_recorded: reports.filter(({ ok }) => ok).length,
          refusals_recorded: refusals.filter(({ ok }) => ok).length,
        });
      },
    },
  );
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(
      `127.0.0.1:${options.port ?? 0}`,
      options.credentials ?? ServerCredentials.createInsecure(),
      (error, bound) => {
        if (error === null) resolve(bound);
        else reject(error);
      },
    );
  });

  const pdp: FakePdp = {
    address: `127.0.0.1:${port}`,
    port,
    onQuestion: (question) => {
      question.decide();
    },
    pongs: true,
    takesSettlements: true,
    recordsReuses: true,
    reused,
    refused,
    counters: { trust: 1, labels: 1, kill: 0 },
    tell() {
      for (const watcher of watchers) watcher.write(event());
    },
    get questions() {
      return counts.questions;
    },
    get pings() {
      return counts.pings;
    },
    get streams() {
      return counts.streams;
    },
    messages,
    settled,
    publish(seq) {
      releaseSeq = seq;
      pdp.tell();
    },
    dropStreams() {
      for (const stream of streams) fail(stream);
    },
    stop() {
      server.forceShutdown();
    },
  };
  return pdp;
}

/** A TCP relay in front of a PDP, for faults below gRPC. */
export interface Relay {
  readonly address: string;
  /** `pass` forwards; `swallow` accepts and loses every byte, in both directions. */
  mode: 'pass' | 'swallow';
  /** Stops reading from clients, so that their writes back up; or goes on. */
  stall(stalled: boolean): void;
  /** Connections so far. */
  readonly accepted: number;
  /** Connections that are open. */
  readonly open: number;
  /** Resets every connection. */
  reset(): void;
  stop(): void;
}

/** Starts a relay to `port`. */
export async function startRelay(port: number): Promise<Relay> {
  const sockets = new Set<Socket>();
  const clients = new Set<Socket>();
  let accepted = 0;
  const server: TcpServer = createServer((near) => {
    accepted += 1;
    clients.add(near);
    near.on('close', () => clients.delete(near));
    const far = dial(port, '127.0.0.1');
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.on('data', (bytes) => {
        if (relay.mode === 'pass') to.write(bytes);
      });
      from.on('error', () => undefined);
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const bound = server.address();
  const relay: Relay = {
    address: `127.0.0.1:${bound !== null && typeof bound === 'object' ? bound.port : 0}`,
    mode: 'pass',
    get accepted() {
      return accepted;
    },
    get open() {
      return sockets.size / 2;
    },
    stall(stalled) {
      for (const client of clients) {
        if (stalled) client.pause();
        else client.resume();
      }
    },
    reset() {
      for (const socket of sockets) socket.resetAndDestroy();
    },
    stop() {
      server.close();
      relay.reset();
    },
  };
  return relay;
}
