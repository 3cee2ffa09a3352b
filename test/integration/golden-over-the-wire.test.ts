/**
 * The golden cases that define the engine, asked of a whole PDP: each case's bundle is signed, released, verified and
 * compiled as any other, and the question travels over mutual TLS: on the stream that sidecars use, as a unary call, in
 * a batch, over HTTP, and as AuthZEN where AuthZEN has words for it. All of them say what the case says.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { createDevelopmentPki, tlsFilesOf, writeDevelopmentPki } from '@portcullis/cli';
import { buildBundle } from '@portcullis/policy/bundle';
import type { Decision, JsonObject } from '@portcullis/policy/model';
import {
  fromWireDecision,
  loadDecisionService,
  parseCanonicalRequest,
  requestDigest,
  toWireRequest,
  type Wire,
} from '@portcullis/proto';
import { createLogger, openTlsMaterial, type TlsFiles, type TlsMaterial } from '@portcullis/runtime';
import { createPolicyClient, type PolicyClient, pdpConfig, pdpCredentials } from '@portcullis/sidecar';
import { Agent, request } from 'undici';
import { type GoldenCase, type GoldenOutcome, loadGoldenCases } from '../cases/golden.js';
import { toAuthzenRequest } from '../support/authzen-request.js';
import { type EmbeddedPdp, startEmbeddedPdp } from '../support/embedded-pdp.js';
import { eventually } from '../support/eventually.js';
import { createSignedRepository, must, type SignedRepository } from '../support/signed-repository.js';
import { CHANNEL, ENV, TRUST_DOMAIN } from '../support/stack.js';

jest.setTimeout(60_000);

const log = createLogger({ component: 'test', level: 'silent' });
const PATIENCE_MS = 5_000;

/** Labels and facts of a session, and the types of policies that ask for them. */
const READS_SESSION = /"context\.labels"|"facts\b|"type": ?"(?:flow|sequence)"/;

/** Why a case cannot be asked over the wire; `undefined` when it can. */
function unaskable({ request, fromOutside, files }: GoldenCase): string | undefined {
  if (!fromOutside) return 'facts and approvals are for a PDP to add';
  const readsSession = [...files.values()].some((file) => READS_SESSION.test(Buffer.from(file).toString('utf8')));
  if (readsSession) return 'a PDP knows more of the session than the case says';
  const parsed = parseCanonicalRequest(request as unknown as JsonObject);
  return parsed.ok ? undefined : `no PEP can send it: ${parsed.problems[0]?.message ?? ''}`;
}

const all = loadGoldenCases();
const cases = all.filter((one) => unaskable(one) === undefined);

function outcomeOf(decision: Decision): GoldenOutcome {
  return {
    effect: decision.effect,
    deny: decision.deny.map(({ code, path, reason_code }) => {
      return { code, path, ...(reason_code === undefined ? {} : { reason_code }) };
    }),
    ...(decision.conditions.length === 0 ? {} : { conditions: [...decision.conditions] }),
    ...(decision.obligations.length === 0 ? {} : { obligations: [...decision.obligations] }),
    matched: decision.matched.map(({ policy, layer, effect }) => ({ policy, layer, effect })),
    errors: decision.diagnostics.errors.map(({ policy, layer, path }) => ({ policy, layer, path })),
  };
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
  pdp = await startEmbeddedPdp({
    dataDir: join(folder, 'pdp'),
    rootFile,
    tls: pdpTls,
    sources: [{ get: async (key) => repository.objects().get(key) }],
    http: {},
    // Cases say which user it is, and the gateways that ask vouch for it.
    users: { assertedBy: ['edge', 'acme'] },
    gateways: { edge: [...new Set(cases.map(({ request }) => request.tenant_id))], acme: ['acme'] },
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

/** Releases the case's bundle and waits until the PDP enforces it. */
async function enforce(one: GoldenCase): Promise<void> {
  const { bytes, policyVersion, sha256 } = must(await buildBundle(one.files));
  const { seq } = repository.release({ bundle: bytes, policyVersion });
  pdp.look();
  await eventually(`release ${seq} to be enforced`, () =>
    pdp.statuses.some(
      (status) => status.release_seq === seq && status.state === 'loaded' && status.bundle_digest === sha256,
    ),
  );
}

describe('golden cases over the wire', () => {
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
    const reasons = new Set(all.map((one) => unaskable(one)?.replace(/: .*/s, '')));
    reasons.delete(undefined);
    expect([...reasons].toSorted((a, b) => (a ?? '').localeCompare(b ?? ''))).toEqual([
      'a PDP knows more of the session than the case says',
      'facts and approvals are for a PDP to add',
      'no PEP can send it',
    ]);
  });

  test.each(cases)('$name', async (one) => {
    await enforce(one);
    const { Evaluate, EvaluateBatch } = loadDecisionService();
    const question = { request: toWireRequest(one.request), request_digest: requestDigest(one.request) };
    const answer = await stream.ask(one.request);
    if (answer.kind !== 'decision') throw new Error(`no decision: ${answer.failure.message}`);
    const wanted = one.expect;
    expect(outcomeOf(answer.decision)).toEqual(wanted);
    expect(read((await call(Evaluate, question)).decision)).toEqual(wanted);
    const batch = await call(EvaluateBatch, { requests: [question, question] });
    expect((batch.responses ?? []).map(({ decision }) => read(decision))).toEqual([wanted, wanted]);

    const decision = (await post('/v1/policy/evaluate', one.request)) as Decision;
    expect(outcomeOf(decision)).toEqual(wanted);
    expect(decision.request_digest).toBe(question.request_digest.toString('hex'));
    const asked = one.request.tenant_id === 'acme' ? toAuthzenRequest(one.request) : undefined;
    if (asked === undefined) return;
    const { decision: allowed, context } = (await post('/access/v1/evaluation', asked, acme)) as AuthzenAnswer;
    expect([allowed, context.effect, context.reasons ?? []]).toEqual([
      wanted.effect === 'allow',
      wanted.effect,
      decision.deny,
    ]);
    if (one.request.kind !== undefined) expect(context.request_digest).toBe(decision.request_digest);
  });
});
