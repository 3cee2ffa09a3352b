import { describe, expect, test } from '@jest/globals';
import type { ContextualRequest, Decision, IntentRisk } from '@portcullis/policy/model';
import { DEFAULT_RISK_PARAMETERS, type RiskParameters } from '@portcullis/policy/risk';
import { createFakeClock } from '../fixtures/fake-clock.js';
import { decisionOn } from '../fixtures/http-app.js';
import { AGENT, toolCall } from '../fixtures/requests.js';
import type { Question } from '../pipeline/ports.js';
import { createRiskAssessor, type OutsideAnalysers, type RiskAssessorParts } from './assessor.js';
import { createMemoryBaselineStore } from './baselines/memory.js';
import type { BaselineStore } from './baselines/port.js';
import { createHabits } from './habits.js';

const HALF_LIVES = { habitMs: 86_400_000, recentMs: 300_000, amountMs: 86_400_000 };
const clock = createFakeClock(Date.parse('2026-11-21T12:00:00Z'));
const question = (request: ContextualRequest): Question => ({ caller: AGENT, request, digest: '0', deadline: 1e9 });
const never = new Promise<never>(() => undefined);

function storeThat(read: BaselineStore['read']): BaselineStore {
  return { read, observe: async () => undefined, close: async () => undefined };
}

function assessor(changes: Partial<RiskAssessorParts> = {}): {
  readonly outcomes: string[];
  readonly assess: (request: ContextualRequest) => Promise<IntentRisk>;
  readonly reads: readonly string[];
} {
  const outcomes: string[] = [];
  const made = createRiskAssessor({
    parameters: DEFAULT_RISK_PARAMETERS,
    halfLives: HALF_LIVES,
    baselines: createMemoryBaselineStore({ maxAgents: 10 }),
    baselineTimeoutMs: 5,
    baselineRequired: false,
    outside: undefined,
    observer: { riskAssessed: (outcome) => outcomes.push(outcome) },
    unnamedHaveNone: false,
    assessed: new WeakSet(),
    clock,
    ...changes,
  });
  return { outcomes, reads: made.reads, assess: async (request) => made.assess(question(request), request) };
}

describe('the assessor', () => {
  test('an agent that nobody knows is not held up, and that is said', async () => {
    const { assess, outcomes } = assessor();
    const risk = await assess(toolCall('send_email'));
    expect(risk.decision).toBe('ALLOW');
    expect(risk.explanation).toContain('not seen: habits of the agent (not known yet)');
    expect(outcomes).toEqual(['ALLOW']);
  });

  test('without a session there is no past to look at, which is said; a past that should be known and is not is another matter', async () => {
    const { assess } = assessor({ unnamedHaveNone: true });
    const past = ['facts.history', 'facts.provenance', 'context.labels'];
    const risk = await assess({ ...toolCall('x'), unavailable: past });
    expect(risk.explanation).toContain('what the session did (the request names none)');
    const { context } = toolCall('x');
    const named = { ...toolCall('x'), context: { ...context, session_id: 's-1' } };
    for (const request of [
      { ...named, unavailable: past },
      { ...toolCall('x'), unavailable: [...past, 'agent.attributes'] },
    ]) {
      await expect(assess(request)).rejects.toMatchObject({ code: 'ERR_RISK_UNAVAILABLE' });
    }
  });

  test.each(['facts.history', 'facts', 'context.labels', 'tool', 'agent.attributes'])(
    'the risk is not known when %s should be known and is not',
    async (path) => {
      const { assess, outcomes } = assessor();
      await expect(assess({ ...toolCall('x'), unavailable: [path] })).rejects.toMatchObject({
        code: 'ERR_RISK_UNAVAILABLE',
      });
      expect(outcomes).toEqual(['unavailable']);
    },
  );

  test.each([
    ['what no analyser reads', {}, 'user.team'],
    ['what only disabled analysers read', { disabled: ['scope_violation'] }, 'context.attributes.declared_scope'],
  ])('%s may be missing', async (_why, parameters: Partial<RiskParameters>, path) => {
    const { assess, reads } = assessor({ parameters: { ...DEFAULT_RISK_PARAMETERS, ...parameters } });
    await expect(assess({ ...toolCall('x'), unavailable: [path] })).resolves.toMatchObject({ decision: 'ALLOW' });
    expect(reads).not.toContain(path);
  });

  test.each([
    ['fails', storeThat(async () => Promise.reject(new Error('down')))],
    ['does not answer', storeThat(() => never)],
  ])(
    'a store of baselines that %s is said, and where it is required the risk is not known',
    async (_why, baselines) => {
      const risk = await assessor({ baselines }).assess(toolCall('x'));
      expect(risk.explanation).toContain('habits of the agent (store unavailable)');
      await expect(assessor({ baselines, baselineRequired: true }).assess(toolCall('x'))).rejects.toMatchObject({
        code: 'ERR_RISK_UNAVAILABLE',
      });
    },
  );

  test('what is found outside counts, and what did not answer is said', async () => {
    const found = {
      signalType: 'reputation',
      score: 1,
      weight: 0.95,
      dimensions: { data_exfiltration: 0.9 },
      details: {},
    };
    const outside: OutsideAnalysers = { ask: async () => ({ findings: [found], notSeen: ['second (late)'] }) };
    const risk = await assessor({ outside }).assess(toolCall('x'));
    expect(risk.decision).toBe('BLOCK');
    expect(risk.behavioral_signals).toEqual([{ signal_type: 'reputation', details: { score: 1 } }]);
    expect(risk.explanation).toContain('second (late)');
  });

  test('a required one outside that fails makes the risk unknown', async () => {
    const outside: OutsideAnalysers = { ask: () => Promise.reject(new Error('down')) };
    await expect(assessor({ outside }).assess(toolCall('x'))).rejects.toThrow('down');
  });
});

const EVERY = { has: () => true };

describe('habits', () => {
  test('a question whose risk nobody read teaches nothing', async () => {
    const baselines = createMemoryBaselineStore({ maxAgents: 10 });
    const assessed = new WeakSet<Question>();
    const observer = { riskObserved: () => undefined };
    const habits = createHabits({ baselines, halfLives: HALF_LIVES, clock, observer, maxInFlight: 10, assessed });
    const request = toolCall('x');
    const agent = { tenant: 'acme', agent: 'analyst' };
    const asked = question(request);
    expect(habits.follows(asked, decisionOn(request))).toBe(false);
    assessed.add(asked);
    expect(habits.follows(asked, decisionOn(request))).toBe(true);
    habits.decided(asked, request, decisionOn(request));
    expect((await baselines.read(agent))?.counters.get('attempts')?.value).toBe(1);
  });

  test('what was allowed often is no longer new, and what was only tried still is', async () => {
    const baselines = createMemoryBaselineStore({ maxAgents: 10 });
    const kept: string[] = [];
    const observer = { riskObserved: (outcome: string) => kept.push(outcome) };
    const parts = { baselines, halfLives: HALF_LIVES, clock, observer };
    const habits = createHabits({ ...parts, maxInFlight: 1_000, assessed: EVERY });
    const decide = (name: string, allow: boolean): void => {
      const request = toolCall(name);
      const decision: Decision = decisionOn(request, { allow });
      habits.decided(question(request), request, decision);
    };
    for (let count = 0; count < 30; count += 1) {
      decide('search', true);
      decide('delete_all', false);
      clock.advance(60_000);
    }
    const { assess } = assessor({ baselines, parameters: { ...DEFAULT_RISK_PARAMETERS, denials: 1_000 } });
    const signals = async (name: string): Promise<readonly string[]> =>
      ((await assess(toolCall(name))).behavioral_signals ?? []).map((signal) => signal.signal_type);
    expect(await signals('search')).toEqual([]);
    expect(await signals('delete_all')).toContain('unusual_tool');
    expect(kept).toHaveLength(60);
  });

  test('observations that nobody keeps are dropped, not queued without end', () => {
    const observed: string[] = [];
    const habits = createHabits({
      baselines: { read: async () => undefined, observe: () => never, close: async () => undefined },
      halfLives: HALF_LIVES,
      clock,
      observer: { riskObserved: (outcome) => observed.push(outcome) },
      maxInFlight: 2,
      assessed: EVERY,
    });
    const request = toolCall('x');
    for (let count = 0; count < 5; count += 1) habits.decided(question(request), request, decisionOn(request));
    expect(observed).toEqual(['dropped', 'dropped', 'dropped']);
  });
});
