import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { pdpConfig } from '@portcullis/pdp';
import { compileBundle, type Engine, linkBundle } from '@portcullis/policy';
import { formatProblem } from '@portcullis/policy/model';
import { parse } from 'yaml';
import { repositoryRoot } from '../support/root.js';

const GUIDE = readFileSync(join(repositoryRoot(), 'docs/guides/context.md'), 'utf8');
const BLOCKS = [...GUIDE.matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].map(([, text = '']) => text);

/** The blocks whose first line says that they are of this file. */
function blocksOf(file: string): readonly string[] {
  const found = BLOCKS.filter((text) => text.startsWith(`# ${file}\n`));
  if (found.length === 0) throw new Error(`the guide has no ${file}`);
  return found;
}

/** The bundle that the guide describes, and something to lift its denials against. */
function engineOfGuide(): Engine {
  const sets = '[{name: s, layer: platform, combining: priority, priority_order: desc, policies: p}]';
  const texts = {
    'bundle.yaml': `format: portcullis.policy/1\nname: guide\nversion: 1.0.0\nsets: ${sets}\n${blocksOf('bundle.yaml').join('')}`,
    'data/agents.yaml': blocksOf('data/agents.yaml').join(''),
    'data/tools.yaml': blocksOf('data/tools.yaml').join(''),
    'p/registered.yaml': BLOCKS.filter((text) => text.includes('name: Registered agents only')).join(''),
    'p/all.yaml': '{name: All, when: always, effect: allow, priority: 1}',
  };
  const encoder = new TextEncoder();
  const compiled = compileBundle(new Map(Object.entries(texts).map(([name, text]) => [name, encoder.encode(text)])));
  if (!compiled.ok) throw new Error(compiled.problems.map(formatProblem).join('\n'));
  return linkBundle(compiled.value);
}

describe('the guide on context', () => {
  test('has data that compiles and says what the guide says', () => {
    const { registry } = engineOfGuide();
    expect([registry.agents, registry.tools]).toEqual(['closed', 'open']);
    expect(registry.agentOf('acme', 'analyst')).toMatchObject({ trust_level: 0.7, attributes: { clearance: 2 } });
    expect(registry.toolOf('acme', 'crm', 'lookup')).toMatchObject({ sinks: [], stores: ['customers'] });
    expect(registry.toolOf('rival', 'crm', 'lookup')).toBeUndefined();
    expect(registry.toolOf('rival', 'mail', 'send')).toMatchObject({ sinks: ['external_message'] });
  });

  test('has a policy that denies whoever is not in a closed registry', () => {
    const engine = engineOfGuide();
    const request = {
      version: '1.0',
      tenant_id: 'acme',
      source: 'sdk',
      agent: { id: 'a', type: 'autonomous' },
      context: { timestamp: '2026-01-01T00:00:00Z', request_id: 'r' },
    } as const;
    expect(engine.evaluate(request).effect).toBe('allow');
    expect(engine.evaluate({ ...request, unavailable: ['agent.type'] }).deny[0]?.code).toBe('POLICY_ERROR');
  });

  test('has configuration that is accepted', () => {
    const known = {
      node: 'pdp-1',
      trustDomain: 'example.com',
      env: 'prod',
      tls: { certFile: 'c', keyFile: 'k', caFile: 'a' },
      admin: {},
      log: {},
      dataDir: 'd',
      bundles: { rootFile: 'r', sources: [{ type: 'http', url: 'https://distributor' }] },
    };
    const configured = [...blocksOf('pdp.yaml'), ...BLOCKS.filter((text) => text.startsWith('users:'))];
    expect(configured).toHaveLength(4);
    for (const text of configured) {
      const checked = pdpConfig.safeParse({ ...known, ...(parse(text) as object) });
      expect(checked.error?.issues ?? []).toEqual([]);
    }
  });
});
