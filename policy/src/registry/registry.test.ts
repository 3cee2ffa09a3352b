import { describe, expect, test } from '@jest/globals';
import { buildBundle } from '../bundle/build.js';
import { unpackBundle } from '../bundle/unpack.js';
import { compileBundle } from '../engine/compile.js';
import { createCompiler } from '../engine/compiler.js';
import { createImageReceiver } from '../engine/image.js';
import { type Engine, linkBundle } from '../engine/link.js';
import type { Checked, Problem } from '../model/index.js';
import { compileRegistry, createRegistry } from './registry.js';
import { agentKey } from './registry-shape.js';

const SET = { name: 's', layer: 'platform', combining: 'priority', priority_order: 'desc', policies: 'p' };
const AGENTS = `registry: closed
agents:
  - tenant: acme
    id: analyst
    type: crew
    trust_level: 0.5
    attributes: { floor: 3 }
`;
const TOOLS = `tools:
  - server: mail
    name: send
    sinks: [external_message]
  - tenant: acme
    server: mail
    name: send
    sinks: []
`;
const DATA = { agents: 'data/agents.yaml', tools: 'data/tools.yaml' };

function sourceOf(files: Readonly<Record<string, string>>, manifest: object = {}): Map<string, Uint8Array> {
  const encoder = new TextEncoder();
  const bundle = { format: 'portcullis.policy/1', name: 'b', version: '1.0.0', sets: [SET], ...manifest };
  const policy = {
    name: 'Read',
    when: { field: 'tool.name', operator: 'equals', value: 'r' },
    effect: 'allow',
    priority: 1,
  };
  return new Map(
    Object.entries({ 'bundle.yaml': JSON.stringify(bundle), 'p/a.json': JSON.stringify(policy), ...files }).map(
      ([name, text]) => [name, encoder.encode(text)],
    ),
  );
}

function must<T>(result: Checked<T>): T {
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return result.value;
}

function problemsOf(files: Readonly<Record<string, string>>, manifest: object = { data: DATA }): readonly Problem[] {
  const result = compileBundle(sourceOf(files, manifest));
  return result.ok ? [] : result.problems;
}

const BOTH = { 'data/agents.yaml': AGENTS, 'data/tools.yaml': TOOLS };

describe('data of a bundle', () => {
  const look = ({ registry }: Engine): object => ({
    modes: [registry.agents, registry.tools],
    analyst: registry.agentOf('acme', 'analyst'),
    rival: registry.agentOf('rival', 'analyst') ?? null,
    own: registry.toolOf('acme', 'mail', 'send')?.sinks,
    everyone: registry.toolOf('rival', 'mail', 'send')?.sinks,
    other: registry.toolOf('acme', 'mail', 'read') ?? null,
  });
  const KNOWN = {
    modes: ['closed', 'open'],
    analyst: { tenant: 'acme', id: 'analyst', type: 'crew', trust_level: 0.5, attributes: { floor: 3 } },
    rival: null,
    own: [],
    everyone: ['external_message'],
    other: null,
  };

  test('is known to the engine, from the source', () => {
    expect(look(linkBundle(must(compileBundle(sourceOf(BOTH, { data: DATA })))))).toEqual(KNOWN);
  });

  test('is known to the engine, from the packed bundle, compiled whole or in parts', async () => {
    const { bytes } = must(await buildBundle(sourceOf(BOTH, { data: DATA })));
    const files = must(await unpackBundle(bytes));
    expect([...files.keys()]).toContain('portcullis/registry/data.json');
    expect(look(linkBundle(must(compileBundle(files))))).toEqual(KNOWN);
    const image = createImageReceiver().receive(must(createCompiler().compile(files)));
    expect(look(linkBundle(image))).toEqual(KNOWN);
  });

  test('is absent where there is none, and a bundle without it keeps its files', async () => {
    const engine = linkBundle(must(compileBundle(sourceOf({}))));
    expect([engine.registry.agents, engine.registry.tools]).toEqual([undefined, undefined]);
    const files = must(await unpackBundle(must(await buildBundle(sourceOf({}))).bytes));
    expect([...files.keys()].filter((name) => name.includes('registry'))).toEqual([]);
  });

  test('that was tampered with is no bundle', async () => {
    const files = new Map(must(await unpackBundle(must(await buildBundle(sourceOf(BOTH, { data: DATA }))).bytes)));
    files.set('portcullis/registry/data.json', new TextEncoder().encode('{"agents":{"agents":[],"registry":"ajar"}}'));
    expect(compileBundle(files)).toMatchObject({ ok: false, problems: [{ file: 'portcullis/registry/data.json' }] });
    expect(createCompiler().compile(files).ok).toBe(false);
  });
});

describe('looking up', () => {
  test('finds every entry of many, and nothing else', () => {
    const names = Array.from({ length: 257 }, (_, number) => `a${(number * 7919) % 257}`);
    const agents = names.map((id) => ({ tenant: id.length % 2 === 0 ? 'acme' : 'rival', id }));
    const { registry } = linkBundle(
      must(compileBundle(sourceOf({ 'data/a.json': JSON.stringify({ agents }) }, { data: { agents: 'data/a.json' } }))),
    );
    for (const { tenant, id } of agents) {
      expect(registry.agentOf(tenant, id)).toEqual({ tenant, id });
      expect(registry.agentOf(tenant === 'acme' ? 'rival' : 'acme', id)).toBeUndefined();
    }
    for (const id of ['', 'a', 'a257', 'z', '","']) expect(registry.agentOf('acme', id)).toBeUndefined();
  });
});

describe('what is wrong with data is told with its place', () => {
  const agents = (text: string): Readonly<Record<string, string>> => ({ ...BOTH, 'data/agents.yaml': text });
  const tools = (text: string): Readonly<Record<string, string>> => ({ ...BOTH, 'data/tools.yaml': text });

  test.each<[string, Readonly<Record<string, string>>, Partial<Problem>]>([
    [
      'trust beyond its range',
      agents('agents:\n  - tenant: acme\n    id: a\n    trust_level: 2\n'),
      { code: 'ERR_POLICY_SHAPE', file: 'data/agents.yaml', path: 'agents[0].trust_level', line: 4 },
    ],
    [
      'an unknown key',
      agents('agent: []\nagents: []\n'),
      { code: 'ERR_POLICY_KEY_UNKNOWN', message: 'unknown key "agent"; did you mean "agents"?', line: 1 },
    ],
    ['no tenant', agents('agents:\n  - id: a\n'), { code: 'ERR_POLICY_SHAPE', path: 'agents[0].tenant' }],
    [
      'an agent twice',
      agents('agents:\n  - { tenant: t, id: a }\n  - { tenant: t, id: a, trust_level: 1 }\n'),
      { code: 'ERR_BUNDLE_LAYOUT', path: 'agents[1]', line: 3 },
    ],
    [
      'a tool twice',
      tools('tools:\n  - { server: s, name: a }\n  - { server: s, name: a }\n'),
      { code: 'ERR_BUNDLE_LAYOUT', path: 'tools[1]' },
    ],
    [
      'a word of the catalogue among the attributes',
      tools('tools:\n  - { server: s, name: a, attributes: { sensitivity: low } }\n'),
      { code: 'ERR_POLICY_SHAPE', path: 'tools[0].attributes' },
    ],
    [
      'a digest that is none',
      tools('tools:\n  - { server: s, name: a, definition_digests: [abc] }\n'),
      { path: 'tools[0].definition_digests[0]' },
    ],
    ['no YAML', agents('agents: ['), { code: 'ERR_POLICY_SYNTAX', file: 'data/agents.yaml' }],
    ['no file', { 'data/tools.yaml': TOOLS }, { code: 'ERR_BUNDLE_LAYOUT', path: 'data.agents', file: 'bundle.yaml' }],
  ])('%s', (_name, files, problem) => {
    expect(problemsOf(files)).toMatchObject([problem]);
  });

  test('a value of another type than the bundle declares', () => {
    const fields = { 'agent.attributes.floor': { type: 'string' }, 'agent.attributes.a\\.b': { type: 'number' } };
    const text = 'agents:\n  - tenant: t\n    id: a\n    attributes:\n      floor: 3\n      a.b: x\n';
    const found = problemsOf(agents(text), { data: DATA, fields });
    expect(found.map(({ code, line }) => [code, line])).toEqual([
      ['ERR_POLICY_VALUE_INVALID', 5],
      ['ERR_POLICY_VALUE_INVALID', 6],
    ]);
  });

  test('a file that no key names, or that lies among policies', () => {
    expect(problemsOf(BOTH, { data: { agents: DATA.agents } })).toMatchObject([
      { code: 'ERR_BUNDLE_FILE_UNEXPECTED', file: 'data/tools.yaml' },
    ]);
    expect(problemsOf({ 'p/agents.yaml': AGENTS }, { data: { agents: 'p/agents.yaml' } }).length).toBeGreaterThan(0);
    expect(problemsOf({}, { data: { agents: '../agents.yaml' } })).toContainEqual(
      expect.objectContaining({ code: 'ERR_BUNDLE_NAME', path: 'data.agents' }),
    );
  });
});

describe('listing', () => {
  const registry = createRegistry(
    compileRegistry({
      agents: {
        registry: 'open',
        agents: ['b', 'a', 'a"1'].flatMap((id) => [
          { tenant: 'acme', id },
          { tenant: 'acme2', id: `${id}2` },
        ]),
      },
      tools: {
        catalogue: 'open',
        tools: [
          { server: 'mail', name: 'send' },
          { tenant: 'acme', server: 'mail', name: 'send' },
          { tenant: 'acme', server: 'crm', name: 'x' },
          { tenant: 'rival', server: 'crm', name: 'y' },
        ],
      },
    }),
  );

  test('names the agents of one tenant, in an order of their own', () => {
    expect(registry.agentsOf('acme')).toEqual(
      ['a', 'a"1', 'b'].toSorted((one, other) => (agentKey('', one) < agentKey('', other) ? -1 : 1)),
    );
    expect(registry.agentsOf('acme2')).toHaveLength(3);
    expect(registry.agentsOf('acm')).toEqual([]);
  });

  test('names the tools of one tenant and those for all, each once', () => {
    const send = { server: 'mail', name: 'send' };
    expect(registry.toolsOf('acme')).toEqual([{ server: 'crm', name: 'x' }, send]);
    expect(registry.toolsOf('rival')).toEqual([{ server: 'crm', name: 'y' }, send]);
    expect(registry.toolsOf('nobody')).toEqual([send]);
  });

  test('of a bundle that declares none there are none', () => {
    const nothing = createRegistry({});
    expect([nothing.agentsOf('acme'), nothing.toolsOf('acme')]).toEqual([[], []]);
  });
});
