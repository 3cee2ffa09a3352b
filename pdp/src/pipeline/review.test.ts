import { beforeAll, describe, expect, test } from '@jest/globals';
import { compileBundle, linkBundle } from '@portcullis/policy';
import { unpackBundle } from '@portcullis/policy/bundle';
import type { Decision, Verdict } from '@portcullis/policy/model';
import { parseCanonicalRequest } from '@portcullis/proto';
import { createTestBook } from '../fixtures/approvals.js';
import { createFakeClock } from '../fixtures/fake-clock.js';
import { createRecorder } from '../fixtures/recorders.js';
import { bundleOf, must } from '../fixtures/repository.js';
import { AGENT, toolCall } from '../fixtures/requests.js';
import { createMemoryQuotaStore } from '../quota/memory.js';
import type { AskedReview } from '../reviews/review.js';
import { createDecide, type DecideParts } from './decide.js';
import type { Snapshot } from './ports.js';

let snapshot: Snapshot;
beforeAll(async () => {
  const engine = linkBundle(must(compileBundle(must(await unpackBundle(await bundleOf('1.0.0', ['read']))))));
  snapshot = { engine, releaseSeq: 7, bundleDigest: 'ab'.repeat(32), policyVersion: '1.0.0' };
});

const NOTICE = { type: 'notify', value: { policy: 'platform/s/look', to: ['security'] } };
const REVIEW = { type: 'review', value: { policy: 'platform/s/look', reason: 'large' } };

async function decided(
  accept: (review: AskedReview) => Promise<boolean>,
  changes: { readonly required?: boolean; readonly sink?: DecideParts['sink']; readonly name?: string } = {},
): Promise<{ readonly decision: Decision; readonly withdrawn: readonly string[] }> {
  const clock = createFakeClock();
  const withdrawn: string[] = [];
  const engine: Snapshot['engine'] = {
    ...snapshot.engine,
    evaluate: (request): Verdict => {
      const verdict = snapshot.engine.evaluate(request);
      return verdict.effect === 'allow' ? { ...verdict, obligations: [REVIEW, NOTICE] } : verdict;
    },
  };
  const decide = createDecide({
    snapshots: { current: () => ({ ok: true, snapshot: { ...snapshot, engine } }) },
    sources: [],
    assessor: undefined,
    followers: [],
    kills: { stops: () => undefined },
    gateways: new Map(),
    parseRequest: parseCanonicalRequest,
    sink: changes.sink,
    clock,
    observer: createRecorder(),
    quotas: createMemoryQuotaStore({ clock, leaseMs: 1_000, maxAccounts: 10, maxReservations: 10 }),
    approvals: createTestBook(clock),
    reviews: { required: changes.required ?? false, accept, withdraw: async (id) => void withdrawn.push(id) },
    newDecisionId: () => '00000000-0000-4000-8000-000000000001',
    engine: 'test',
    onDefect: () => undefined,
  });
  const decision = await decide({
    caller: AGENT,
    subject: { ok: true, value: toolCall(changes.name ?? 'read') },
    claimedDigest: undefined,
    deadline: clock.monotonic() + 50,
  });
  return { decision, withdrawn };
}

describe('a decision that asks for a review', () => {
  test('hands it over with names and the digest, and never with arguments', async () => {
    const found: AskedReview[] = [];
    const { decision } = await decided(async (review) => found.push(review) > 0, { required: true });
    expect(decision.allow).toBe(true);
    expect(found).toEqual([
      {
        id: decision.decision_id,
        tenant: 'acme',
        agent: 'analyst',
        server: 'files',
        tool: 'read',
        operation: 'tools/call',
        request_digest: decision.request_digest,
        asked: [{ policy: 'platform/s/look', reason: 'large' }],
      },
    ]);
  });

  test.each<[string, boolean, () => Promise<boolean>, boolean]>([
    ['kept', true, async () => true, true],
    ['not kept', false, async () => false, true],
    ['not kept, and that is required', true, async () => false, false],
    ['not kept in time', false, () => new Promise(() => undefined), true],
    ['not kept in time, and that is required', true, () => new Promise(() => undefined), false],
  ])('that is %s', async (_name, required, accept, allow) => {
    const { decision, withdrawn } = await decided(accept, { required });
    expect(decision.allow).toBe(allow);
    if (!allow) expect(decision.deny).toMatchObject([{ code: 'AUDIT_UNAVAILABLE' }]);
    expect(decision.obligations).toEqual(allow ? [REVIEW, NOTICE] : [NOTICE]);
    expect(withdrawn).toEqual(allow ? [] : [decision.decision_id]);
  });

  test('and cannot be recorded takes it back; a denial asks for none', async () => {
    const sink = { append: () => Promise.reject(new Error('disk full')) };
    const { decision, withdrawn } = await decided(async () => true, { sink });
    expect([decision.allow, withdrawn]).toEqual([false, [decision.decision_id]]);
    let asked = 0;
    const denied = await decided(
      async () => {
        asked += 1;
        return true;
      },
      { name: 'write' },
    );
    expect([denied.decision.allow, asked]).toEqual([false, 0]);
  });
});
