/** One client per subject. Every answer is read whole and compared with what it must be. */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { credentials, Client as GrpcClient, type ServiceError } from '@grpc/grpc-js';
import { fromJSON, type ServiceDefinition } from '@grpc/proto-loader';
import type { CanonicalRequest } from '@portcullis/policy/model';
import { loadDecisionService, requestDigest, toWireRequest, type Wire } from '@portcullis/proto';
import { createLogger, openTlsMaterial, systemClock, type TlsFiles } from '@portcullis/runtime';
import { createAnswerCache, createPolicyClient, pdpConfig, pdpCredentials } from '@portcullis/sidecar';
import { Pool } from 'undici';
import { eventually } from '../../support/eventually.js';
import { TRUST_DOMAIN } from '../../support/stack.js';
import { requestOf } from '../engine/portcullis.js';
import { expectedOf, type WorkRequest, workloadOf } from '../engine/workload.js';
import { ECHO_METHOD, type Job } from './job.js';

/** Asks question `index`, whichever it is. */
export interface Asker {
  /** Whether it was allowed. */
  ask(index: number): Promise<boolean>;
  close(): Promise<void>;
}

/** A saturated machine must not open breakers: the question is how fast, not whether in time. */
const PATIENCE_MS = 10_000;

/** Connects. */
export async function connect(job: Job): Promise<Asker> {
  const questions = questionsOf(job);
  const padding = 'x'.repeat(Math.max(0, Math.round(job.payloadKb * 1_000 - OVERHEAD)));
  switch (job.way) {
    case 'stream':
      return connectStream(job, questions, padding);
    case 'client':
    case 'sidecar':
      return connectClient(job, questions, padding);
    case 'unary':
      return connectUnary(job, questions, padding);
    case 'http':
      return connectHttp(
        job,
        '/v1/policy/evaluate',
        (question) => requestWith(question, padding),
        (answer) => {
          return (answer as { readonly allow?: unknown }).allow === true;
        },
      )(questions);
    case 'opa':
      return connectHttp(
        job,
        '/v1/data/bench/allow',
        (question) => ({ input: { ...inputOf(question), padding } }),
        (answer) => {
          return (answer as { readonly result?: unknown }).result === true;
        },
      )(questions);
    case 'cerbos':
      return connectCerbos(job, questions, padding);
    case 'echo':
      return connectEcho(job, questions, padding);
  }
}

/** What is asked, in turn. */
export function questionsOf({ policies, allowedOnly }: Job): readonly WorkRequest[] {
  const workload = workloadOf(policies, 'plain');
  const { hit } = workload.requests;
  return allowedOnly ? hit.filter((question) => expectedOf(workload, question)) : hit;
}

/** What a question has without any padding, in bytes. */
const OVERHEAD = 450;

function requestWith(question: WorkRequest, padding: string): CanonicalRequest {
  const request = requestOf(question);
  return { ...request, tool: { ...request.tool, arguments: { ...request.tool?.arguments, padding } } };
}

/** The names that policies of peers compare with. */
export function inputOf({ agent, tool, operation, tokens }: WorkRequest): object {
  return { agent: `agent-${agent}`, tool: `tool-${tool}`, operation: `op-${operation}`, tokens };
}

/** As in sidecars: a PDP takes no larger ones. */
const MAX_MESSAGE_BYTES = 256 * 1024;

/** One stream, as a sidecar has it: what one turn asks goes out in one message. */
async function connectStream(
  { address, tls }: Job,
  questions: readonly WorkRequest[],
  padding: string,
): Promise<Asker> {
  const material = await openTlsMaterial(tls, { log: createLogger({ component: 'bench', level: 'silent' }) });
  const client = new GrpcClient(address, pdpCredentials(material, TRUST_DOMAIN));
  const { Decide } = loadDecisionService();
  const frames = questions.map((question, index) => {
    const request = requestWith(question, padding);
    const evaluate = { request: toWireRequest(request), request_digest: requestDigest(request) };
    // A question is asked again when all others were, so its id is free.
    return Decide.requestSerialize({ questions: [{ id: index + 1, evaluate }] });
  });
  const waiting = new Map<number, PromiseWithResolvers<Wire.Answer__Output>>();
  const stream = client.makeBidiStreamRequest(Decide.path, (message: Buffer) => message, Decide.responseDeserialize);
  stream.on('data', ({ answers = [] }: Wire.DecideResponse__Output) => {
    for (const answer of answers) waiting.get(answer.id ?? 0)?.resolve(answer);
  });
  stream.on('error', (error) => {
    for (const one of waiting.values()) one.reject(error);
  });
  let outbox: Buffer[] = [];
  let bytes = 0;
  const flush = (): void => {
    if (outbox.length > 0) stream.write(Buffer.concat(outbox, bytes));
    outbox = [];
    bytes = 0;
  };
  return {
    async ask(index) {
      const at = index % questions.length;
      const frame = frames[at] as Buffer;
      if (bytes + frame.length > MAX_MESSAGE_BYTES) flush();
      if (outbox.length === 0) process.nextTick(flush);
      outbox.push(frame);
      bytes += frame.length;
      const answer = Promise.withResolvers<Wire.Answer__Output>();
      waiting.set(at + 1, answer);
      const { decision } = await answer.promise;
      if (decision === undefined) throw new Error('no decision');
      return decision.effect === 'DECISION_EFFECT_ALLOW';
    },
    async close() {
      stream.cancel();
      client.close();
      material.close();
    },
  };
}

async function connectClient(
  { address, tls, way }: Job,
  questions: readonly WorkRequest[],
  padding: string,
): Promise<Asker> {
  const log = createLogger({ component: 'bench', level: 'silent' });
  const material = await openTlsMaterial(tls, { log });
  const requests = questions.map((question) => requestWith(question, padding));
  const limits = { maxEntries: 5_000, maxBytes: 64 * 1024 * 1024 };
  const observer = { unstored: () => undefined };
  const client = createPolicyClient({
    cache:
      way === 'sidecar'
        ? createAnswerCache({ limits, clock: systemClock, newDecisionId: randomUUID, observer })
        : undefined,
    config: pdpConfig.parse({ endpoints: [address], deadlineMs: 900, hedgeAfterMs: 800 }),
    credentials: pdpCredentials(material, TRUST_DOMAIN),
    log,
  });
  await eventually('the client to be ready', () => client.ready);
  return {
    async ask(index) {
      const answer = await client.ask(requests[index % requests.length] as CanonicalRequest);
      if (answer.kind !== 'decision') throw new Error(`no decision: ${answer.failure.message}`);
      return answer.decision.allow;
    },
    async close() {
      await client.close();
      material.close();
    },
  };
}

async function connectUnary({ address, tls }: Job, questions: readonly WorkRequest[], padding: string): Promise<Asker> {
  const material = await openTlsMaterial(tls, { log: createLogger({ component: 'bench', level: 'silent' }) });
  const client = new GrpcClient(address, pdpCredentials(material, TRUST_DOMAIN));
  const { Evaluate } = loadDecisionService();
  const messages = questions.map((question) => {
    const request = requestWith(question, padding);
    return Evaluate.requestSerialize({ request: toWireRequest(request), request_digest: requestDigest(request) });
  });
  const call = unaryCalls(client, Evaluate.path, messages, Evaluate.responseDeserialize);
  return {
    ask: async (index) => (await call(index)).decision?.effect === 'DECISION_EFFECT_ALLOW',
    async close() {
      client.close();
      material.close();
    },
  };
}

function unaryCalls<A>(
  client: GrpcClient,
  path: string,
  messages: readonly Buffer[],
  read: (bytes: Buffer) => A,
): (index: number) => Promise<A> {
  return (index) =>
    new Promise((resolve, reject) => {
      client.makeUnaryRequest(
        path,
        (message: Buffer) => message,
        read,
        messages[index % messages.length] as Buffer,
        { deadline: Date.now() + PATIENCE_MS },
        (error: ServiceError | null, answer?: A) => {
          if (error !== null) reject(error);
          else if (answer === undefined) reject(new Error('no answer'));
          else resolve(answer);
        },
      );
    });
}

function connectHttp(
  { address, tls, width }: Job,
  path: string,
  bodyOf: (question: WorkRequest) => unknown,
  allowed: (answer: unknown) => boolean,
): (questions: readonly WorkRequest[]) => Asker {
  return (questions) => {
    const bodies = questions.map((question) => JSON.stringify(bodyOf(question)));
    const pool = new Pool(`https://${address}`, { connections: width, pipelining: 1, connect: clientTls(tls) });
    return {
      async ask(index) {
        const { statusCode, body } = await pool.request({
          method: 'POST',
          path,
          headers: { 'content-type': 'application/json' },
          body: bodies[index % bodies.length] as string,
        });
        const answer = await body.json();
        if (statusCode !== 200) throw new Error(`${statusCode}: ${JSON.stringify(answer)}`);
        return allowed(answer);
      },
      close: () => pool.destroy(),
    };
  };
}

function clientTls({ certFile, keyFile, caFile }: TlsFiles): object {
  const [cert, key, ca] = [certFile, keyFile, caFile].map((file) => readFileSync(file, 'utf8'));
  // The names in these certificates are SPIFFE ids, which only our own clients compare.
  return { cert, key, ca, checkServerIdentity: () => undefined };
}

/** What is used here of Cerbos' own API; the numbers are those of its published protocol. */
const CERBOS_API = {
  nested: {
    Value: {
      oneofs: { kind: { oneof: ['number_value', 'string_value'] } },
      fields: { number_value: { type: 'double', id: 2 }, string_value: { type: 'string', id: 3 } },
    },
    Principal: { fields: { id: { type: 'string', id: 1 }, roles: { rule: 'repeated', type: 'string', id: 3 } } },
    Resource: {
      fields: {
        kind: { type: 'string', id: 1 },
        id: { type: 'string', id: 3 },
        attr: { keyType: 'string', type: 'Value', id: 4 },
      },
    },
    Entry: {
      fields: { actions: { rule: 'repeated', type: 'string', id: 1 }, resource: { type: 'Resource', id: 2 } },
    },
    Question: {
      fields: {
        principal: { type: 'Principal', id: 3 },
        resources: { rule: 'repeated', type: 'Entry', id: 4 },
      },
    },
    Result: { fields: { actions: { keyType: 'string', type: 'int32', id: 2 } } },
    Answer: { fields: { results: { rule: 'repeated', type: 'Result', id: 2 } } },
    Service: { methods: { Check: { requestType: 'Question', responseType: 'Answer' } } },
  },
};
interface CerbosAnswer {
  readonly results?: readonly { readonly actions: Readonly<Record<string, number>> }[];
}
const CERBOS_ALLOW = 1;

/** The same bytes as a question to ours, one message for each; what comes back says nothing, and is right when it is whole. */
async function connectEcho(
  { address, tls, policies }: Job,
  questions: readonly WorkRequest[],
  padding: string,
): Promise<Asker> {
  const material = await openTlsMaterial(tls, { log: createLogger({ component: 'bench', level: 'silent' }) });
  const client = new GrpcClient(address, pdpCredentials(material, TRUST_DOMAIN));
  const { path, requestSerialize, responseDeserialize } = ECHO_METHOD;
  const stream = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize);
  const { Evaluate } = loadDecisionService();
  const workload = workloadOf(policies, 'plain');
  const messages = questions.map((question) => {
    const request = requestWith(question, padding);
    return Evaluate.requestSerialize({ request: toWireRequest(request), request_digest: requestDigest(request) });
  });
  // A stream keeps the order of its messages.
  const waiting: ((bytes: Buffer) => void)[] = [];
  stream.on('data', (bytes: Buffer) => waiting.shift()?.(bytes));
  stream.on('error', () => undefined);
  return {
    async ask(index) {
      const message = messages[index % messages.length] as Buffer;
      const back = await new Promise<Buffer>((resolve) => {
        waiting.push(resolve);
        stream.write(message);
      });
      if (back.length !== message.length) throw new Error('not what was sent');
      return expectedOf(workload, questions[index % questions.length] as WorkRequest);
    },
    async close() {
      stream.cancel();
      client.close();
      material.close();
    },
  };
}

async function connectCerbos(
  { address, tls }: Job,
  questions: readonly WorkRequest[],
  padding: string,
): Promise<Asker> {
  const { Check } = fromJSON(CERBOS_API as Parameters<typeof fromJSON>[0], { keepCase: true })[
    'Service'
  ] as ServiceDefinition;
  if (Check === undefined) throw new Error('no method');
  const read = (file: string): Buffer => readFileSync(file);
  const secure = credentials.createSsl(read(tls.caFile), read(tls.keyFile), read(tls.certFile), {
    checkServerIdentity: () => undefined,
  });
  const client = new GrpcClient(address, secure, { 'grpc.ssl_target_name_override': 'localhost' });
  const messages = questions.map(({ agent, tool, operation, tokens }) =>
    Check.requestSerialize({
      principal: { id: 'someone', roles: [`agent-${agent}`] },
      resources: [
        {
          actions: [`op-${operation}`],
          resource: {
            kind: `tool-${tool}`,
            id: 'it',
            attr: { tokens: { number_value: tokens }, padding: { string_value: padding } },
          },
        },
      ],
    }),
  );
  const call = unaryCalls(
    client,
    '/cerbos.svc.v1.CerbosService/CheckResources',
    messages,
    (bytes) => Check.responseDeserialize(bytes) as CerbosAnswer,
  );
  return {
    async ask(index) {
      const { results = [] } = await call(index);
      const effects = results.flatMap(({ actions }) => Object.values(actions));
      return effects.length === 1 && effects[0] === CERBOS_ALLOW;
    },
    close: async () => client.close(),
  };
}
