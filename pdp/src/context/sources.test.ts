/** Sources of context around a whole pipeline with compiled bundles: what rules see, and what they do when it is not known. */

import { describe, expect, test } from '@jest/globals';
import type { Engine } from '@portcullis/policy';
import type { CanonicalRequest, Decision } from '@portcullis/policy/model';
import { pipelineOf } from '../fixtures/pipeline.js';
import { ALLOW_ALL, engineOf, snapshotOf } from '../fixtures/policies.js';
import { AGENT, toolCall } from '../fixtures/requests.js';
import type { ContextSource, Supplement } from '../pipeline/ports.js';
import { createAgentSource } from './agent-source.js';
import { createMemoryAgentStore } from './memory-agents.js';
import { createRegistrySource } from './registry-source.js';

const PIN = 'ab'.repeat(32);
const leaf = (field: string, operator: string, value: unknown): object => ({ field, operator, value });
const deny = (when: object): object => ({ name: 'Deny', when, effect: 'deny', priority: 5 });
const allow = (when: object): object => ({ name: 'Allow', when, effect: 'allow', priority: 5 });

/** A bundle that reads something of everything. */
function bundleWith(agents: object | undefined, tools: object | undefined, ...policies: object[]): Engine {
  return engineOf(policies, {
    'bundle.yaml': {
      format: 'portcullis.policy/1',
      name: 'b',
      version: '1.0.0',
      data: {
        ...(agents === undefined ? {} : { agents: 'data/agents.json' }),
        ...(tools === undefined ? {} : { tools: 'data/tools.json' }),
      },
      sets: [{ name: 's', layer: 'platform', combining: 'priority', priority_order: 'desc', policies: 'p' }],
    },
    ...(agents === undefined ? {} : { 'data/agents.json': agents }),
    ...(tools === undefined ? {} : { 'data/tools.json': tools }),
  });
}

function saidOf(engine: Engine, request: CanonicalRequest): Supplement {
  const question = { caller: AGENT, request, digest: '0', deadline: 1 };
  const said = createRegistrySource().supplement(question, snapshotOf(engine));
  if (said instanceof Promise) throw new Error('the registry waits for nobody');
  return said;
}

describe('the registry of agents', () => {
  const entry = { tenant: 'acme', id: 'analyst', trust_level: 0.2, attributes: { floor: 3 } };
  const open = bundleWith({ agents: [entry] }, undefined, ALLOW_ALL);
  const closed = bundleWith({ registry: 'closed', agents: [entry] }, undefined, ALLOW_ALL);

  test('has the last word against a PEP', async () => {
    const doubt = deny(leaf('agent.trust_level', 'less_than', 0.5));
    const { decide } = pipelineOf(bundleWith({ agents: [entry] }, undefined, ALLOW_ALL, doubt), {
      sources: [createRegistrySource()],
    });
    const bold = toolCall('read', { agent: { id: 'analyst', trust_level: 1 } });
    expect((await decide(bold)).deny[0]?.code).toBe('POLICY_DENIED');
  });

  test('adds nothing to an agent that it does not list', () => {
    const other = toolCall('read', { agent: { id: 'other', trust_level: 1 } });
    expect(saidOf(open, other)).toEqual({});
    expect(saidOf(open, { ...toolCall('read'), tenant_id: 'rival' })).toEqual({});
  });

  test('when closed, makes unavailable what is not from it', () => {
    expect(saidOf(closed, toolCall('read', { agent: { id: 'other' } })).unavailable).toEqual([
      'agent.type',
      'agent.trust_level',
      'agent.attributes',
    ]);
    const boasting = { id: 'analyst', type: 'root', trust_level: 1, attributes: { floor: 9, 'a.b': 1 } };
    expect(saidOf(closed, toolCall('read', { agent: boasting }))).toMatchObject({
      agent: { trust_level: 0.2, attributes: { floor: 3 } },
      unavailable: ['agent.type', 'agent.attributes.a\\.b'],
    });
    expect(saidOf(closed, toolCall('read'))).not.toHaveProperty('unavailable');
  });

  test('when closed, an agent that is not listed is denied by whatever blocks on what it would say', async () => {
    const doubt = deny(leaf('agent.trust_level', 'less_than', 0.5));
    const engine = bundleWith({ registry: 'closed', agents: [] }, undefined, ALLOW_ALL, doubt);
    const { decide } = pipelineOf(engine, { sources: [createRegistrySource()] });
    const bold = toolCall('read', { agent: { id: 'analyst', trust_level: 1 } });
    expect((await decide(bold)).deny[0]?.code).toBe('POLICY_ERROR');
  });
});

describe('the catalogue of tools', () => {
  const tool = {
    server: 'files',
    name: 'read',
    sensitivity: 'high',
    stores: ['crm'],
    sinks: ['external_message'],
    operation_class: 'write',
    definition_digests: [`sha256:${PIN}`],
    attributes: { owner: 'sales' },
  };
  const called = (changes: object): CanonicalRequest =>
    toolCall('read', { tool: { server: 'files', name: 'read', ...changes } });

  test('says what the tool is, what it touches and whether it is what it was', () => {
    const engine = bundleWith(undefined, { tools: [tool] }, ALLOW_ALL);
    const attributes = { owner: 'sales', sensitivity: 'high', stores: ['crm'], operation_class: 'write' };
    for (const [digest, matches] of [
      [PIN, true],
      [`sha256:${PIN}`, true],
      ['cd'.repeat(32), false],
    ] as const) {
      expect(saidOf(engine, called({ definition_digest: digest, attributes: { owner: 'me' } }))).toEqual({
        tool: { attributes: { ...attributes, definition_matches: matches } },
        facts: { sinks: ['external_message'] },
        context: { store: 'crm' },
      });
    }
    expect(saidOf(engine, called({})).tool?.attributes).toMatchObject({ definition_matches: false });
    expect(saidOf(engine, called({ server: 'other' }))).toEqual({});
    expect(saidOf(engine, called({ server: undefined }))).toEqual({});
  });

  test('its own words are nobody else’s about a tool that it lists', () => {
    const engine = bundleWith(undefined, { tools: [{ server: 'files', name: 'read' }] }, ALLOW_ALL);
    const claims = { sensitivity: 'low', definition_matches: true, owner: 'me' };
    expect(saidOf(engine, called({ attributes: claims })).unavailable).toEqual([
      'tool.attributes.sensitivity',
      'tool.attributes.definition_matches',
    ]);
    const closed = bundleWith(undefined, { catalogue: 'closed', tools: [tool] }, ALLOW_ALL);
    expect(saidOf(closed, called({ name: 'other' })).unavailable).toEqual(['tool.attributes', 'facts.sinks']);
    expect(saidOf(closed, called({ attributes: { more: 1 } })).unavailable).toEqual(['tool.attributes.more']);
  });

  test('of several stores the request names one, or nobody knows which', () => {
    const engine = bundleWith(undefined, { tools: [{ ...tool, stores: ['crm', 'hr'] }] }, ALLOW_ALL);
    const naming = (store: string | undefined): CanonicalRequest => ({
      ...called({}),
      context: { ...toolCall('read').context, ...(store === undefined ? {} : { store }) },
    });
    expect(saidOf(engine, naming('hr'))).not.toHaveProperty('unavailable');
    for (const store of ['public', undefined])
      expect(saidOf(engine, naming(store)).unavailable).toEqual(['context.store']);
  });

  test.each([
    ['flow', { sinks: ['external_message'], labels: ['untrusted'] }],
    ['data_scope', { allowed_stores: ['public'] }],
  ])('is what policies of the type %s go by', async (type, config) => {
    const policy = { name: 'P', type, action: 'deny', priority: 1, config, enabled: true };
    const set = { name: 't', layer: 'platform', combining: 'deny_overrides', priority_order: 'asc', policies: 't' };
    const manifest = { format: 'portcullis.policy/1', name: 'b', version: '1.0.0', data: { tools: 'data/tools.json' } };
    const own = { name: 's', layer: 'platform', combining: 'priority', priority_order: 'desc', policies: 'p' };
    const engine = engineOf([ALLOW_ALL], {
      'bundle.yaml': { ...manifest, sets: [own, set] },
      't/p.json': [policy],
      'data/tools.json': { tools: [tool, { ...tool, name: 'list', stores: ['public'], sinks: [] }] },
    });
    const { decide } = pipelineOf(engine, { sources: [createRegistrySource()] });
    const context = { ...toolCall('read').context, labels: ['untrusted'], store: 'public' };
    expect((await decide(toolCall('read', { context }))).effect).toBe('deny');
    expect((await decide(toolCall('list', { context }))).effect).toBe('allow');
  });
});

describe('what operators say', () => {
  test('counts from the moment at which it is said, against the registry and the PEP', async () => {
    const store = createMemoryAgentStore({ maxAgents: 10 });
    const engine = bundleWith(
      { agents: [{ tenant: 'acme', id: 'analyst', trust_level: 0.9 }] },
      undefined,
      allow(leaf('agent.trust_level', 'greater_than', 0.5)),
    );
    const { decide } = pipelineOf(engine, { sources: [createRegistrySource(), createAgentSource(store)] });
    const asked = (): Promise<Decision> => decide(toolCall('read', { agent: { id: 'analyst', trust_level: 1 } }));
    expect((await asked()).allow).toBe(true);
    await store.put('acme', 'analyst', { trust_level: 0.1 });
    expect((await asked()).allow).toBe(false);
    await store.remove('acme', 'analyst');
    expect((await asked()).allow).toBe(true);
  });
});

const counting = (asked: string[], name: string, ...provides: string[]): ContextSource => ({
  name,
  provides,
  supplement: async () => {
    asked.push(name);
    return {};
  },
});

describe('only what the bundle reads is fetched', () => {
  test.each<[string, readonly object[], readonly string[]]>([
    ['nothing of them', [ALLOW_ALL], []],
    ['trust', [allow(leaf('agent.trust_level', 'greater_than', 0.5))], ['trust']],
    ['all of the agent', [allow({ field: 'agent.attributes', operator: 'exists', value: true })], ['floor']],
    [
      'two',
      [
        allow({
          operator: 'and',
          conditions: [leaf('user.team', 'equals', 'x'), leaf('facts.sinks', 'contains', 'y')],
        }),
      ],
      ['team', 'sinks'],
    ],
  ])('of a bundle that reads %s', async (_name, policies, wanted) => {
    const asked: string[] = [];
    const { decide, lines } = pipelineOf(engineOf(policies), {
      sources: [
        counting(asked, 'trust', 'agent.trust_level'),
        counting(asked, 'floor', 'agent.attributes.floor'),
        counting(asked, 'team', 'user.team'),
        counting(asked, 'sinks', 'facts.sinks'),
      ],
    });
    for (let round = 0; round < 3; round += 1) await decide();
    expect(asked).toEqual([...wanted, ...wanted, ...wanted]);
    expect(lines.filter((line) => line.startsWith('source'))).toHaveLength(asked.length);
  });
});

test('a bundle without a registry does not ask for one, and one with modules asks everybody', async () => {
  const reading = allow(leaf('agent.trust_level', 'greater_than', 0.5));
  const { decide, lines } = pipelineOf(engineOf([reading]), { sources: [createRegistrySource()] });
  await decide();
  expect(lines.join()).not.toContain('source');
  const everything = { ...engineOf([ALLOW_ALL]), factsNeeded: ['', 'version'] };
  const asked: string[] = [];
  const all = pipelineOf(everything, {
    sources: ['agent.trust_level', 'user.team', 'facts.sinks'].map((path) => counting(asked, path, path)),
  });
  await all.decide();
  expect(asked).toEqual(['agent.trust_level', 'user.team', 'facts.sinks']);
});

describe('what should be known and is not', () => {
  const silent: ContextSource['supplement'][] = [
    () => Promise.reject(new Error('down')),
    () => {
      throw new Error('defect');
    },
    () => new Promise<never>(() => undefined),
  ];

  test.each(silent)(
    'denies where a rule blocks by it, and does not match where a rule allows by it (%#)',
    async (supplement) => {
      const sources = [{ name: 'pip', provides: ['agent.trust_level'], supplement }];
      const trusting = toolCall('read', { agent: { id: 'analyst', trust_level: 1 } });
      const ask = async (...policies: object[]): Promise<unknown> => {
        const { decide, clock } = pipelineOf(engineOf(policies), { sources });
        return (await decide(trusting, { deadline: clock.monotonic() + 20 })).deny[0]?.code ?? 'allowed';
      };
      expect(await ask(ALLOW_ALL, deny(leaf('agent.trust_level', 'less_than', 0.5)))).toBe('POLICY_ERROR');
      expect(await ask(allow(leaf('agent.trust_level', 'greater_than', 0.5)))).toBe('NO_MATCHING_POLICY');
      expect(await ask(ALLOW_ALL)).toBe('allowed');
    },
  );

  test('is told to the metrics', async () => {
    const engine = engineOf([allow(leaf('agent.trust_level', 'greater_than', 0.5))]);
    for (const [index, outcome] of ['failed', 'failed', 'late'].entries()) {
      const supplement = silent[index];
      if (supplement === undefined) throw new Error('no source');
      const { decide, clock, lines } = pipelineOf(engine, {
        sources: [{ name: 'pip', provides: ['agent'], supplement }],
      });
      await decide(toolCall('read'), { deadline: clock.monotonic() + 20 });
      expect(lines).toContain(`source pip ${outcome}`);
    }
  });
});
