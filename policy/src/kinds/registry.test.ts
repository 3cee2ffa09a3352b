import { describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { ATTEMPT_KINDS } from '../model/request.js';
import { TYPED_ACTIONS } from './kind.js';
import { isPolicyType, POLICY_KINDS, POLICY_TYPES, policyKind } from './registry.js';
import { engineOf, problemsOf } from './testing/decide-typed.js';

/** Seed 003's own examples of configs. */
const SEED_CONFIGS = {
  rate_limit: { max_requests: 600, window_seconds: 60 },
  model_allowlist: { models: ['gpt-4o', 'claude-3.5-sonnet'] },
  content_filter: { patterns: ['password', 'secret'], check_fields: ['query', 'output'] },
  data_scope: { allowed_stores: ['default', 'production'] },
  token_budget: { max_tokens_per_request: 10000 },
  hitl_required: { operations: ['delete', 'inference'] },
  pii_guard: { patterns: ['\\b\\d{3}-\\d{2}-\\d{4}\\b'] },
} as const;

describe('the table of policy types', () => {
  test.each(Object.entries(SEED_CONFIGS))('has %s with the config of the seed as its example', (type, config) => {
    expect(isPolicyType(type) && policyKind(type).example['config']).toEqual(config);
  });

  test.each(POLICY_TYPES)('%s is described, and its example compiles to one rule', (type) => {
    const kind = POLICY_KINDS[type];
    expect(kind.type).toBe(type);
    expect(kind.description).toMatch(/^[A-Z].{20,}\.$/);
    expect(kind.example).toMatchObject({ type, enabled: true });
    expect(engineOf(kind.example).policyCount).toBe(2);
  });

  test.each(POLICY_TYPES)('%s names actions and attempts that there are', (type) => {
    const { actions, on = [] } = policyKind(type);
    expect(TYPED_ACTIONS.filter((action) => actions.includes(action))).toHaveLength(actions.length);
    expect(on.filter((kind) => !ATTEMPT_KINDS.includes(kind))).toEqual([]);
  });

  test.each(POLICY_TYPES)('%s refuses what it does not know, at every level', (type) => {
    const example = policyKind(type).example;
    const config = { ...(example['config'] as object), no_such_key: 1 };
    expect(problemsOf({ ...example, config }).join('\n')).toContain('config.no_such_key: unknown key "no_such_key"');
    const open = JSON.stringify(z.toJSONSchema(policyKind(type).config(), { io: 'input' })).match(/"properties":/g);
    const closed = JSON.stringify(z.toJSONSchema(policyKind(type).config(), { io: 'input' })).match(
      /"additionalProperties":false/g,
    );
    expect(closed).toHaveLength(open?.length ?? 0);
  });

  test.each(POLICY_TYPES)('%s describes every key of its config', (type) => {
    const silent: string[] = [];
    const visit = (schema: unknown, path: string): void => {
      const node = schema as {
        properties?: Record<string, { description?: string }>;
        items?: unknown;
        anyOf?: unknown[];
        additionalProperties?: unknown;
      };
      for (const [key, value] of Object.entries(node.properties ?? {})) {
        if (value.description === undefined) silent.push(`${path}.${key}`);
        visit(value, `${path}.${key}`);
      }
      for (const child of [node.items, node.additionalProperties, ...(node.anyOf ?? [])]) {
        if (typeof child === 'object' && child !== null) visit(child, path);
      }
    };
    visit(z.toJSONSchema(policyKind(type).config(), { io: 'input' }), 'config');
    expect(silent).toEqual([]);
  });
});

test.each<{ name: string; says: string }>([
  { name: 'rate-limit', says: 'unknown policy type "rate-limit"; did you mean "rate_limit"?' },
  { name: 'toString', says: 'unknown policy type "toString"' },
])('the type $name is refused', ({ name, says }) => {
  expect(problemsOf({ ...policyKind('rate_limit').example, type: name }).join('\n')).toContain(says);
});
