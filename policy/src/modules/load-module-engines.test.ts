import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import type { ModuleIr } from '../engine/ir.js';
import { bundleOf, cedarModule, regoModule } from './fixtures/module-source.js';
import { checkModules, loadModuleEngines } from './load-module-engines.js';

test('a bundle without modules has no evaluators', async () => {
  expect(await loadModuleEngines(bundleOf())).toEqual({ ok: true, value: [] });
});

test('evaluators stand in the order of their modules, each with its own', async () => {
  const modules = [
    regoModule('rego-boolean', { entrypoint: 'office/open' }),
    cedarModule('permit(principal, action, resource);'),
  ];
  const loaded = await loadModuleEngines(bundleOf(...modules));
  expect(loaded.ok && loaded.value.map(({ ir }) => ir)).toEqual(modules);
});

test('the problems of every module are told at once', async () => {
  const problems = await checkModules(bundleOf(cedarModule('nonsense'), regoModule(new Uint8Array()), cedarModule('')));
  expect(problems.map(({ file }) => file)).toEqual([
    'modules/cedar/',
    'modules/cedar/policies.cedar',
    'modules/rego/policy.wasm',
  ]);
});

test('an engine that does not exist is a problem, not a crash', async () => {
  const unknown = { ...cedarModule(''), engine: 'lua' } as unknown as ModuleIr;
  expect(await checkModules(bundleOf(unknown))).toMatchObject([{ code: 'ERR_MODULE_PROGRAM', file: 'modules/cedar' }]);
});

describe('the sources', () => {
  const root = new URL('../', import.meta.url);
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((name) =>
    /^(?!.*\.test\.ts$).*\.ts$/.test(name),
  );

  test.each(['@cedar-policy/cedar-wasm', '@open-policy-agent/opa-wasm'])(
    'import %s only when it is needed',
    (library) => {
      const importing = files.flatMap((name) =>
        readFileSync(new URL(name, root), 'utf8')
          .split('\n')
          .filter((line) => line.includes(`'${library}`) && !line.startsWith('import type'))
          .map((line) => `${name}: ${line.trim()}`),
      );
      expect(importing).toHaveLength(1);
      expect(importing[0]).toMatch(
        /^modules\/(cedar|rego)\/(cedar|opa)-library\.ts: .*await import\(|: return import\(/,
      );
    },
  );
});
