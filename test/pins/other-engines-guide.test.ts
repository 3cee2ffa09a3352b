import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import {
  buildBundle,
  compileBundle,
  type Engine,
  linkBundle,
  loadModuleEngines,
  unpackBundle,
} from '@portcullis/policy';
import { type CanonicalRequest, type Checked, formatProblem } from '@portcullis/policy/model';
import { repositoryRoot } from '../support/root.js';

const root = repositoryRoot();
const GUIDE = readFileSync(join(root, 'docs/guides/other-engines.md'), 'utf8');

/** The code of the guide in one language. */
function block(language: string): string {
  const found = new RegExp(`^\`\`\`${language}\n([\\s\\S]*?)^\`\`\`$`, 'm').exec(GUIDE);
  if (found?.[1] === undefined) throw new Error(`the guide has no ${language}`);
  return found[1];
}

function must<T>(checked: Checked<T>): T {
  if (!checked.ok) throw new Error(checked.problems.map(formatProblem).join('\n'));
  return checked.value;
}

/** The bundle that the guide describes. What it shows of Rego was compiled to a fixture of the module tests. */
async function engineOfGuide(): Promise<Engine> {
  const program = join(root, 'policy/src/modules/fixtures/rego-decision/policy.wasm');
  const texts = {
    'bundle.yaml': block('yaml'),
    'guardrails/files.cedar': block('cedar'),
    'guardrails/schema.cedarschema': block('cedarschema'),
    'guardrails/entities.json': block('json'),
    'office/data.json': '{"trusted": ["assistant"], "secret_prefixes": ["/etc/"]}',
    'base/all.yaml': '{name: Nothing yet, when: always, effect: log_only, priority: 1}',
  };
  const source = new Map(Object.entries(texts).map(([name, text]) => [name, new TextEncoder().encode(text)]));
  source.set('office/policy.wasm', new Uint8Array(readFileSync(program)));
  const built = must(await buildBundle(source));
  const compiled = must(compileBundle(must(await unpackBundle(built.bytes))));
  return linkBundle(compiled, must(await loadModuleEngines(compiled)));
}

function call(server: string, name: string, args: CanonicalRequest['tool']): CanonicalRequest {
  return {
    version: '1.0',
    tenant_id: 'acme',
    source: 'mcp_proxy',
    kind: 'tool_call',
    agent: { id: 'assistant', trust_level: 0.9 },
    tool: { server, name, operation: 'tools/call', ...args },
    context: { timestamp: '2026-01-01T00:00:00Z', request_id: '00000000-0000-4000-8000-000000000001' },
  };
}

describe('the bundle of the guide', () => {
  test.each<[what: string, request: CanonicalRequest, effect: string, paths: string]>([
    ['a file is read', call('files', 'read_file', { arguments: { path: '/srv/a' } }), 'allow', ''],
    [
      'a secret is read',
      call('files', 'read_file', { arguments: { path: '/etc/shadow' } }),
      'deny',
      'platform/no-secrets tenant/secret-path',
    ],
    [
      'much is paid',
      call('payments', 'pay', { arguments: { amount: 5000 } }),
      'hold',
      'platform/large-payments tenant/large-payment',
    ],
  ])('when %s', async (_what, request, effect, paths) => {
    const verdict = (await engineOfGuide()).evaluate(request);
    expect(verdict.errors).toEqual([]);
    expect([verdict.effect, verdict.deny.map(({ path }) => path).join(' ')]).toEqual([effect, paths]);
  });

  test('shows rules of the Rego that was compiled', () => {
    const compiled = readFileSync(join(root, 'policy/src/modules/fixtures/rego-decision/decision.rego'), 'utf8');
    for (const id of block('rego').matchAll(/"id": "([^"]+)"/g)) expect(compiled).toContain(`"id": "${id[1]}"`);
    expect(compiled).toContain('decision.allow if input.agent.id in data.trusted');
  });
});
