import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { buildBundle } from '../bundle/build.js';
import { gunzip } from '../bundle/gzip.js';
import { BUNDLE_LIMITS } from '../bundle/limits.js';
import { unpackBundle } from '../bundle/unpack.js';
import { compileBundle } from '../engine/compile.js';
import type { CompiledBundle } from '../engine/ir.js';
import { type Engine, linkBundle } from '../engine/link.js';
import type { Checked } from '../model/problem.js';
import { toolCall } from './fixtures/module-source.js';
import { loadModuleEngines } from './load-module-engines.js';

const WASM = readFileSync(new URL('./fixtures/rego-boolean/policy.wasm', import.meta.url));
const PERMIT = 'permit(principal, action, resource);';
const ALLOW_ALL = '{"name": "Allow all", "when": "always", "effect": "allow", "priority": 50}';
const TRIES_TO_LIFT = '{"name": "Lift", "when": "always", "effect": "allow", "priority": 100}';

type Files = Readonly<Record<string, string | Uint8Array>>;

const rules = (name: string, layer: string): object => ({
  name,
  layer,
  combining: 'deny_overrides',
  priority_order: 'desc',
  policies: name,
});
const cedar = (name: string, layer: string, more: object = {}): object => ({
  name,
  layer,
  engine: 'cedar',
  policies: name,
  ...more,
});
const rego = (name: string, layer: string, entrypoint = 'office/strict'): object => ({
  name,
  layer,
  engine: 'rego',
  entrypoint,
  policies: name,
});

function sourceOf(sets: readonly object[], files: Files, more: object = {}): ReadonlyMap<string, Uint8Array> {
  const manifest = { format: 'portcullis.policy/1', name: 'b', version: '1.2.0', ...more, sets };
  return new Map(
    Object.entries({ 'bundle.yaml': JSON.stringify(manifest), ...files }).map(([name, content]) => [
      name,
      typeof content === 'string' ? new TextEncoder().encode(content) : new Uint8Array(content),
    ]),
  );
}

function must<T>(checked: Checked<T>): T {
  if (!checked.ok) throw new Error(JSON.stringify(checked.problems));
  return checked.value;
}

/** Source, bundle, files, compiled in a worker, linked: the way that a policy takes to a PDP. */
async function engineOf(source: ReadonlyMap<string, Uint8Array>): Promise<Engine> {
  const built = must(await buildBundle(source));
  const compiled = structuredClone(must(compileBundle(must(await unpackBundle(built.bytes)))));
  return linkBundle(compiled, must(await loadModuleEngines(compiled)));
}

async function problemsOf(source: ReadonlyMap<string, Uint8Array>): Promise<readonly string[]> {
  const built = await buildBundle(source);
  if (built.ok) return [];
  return built.problems.map(({ code, file, line, path, message }) => `${code} ${file}:${line} ${path} ${message}`);
}

const DENY =
  '@id("no-prod") @message("not in prod") forbid(principal, action, resource) when { context.environment == "prod" };';
const HOLD = '@id("ask") @effect("require_hitl") forbid(principal, action, resource);';

describe('modules and rule sets', () => {
  test.each<{ name: string; sets: readonly object[]; files: Files; effect: string; paths: string }>([
    {
      name: 'a deny of a Cedar module of the platform beats allows of the tenant',
      sets: [cedar('c', 'platform'), rules('r', 'tenant')],
      files: { 'c/a.cedar': DENY, 'r/a.json': TRIES_TO_LIFT },
      effect: 'deny',
      paths: 'platform/no-prod',
    },
    {
      name: 'a deny of a Rego module of a workspace beats allows of the platform',
      sets: [rules('r', 'platform'), rego('w', 'workspace')],
      files: { 'r/a.json': ALLOW_ALL, 'w/policy.wasm': WASM },
      effect: 'deny',
      paths: 'workspace/w',
    },
    {
      name: 'a permit of a module is not lifted over a deny of a rule',
      sets: [rules('r', 'workspace'), cedar('c', 'platform')],
      files: { 'r/a.json': '{"name": "No", "when": "always", "effect": "deny", "priority": 1}', 'c/a.cedar': PERMIT },
      effect: 'deny',
      paths: 'workspace/no',
    },
    {
      name: 'a hold of a module waits, whatever allows',
      sets: [rules('r', 'platform'), cedar('c', 'tenant')],
      files: { 'r/a.json': ALLOW_ALL, 'c/a.cedar': `${PERMIT} ${HOLD}` },
      effect: 'hold',
      paths: 'tenant/ask',
    },
    {
      name: 'a permit of a module allows where no rule decides',
      sets: [rules('r', 'platform'), cedar('c', 'tenant')],
      files: {
        'r/a.json': '{"name": "Log", "when": "always", "effect": "log_only", "priority": 1}',
        'c/a.cedar': PERMIT,
      },
      effect: 'allow',
      paths: '',
    },
    {
      name: 'modules that say nothing leave it to the default',
      sets: [cedar('c', 'tenant'), rego('w', 'tenant', 'office/open')],
      files: { 'c/a.cedar': `${PERMIT.replace(';', '')} when { false };`, 'w/policy.wasm': WASM },
      effect: 'deny',
      paths: 'default',
    },
    {
      name: 'two engines, both denying, are both named',
      sets: [rego('w', 'workspace'), cedar('c', 'platform')],
      files: { 'c/a.cedar': DENY, 'w/policy.wasm': WASM },
      effect: 'deny',
      paths: 'platform/no-prod workspace/w',
    },
  ])('$name', async ({ sets, files, effect, paths }) => {
    const engine = await engineOf(sourceOf(sets, files));
    const verdict = engine.evaluate(toolCall());
    expect(verdict.effect).toBe(effect);
    expect(verdict.deny.map(({ path }) => path).join(' ')).toBe(paths);
    expect(engine.explain(toolCall()).verdict).toEqual(verdict);
  });

  test('the default allow of a bundle needs no permit of a module', async () => {
    const source = sourceOf([cedar('c', 'platform')], { 'c/a.cedar': DENY }, { default: 'allow' });
    const engine = await engineOf(source);
    const dev = toolCall({ context: { ...toolCall().context, environment: 'dev' } });
    expect([engine.evaluate(dev).effect, engine.evaluate(toolCall()).effect]).toEqual(['allow', 'deny']);
  });

  test('a matched policy of a module is named with the version of the bundle', async () => {
    const engine = await engineOf(sourceOf([cedar('c', 'platform')], { 'c/a.cedar': `@id("p") ${PERMIT}` }));
    expect(engine.evaluate(toolCall()).matched).toEqual([
      { policy: 'p', version: '1.2.0', layer: 'platform', effect: 'allow', conditions: [] },
    ]);
  });

  test('a bundle with a module is taken to read everything, and is an error when anything is not known', async () => {
    const engine = await engineOf(sourceOf([cedar('c', 'platform')], { 'c/a.cedar': PERMIT }));
    expect(engine.factsNeeded).toContain('');
    expect(engine.evaluate(toolCall()).effect).toBe('allow');
    const verdict = engine.evaluate({ ...toolCall(), unavailable: ['agent.trust_level'] });
    expect([verdict.effect, verdict.deny[0]?.code]).toEqual(['deny', 'POLICY_ERROR']);
  });

  test('an answer that a module gave depends on all of the request', async () => {
    const engine = await engineOf(sourceOf([cedar('c', 'platform')], { 'c/a.cedar': PERMIT }));
    const { reads } = engine.evaluateWithReads(toolCall());
    expect(reads).toContain('');
  });
});

test('an explanation tells of every policy of a module that speaks of the request', async () => {
  const sets = [cedar('c', 'platform'), cedar('elsewhere', 'tenant', { tenant: 'other' }), rego('w', 'workspace')];
  const text = `${DENY} @id("fine") ${PERMIT} @id("off") ${PERMIT.replace(';', '')} when { false };`;
  const files = { 'c/a.cedar': text, 'elsewhere/a.cedar': PERMIT, 'w/policy.wasm': WASM };
  const { sets: explained, summary } = (await engineOf(sourceOf(sets, files))).explain(toolCall());
  const told = explained.flatMap(({ set, outcome, rules }) =>
    rules.map(
      ({ policy, role, outcome: own, file, line }) => `${set}=${outcome} ${policy} ${own} ${role} ${file}:${line}`,
    ),
  );
  expect(told).toEqual([
    'c=deny no-prod matched decided c/a.cedar:1',
    'c=deny fine matched overridden c/a.cedar:1',
    'c=deny off not_matched none c/a.cedar:1',
    'w=deny w matched decided w/policy.wasm:1',
  ]);
  expect(summary).toMatch(/^deny: decided by platform\/c, workspace\/w/);
});

describe('the scope of a module', () => {
  const scoped = (more: object) => sourceOf([cedar('c', 'tenant', more)], { 'c/a.cedar': DENY }, { default: 'allow' });
  const effectFor = async (more: object, changes: Readonly<Record<string, unknown>>): Promise<string> =>
    (await engineOf(scoped(more))).evaluate(toolCall(changes)).effect;

  test.each<[more: object, changes: Readonly<Record<string, unknown>>, effect: string]>([
    [{ tenant: 'acme' }, {}, 'deny'],
    [{ tenant: 'other' }, {}, 'allow'],
    [{ workspace: 'w' }, { context: { ...toolCall().context, workspace_id: 'w' } }, 'deny'],
    [{ workspace: 'w' }, {}, 'allow'],
    [{ environments: { only: ['prod'] } }, {}, 'deny'],
    [{ environments: { only: ['dev'] } }, {}, 'allow'],
    [{ environments: { except: ['prod'] } }, {}, 'allow'],
  ])('%j of %j gives %s', async (more, changes, effect) => {
    expect(await effectFor(more, changes)).toBe(effect);
  });

  test('that cannot be read denies, though the module itself would have nothing against it', async () => {
    const source = sourceOf([cedar('c', 'tenant', { tenant: 'acme' })], { 'c/a.cedar': PERMIT });
    const verdict = (await engineOf(source)).evaluate(toolCall({ tenant_id: 7 }));
    expect(verdict.deny).toEqual([
      { code: 'POLICY_ERROR', message: 'the module "c" could not be evaluated for this request', path: 'tenant/c' },
    ]);
    expect(verdict.errors).toMatchObject([{ policy: 'c', layer: 'tenant', path: 'scope' }]);
  });
});

describe('a source folder is refused, with the place, for', () => {
  test.each<[what: string, sets: readonly object[], files: Files, problem: RegExp]>([
    [
      'an unknown engine',
      [{ ...cedar('c', 'tenant'), engine: 'ceder' }],
      { 'c/a.cedar': PERMIT },
      /^ERR_POLICY_SHAPE bundle\.yaml:1 sets\[0\]\.engine/,
    ],
    [
      'a way of combining',
      [{ ...cedar('c', 'tenant'), combining: 'priority' }],
      { 'c/a.cedar': PERMIT },
      /sets\[0\]\.combining a set of the engine cedar has no combining/,
    ],
    [
      'a missing folder',
      [{ name: 'c', layer: 'tenant', engine: 'cedar' }],
      {},
      /sets\[0\]\.policies sets\[0\]\.policies is missing/,
    ],
    ['an empty folder', [cedar('c', 'tenant')], {}, /ERR_BUNDLE_LAYOUT .*the folder "c" has no files/],
    [
      'Rego without an entrypoint',
      [{ name: 'w', layer: 'tenant', engine: 'rego', policies: 'w' }],
      { 'w/policy.wasm': WASM },
      /sets\[0\]\.entrypoint is missing: the rule that decides/,
    ],
    [
      'an entrypoint that is no path',
      [rego('w', 'tenant', 'data.x')],
      { 'w/policy.wasm': WASM },
      /sets\[0\]\.entrypoint .*expected the path of a rule/,
    ],
    [
      'Cedar with an entrypoint',
      [{ ...cedar('c', 'tenant'), entrypoint: 'a/b' }],
      { 'c/a.cedar': PERMIT },
      /only a set of the engine rego has an entrypoint/,
    ],
    [
      'rules with an entrypoint',
      [{ ...rules('r', 'tenant'), entrypoint: 'a/b' }],
      { 'r/a.json': ALLOW_ALL },
      /only a set of the engine rego has an entrypoint/,
    ],
    [
      'a file that Cedar does not know',
      [cedar('c', 'tenant')],
      { 'c/a.cedar': PERMIT, 'c/b.yaml': 'x' },
      /ERR_BUNDLE_FILE_UNEXPECTED c\/b\.yaml:1/,
    ],
    [
      'a policy that Cedar refuses',
      [cedar('c', 'tenant')],
      { 'c/sub/a.cedar': `\n${PERMIT}\nperm` },
      /^ERR_MODULE_POLICY c\/sub\/a\.cedar:3 /,
    ],
    [
      'a program that is not one',
      [rego('w', 'tenant')],
      { 'w/policy.wasm': 'x' },
      /^ERR_MODULE_PROGRAM w\/policy\.wasm:1 /,
    ],
    [
      'a folder in a module that is too deep',
      [cedar('c', 'tenant')],
      { 'c/1/2/3/4/5/a.cedar': PERMIT },
      /^ERR_BUNDLE_NAME .*levels deep/,
    ],
    [
      'a name that is no folder',
      [{ ...cedar('..', 'tenant'), policies: 'c' }],
      { 'c/a.cedar': PERMIT },
      /^ERR_BUNDLE_NAME c\/a\.cedar.*the segment "\.\."/,
    ],
  ])('%s', async (_what, sets, files, problem) => {
    const problems = await problemsOf(sourceOf(sets, files));
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(problem);
  });

  test('too many files', async () => {
    const files = Object.fromEntries(Array.from({ length: 65 }, (_, index) => [`c/p${index}.cedar`, PERMIT]));
    expect((await problemsOf(sourceOf([cedar('c', 'tenant')], files))).join()).toMatch(/has 65 files, at most 64/);
  });
});

describe('the bundle', () => {
  const source = sourceOf([rego('w', 'workspace'), cedar('c', 'platform')], {
    'c/b.cedar': PERMIT,
    'c/a.cedar': DENY,
    'c/entities.json': '[]',
    'c/README.md': 'not part of it',
    'w/policy.wasm': WASM,
    'w/data.json': '{}',
    'w/office.rego': 'package office',
  });

  test('carries the files of modules, and not what stands beside them', async () => {
    const files = must(await unpackBundle(must(await buildBundle(source)).bytes));
    expect([...files.keys()].sort()).toEqual([
      '.manifest',
      'portcullis/modules/c/a.cedar',
      'portcullis/modules/c/b.cedar',
      'portcullis/modules/c/entities.json',
      'portcullis/modules/w/data.json',
      'portcullis/modules/w/policy.wasm',
      'portcullis/policies/data.json',
    ]);
  });

  test('has the same bytes whatever the order of the files', async () => {
    const other = new Map([...source].reverse());
    expect(must(await buildBundle(other)).sha256).toBe(must(await buildBundle(source)).sha256);
  });

  test('cannot be linked without the engines of its modules', () => {
    const compiled = must(compileBundle(source));
    expect(() => linkBundle(compiled)).toThrow(/whose engines were not loaded/);
    expect(() => linkBundle({ ...compiled, modules: [] })).not.toThrow();
  });

  test('cannot be linked with evaluators of another bundle', async () => {
    const [one, other] = [must(compileBundle(source)), must(compileBundle(source))];
    const evaluators = must(await loadModuleEngines(other));
    expect(() => linkBundle(one, evaluators)).toThrow(/whose engines were not loaded/);
  });

  test.each<[what: string, change: (files: Map<string, Uint8Array>) => void, problem: RegExp]>([
    [
      'a file of a module is missing',
      (files) => files.delete('portcullis/modules/c/a.cedar'),
      /ERR_BUNDLE_LAYOUT portcullis\/modules\/c\/a\.cedar the file is missing/,
    ],
    [
      'there is a file that no module names',
      (files) => files.set('portcullis/modules/c/z.cedar', new Uint8Array()),
      /ERR_BUNDLE_FILE_UNEXPECTED portcullis\/modules\/c\/z\.cedar/,
    ],
    [
      'there is a module that nothing names',
      (files) => files.set('portcullis/modules/x/a.cedar', new Uint8Array()),
      /ERR_BUNDLE_FILE_UNEXPECTED portcullis\/modules\/x\/a\.cedar/,
    ],
  ])('is refused when %s', async (_what, change, problem) => {
    const files = new Map(must(await unpackBundle(must(await buildBundle(source)).bytes)));
    change(files);
    const compiled: Checked<CompiledBundle> = compileBundle(files);
    const problems = compiled.ok
      ? []
      : compiled.problems.map(({ code, file, message }) => `${code} ${file} ${message}`);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(problem);
  });

  test('without modules says nothing of modules', async () => {
    const { bytes } = must(await buildBundle(sourceOf([rules('r', 'tenant')], { 'r/a.json': ALLOW_ALL })));
    const tar = must(await gunzip(bytes, BUNDLE_LIMITS));
    expect(new TextDecoder().decode(tar)).not.toMatch(/modules/);
  });
});
