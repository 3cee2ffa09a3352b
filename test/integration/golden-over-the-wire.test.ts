/**
 * The golden cases that define the engine, asked of a whole PDP: each case's bundle is signed, released, verified and
 * compiled as any other, and the question travels over mutual TLS: on the stream that sidecars use, as a unary call, in
 * a batch, over HTTP, as AuthZEN where AuthZEN has words for it, and as Envoy and agentgateway would ask where they could.
 * All of them say what the case says. What a case takes for known of a session is brought about before: its calls are asked
 * about and allowed, and what they brought is reported.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { createDevelopmentPki, tlsFilesOf, writeDevelopmentPki } from '@portcullis/cli';
import { buildBundle } from '@portcullis/policy/bundle';
import {
  type CanonicalRequest,
  type Condition,
  DECIDE_OUTPUT,
  type Decision,
  type JsonObject,
  REPORT_RESULT,
} from '@portcullis/policy/model';
import {
  fromWireDecision,
  loadDecisionService,
  loadGatewayServices,
  parseCanonicalRequest,
  requestDigest,
  toWireRequest,
  type Wire,
} from '@portcullis/proto';
import { createLogger, openTlsMaterial, type TlsFiles, type TlsMaterial } from '@portcullis/runtime';
import { createPolicyClient, type PolicyClient, pdpConfig, pdpCredentials } from '@portcullis/sidecar';
import { Agent, request } from 'undici';
import { type GoldenCase, type GoldenOutcome, loadGoldenCases } from '../cases/golden.js';
import { type EarlierEvents, earlierEvents, GOLDEN_TOOLS } from '../cases/golden-sessions.js';
import { toAuthzenRequest } from '../support/authzen-request.js';
import { type EmbeddedPdp, startEmbeddedPdp } from '../support/embedded-pdp.js';
import { eventually } from '../support/eventually.js';
import { GATEWAY_CONFIG, toCheckRequest, toMcpRequest } from '../support/gateway-requests.js';
import { keptFor } from '../support/policy-source.js';
import { createSignedRepository, must, type SignedRepository } from '../support/signed-repository.js';
import { CHANNEL, ENV, TRUST_DOMAIN } from '../support/stack.js';

jest.setTimeout(60_000);

const log = createLogger({ component: 'test', level: 'silent' });
const PATIENCE_MS = 5_000;

/** Why a case cannot be asked over the wire; `undefined` when it can. */
function unaskable(one: GoldenCase): string | undefined {
  const before = earlierEvents(one);
  if (typeof before === 'string') return before;
  if (one.request.context.approval !== undefined) return 'an approval takes a person';
  const parsed = parseCanonicalRequest(questionOf(one) as unknown as JsonObject);
  return parsed.ok ? undefined : `no PEP can send it: ${parsed.problems[0]?.message ?? ''}`;
}

/** What a PEP says of it: facts are for a PDP to add. */
function questionOf({ request: { facts: _facts, ...question } }: GoldenCase): CanonicalRequest {
  return question;
}

const all = loadGoldenCases();
const askable = all.filter((one) => unaskable(one) === undefined);
const cases = askable.filter((one) => earlierEvents(one) === undefined);
/** Those of a session. */
const lived = askable.flatMap((one) => {
  const before = earlierEvents(one);
  return typeof before === 'object' ? [{ name: one.name, one, before }] : [];
});

function outcomeOf(decision: Decision): GoldenOutcome {
  // An order to the PEP that asks, and nothing that a policy says.
  const obligations = decision.obligations.filter(({ type }) => type !== DECIDE_OUTPUT);
  return {
    effect: decision.effect,
    deny: decision.deny.map(({ code, path, reason_code }) => {
      return { code, path, ...(reason_code === undefined ? {} : { reason_code }) };
    }),
    ...(decision.conditions.length === 0 ? {} : { conditions: decision.conditions.map(asPolicySays) }),
    ...(obligations.length === 0 ? {} : { obligations }),
    matched: decision.matched.map(({ policy, layer, effect }) => ({ policy, layer, effect })),
    errors: decision.diagnostics.errors.map(({ policy, layer, path }) => ({ policy, layer, path })),
  };
}

/** Without what is known of the approval that a hold asks for: it is another one for each question of a new release. */
function asPolicySays({ type, value }: Condition): Condition {
  if (typeof value !== 'object' || value === null || !('approval_id' in value)) return { type, value };
  const { approval_id: id, expires_at: expires, poll, poll_seconds: often, state, ...said } = value;
  expect({ id, expires, poll, often, state }).toEqual({
    id: expect.any(String),
    expires: expect.any(String),
    poll: expect.stringMatching(/^\/v1\/approvals\/[0-9a-f-]{36}$/),
    often: expect.any(Number),
    state: 'pending',
  });
  return { type, value: said };
}

/** What AuthZEN answers. */
interface AuthzenAnswer {
  readonly decision: boolean;
  readonly context: { readonly effect: string; readonly reasons?: Decision['deny']; readonly request_digest: string };
}

let folder = '';
let repository: SignedRepository;
let pdp: EmbeddedPdp;
let material: TlsMaterial;
let stream: PolicyClient;
let unary: Client;
let https: Agent;
/** Of a gateway that speaks for one tenant alone. */
let acme: Agent;

function agentOf({ certFile, keyFile, caFile }: TlsFiles): Agent {
  const [cert, key, ca] = [certFile, keyFile, caFile].map((file) => readFileSync(file, 'utf8'));
  return new Agent({ connect: { cert, key, ca, checkServerIdentity: () => undefined } });
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'portcullis-golden-'));
  const leaves = [
    { kind: 'pdp', name: 'pdp-embedded' },
    { kind: 'gateway', name: 'edge' },
    { kind: 'gateway', name: 'acme' },
  ] as const;
  const pki = await createDevelopmentPki({ trustDomain: TRUST_DOMAIN, leaves, now: new Date() });
  await writeDevelopmentPki(folder, pki, { force: false });
  const [pdpTls, gatewayTls, acmeTls] = pki.leaves.map((leaf) => tlsFilesOf(folder, leaf));
  if (pdpTls === undefined || gatewayTls === undefined || acmeTls === undefined) throw new Error('no leaves');
  repository = createSignedRepository(ENV, CHANNEL);
  const rootFile = join(folder, 'root.json');
  writeFileSync(rootFile, repository.pinnedRoot);
  const toolsFile = join(folder, 'tools.json');
  writeFileSync(toolsFile, JSON.stringify(GOLDEN_TOOLS));
  pdp = await startEmbeddedPdp({
    dataDir: join(folder, 'pdp'),
    rootFile,
    tls: pdpTls,
    sources: [{ get: async (key) => repository.objects().get(key) }],
    http: {},
    // Cases say which user it is, and the gateways that ask vouch for it.
    users: { assertedBy: ['edge', 'acme'] },
    others: GATEWAY_CONFIG,
    sessions: { toolsFile },
    gateways: { edge: [...new Set(askable.map(({ request }) => request.tenant_id))], acme: ['acme'] },
  });
  material = await openTlsMaterial(gatewayTls, { log });
  const credentials = pdpCredentials(material, TRUST_DOMAIN);
  stream = createPolicyClient({
    // Patient: this is about what is decided, on machines that are busy with other tests.
    config: pdpConfig.parse({
      endpoints: [pdp.address],
      deadlineMs: 2_000,
      hedgeAfterMs: 1_999,
      reconnectMinMs: 20,
      reconnectMaxMs: 100,
      breaker: { volumeThreshold: 100_000, errorThresholdPercentage: 100, resetTimeoutMs: 2_001 },
      settle: { deadlineMs: PATIENCE_MS },
    }),
    credentials,
    log,
  });
  unary = new Client(pdp.address, credentials);
  https = agentOf(gatewayTls);
  acme = agentOf(acmeTls);
});

afterAll(async () => {
  await stream?.close();
  unary?.close();
  await https?.close();
  await acme?.close();
  material?.close();
  await pdp?.close();
  rmSync(folder, { recursive: true, force: true });
});

function call<Q, A>(
  method: { path: string; requestSerialize: (q: Q) => Buffer; responseDeserialize: (b: Buffer) => A },
  question: Q,
): Promise<A> {
  return new Promise((resolve, reject) => {
    const deadline = new Date(Date.now() + PATIENCE_MS);
    unary.makeUnaryRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      question,
      { deadline },
      (error, answer) => {
        if (error !== null) reject(error);
        else if (answer === undefined) reject(new Error('no answer'));
        else resolve(answer);
      },
    );
  });
}

function read(wire: Wire.Decision__Output | null | undefined): GoldenOutcome {
  if (wire === null || wire === undefined) throw new Error('no decision');
  return outcomeOf(must(fromWireDecision(wire)).decision);
}

/** Posts JSON; whatever a policy says, the status is 200. */
async function post(path: string, body: unknown, dispatcher = https): Promise<unknown> {
  const { statusCode, body: answer } = await request(`https://${pdp.httpAddress ?? ''}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    dispatcher,
  });
  const json = await answer.json();
  if (statusCode !== 200) throw new Error(`${path} answered ${statusCode}: ${JSON.stringify(json)}`);
  return json;
}

/** The case's bundle, whose decisions may be kept, where it says so in JSON and does not say for how long itself. */
function kept({ files }: GoldenCase): GoldenCase['files'] {
  const text = new TextDecoder().decode(files.get('bundle.yaml'));
  return text.startsWith('{') && !text.includes('"cache"') ? keptFor(files, 30) : files;
}

/** Releases the case's bundle and waits until the PDP enforces it. */
async function enforce(one: GoldenCase): Promise<void> {
  const { bytes, policyVersion, sha256 } = must(await buildBundle(kept(one)));
  const { seq } = repository.release({ bundle: bytes, policyVersion });
  pdp.look();
  await eventually(`release ${seq} to be enforced`, () =>
    pdp.statuses.some(
      (status) => status.release_seq === seq && status.state === 'loaded' && status.bundle_digest === sha256,
    ),
  );
}

/** Rules that read what a gateway says otherwise than the case: its kind of source, the clock, which way a message goes. */
const READS_MORE = /\bsource\b|time_window|timestamp|request_id|attributes/;

function readsMore({ files }: GoldenCase): boolean {
  return [...files.values()].some((bytes) => READS_MORE.test(new TextDecoder().decode(bytes)));
}

const throughGateways = cases.filter((one) => !readsMore(one) && toCheckRequest(one.request) !== undefined);
const services = loadGatewayServices();
const loaded = loadDecisionService();

/** What a gateway is told: whether it may go on and, if not, the first reason. */
function gatewayOutcome({ effect, deny, conditions = [] }: GoldenOutcome): string {
  if (effect !== 'allow') return deny[0]?.code ?? '';
  return conditions.length === 0 ? 'allow' : 'OBLIGATION_UNSUPPORTED';
}

async function askEnvoys(one: GoldenCase): Promise<string> {
  const { status, denied_response: denied } = await call(
    services.authorization.Check,
    toCheckRequest(one.request) ?? {},
  );
  return (status?.code ?? 0) === 0 ? 'allow' : (JSON.parse(denied?.body ?? '{}') as { readonly code: string }).code;
}

async function askAgentgateways(one: GoldenCase): Promise<string> {
  const { result, error } = await call(services.extMcp.CheckRequest, toMcpRequest(one.request) ?? {});
  if (result === 'pass') return 'allow';
  return (JSON.parse(String(error?.mcp_error)) as { readonly code: string }).code;
}

describe('golden cases over the wire', () => {
  test('many of them are something that a gateway could ask', () => {
    expect(throughGateways.length).toBeGreaterThan(0.2 * cases.length);
    const effects = throughGateways.map((one) => one.expect.effect);
    expect(effects).toEqual(expect.arrayContaining(['allow', 'deny']));
  });

  test('many of them have words in AuthZEN', () => {
    const said = cases.filter(({ request }) => toAuthzenRequest(request) !== undefined);
    expect(said.length).toBeGreaterThan(0.25 * cases.length);
  });

  test('without a client certificate there is no connection', async () => {
    const anonymous = new Agent({ connect: { rejectUnauthorized: false } });
    const path = '/.well-known/authzen-configuration';
    const asking = request(`https://${pdp.httpAddress ?? ''}${path}`, { dispatcher: anonymous });
    await expect(asking).rejects.toThrow(/certificate required|closed|ECONNRESET/i);
    await anonymous.destroy();
  });

  test('most cases can be asked; those that cannot say why', () => {
    expect(cases.length).toBeGreaterThan(0.6 * all.length);
    expect(lived.length).toBeGreaterThanOrEqual(15);
    const reasons = new Set(all.map((one) => unaskable(one)?.replace(/: .*/s, '')));
    reasons.delete(undefined);
    expect([...reasons].toSorted((a, b) => (a ?? '').localeCompare(b ?? ''))).toEqual([
      'a PDP knows more of the session than the case says',
      'an approval takes a person',
      'an argument has one role',
      'no PEP can send it',
      'the case has no rule that denies what was denied',
      'time would have to pass',
    ]);
  });

  test.each(lived)('$name: in a session in which it was so', async ({ one, before }) => {
    await enforce(one);
    const ask = async (how: (request: CanonicalRequest) => Promise<GoldenOutcome>): Promise<GoldenOutcome> =>
      how(await afterwards(one, before));
    const asked = await Promise.all([
      ask(async (request) => outcomeOf(await streamed(request))),
      ask(async (request) => read((await call(loaded.Evaluate, wireQuestion(request))).decision)),
      ask(async (request) => {
        const { responses = [] } = await call(loaded.EvaluateBatch, { requests: [wireQuestion(request)] });
        return read(responses[0]?.decision);
      }),
      ask(async (request) => outcomeOf((await post('/v1/policy/evaluate', request)) as Decision)),
    ]);
    expect(asked).toEqual(asked.map(() => one.expect));
    const words = toAuthzenRequest(await afterwards(one, before));
    if (words === undefined || one.request.tenant_id !== 'acme') return;
    const answer = (await post('/access/v1/evaluation', words, acme)) as AuthzenAnswer;
    expect([answer.decision, answer.context.effect]).toEqual([one.expect.effect === 'allow', one.expect.effect]);
  });

  test.each(cases)('$name', async (one) => {
    await enforce(one);
    await expectTheSame(one);
  });

  test('many of them were answered from the cache, too', () => {
    const allows = cases.filter((one) => one.expect.effect === 'allow').length;
    expect(fromTheCache).toBeGreaterThan(allows / 2);
  });

  test('an earlier release that comes back says what it said', async () => {
    const [first] = throughGateways;
    if (first === undefined) throw new Error('no case');
    await enforce(first);
    await expectTheSame(first);
  });
});

let sessions = 0;

/** The question of a case in a session of its own, in which all of that has happened before. */
async function afterwards(one: GoldenCase, { calls, prompt }: EarlierEvents): Promise<CanonicalRequest> {
  sessions += 1;
  const question = questionOf(one);
  const context = { ...question.context, session_id: `golden-${sessions}` };
  for (const [number, { tool, result }] of calls.entries()) {
    // Whoever is to report says which way the call goes.
    const attributes = result === undefined ? {} : { attributes: { direction: 'client_to_server' } };
    const decision = await streamed({
      version: '1.0',
      tenant_id: question.tenant_id,
      agent: question.agent,
      source: 'mcp_proxy',
      kind: 'tool_call',
      tool: { ...tool, ...attributes },
      context: { ...context, request_id: `${context.request_id}-${number}` },
    });
    expect([decision.effect, decision.obligations.map(({ type }) => type)]).toEqual([
      'allow',
      result === undefined ? [] : [REPORT_RESULT],
    ]);
    if (result === undefined) continue;
    const { decision_id, request_digest } = decision;
    const whose = { tenant_id: question.tenant_id, agent_id: question.agent.id, session_id: context.session_id };
    const report = { decision_id, request_digest, outcome: 'forwarded', duration_ms: 1 } as const;
    const isTaken = await stream.report({ ...report, result: { ...whose, value: result, truncated: false } });
    expect(isTaken).toBe(true);
  }
  return { ...question, context: { ...context, ...(prompt === undefined ? {} : { task: { prompt } }) } };
}

function wireQuestion(request: CanonicalRequest): { request: Wire.CanonicalRequest; request_digest: Buffer } {
  return { request: toWireRequest(request), request_digest: requestDigest(request) };
}

async function streamed(request: CanonicalRequest): Promise<Decision> {
  const answer = await stream.ask(request);
  if (answer.kind !== 'decision') throw new Error(`no decision: ${answer.failure.message}`);
  return answer.decision;
}

/** Asks on all surfaces at once. */
async function expectTheSame(one: GoldenCase): Promise<void> {
  const { Evaluate, EvaluateBatch } = loaded;
  const question = { request: toWireRequest(one.request), request_digest: requestDigest(one.request) };
  const words = one.request.tenant_id === 'acme' ? toAuthzenRequest(one.request) : undefined;
  const isForGateways = throughGateways.includes(one);
  const isForMcp = isForGateways && toMcpRequest(one.request) !== undefined;
  const wanted = one.expect;
  const [answer, single, batch, decision, authzen, envoys, agentgateways] = await Promise.all([
    stream.ask(one.request),
    call(Evaluate, question),
    call(EvaluateBatch, { requests: [question, question] }),
    post('/v1/policy/evaluate', one.request) as Promise<Decision>,
    words === undefined ? undefined : (post('/access/v1/evaluation', words, acme) as Promise<AuthzenAnswer>),
    isForGateways ? askEnvoys(one) : undefined,
    isForMcp ? askAgentgateways(one) : undefined,
  ]);
  if (answer.kind !== 'decision') throw new Error(`no decision: ${answer.failure.message}`);
  expect(outcomeOf(answer.decision)).toEqual(wanted);
  expect(read(single.decision)).toEqual(wanted);
  expect((batch.responses ?? []).map((response) => read(response.decision))).toEqual([wanted, wanted]);

  expect(outcomeOf(decision)).toEqual(wanted);
  expect(decision.request_digest).toBe(question.request_digest.toString('hex'));
  if (isForGateways) expect(envoys).toBe(gatewayOutcome(wanted));
  if (isForMcp) expect(agentgateways).toBe(gatewayOutcome(wanted));
  await expectTheSameFromTheCache(one, decision, words);
  // Theirs are questions of their own, which were kept at the first time.
  if (isForGateways) expect(await askEnvoys(one)).toBe(gatewayOutcome(wanted));
  if (isForMcp) expect(await askAgentgateways(one)).toBe(gatewayOutcome(wanted));
  if (words === undefined || authzen === undefined) return;
  expect([authzen.decision, authzen.context.effect, authzen.context.reasons ?? []]).toEqual([
    wanted.effect === 'allow',
    wanted.effect,
    decision.deny,
  ]);
  if (one.request.kind !== undefined) expect(authzen.context.request_digest).toBe(decision.request_digest);
  const { evaluations } = (await post('/access/v1/evaluations', { ...words, evaluations: [{}, words] }, acme)) as {
    readonly evaluations: readonly AuthzenAnswer[];
  };
  expect(evaluations.map(({ decision: each, context }) => [each, context.effect, context.reasons])).toEqual(
    Array.from({ length: 2 }, () => [authzen.decision, authzen.context.effect, authzen.context.reasons]),
  );
}

/** Decisions that came from the PDP's cache. */
let fromTheCache = 0;

/** Asks again: what may be kept is answered from the cache on every surface, and says the same. */
async function expectTheSameFromTheCache(
  one: GoldenCase,
  first: Decision,
  words: JsonObject | undefined,
): Promise<void> {
  if (first.cache.ttl_seconds === 0) return;
  fromTheCache += 1;
  const question = { request: toWireRequest(one.request), request_digest: requestDigest(one.request) };
  const again = (await post('/v1/policy/evaluate', one.request)) as Decision;
  expect([again.meta.cached, outcomeOf(again)]).toEqual([true, one.expect]);
  const { decision: wire } = await call(loaded.Evaluate, question);
  const single = must(fromWireDecision(wire ?? {})).decision;
  expect([single.meta.cached, outcomeOf(single)]).toEqual([true, one.expect]);
  const { responses = [] } = await call(loaded.EvaluateBatch, { requests: [question, question] });
  const batch = responses.map(({ decision: each }) => must(fromWireDecision(each ?? {})).decision);
  const kept = [true, one.expect];
  expect(batch.map((each) => [each.meta.cached, outcomeOf(each)])).toEqual([kept, kept]);
  const streamed = await stream.ask(one.request);
  if (streamed.kind !== 'decision') throw new Error(`no decision: ${streamed.failure.message}`);
  expect([streamed.decision.meta.cached, outcomeOf(streamed.decision)]).toEqual([true, one.expect]);
  if (words === undefined) return;
  const authzen = (await post('/access/v1/evaluation', words, acme)) as AuthzenAnswer;
  expect([authzen.decision, authzen.context.effect]).toEqual([true, 'allow']);
}
