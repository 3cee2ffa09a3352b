/** The whole gRPC surface over a real connection; only the certificate, the pipeline and the release are fakes. */

import { once } from 'node:events';
import {
  type ClientDuplexStream,
  credentials,
  Metadata,
  makeGenericClientConstructor,
  ServerCredentials,
  type ServiceError,
  status,
} from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { Decision } from '@portcullis/policy/model';
import {
  DECISION_SERVICE_NAME,
  fromWireDecision,
  fromWireWatchEvent,
  loadDecisionPackage,
  loadDecisionService,
  type PeerIdentity,
  type RefusalReport,
  type ReuseReport,
  requestDigest,
  type SettlementReport,
  toWireRefusal,
  toWireRequest,
  toWireReuse,
  toWireSettlement,
  type Wire,
} from '@portcullis/proto';
import { createLogger, PortcullisError, systemClock } from '@portcullis/runtime';
import { service as healthService } from 'grpc-health-check';
import { type AnswerCounter, createAnswerCount } from '../approvals/answer-count.js';
import type { ReleaseState } from '../bundles/active.js';
import { createEpochs, type EpochCounters } from '../epochs/epochs.js';
import { createRecorder } from '../fixtures/recorders.js';
import { AGENT, GATEWAY, toolCall } from '../fixtures/requests.js';
import type { Attempt } from '../pipeline/chain.js';
import type { Decide } from '../pipeline/decide.js';
import { speaksFor } from '../pipeline/normalize.js';
import type { DecisionRecord } from '../pipeline/ports.js';
import { holderName } from '../quota/key.js';
import type { SettledUse } from '../quota/port.js';
import type { ReportedResult, ResultOutcome } from '../session/result-intake.js';
import { createDecideStream } from './decide-stream.js';
import { createEvaluate, createEvaluateBatch } from './evaluate.js';
import { type GrpcEndpoint, openGrpcEndpoint } from './grpc-endpoint.js';
import { createHealthService } from './health-service.js';
import { createOpenStreams } from './open-streams.js';
import { type CallerReader, connectionOf } from './peer.js';
import { createSettle, type ReportSink } from './settle.js';
import { createWatch } from './watch.js';

const settledUses: SettledUse[] = [];
const reportedResults: ReportedResult[] = [];
let resultOutcome: ResultOutcome = 'kept';
const log = createLogger({ component: 'test', level: 'silent' });
// Every step is a file or a socket; a busy machine must not turn that into a failure.
jest.setTimeout(60_000);
/** More than one turn decides. */
const MAX_IN_FLIGHT = 40;

/** Decides what the test says, when the test says. */
function createHeldDecide(): Decide & {
  readonly asked: Map<string, { answer(): void; fail(error: Error): void }>;
  hold: boolean;
} {
  const asked = new Map<string, { answer(): void; fail(error: Error): void }>();
  const decide = (attempt: Attempt): Promise<Decision> => {
    const id = attempt.subject.ok ? attempt.subject.value.context.request_id : 'unreadable';
    if (id === 'throws') throw new TypeError('secret path /etc');
    if (id === 'rejects') return Promise.reject(new TypeError('secret path /etc'));
    const gate = Promise.withResolvers<Decision>();
    asked.set(id, { answer: () => gate.resolve(decisionFor(attempt)), fail: gate.reject });
    if (!held.hold) gate.resolve(decisionFor(attempt));
    return gate.promise;
  };
  const held = Object.assign(decide, { asked, hold: false });
  return held;
}

function decisionFor(attempt: Attempt): Decision {
  const allow = attempt.subject.ok;
  return {
    decision_id: '00000000-0000-4000-8000-000000000001',
    allow,
    effect: allow ? 'allow' : 'deny',
    deny: allow ? [] : [{ code: 'REQUEST_INVALID', message: 'unreadable', path: '' }],
    conditions: [],
    obligations: [],
    cache: { ttl_seconds: 0, scope: '' },
    matched: [],
    diagnostics: { errors: [] },
    meta: {
      policy_version: attempt.subject.ok ? attempt.subject.value.context.request_id : '1',
      evaluation_ms: 0,
      bundle_digest: 'ab'.repeat(32),
      release_seq: 7,
      arm: 'stable',
      engine: 'test',
      cached: false,
    },
    request_digest:
      attempt.claimedDigest === undefined ? '0'.repeat(64) : Buffer.from(attempt.claimedDigest).toString('hex'),
  };
}

type AnyClient = InstanceType<ReturnType<typeof makeGenericClientConstructor>>;

let held: ReturnType<typeof createHeldDecide>;
let observer: ReturnType<typeof createRecorder>;
let peer: { reject?: PortcullisError; valid: boolean; identity: PeerIdentity };
/** Of every call, as far as it can be told. */
let connections: (object | undefined)[];
let release: ReleaseState & { readonly ok: boolean };
let listeners: Set<() => void>;
let epochs: EpochCounters;
let answers: AnswerCounter;
let sunk: ReportSink['append'];
let endpoint: GrpcEndpoint;
let client: AnyClient & Wire.DecisionServiceClient;

beforeEach(async () => {
  held = createHeldDecide();
  observer = createRecorder();
  peer = { valid: true, identity: AGENT };
  connections = [];
  release = { ok: true, releaseSeq: 7, bundleDigest: 'ab'.repeat(32), policyVersion: '1', freshness: 'fresh' };
  listeners = new Set();
  const callers: CallerReader = {
    callerOf: (call) => {
      connections.push(connectionOf(call));
      if (peer.reject !== undefined) throw peer.reject;
      return { identity: peer.identity, isValidNow: () => peer.valid };
    },
  };
  const onChange = (listener: () => void): (() => void) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  };
  const releases = {
    state: () => release,
    current: () =>
      release.ok
        ? ({ ok: true, snapshot: {} } as ReturnType<Parameters<typeof createHealthService>[0]['current']>)
        : ({ ok: false, message: 'none' } as const),
    onChange,
  };
  const streams = createOpenStreams(60_000);
  const encode = loadDecisionService().Decide.responseSerialize;
  epochs = createEpochs(releases);
  answers = createAnswerCount();
  const parts = { decide: held, epochs, callers, clock: systemClock, deadlineMs: 10_000, log };
  endpoint = await openGrpcEndpoint({
    definitions: loadDecisionPackage(),
    host: '127.0.0.1',
    port: 0,
    credentials: ServerCredentials.createInsecure(),
    limits: {
      maxMessageBytes: 256 * 1024,
      maxConcurrentStreams: 200,
      maxSessionMemoryMb: 32,
      maxConnectionAgeMs: 60_000,
      keepaliveMs: 10_000,
      keepaliveTimeoutMs: 2_000,
    },
    health: createHealthService(releases),
    streams,
    handlers: {
      Evaluate: createEvaluate(parts),
      EvaluateBatch: createEvaluateBatch(parts),
      Decide: createDecideStream({ ...parts, streams, observer, encode, maxInFlight: MAX_IN_FLIGHT }),
      Watch: createWatch({ callers, releases, epochs, answers, streams, observer, log }),
      Settle: createSettle({
        callers,
        observer,
        quotas: {
          settle: async (uses) => {
            settledUses.push(...uses);
            return uses.map(() => 'settled' as const);
          },
        },
        prices: () => undefined,
        clock: systemClock,
        results: {
          keep: async (reported) => {
            reportedResults.push(reported);
            return resultOutcome;
          },
        },
        gateways: new Map([['edge', new Set(['acme'])]]),
        sink: { append: (record) => sunk(record) },
        mayReport: (caller, tenant, agent) => speaksFor(caller, tenant, agent, new Map()),
        log,
        maxRemembered: 3,
      }),
    },
  });
  const Client = makeGenericClientConstructor(loadDecisionService(), DECISION_SERVICE_NAME);
  client = new Client(endpoint.address, credentials.createInsecure()) as typeof client;
});

afterEach(() => {
  client.close();
  endpoint.close();
});

/** A question about the request of that id. */
function question(id: string): Wire.EvaluateRequest {
  const request = toolCall('read', { context: { timestamp: '2026-11-21T12:00:00Z', request_id: id } });
  return { request: toWireRequest(request), request_digest: requestDigest(request) };
}

function evaluate(
  message: Wire.EvaluateRequest,
  deadline = Date.now() + 5_000,
): Promise<Wire.EvaluateResponse__Output> {
  return new Promise((resolve, reject) => {
    client.Evaluate(message, { deadline }, (error, response) => {
      if (error === null && response !== undefined) resolve(response);
      else reject(error ?? new Error('no answer'));
    });
  });
}

/** A stream with a queue of what arrived. */
interface TestStream {
  readonly call: ClientDuplexStream<Wire.DecideRequest, Wire.DecideResponse__Output>;
  /** Sends these in one message. */
  ask(...questions: Wire.Question[]): void;
  next(): Promise<Wire.Answer__Output>;
  /** How many answers each message carried, in order of arrival. */
  readonly messages: readonly number[];
  readonly ended: Promise<ServiceError | undefined>;
}

function openStream(): TestStream {
  const call = client.Decide();
  const arrived: Wire.Answer__Output[] = [];
  const messages: number[] = [];
  let wake: (() => void) | undefined;
  const ended = Promise.withResolvers<ServiceError | undefined>();
  call.on('data', ({ answers = [] }: Wire.DecideResponse__Output) => {
    messages.push(answers.length);
    arrived.push(...answers);
    wake?.();
  });
  call.on('error', (error: ServiceError) => ended.resolve(error));
  call.on('end', () => ended.resolve(undefined));
  return {
    call,
    ask: (...questions) => call.write({ questions }),
    messages,
    next: async () => {
      while (arrived.length === 0) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      const first = arrived.shift();
      if (first === undefined) throw new Error('nothing arrived');
      return first;
    },
    ended: ended.promise,
  };
}

/** Waits until the fake pipeline was asked about `id`. */
async function askedAbout(id: string): Promise<{ answer(): void; fail(error: Error): void }> {
  for (;;) {
    const found = held.asked.get(id);
    if (found !== undefined) return found;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe('Evaluate', () => {
  test('answers with the decision and the epochs it was made under', async () => {
    const { decision } = await evaluate(question('a'));
    const read = decision === undefined ? undefined : fromWireDecision(decision);
    expect(read).toMatchObject({ ok: true, value: { decision: { allow: true }, epochs: { release_seq: 7 } } });
  });

  test.each([{}, { request: {} }, { request: { version: '1.0' } }, { request_digest: Buffer.alloc(5) }])(
    'a message without a readable request is a denial, not a failure: %j',
    async (message) => {
      const { decision } = await evaluate(message);
      expect(decision?.effect).toBe('DECISION_EFFECT_DENY');
    },
  );

  test.each(['throws', 'rejects'])(
    'a request whose handling %s gets INTERNAL at once, and says nothing of the cause',
    async (id) => {
      await expect(evaluate(question(id))).rejects.toMatchObject({ code: status.INTERNAL, details: 'internal error' });
      expect((await evaluate(question('next'))).decision?.effect).toBe('DECISION_EFFECT_ALLOW');
    },
  );

  test('the connection of a call is found where grpc-js keeps it', async () => {
    await evaluate(question('a'));
    await evaluate(question('b'));
    expect(connections).toHaveLength(2);
    expect(connections[0]).toBeDefined();
    expect(connections[1]).toBe(connections[0]);
  });

  test('a caller without an identity gets UNAUTHENTICATED', async () => {
    peer.reject = new PortcullisError('ERR_IDENTITY_REJECTED', 'unauthenticated', 'no');
    await expect(evaluate(question('a'))).rejects.toMatchObject({ code: status.UNAUTHENTICATED });
  });

  test('a message over the cap is refused', async () => {
    const big = toolCall('read', { tool: { name: 'read', arguments: { text: 'x'.repeat(300 * 1024) } } });
    await expect(evaluate({ request: toWireRequest(big) })).rejects.toMatchObject({ code: status.RESOURCE_EXHAUSTED });
  });

  test('bytes that are no message are refused, and the next call is served', async () => {
    const path = `/${DECISION_SERVICE_NAME}/Evaluate`;
    const garbage = new Promise((resolve, reject) => {
      client.makeUnaryRequest(
        path,
        (bytes: Buffer) => bytes,
        (bytes: Buffer) => bytes,
        Buffer.from([0xff, 0xff, 0xff, 0xff, 0x01]),
        (error) => (error === null ? resolve(undefined) : reject(error)),
      );
    });
    await expect(garbage).rejects.toMatchObject({ code: status.INTERNAL });
    expect((await evaluate(question('next'))).decision?.effect).toBe('DECISION_EFFECT_ALLOW');
  });

  test.each([
    { name: 'Evaluate', create: createEvaluate, request: {} },
    { name: 'EvaluateBatch', create: createEvaluateBatch, request: { requests: [{}] } },
  ])(
    '$name hands on the deadline of the caller, when it is the shorter one, and its trace',
    async ({ create, request }) => {
      const TRACEPARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
      const before = systemClock.monotonic();
      const asked: Attempt[] = [];
      const spied = create({
        decide: async (attempt) => {
          asked.push(attempt);
          return decisionFor(attempt);
        },
        epochs,
        callers: { callerOf: () => ({ identity: AGENT, isValidNow: () => true }) },
        clock: systemClock,
        deadlineMs: 10_000,
        log,
      });
      const deadlines = [Date.now() + 500, new Date(Date.now() + 500), Number.POSITIVE_INFINITY];
      for (const deadline of deadlines) {
        const metadata = new Metadata();
        metadata.set('traceparent', TRACEPARENT);
        const failure = await new Promise((resolve) =>
          spied({ request, metadata, getDeadline: () => deadline } as never, resolve),
        );
        expect(failure).toBeNull();
        const left = (asked.at(-1)?.deadline ?? 0) - before;
        expect(left).toBeGreaterThan(deadline === Number.POSITIVE_INFINITY ? 9_000 : 0);
        expect(left).toBeLessThan(deadline === Number.POSITIVE_INFINITY ? 20_000 : 5_000);
      }
      expect(asked.map(({ trace }) => trace)).toEqual(
        deadlines.map(() => ({ traceparent: TRACEPARENT, tracestate: '' })),
      );
    },
  );
});

describe('EvaluateBatch', () => {
  function batch(requests: Wire.EvaluateRequest[]): Promise<Wire.EvaluateBatchResponse__Output> {
    return new Promise((resolve, reject) => {
      client.EvaluateBatch({ requests }, { deadline: Date.now() + 5_000 }, (error, response) => {
        if (error === null && response !== undefined) resolve(response);
        else reject(error ?? new Error('no answer'));
      });
    });
  }

  test('answers in order, and one bad request does not spoil the others', async () => {
    const { responses = [] } = await batch([question('a'), {}, question('b')]);
    expect(responses.map((response) => response.decision?.effect)).toEqual([
      'DECISION_EFFECT_ALLOW',
      'DECISION_EFFECT_DENY',
      'DECISION_EFFECT_ALLOW',
    ]);
  });

  test('holds 256 and not one more', async () => {
    expect((await batch(Array.from({ length: 256 }, () => ({})))).responses).toHaveLength(256);
    await expect(batch(Array.from({ length: 257 }, () => ({})))).rejects.toMatchObject({
      code: status.INVALID_ARGUMENT,
    });
  });
});

describe('Decide', () => {
  test('answers as decisions are made, out of order, each under its own id', async () => {
    held.hold = true;
    const stream = openStream();
    stream.ask({ id: 11, evaluate: question('slow') });
    stream.ask({ id: 12, evaluate: question('fast') });
    stream.ask({ id: 13, ping: {} });
    expect(await stream.next()).toMatchObject({ id: 13, answer: 'pong' });
    (await askedAbout('fast')).answer();
    expect(await stream.next()).toMatchObject({ id: 12, answer: 'decision' });
    (await askedAbout('slow')).answer();
    expect(await stream.next()).toMatchObject({ id: 11, answer: 'decision' });
    stream.call.end();
    expect(await stream.ended).toBeUndefined();
    expect(observer.lines).toEqual(['opened decide', 'closed decide']);
  });

  test.each(['throws', 'rejects'])(
    'a question whose handling %s is answered with a fault; the stream lives',
    async (id) => {
      const stream = openStream();
      stream.ask({ id: 1, evaluate: question(id) });
      expect(await stream.next()).toMatchObject({
        id: 1,
        answer: 'fault',
        fault: { code: 'DENY_CODE_INTERNAL_ERROR' },
      });
      stream.ask({ id: 2, evaluate: question('next') });
      expect(await stream.next()).toMatchObject({ id: 2, answer: 'decision' });
      stream.call.end();
    },
  );

  test.each<[string, Wire.Question]>([
    ['no id', { evaluate: {} }],
    ['nothing to ask', { id: 4 }],
  ])('a question with %s is answered with a fault', async (_name, message) => {
    const stream = openStream();
    stream.ask(message);
    expect(await stream.next()).toMatchObject({ answer: 'fault', fault: { code: 'DENY_CODE_REQUEST_INVALID' } });
    stream.call.end();
  });

  test('one message may ask many things, and a bad question among them spoils no other', async () => {
    const garbled = { request: { ...question('x').request, tool: { arguments_json: Buffer.from('{"a":') } } };
    const stream = openStream();
    stream.ask(
      { id: 1, evaluate: question('a') },
      { id: 2, evaluate: garbled },
      { id: 3, evaluate: question('throws') },
      { id: 4, evaluate: question('rejects') },
      { evaluate: question('b') },
      { id: 5 },
      { id: 1, evaluate: question('c') },
      { id: 6, ping: {} },
      { id: 7, evaluate: question('d') },
    );
    const answers: string[] = [];
    for (let count = 0; count < 9; count += 1) {
      const { id = 0, answer, decision, fault } = await stream.next();
      answers.push(`${id} ${decision?.effect ?? fault?.code ?? answer}`);
    }
    expect(answers.sort()).toEqual([
      '0 DENY_CODE_REQUEST_INVALID',
      '1 DECISION_EFFECT_ALLOW',
      '1 DENY_CODE_REQUEST_INVALID',
      '2 DECISION_EFFECT_DENY',
      '3 DENY_CODE_INTERNAL_ERROR',
      '4 DENY_CODE_INTERNAL_ERROR',
      '5 DENY_CODE_REQUEST_INVALID',
      '6 pong',
      '7 DECISION_EFFECT_ALLOW',
    ]);
    expect([...held.asked.keys()].sort()).toEqual(['a', 'd', 'unreadable']);
    stream.call.end();
    expect(await stream.ended).toBeUndefined();
  });

  test('what is decided in one turn is answered in one message, what is decided later in another', async () => {
    held.hold = true;
    const stream = openStream();
    const ids = [1, 2, 3, 4];
    stream.ask(...ids.map((id) => ({ id, evaluate: question(`q${id}`) })));
    const [one, two, three, four] = await Promise.all(ids.map((id) => askedAbout(`q${id}`)));
    three?.answer();
    one?.answer();
    four?.answer();
    expect([(await stream.next()).id, (await stream.next()).id, (await stream.next()).id]).toEqual([3, 1, 4]);
    two?.answer();
    expect((await stream.next()).id).toBe(2);
    expect(stream.messages).toEqual([3, 1]);
    stream.call.end();
  });

  test('answers of different messages may come together', async () => {
    held.hold = true;
    const stream = openStream();
    stream.ask({ id: 1, evaluate: question('a') });
    stream.ask({ id: 2, evaluate: question('b') }, { id: 3, evaluate: question('c') });
    const [a, b, c] = await Promise.all(['a', 'b', 'c'].map((id) => askedAbout(id)));
    c?.answer();
    a?.answer();
    expect([(await stream.next()).id, (await stream.next()).id]).toEqual([3, 1]);
    b?.answer();
    expect((await stream.next()).id).toBe(2);
    expect(stream.messages).toEqual([2, 1]);
    stream.call.end();
  });

  test('256 questions fit into a message; 257 end the stream, and none of them is decided', async () => {
    const pings = Array.from({ length: 257 }, (_, index) => ({ id: index + 1, ping: {} }));
    const stream = openStream();
    stream.ask(...pings.slice(1));
    for (let count = 0; count < 256; count += 1) expect((await stream.next()).answer).toBe('pong');
    stream.ask(...pings);
    expect(await stream.ended).toMatchObject({ code: status.INVALID_ARGUMENT });
    expect(stream.messages).toEqual([256]);
  });

  test('a large message is decided over several turns, each answered when it is over', async () => {
    const stream = openStream();
    const ids = Array.from({ length: MAX_IN_FLIGHT }, (_, index) => index + 1);
    stream.ask(...ids.map((id) => ({ id, evaluate: question(`q${id}`) })));
    const seen: (number | undefined)[] = [];
    while (seen.length < ids.length) seen.push((await stream.next()).id);
    expect(seen).toEqual(ids);
    expect(stream.messages).toEqual([32, MAX_IN_FLIGHT - 32]);
    stream.call.end();
    expect(await stream.ended).toBeUndefined();
  });

  test('answers are not put together to more than a caller must accept', async () => {
    const stream = openStream();
    const text = 'x'.repeat(20_000);
    stream.ask(...[1, 2, 3, 4].map((id) => ({ id, evaluate: question(`${id}${text}`) })));
    for (let count = 0; count < 4; count += 1) await stream.next();
    expect(stream.messages.length).toBeGreaterThan(1);
    stream.call.end();
  });

  test('a question under an id that is in flight is refused', async () => {
    held.hold = true;
    const stream = openStream();
    stream.ask({ id: 1, evaluate: question('first') });
    await askedAbout('first');
    stream.ask({ id: 1, evaluate: question('second') });
    expect(await stream.next()).toMatchObject({ id: 1, fault: { code: 'DENY_CODE_REQUEST_INVALID' } });
    stream.call.cancel();
  });

  test('more questions in flight than the cap are refused, and taken again after answers', async () => {
    held.hold = true;
    const stream = openStream();
    const ids = Array.from({ length: MAX_IN_FLIGHT + 1 }, (_, index) => index + 1);
    stream.ask(...ids.map((id) => ({ id, evaluate: question(`q${id}`) })));
    expect(await stream.next()).toMatchObject({
      id: MAX_IN_FLIGHT + 1,
      answer: 'fault',
      fault: { code: 'DENY_CODE_PDP_UNAVAILABLE' },
    });
    expect(observer.lines).toContain('questionRefused overload');
    (await askedAbout('q1')).answer();
    expect(await stream.next()).toMatchObject({ id: 1, answer: 'decision' });
    held.hold = false;
    stream.ask({ id: 99, evaluate: question('late') });
    expect(await stream.next()).toMatchObject({ id: 99, answer: 'decision' });
    stream.call.cancel();
  });

  test('a caller that asks and does not read stops being read, and loses nothing', async () => {
    const stream = openStream();
    stream.call.pause();
    const count = 2_000;
    for (let id = 1; id <= count; id += 1) stream.ask({ id, ping: {} });
    stream.call.resume();
    const seen = new Set<number>();
    while (seen.size < count) seen.add((await stream.next()).id ?? 0);
    expect(seen.size).toBe(count);
    stream.call.end();
    expect(await stream.ended).toBeUndefined();
  });

  test('a certificate that expires while the stream is open ends it', async () => {
    const stream = openStream();
    stream.ask({ id: 1, ping: {} });
    await stream.next();
    peer.valid = false;
    stream.ask({ id: 2, evaluate: question('a') }, { id: 3, ping: {} });
    expect(await stream.next()).toMatchObject({ id: 2, fault: { code: 'DENY_CODE_IDENTITY_REJECTED' } });
    expect(await stream.next()).toMatchObject({ id: 3, fault: { code: 'DENY_CODE_IDENTITY_REJECTED' } });
    expect(await stream.ended).toMatchObject({ code: status.UNAUTHENTICATED });
    expect(held.asked.size).toBe(0);
  });

  test('a caller without an identity gets no stream', async () => {
    peer.reject = new PortcullisError('ERR_IDENTITY_REJECTED', 'unauthenticated', 'no');
    expect(await openStream().ended).toMatchObject({ code: status.UNAUTHENTICATED });
  });

  test('a drain answers what is in flight, refuses what is new, then ends the stream', async () => {
    held.hold = true;
    const stream = openStream();
    stream.ask({ id: 1, evaluate: question('a') });
    const pending = await askedAbout('a');
    const drained = endpoint.drain();
    stream.ask({ id: 2, evaluate: question('b') });
    expect(await stream.next()).toMatchObject({ id: 2, fault: { code: 'DENY_CODE_SHUTTING_DOWN' } });
    pending.answer();
    expect(await stream.next()).toMatchObject({ id: 1, answer: 'decision' });
    expect(await stream.ended).toBeUndefined();
    client.close();
    await drained;
  });

  test('a caller that goes away leaves nothing behind', async () => {
    held.hold = true;
    const stream = openStream();
    stream.ask({ id: 1, evaluate: question('a') });
    const pending = await askedAbout('a');
    stream.call.cancel();
    expect(await stream.ended).toMatchObject({ code: status.CANCELLED });
    while (!observer.lines.includes('closed decide')) await new Promise((resolve) => setImmediate(resolve));
    pending.fail(new Error('late'));
    expect(await evaluate(question('throws')).catch((error: unknown) => error)).toMatchObject({
      code: status.INTERNAL,
    });
  });
});

describe('an answer', () => {
  test('carries the epochs from before it was begun, not those of when it was ready', async () => {
    held.hold = true;
    epochs.reach('trust', 3);
    const answered = evaluate(question('a'));
    while (held.asked.get('a') === undefined) await new Promise((resolve) => setImmediate(resolve));
    epochs.reach('trust', 4);
    epochs.reach('kill', 1);
    held.asked.get('a')?.answer();
    expect((await answered).decision?.epochs).toMatchObject({ release_seq: 7, trust: 3 });
    held.hold = false;
    expect((await evaluate(question('b'))).decision?.epochs).toMatchObject({ release_seq: 7, trust: 4, kill: 1 });
  });
});

describe('reuses', () => {
  const id = (n: number): string => `00000000-0000-4000-8000-0000000000${String(n).padStart(2, '0')}`;
  const reuse = (n: number, over: Partial<ReuseReport> = {}): Wire.Reuse =>
    toWireReuse({
      decision_id: id(n),
      reuse_of: id(99),
      request_digest: 'cd'.repeat(32),
      tenant_id: AGENT.kind === 'agent' ? AGENT.tenant : '',
      agent_id: AGENT.kind === 'agent' ? AGENT.agent : '',
      tool: { server: 'files', name: 'read' },
      bundle_digest: 'ab'.repeat(32),
      policy_version: '1',
      release_seq: 7,
      matched: [],
      at: '2026-01-01T00:00:00.000Z',
      ...over,
    });
  const report = (reuses: Wire.Reuse[]): Promise<number | undefined> =>
    new Promise((resolve, reject) => {
      client.Settle({ reuses }, (error, response) =>
        error === null ? resolve(response?.reuses_recorded) : reject(error),
      );
    });
  let records: DecisionRecord[];
  beforeEach(() => {
    records = [];
    sunk = async (record) => void records.push(record as DecisionRecord);
  });

  test('are recorded as allows of their own, once each however often they are reported', async () => {
    expect(await report([reuse(1), reuse(2)])).toBe(2);
    expect(await report([reuse(2), reuse(3)])).toBe(2);
    expect(records.map(({ decision_id, reuse_of, effect }) => [decision_id, reuse_of, effect])).toEqual([
      [id(1), id(99), 'allow'],
      [id(2), id(99), 'allow'],
      [id(3), id(99), 'allow'],
    ]);
    expect(records[0]).toMatchObject({ request_digest: 'cd'.repeat(32), tool: { server: 'files', name: 'read' } });
  });

  test('are recorded with what they reached, where that is more than a tool', async () => {
    const target = { host: 'site.test', port: 443, scheme: 'https' };
    expect(await report([reuse(1), reuse(2, { target })])).toBe(2);
    expect(records.map((record) => record.target)).toStrictEqual([undefined, target]);
  });

  test('that cannot be recorded fail the call, and are recorded when they come again', async () => {
    sunk = () => Promise.reject(new Error('full'));
    await expect(report([reuse(1)])).rejects.toBeDefined();
    sunk = async (record) => void records.push(record as DecisionRecord);
    expect(await report([reuse(1)])).toBe(1);
    expect(records).toHaveLength(1);
  });

  test.each<[string, Partial<ReuseReport>]>([
    ['another agent', { agent_id: 'somebody' }],
    ['another tenant', { tenant_id: 'rival' }],
    ['an id that is none', { decision_id: 'x' }],
    ['a decision that is none', { reuse_of: 'x' }],
    ['a digest that is none', { request_digest: '' }],
  ])('are not believed about %s', async (_name, over) => {
    expect(await report([reuse(1, over), reuse(2)])).toBe(1);
    expect(records.map(({ decision_id }) => decision_id)).toEqual([id(2)]);
  });

  test('are refused in larger numbers than a batch has', async () => {
    await expect(report(Array.from({ length: 257 }, (_, n) => reuse(n % 90)))).rejects.toMatchObject({
      code: status.INVALID_ARGUMENT,
    });
    expect(records).toEqual([]);
  });
});

describe('refusals', () => {
  const id = (n: number): string => `00000000-0000-4000-8000-0000000000${String(n).padStart(2, '0')}`;
  const refusal = (n: number, over: Partial<RefusalReport> = {}): Wire.Refusal =>
    toWireRefusal({
      refusal_id: id(n),
      source: 'mcp_proxy',
      code: 'REQUEST_INVALID',
      reason: 'JSONRPC -32700',
      status: 400,
      tool: { server: 'files' },
      count: 2,
      at: '2026-01-01T00:00:00.000Z',
      last_at: '2026-01-01T00:00:00.500Z',
      ...over,
    });
  const report = (refusals: Wire.Refusal[]): Promise<number | undefined> =>
    new Promise((resolve, reject) => {
      client.Settle({ refusals }, (error, response) =>
        error === null ? resolve(response?.refusals_recorded) : reject(error),
      );
    });
  let records: Parameters<ReportSink['append']>[0][];
  beforeEach(() => {
    records = [];
    sunk = async (record) => void records.push(record);
  });

  test('are recorded as those of the agent of the certificate, once each however often they are reported', async () => {
    expect(await report([refusal(1), refusal(2)])).toBe(2);
    expect(await report([refusal(2)])).toBe(1);
    const theirs = { kind: 'refusal', tenant: 'acme', agent: 'analyst', code: 'REQUEST_INVALID', count: 2 };
    expect(records).toMatchObject([
      { ...theirs, refusal_id: id(1), tool: { server: 'files' }, at: '2026-01-01T00:00:00.000Z' },
      { ...theirs, refusal_id: id(2) },
    ]);
  });

  test('are recorded with what they would have reached, where that was read', async () => {
    const target = { model: 'm', provider: 'p' };
    expect(await report([refusal(1), refusal(2, { target })])).toBe(2);
    expect(records.map((record) => ('target' in record ? record.target : undefined))).toStrictEqual([
      undefined,
      target,
    ]);
  });

  test('are recorded with the decision that had allowed them, where there is one', async () => {
    const none = refusal(2, { decision_id: 'none of ours' });
    expect(await report([refusal(1, { decision_id: id(7) }), none])).toBe(1);
    expect(records).toMatchObject([{ refusal_id: id(1), decision_id: id(7) }]);
  });

  test('that cannot be recorded fail the call, and are recorded when they come again', async () => {
    sunk = () => Promise.reject(new Error('full'));
    await expect(report([refusal(3)])).rejects.toBeDefined();
    sunk = async (record) => void records.push(record);
    expect(await report([refusal(3)])).toBe(1);
    expect(records).toHaveLength(1);
  });

  test('that are none are not recorded, and the others are', async () => {
    expect(await report([refusal(4, { refusal_id: 'x' }), refusal(5, { count: 0 }), refusal(6)])).toBe(1);
    expect(records).toMatchObject([{ refusal_id: id(6) }]);
  });

  test('are refused in larger numbers than a batch has', async () => {
    const many = Array.from({ length: 257 }, (_, n) => refusal(n % 90));
    await expect(report(many)).rejects.toMatchObject({ code: status.INVALID_ARGUMENT });
    expect(records).toEqual([]);
  });
});

describe('Watch', () => {
  test('says that people answered, and nothing else moves with it', async () => {
    const call = client.Watch({});
    call.on('error', () => undefined);
    const first = (await once(call, 'data')) as [Wire.WatchEvent__Output];
    const second = once(call, 'data');
    answers.advance();
    const [event] = (await second) as [Wire.WatchEvent__Output];
    expect(event).toEqual({ ...first[0], approvals: 1 });
    call.cancel();
  });

  test('shows the current state first, then every change; without a release it says expired', async () => {
    const call = client.Watch({});
    const events: unknown[] = [];
    let wake: (() => void) | undefined;
    call.on('data', (event: Wire.WatchEvent__Output) => {
      const read = fromWireWatchEvent(event);
      events.push(read.ok ? [...Object.values(read.value.epochs), read.value.freshness] : read.problems);
      wake?.();
    });
    call.on('error', () => undefined);
    const until = async (count: number): Promise<void> => {
      while (events.length < count) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    };
    await until(1);
    release = { ...release, releaseSeq: 8 };
    for (const listener of listeners) listener();
    await until(2);
    epochs.advance('trust');
    epochs.reach('kill', 5);
    await until(4);
    release = { ...release, freshness: 'none', releaseSeq: 0 };
    for (const listener of listeners) listener();
    await until(5);
    expect(events).toEqual([
      [7, 0, 0, 0, 'fresh'],
      [8, 0, 0, 0, 'fresh'],
      [8, 1, 0, 0, 'fresh'],
      [8, 1, 0, 5, 'fresh'],
      [0, 1, 0, 5, 'expired'],
    ]);
    call.cancel();
    while (!observer.lines.includes('closed watch')) await new Promise((resolve) => setImmediate(resolve));
  });
});

describe('Settle', () => {
  beforeEach(() => {
    settledUses.length = 0;
    reportedResults.length = 0;
    resultOutcome = 'kept';
    peer.identity = AGENT;
    sunk = async () => undefined;
  });

  const id = (n: number): string => `00000000-0000-4000-8000-00000000000${n}`;
  const report = (n: number): Wire.Settlement =>
    toWireSettlement({ decision_id: id(n), request_digest: '00'.repeat(32), outcome: 'forwarded', duration_ms: 5 });

  function settle(settlements: Wire.Settlement[]): Promise<number | undefined> {
    return new Promise((resolve, reject) => {
      client.Settle({ settlements }, (error, response) =>
        error === null ? resolve(response?.accepted) : reject(error),
      );
    });
  }

  const settled = (): readonly string[] => observer.lines.filter((line) => line.startsWith('settled '));

  test('counts each decision once, however often it is reported', async () => {
    expect(await settle([report(1), report(2), report(1)])).toBe(3);
    expect(await settle([report(1)])).toBe(1);
    expect(settled()).toEqual(['settled forwarded', 'settled forwarded', 'settled repeated', 'settled repeated']);
  });

  test('what has searched is recorded once, and reported again until it is', async () => {
    const records: unknown[] = [];
    const noted = { ...report(1), redaction: { layers: ['recognisers', 'ner'], ner: 'failed' } };
    sunk = () => Promise.reject(new Error('the disk is full'));
    await expect(settle([noted])).rejects.toBeDefined();
    sunk = async (record) => void records.push(record);
    expect(await settle([noted, noted])).toBe(2);
    expect(records).toEqual([
      {
        kind: 'enforcement',
        decision_id: noted.decision_id,
        request_digest: expect.stringMatching(/^[0-9a-f]{64}$/),
        tenant: 'acme',
        agent: expect.any(String),
        outcome: 'forwarded',
        redaction: { layers: ['recognisers', 'ner'], ner: 'failed' },
        at: expect.any(String),
      },
    ]);
    expect(await settle([{ ...report(2), redaction: { layers: ['guesses'] } }])).toBe(0);
    expect(await settle([{ ...report(2), redaction: { layers: [], ner: 'maybe' } }])).toBe(0);
    expect(records).toHaveLength(1);
  });

  test('tells the accounts how attempts ended, of this caller and no other, and what they used', async () => {
    const forwarded = { ...report(1), usage: { tokens: 12, cost: 0.5 } };
    await settle([forwarded, report(2), { ...report(3), outcome: 'ENFORCEMENT_OUTCOME_REFUSED' }]);
    const holder = (number: number): string => holderName(AGENT, '00'.repeat(32), id(number));
    expect(settledUses).toEqual([
      { holder: holder(1), unused: false, actual: { tokens: 12, cost: 0.5 } },
      { holder: holder(2), unused: false, actual: {} },
      { holder: holder(3), unused: true, actual: {} },
    ]);
  });

  const bringing = (result: Partial<NonNullable<SettlementReport['result']>> = {}): Wire.Settlement =>
    toWireSettlement({
      decision_id: id(1),
      request_digest: 'ab'.repeat(32),
      outcome: 'forwarded',
      duration_ms: 5,
      result: { value: { content: ['é'] }, truncated: false, session_id: 's-1', ...result },
    });
  const own = { tenant: 'acme', agent: 'analyst', session: 's-1' };

  test("hands results over for the caller's own session, whatever it says of itself", async () => {
    expect(await settle([bringing()])).toBe(1);
    expect(await settle([bringing({ tenant_id: 'acme', agent_id: 'analyst', truncated: true, value: '[1,' })])).toBe(1);
    expect(reportedResults).toEqual([
      { key: own, requestDigest: 'ab'.repeat(32), result: { content: ['é'] }, truncated: false },
      { key: own, requestDigest: 'ab'.repeat(32), result: '[1,', truncated: true },
    ]);
    expect(await settle([bringing({ agent_id: 'other' })])).toBe(0);
    expect(await settle([bringing({ tenant_id: 'rival' })])).toBe(0);
    expect(reportedResults).toHaveLength(2);
  });

  test('takes results of a gateway for agents of its tenants alone, which it has to name', async () => {
    peer.identity = GATEWAY;
    expect(await settle([bringing({ tenant_id: 'acme', agent_id: 'analyst' })])).toBe(1);
    expect(reportedResults).toMatchObject([{ key: own }]);
    expect(await settle([bringing({ tenant_id: 'rival', agent_id: 'analyst' })])).toBe(0);
    expect(await settle([bringing({ tenant_id: 'acme' })])).toBe(0);
    expect(await settle([bringing({ agent_id: 'analyst' })])).toBe(0);
    expect(await settle([bringing()])).toBe(0);
    expect(reportedResults).toHaveLength(1);
  });

  test('records how an answer ended that was withheld because nobody took its result, and nothing before', async () => {
    const records: unknown[] = [];
    sunk = async (record) => void records.push(record);
    const redaction = { layers: ['recognisers'] };
    resultOutcome = 'unasked';
    expect(await settle([{ ...bringing(), redaction }])).toBe(0);
    resultOutcome = 'store';
    await expect(settle([{ ...bringing(), redaction }])).rejects.toMatchObject({ code: status.UNAVAILABLE });
    expect(records).toEqual([]);
    const withheld = { ...report(1), outcome: 'ENFORCEMENT_OUTCOME_UPSTREAM_FAILED' as const, redaction };
    expect(await settle([withheld])).toBe(1);
    expect(records).toMatchObject([{ decision_id: id(1), outcome: 'upstream_failed' }]);
  });

  test('records what has searched under several decisions at once', async () => {
    let waiting = 0;
    const all = Promise.withResolvers<void>();
    sunk = () => {
      waiting += 1;
      if (waiting === 3) all.resolve();
      return all.promise;
    };
    const redaction = { layers: ['recognisers'] };
    expect(await settle([1, 2, 2, 3].map((number) => ({ ...report(number), redaction })))).toBe(4);
    expect(waiting).toBe(3);
  });

  test('counts a repeated result as taken, one that nobody waits for as none, and fails where nobody can tell', async () => {
    resultOutcome = 'repeated';
    expect(await settle([bringing()])).toBe(1);
    resultOutcome = 'unasked';
    expect(await settle([bringing()])).toBe(0);
    for (const cause of ['store', 'warm_up', 'forgotten', 'full', 'too_large', 'contended'] as const) {
      resultOutcome = cause;
      await expect(settle([bringing()])).rejects.toMatchObject({ code: status.UNAVAILABLE });
    }
    expect(settledUses).toHaveLength(1);
  });

  test('takes a result alone, and as strict JSON', async () => {
    await expect(settle([bringing(), report(2)])).rejects.toMatchObject({ code: status.INVALID_ARGUMENT });
    for (const text of ['{"a":1,"a":2}', '', 'nope', '{"__proto__":1}', '9007199254740993']) {
      expect(await settle([{ ...bringing(), result_json: Buffer.from(text) }])).toBe(0);
    }
    expect(reportedResults).toEqual([]);
  });

  test('refuses what is not a report', async () => {
    expect(
      await settle([
        {},
        { ...report(1), decision_id: 'x' },
        { ...report(1), request_digest: Buffer.alloc(3) },
        { ...report(1), outcome: 0 },
        { ...report(1), usage: { tokens: -1 } },
        { ...report(1), usage: { cost: Number.NaN } },
      ]),
    ).toBe(0);
    expect(settledUses).toEqual([]);
    expect(observer.lines).toEqual(Array.from({ length: 6 }, () => 'settled invalid'));
  });

  test('forgets the oldest beyond its memory, and takes at most 256', async () => {
    await settle([report(1), report(2), report(3), report(4)]);
    observer.lines.length = 0;
    await settle([report(4), report(1)]);
    expect(settled()).toEqual(['settled repeated', 'settled forwarded']);
    await expect(settle(Array.from({ length: 257 }, () => report(1)))).rejects.toMatchObject({
      code: status.INVALID_ARGUMENT,
    });
  });
});

describe('health and reflection', () => {
  function check(service: string): Promise<string | number> {
    const Client = makeGenericClientConstructor(healthService, 'health');
    const health = new Client(endpoint.address, credentials.createInsecure());
    return new Promise((resolve) => {
      health['check']?.({ service }, (error: ServiceError | null, response: { status: string }) => {
        health.close();
        resolve(error === null ? response.status : error.code);
      });
    });
  }

  test('serves exactly while there is a release to decide with', async () => {
    expect(await check(DECISION_SERVICE_NAME)).toBe('SERVING');
    expect(await check('')).toBe('SERVING');
    release = { ...release, ok: false };
    for (const listener of listeners) listener();
    expect(await check('')).toBe('NOT_SERVING');
    release = { ...release, ok: true };
    for (const listener of listeners) listener();
    expect(await check('')).toBe('SERVING');
    expect(await check('other')).toBe(status.NOT_FOUND);
  });

  test('reflection lists the decision service, and survives garbage', async () => {
    const raw = (bytes: Buffer): Buffer => bytes;
    const path = '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo';
    const ask = (request: Buffer): Promise<string> =>
      new Promise((resolve) => {
        const call = client.makeBidiStreamRequest(path, raw, raw);
        call.on('data', (bytes: Buffer) => {
          resolve(bytes.toString('latin1'));
          call.end();
        });
        call.on('error', (error: ServiceError) => resolve(String(error.code)));
        call.write(request);
      });
    // Field 7, `list_services`, of ServerReflectionRequest.
    const listServices = Buffer.from([0x3a, 0x01, 0x2a]);
    await ask(Buffer.from([0xff, 0xff, 0xff]));
    await ask(Buffer.alloc(0));
    expect(await ask(listServices)).toContain(DECISION_SERVICE_NAME);
  });
});
