/**
 * The golden cases that define the engine, asked of a whole PDP: each case's bundle is signed, released, verified and
 * compiled as any other, and the question travels over mutual TLS: on the stream that sidecars use, as a unary call, and in
 * a batch. All of them say what the case says.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { createDevelopmentPki, tlsFilesOf, writeDevelopmentPki } from '@portcullis/cli';
import { buildBundle } from '@portcullis/policy/bundle';
import type { CanonicalRequest, Decision, JsonObject } from '@portcullis/policy/model';
import {
  fromWireDecision,
  loadDecisionService,
  parseCanonicalRequest,
  requestDigest,
  toWireRequest,
  type Wire,
} from '@portcullis/proto';
import { createLogger, openTlsMaterial, type TlsMaterial } from '@portcullis/runtime';
import { createPolicyClient, type PolicyClient, pdpConfig, pdpCredentials } from '@portcullis/sidecar';
import { type GoldenCase, type GoldenOutcome, loadGoldenCases } from '../cases/golden.js';
import { type EmbeddedPdp, startEmbeddedPdp } from '../support/embedded-pdp.js';
import { eventually } from '../support/eventually.js';
import { createSignedRepository, must, type SignedRepository } from '../support/signed-repository.js';
import { CHANNEL, ENV, TRUST_DOMAIN } from '../support/stack.js';

jest.setTimeout(60_000);

const log = createLogger({ component: 'test', level: 'silent' });
const PATIENCE_MS = 5_000;

/** Why a case cannot be asked over the wire; `undefined` when it can. */
function unaskable(request: CanonicalRequest): string | undefined {
  if ('facts' in request) return 'facts are for a PDP to add';
  if (request.context?.approval !== undefined) return 'an approval is for a PDP to add';
  const parsed = parseCanonicalRequest(request as unknown as JsonObject);
  return parsed.ok ? undefined : `no PEP can send it: ${parsed.problems[0]?.message ?? ''}`;
}

const all = loadGoldenCases();
const cases = all.filter((one) => unaskable(one.request) === undefined);

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

let folder = '';
let repository: SignedRepository;
let pdp: EmbeddedPdp;
let material: TlsMaterial;
let stream: PolicyClient;
let unary: Client;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'portcullis-golden-'));
  const leaves = [
    { kind: 'pdp', name: 'pdp-embedded' },
    { kind: 'gateway', name: 'edge' },
  ] as const;
  const pki = await createDevelopmentPki({ trustDomain: TRUST_DOMAIN, leaves, now: new Date() });
  await writeDevelopmentPki(folder, pki, { force: false });
  const [pdpTls, gatewayTls] = pki.leaves.map((leaf) => tlsFilesOf(folder, leaf));
  if (pdpTls === undefined || gatewayTls === undefined) throw new Error('no leaves');
  repository = createSignedRepository(ENV, CHANNEL);
  const rootFile = join(folder, 'root.json');
  writeFileSync(rootFile, repository.pinnedRoot);
  pdp = await startEmbeddedPdp({
    dataDir: join(folder, 'pdp'),
    rootFile,
    tls: pdpTls,
    sources: [{ get: async (key) => repository.objects().get(key) }],
    gateways: { edge: [...new Set(cases.map(({ request }) => request.tenant_id))] },
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
});

afterAll(async () => {
  await stream?.close();
  unary?.close();
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
  test('most cases can be asked; those that cannot say why', () => {
    expect(cases.length).toBeGreaterThan(0.6 * all.length);
    const reasons = new Set(all.map(({ request }) => unaskable(request)?.replace(/: .*/s, '')));
    reasons.delete(undefined);
    expect([...reasons].toSorted((a, b) => (a ?? '').localeCompare(b ?? ''))).toEqual([
      'an approval is for a PDP to add',
      'facts are for a PDP to add',
      'no PEP can send it',
    ]);
  });

  test.each(cases)('$name', async (one) => {
    await enforce(one);
    const { Evaluate, EvaluateBatch } = loadDecisionService();
    const question = { request: toWireRequest(one.request), request_digest: requestDigest(one.request) };
    const answer = await stream.ask(one.request);
    if (answer.kind !== 'decision') throw new Error(`no decision: ${answer.failure.message}`);
    // A repetition draws on a quota once, so all three of them find room.
    const wanted = one.expect;
    expect(outcomeOf(answer.decision)).toEqual(wanted);
    expect(read((await call(Evaluate, question)).decision)).toEqual(wanted);
    const batch = await call(EvaluateBatch, { requests: [question, question] });
    expect((batch.responses ?? []).map(({ decision }) => read(decision))).toEqual([wanted, wanted]);
  });
});
