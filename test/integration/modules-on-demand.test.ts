import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { repositoryRoot } from '../support/root.js';

/** Runs built code in a process of its own and says which libraries of other engines it has loaded by then. */
function librariesAfter(script: string): readonly string[] {
  const policy = JSON.stringify(join(repositoryRoot(), 'policy/dist/index.js'));
  const program = `
    import { createRequire } from 'node:module';
    import { readFileSync } from 'node:fs';
    const { compileBundle, linkBundle, loadModuleEngines } = await import(${policy});
    const load = async (sets, files) => {
      const manifest = { format: 'portcullis.policy/1', name: 'b', version: '1.0.0', sets };
      const texts = { 'bundle.yaml': JSON.stringify(manifest), ...files };
      const source = new Map(Object.entries(texts).map(([name, content]) => [name, Buffer.from(content)]));
      const compiled = compileBundle(source);
      if (!compiled.ok) throw new Error(JSON.stringify(compiled.problems));
      const loaded = await loadModuleEngines(compiled.value);
      if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
      return linkBundle(compiled.value, loaded.value);
    };
    ${script}
    const loaded = Object.keys(createRequire(import.meta.url).cache).map((file) => file.replaceAll('\\\\', '/'));
    const libraries = ['@cedar-policy/cedar-wasm', '@open-policy-agent/opa-wasm'];
    console.log(JSON.stringify(libraries.filter((name) => loaded.some((file) => file.includes(name)))));
  `;
  const output = execFileSync(process.execPath, ['--input-type=module', '-e', program], {
    cwd: repositoryRoot(),
    encoding: 'utf8',
  });
  return JSON.parse(output) as readonly string[];
}

const CEDAR = `await load([{ name: 'c', layer: 'tenant', engine: 'cedar', policies: 'c' }],
  { 'c/a.cedar': 'permit(principal, action, resource);' });`;
const PROGRAM = join(repositoryRoot(), 'policy/src/modules/fixtures/rego-boolean/policy.wasm');
const REGO = `await load([{ name: 'r', layer: 'tenant', engine: 'rego', entrypoint: 'office/open', policies: 'r' }],
  { 'r/policy.wasm': readFileSync(${JSON.stringify(PROGRAM)}) });`;
const RULES = `const engine = await load(
  [{ name: 'r', layer: 'tenant', combining: 'priority', priority_order: 'desc', policies: 'r' }],
  { 'r/a.json': '{"name": "A", "when": "always", "effect": "allow", "priority": 1}' });
  if (engine.policyCount !== 1) throw new Error('no policy');`;

describe('the libraries of other engines', () => {
  test.each<[what: string, script: string, libraries: readonly string[]]>([
    ['the policy package is only imported', '', []],
    ['a bundle has rules only', RULES, []],
    ['a bundle has a module in Cedar', CEDAR, ['@cedar-policy/cedar-wasm']],
    ['a bundle has a module in Rego', REGO, ['@open-policy-agent/opa-wasm']],
  ])('loaded when %s', (_what, script, libraries) => {
    expect(librariesAfter(script)).toEqual(libraries);
  });
});

/** Runs built code of the sidecar in a process of its own and says which libraries it resolved on the way. */
function resolvedBy(script: string): readonly string[] {
  const program = `
    import { registerHooks } from 'node:module';
    const resolved = new Set();
    registerHooks({
      resolve(specifier, context, next) {
        resolved.add(specifier);
        return next(specifier, context);
      },
    });
    const sidecar = (file) => import(${JSON.stringify(`${join(repositoryRoot(), 'sidecar/dist')}/`)} + file);
    await sidecar('compose.js');
    ${script}
    const libraries = ['@opentelemetry/exporter-trace-otlp-proto', '@opentelemetry/sdk-trace', 'jose'];
    console.log(JSON.stringify(libraries.filter((name) => resolved.has(name))));
  `;
  const output = execFileSync(process.execPath, ['--input-type=module', '-e', program], {
    cwd: repositoryRoot(),
    encoding: 'utf8',
  });
  return JSON.parse(output) as readonly string[];
}

describe('the libraries of what a sidecar may be configured to do', () => {
  test.each<[what: string, script: string, libraries: readonly string[]]>([
    ['nothing is configured', "await (await sidecar('trace/open.js')).openTracing(undefined, {});", []],
    [
      'traces are configured',
      `const { tracingConfig } = await import('@portcullis/runtime/tracing');
       const config = tracingConfig.parse({ endpoint: 'http://127.0.0.1:1/v1/traces' });
       await (await (await sidecar('trace/open.js')).openTracing(config, {})).close();`,
      ['@opentelemetry/exporter-trace-otlp-proto', '@opentelemetry/sdk-trace'],
    ],
    ['other agents are configured', "await sidecar('intercept/a2a/compose.js');", []],
    ['their cards are to be signed', "await sidecar('intercept/a2a/card-signature.js');", ['jose']],
  ])('loaded when %s', (_what, script, libraries) => {
    expect(resolvedBy(script)).toEqual(libraries);
  });
});
