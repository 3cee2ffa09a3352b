import { expect, test } from '@jest/globals';
import { linkBundle } from '@portcullis/policy';
import type { ContextualRequest } from '@portcullis/policy/model';
import * as fc from 'fast-check';
import { compiled, sourceOf } from '../support/bundle-source.js';
import { bundle } from '../support/policy-generators.js';
import { request } from '../support/request-generators.js';

/** What a list of tools rests on: nothing is left out of it that could be called. */

const RUNS = Math.ceil(Number(process.env['JEST_PROPERTY_RUNS'] ?? 10_000) / 50);
const ATTEMPTS = 12;
const UNKNOWN = [['tool.arguments'], ['tool.arguments', 'facts', 'intent_risk'], ['user', 'context.labels'], []];

test(
  'what some value makes allowed or held could be; and something is said to be impossible',
  () => {
    const counted = { possible: 0, impossible: 0 };
    fc.assert(
      fc.property(
        bundle(6),
        fc.array(request(), { minLength: ATTEMPTS, maxLength: ATTEMPTS }),
        fc.constantFrom(...UNKNOWN),
        (given, attempts, unavailable) => {
          const engine = linkBundle(compiled(sourceOf(given)));
          for (const attempt of attempts) {
            const { effect } = engine.evaluate(attempt);
            const asked: ContextualRequest = unavailable.length === 0 ? attempt : { ...attempt, unavailable };
            const isPossible = engine.couldAllow(asked);
            counted[isPossible ? 'possible' : 'impossible'] += 1;
            if (effect !== 'deny') expect(isPossible).toBe(true);
          }
        },
      ),
      { numRuns: RUNS },
    );
    expect(counted.possible).toBeGreaterThan(0);
    expect(counted.impossible).toBeGreaterThan(0);
  },
  60_000 + RUNS * 100,
);

const rule = (slug: string, effect: string, when: unknown, priority = 1) => ({
  name: slug,
  slug,
  effect,
  when,
  priority,
});
const tool = { field: 'tool.name', operator: 'equals', value: 'read' };
const path = { field: 'tool.arguments.path', operator: 'starts_with', value: '/tmp/' };

test.each([
  ['an argument decides', [rule('a', 'allow', { operator: 'and', conditions: [tool, path] })], true],
  ['the tool is denied whatever the arguments', [rule('d', 'deny', tool, 9), rule('a', 'allow', path)], false],
  ['some arguments are denied', [rule('d', 'deny', path, 9), rule('a', 'allow', tool)], true],
  ['people are asked', [rule('h', 'require_hitl', tool)], true],
  ['nothing speaks of it', [rule('a', 'allow', { ...tool, value: 'write' })], false],
])('with unknown arguments: %s', (_what, policies, expected) => {
  const source = sourceOf({
    version: '1.0.0',
    sets: [{ name: 's', layer: 'tenant', combining: 'priority', priority_order: 'desc', policies }],
  } as unknown as Parameters<typeof sourceOf>[0]);
  const asked = {
    version: '1.0',
    tenant_id: 't',
    source: 'mcp_proxy',
    kind: 'tool_call',
    agent: { id: 'a' },
    tool: { server: 's', name: 'read' },
    context: { timestamp: '2026-01-05T12:00:00Z', request_id: 'r' },
    unavailable: ['tool.arguments'],
  } as ContextualRequest;
  expect(linkBundle(compiled(source)).couldAllow(asked)).toBe(expected);
});
