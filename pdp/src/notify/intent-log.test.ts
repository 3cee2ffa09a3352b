import { expect, test } from '@jest/globals';
import { type IntentEntry, readRecord, sealIntent } from '@portcullis/policy/evidence';
import type { IntentRisk } from '@portcullis/policy/model';
import { createLogger } from '@portcullis/runtime';
import { createFakeClock } from '../fixtures/fake-clock.js';
import { pipelineOf } from '../fixtures/pipeline.js';
import { engineOf } from '../fixtures/policies.js';
import { toolCall } from '../fixtures/requests.js';
import { createIntentLog } from './intent-log.js';

const NOW = Date.parse('2026-11-22T12:00:00Z');
const log = createLogger({ component: 'test', level: 'fatal' });
const is = (value: string): object => ({ field: 'tool.name', operator: 'equals', value });
const ENGINE = engineOf([
  { name: 'Reads', effect: 'allow', when: is('read'), priority: 10 },
  { name: 'Logged', effect: { type: 'log_only', log_intent_signals: true }, when: is('read'), priority: 90 },
  { name: 'Logged too', effect: { type: 'log_only', log_intent_signals: true }, when: is('read'), priority: 80 },
  { name: 'Never', effect: { type: 'deny', log_intent_signals: true }, when: is('pay'), priority: 80 },
]);
const RISK: IntentRisk = {
  decision: 'REVIEW',
  explanation: 'a text of the agent',
  behavioral_signals: [
    { signal_type: 'scope_violation', details: { said: 'secret' } },
    { signal_type: 'scope_violation' },
  ],
  risk_dimensions: { scope: 0.5, data_exfiltration: 0.7 },
};

async function logged(tool: string, assess: () => IntentRisk): Promise<readonly IntentEntry[]> {
  const entries: IntentEntry[] = [];
  const follower = createIntentLog(async (entry) => void entries.push(entry), { clock: createFakeClock(NOW), log });
  const assessor = { reads: [], assess };
  const { decide } = pipelineOf(ENGINE, { followers: [follower], assessor });
  const decision = await decide(toolCall(tool));
  expect(decision.obligations.filter(({ type }) => type === 'log_intent_signals')).toHaveLength(tool === 'x' ? 0 : 1);
  await new Promise((resolve) => setImmediate(resolve));
  await follower.idle();
  return entries;
}

test('what the attempt was thought to be after is on record, once, though no condition reads it', async () => {
  const entries = await logged('read', () => RISK);
  expect(entries).toEqual([
    {
      kind: 'intent',
      decision_id: '00000000-0000-4000-8000-000000000001',
      tenant: 'acme',
      agent: 'analyst',
      decision: 'REVIEW',
      signals: ['scope_violation'],
      dimensions: { scope: 0.5, data_exfiltration: 0.7 },
      at: new Date(NOW).toISOString(),
    },
  ]);
});

test('of a denial as well, and of an intent that nobody could tell', async () => {
  expect(await logged('pay', () => RISK)).toHaveLength(1);
  const unknown = await logged('pay', () => {
    throw new Error('nobody knows');
  });
  expect(unknown).toMatchObject([{ decision: 'UNKNOWN', signals: [], dimensions: {} }]);
});

test('nothing is on record where no rule asks for it', async () => {
  expect(await logged('x', () => RISK)).toEqual([]);
});

test('a chain takes it as a link like any other', async () => {
  const odd = Object.fromEntries([10, 9, '__proto__', '', 'ö'].map((name) => [name, 1]));
  const [entry] = await logged('read', () => ({ ...RISK, risk_dimensions: { ...odd, 'x-1': 1 } }));
  if (entry === undefined) throw new Error('nothing is on record');
  const { line } = sealIntent(entry, { record_id: 'r', writer: 'w', seq: 1, prev: '0'.repeat(64) });
  expect(readRecord(line)).toMatchObject({ ok: true, record: { kind: 'intent', dimensions: { 'x-1': 1 } } });
});
