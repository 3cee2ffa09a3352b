import { describe, expect, test } from '@jest/globals';
import type { Decision, Obligation } from '@portcullis/policy/model';
import { requestDigestHex } from '@portcullis/proto';
import { createFakeClock } from '../fixtures/fake-clock.js';
import { AGENT, toolCall } from '../fixtures/requests.js';
import type { Progress } from './decision.js';
import type { AttemptRecorder, Recorded, Snapshot } from './ports.js';
import { remember } from './remember.js';

const ORDER: Obligation = { type: 'report_result', value: { max_bytes: 1_000 } };
const REVIEW: Obligation = { type: 'review', value: null };
const request = toolCall('read');
const digest = requestDigestHex(request);
const snapshot = { releaseSeq: 7, bundleDigest: 'ab', policyVersion: '1' } as unknown as Snapshot;
const PROGRESS: Progress = {
  digest,
  timings: {},
  question: { caller: AGENT, request, digest, deadline: 0 },
  snapshot,
};

function decisionOf(effect: Decision['effect']): Decision {
  return {
    decision_id: 'd-1',
    allow: effect === 'allow',
    effect,
    deny: effect === 'allow' ? [] : [{ code: 'POLICY_DENIED', message: 'no', path: 'platform/p' }],
    conditions: [],
    obligations: [REVIEW],
    cache: { ttl_seconds: 30, scope: 'tool.name' },
    matched: [],
    diagnostics: { errors: [] },
    meta: {
      policy_version: '1',
      evaluation_ms: 1,
      bundle_digest: 'ab',
      release_seq: 7,
      arm: 'stable',
      engine: 'test',
      cached: false,
    },
    request_digest: digest,
  };
}

interface Remembered {
  readonly decision: Decision;
  readonly recorded: readonly string[];
  readonly defects: readonly string[];
}

async function remembered(
  effect: Decision['effect'],
  record: (() => Promise<Recorded>) | undefined,
  { deadlineMs = 1_000, records = true, progress = PROGRESS } = {},
): Promise<Remembered> {
  const clock = createFakeClock();
  const recorded: string[] = [];
  const defects: string[] = [];
  const recorder: AttemptRecorder | undefined = record && {
    records: () => records,
    record: (question, _snapshot, { effect: decided }) => {
      recorded.push(`${question.request.tool?.name ?? ''} ${decided}`);
      return record();
    },
  };
  const onDefect = (error: Error): void => void defects.push(error.message);
  const parts = { recorder, clock, engine: 'test', onDefect };
  return {
    decision: await remember(
      parts,
      decisionOf(effect),
      { progress, isApproved: false },
      clock.monotonic() + deadlineMs,
    ),
    recorded,
    defects,
  };
}

const never = (): Promise<Recorded> => new Promise(() => undefined);

describe('an attempt that a session has to know of', () => {
  test('is answered as decided once it is recorded, with what the recorder adds, and is not for keeping', async () => {
    const { decision, recorded } = await remembered('allow', async () => ({ ok: true, obligations: [ORDER] }));
    expect(decision).toEqual({
      ...decisionOf('allow'),
      obligations: [REVIEW, ORDER],
      cache: { ttl_seconds: 0, scope: '' },
    });
    expect(recorded).toEqual(['read allow']);
  });

  test.each<[string, () => Promise<Recorded>, string]>([
    ['was not', async () => ({ ok: false, message: 'no session' }), 'no session'],
    ['is late', never, 'not recorded in its session in time'],
    ['fails', () => Promise.reject(new TypeError('a defect')), 'failed inside the PDP'],
  ])('is denied when recording it %s', async (_how, record, message) => {
    const { decision, defects } = await remembered('allow', record, { deadlineMs: 20 });
    expect(decision).toMatchObject({ allow: false, effect: 'deny', obligations: [], decision_id: 'd-1' });
    expect(decision.deny).toEqual([
      { code: 'POLICY_ERROR', message: expect.stringContaining(message), path: 'context.session_id' },
    ]);
    expect(defects).toHaveLength(_how === 'fails' ? 1 : 0);
  });

  test.each(['deny', 'hold'] as const)('and is a %s is recorded, and not waited for', async (effect) => {
    const { decision, recorded } = await remembered(effect, never);
    expect(decision).toEqual({ ...decisionOf(effect), cache: { ttl_seconds: 0, scope: '' } });
    expect(recorded).toEqual([`read ${effect}`]);
  });
});

test('a question whether a tool may be shown is no attempt, and may be kept', async () => {
  const listing = { ...request, kind: 'tool_list', tool: { ...request.tool, name: 'read' } } as const;
  const question = { caller: AGENT, request: listing, digest, deadline: 0 };
  const { decision, recorded } = await remembered('allow', never, { progress: { ...PROGRESS, question } });
  expect([decision, recorded]).toEqual([decisionOf('allow'), []]);
});

describe('any other attempt', () => {
  test('is answered at once, as decided', async () => {
    const unread = await remembered('allow', never, { records: false });
    expect(unread).toEqual({ decision: decisionOf('allow'), recorded: [], defects: [] });
    const { digest: _digest, ...unnamed } = PROGRESS;
    const unreadable: Progress = { digest, timings: unnamed.timings };
    expect((await remembered('deny', never, { progress: unreadable })).recorded).toEqual([]);
    expect((await remembered('allow', undefined)).decision).toEqual(decisionOf('allow'));
  });
});
