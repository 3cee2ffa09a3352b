import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import type { CanonicalRequest, DenyReason, IntentRisk } from '@portcullis/policy/model';
import { argumentsDigestHex, requestDigestHex } from '@portcullis/proto';
import { asking, keeping, readingRelease, type Subject, subjectOf } from '../fixtures/decisions.js';
import { toolCall } from '../fixtures/requests.js';
import type { DecideParts } from './decide.js';
import type { DecisionRecord, RiskAssessor, Snapshot } from './ports.js';

let snapshot: Snapshot;
beforeAll(async () => {
  snapshot = await readingRelease();
});
const subject = (changes: Partial<DecideParts> = {}): Subject => subjectOf(snapshot, changes);

describe('the record', () => {
  test('is kept before the answer, and carries digests and names, never arguments', async () => {
    const sink = keeping();
    const request = toolCall('read');
    const decision = await subject({ sink }).decide(asking(request));
    expect(sink.records).toEqual([
      expect.objectContaining({
        decision_id: decision.decision_id,
        request_digest: requestDigestHex(request),
        effect: 'allow',
        deny: [],
        tenant: 'acme',
        agent: 'analyst',
        tool: { server: 'files', name: 'read', operation: 'tools/call' },
        arguments_digest: argumentsDigestHex({ path: '/secret/plan.txt' }),
        bundle_digest: snapshot.bundleDigest,
        policy_version: snapshot.policyVersion,
        release_seq: 7,
        matched: decision.matched.map(({ policy, layer, effect }) => ({ policy, layer, effect })),
        timings_us: {
          evaluation: expect.any(Number),
          normalize: expect.any(Number),
          identify: expect.any(Number),
          context: expect.any(Number),
          risk: expect.any(Number),
          adjudicate: expect.any(Number),
        },
      }),
    ]);
    expect(decision.matched.length).toBeGreaterThan(0);
    expect(JSON.stringify(sink.records)).not.toContain('secret');
  });

  const { tool: _tool, ...bare } = toolCall('read');
  const places: readonly (readonly [string, CanonicalRequest, object])[] = [
    [
      'a connection',
      {
        ...bare,
        source: 'egress_proxy',
        kind: 'egress',
        egress: { scheme: 'https', host: 'site.test', port: 443, method: 'GET', path: '/secret', bytes: 1 },
      },
      { scheme: 'https', host: 'site.test', port: 443, method: 'GET' },
    ],
    [
      'a model call',
      {
        ...bare,
        source: 'llm_proxy',
        kind: 'inference',
        request: { action: 'chat', model: 'm-1', model_provider: 'p', query: 'secret' },
      },
      { model: 'm-1', provider: 'p' },
    ],
    [
      'a message to another agent',
      {
        ...bare,
        source: 'a2a_proxy',
        kind: 'a2a',
        peer: { agent_id: 'planner', skill: 'book', url: 'https://secret' },
      },
      { peer: 'planner', skill: 'book' },
    ],
  ];

  test.each(places)(
    'of %s names what it would have reached, denied or stopped, and nothing else of it',
    async (_name, request, target) => {
      const sink = keeping();
      expect((await subject({ sink }).decide(asking(request))).effect).toBe('deny');
      const kills = { stops: (): DenyReason => ({ code: 'KILL_SWITCH', message: 'stopped', path: '' }) };
      await subject({ sink, kills }).decide(asking(request));
      expect(sink.records.map((record) => record.target)).toStrictEqual([target, target]);
      expect(JSON.stringify(sink.records)).not.toContain('secret');
    },
  );

  test('of a tool call has no other target, and no risk where nobody assesses it', async () => {
    const sink = keeping();
    await subject({ sink }).decide(asking(toolCall('read', { intent_risk: { decision: 'BLOCK' } })));
    expect(sink.records).toHaveLength(1);
    expect(sink.records[0]).not.toHaveProperty('target');
    expect(sink.records[0]).not.toHaveProperty('risk');
  });

  const readingRisk = () => ({ ...snapshot, engine: { ...snapshot.engine, factsNeeded: ['intent_risk.decision'] } });
  const judging = (assess: RiskAssessor['assess']): Partial<DecideParts> => ({
    snapshots: { current: () => ({ ok: true, snapshot: readingRisk() }) },
    assessor: { reads: [], assess },
  });

  test('says what the risk was found to be: names, each once and bounded, and never an explanation', async () => {
    const sink = keeping();
    const found = ['burst', 'burst', 'x'.repeat(1_000), ...Array.from({ length: 100 }, (_, n) => `s${n}`)];
    const risk = (): IntentRisk => ({
      decision: 'REVIEW',
      explanation: 'secret',
      behavioral_signals: found.map((signal_type) => ({ signal_type, details: { secret: 'secret' } })),
      risk_dimensions: { overall: 0.62, data_exfiltration: 1 },
    });
    await subject({ sink, ...judging(risk) }).decide(asking(toolCall('read')));
    const { signals = [], ...rest } = sink.records[0]?.risk ?? {};
    expect(rest).toStrictEqual({ decision: 'REVIEW', score: 0.62 });
    expect(signals.slice(0, 3)).toEqual(['burst', 'x'.repeat(128), 's0']);
    expect(signals).toHaveLength(32);
    expect(JSON.stringify(sink.records)).not.toContain('secret');
  });

  test('says that the risk could not be assessed', async () => {
    const sink = keeping();
    await subject({ sink, ...judging(() => Promise.reject(new Error('down'))) }).decide(asking(toolCall('read')));
    expect(sink.records[0]?.risk).toStrictEqual({ decision: 'UNKNOWN', signals: [] });
  });

  test('has no digest of arguments where there are none', async () => {
    const sink = keeping();
    const { arguments: _none, ...tool } = toolCall('read').tool ?? {};
    await subject({ sink }).decide(asking(toolCall('read', { tool })));
    await subject({ sink }).decide({ subject: { ok: false, problems: [] } });
    expect(sink.records.map((record) => 'arguments_digest' in record)).toEqual([false, false]);
  });

  test('that was kept in time counts, even if this process stalled and noticed late', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'portcullis-'));
    const file = await open(join(folder, 'records'), 'a');
    const append = (record: DecisionRecord): Promise<void> => {
      const kept = file.appendFile(JSON.stringify(record));
      // The deadline is 50 ms away; the write ends meanwhile, in a thread.
      const until = performance.now() + 120;
      while (performance.now() < until);
      return kept;
    };
    const pending = subject({ sink: { append } }).decide(asking(toolCall('read')));
    expect((await pending).deny).toEqual([]);
    await file.close();
    await rm(folder, { recursive: true });
  });
});
