import { describe, expect, test } from '@jest/globals';
import type { ModuleOutcome } from '../../engine/verdict.js';
import { cedarModule, evaluatorOf, toolCall, type WrittenFiles } from '../fixtures/module-source.js';

const PERMIT = '@id("yes") permit(principal, action, resource);';
const forbid = (id: string, condition: string, annotations = ''): string =>
  `@id("${id}") ${annotations} forbid(principal, action, resource) when { ${condition} };`;
const permit = (id: string, condition: string, annotations = ''): string =>
  `@id("${id}") ${annotations} permit(principal, action, resource) when { ${condition} };`;

async function outcomeOf(
  files: string | WrittenFiles,
  changes: Readonly<Record<string, unknown>> = {},
): Promise<ModuleOutcome> {
  return (await evaluatorOf(cedarModule(files))).evaluate(toolCall(changes));
}

const slugs = (list: readonly { readonly policy: string }[]): string => list.map(({ policy }) => policy).join(' ');
const paths = (outcome: ModuleOutcome): string => outcome.deny.map(({ code, path }) => `${code} ${path}`).join(', ');

const ABSENT = 'context.nothing == 1';

describe('policies come to', () => {
  test.each<{ name: string; text: string; effect: string | undefined; deny: string; matched: string; errors: string }>([
    {
      name: 'nothing when none holds',
      text: permit('p', 'false'),
      effect: undefined,
      deny: '',
      matched: '',
      errors: '',
    },
    { name: 'allow by a permit', text: PERMIT, effect: 'allow', deny: '', matched: 'yes', errors: '' },
    {
      name: 'deny by a forbid, whatever permits',
      text: `${PERMIT} ${forbid('no', 'true')}`,
      effect: 'deny',
      deny: 'POLICY_DENIED platform/no',
      matched: 'yes no',
      errors: '',
    },
    {
      name: 'deny by every forbid that holds',
      text: `${forbid('a', 'true')} ${forbid('b', 'false')} ${forbid('c', 'true')}`,
      effect: 'deny',
      deny: 'POLICY_DENIED platform/a, POLICY_DENIED platform/c',
      matched: 'a c',
      errors: '',
    },
    {
      name: 'deny by a forbid without a value, which Cedar itself would skip',
      text: `${PERMIT} ${forbid('no', ABSENT)}`,
      effect: 'deny',
      deny: 'POLICY_ERROR platform/no',
      matched: 'yes',
      errors: 'no',
    },
    {
      name: 'nothing by a permit without a value',
      text: permit('p', ABSENT),
      effect: undefined,
      deny: '',
      matched: '',
      errors: 'p',
    },
    {
      name: 'allow beside a permit without a value',
      text: `${permit('p', ABSENT)} ${PERMIT}`,
      effect: 'allow',
      deny: '',
      matched: 'yes',
      errors: 'p',
    },
    {
      name: 'hold by a forbid that asks people',
      text: `${PERMIT} ${forbid('ask', 'true', '@effect("require_approval")')}`,
      effect: 'hold',
      deny: 'APPROVAL_REQUIRED platform/ask',
      matched: 'yes ask',
      errors: '',
    },
    {
      name: 'deny rather than hold',
      text: `${forbid('ask', 'true', '@effect("require_hitl")')} ${forbid('no', 'true')}`,
      effect: 'deny',
      deny: 'POLICY_DENIED platform/no',
      matched: 'ask no',
      errors: '',
    },
    {
      name: 'deny by a hold without a value',
      text: forbid('ask', ABSENT, '@effect("require_hitl")'),
      effect: 'deny',
      deny: 'POLICY_ERROR platform/ask',
      matched: '',
      errors: 'ask',
    },
    {
      name: 'nothing by a permit that only records',
      text: permit('seen', 'true', '@effect("log_only")'),
      effect: undefined,
      deny: '',
      matched: 'seen',
      errors: '',
    },
  ])('$name', async ({ text, effect, deny, matched, errors }) => {
    const outcome = await outcomeOf(text);
    expect(outcome.effect).toBe(effect);
    expect(paths(outcome)).toBe(deny);
    expect(slugs(outcome.matched)).toBe(matched);
    expect(slugs(outcome.errors)).toBe(errors);
  });
});

describe('annotations', () => {
  test('give reason and message', async () => {
    const outcome = await outcomeOf(forbid('no', 'true', '@reason_code("SEC.1") @message("ask security")'));
    expect(outcome.deny).toEqual([
      { code: 'POLICY_DENIED', message: 'ask security', path: 'platform/no', reason_code: 'SEC.1' },
    ]);
  });

  test('give the terms of a hold', async () => {
    const annotations = '@effect("require_approval") @role("treasurer") @quorum("2") @expires_seconds("600")';
    const { conditions } = await outcomeOf(forbid('ask', 'true', annotations));
    expect(conditions).toEqual([
      {
        type: 'require_approval',
        value: { hold: 'platform/guard/ask', role: 'treasurer', quorum: 2, expires_seconds: 600 },
      },
    ]);
  });

  test('a hold that people agreed to allows, and only that one', async () => {
    const text = [
      forbid('a', 'true', '@effect("require_hitl")'),
      forbid('b', 'context has user', '@effect("require_hitl")'),
    ];
    const context = { ...toolCall().context, approval: { granted: ['platform/guard/a'] } };
    expect((await outcomeOf(text.join('\n'), { context })).effect).toBe('allow');
    const both = await outcomeOf(text.join('\n'), { context, user: { id: 'u' } });
    expect(paths(both)).toBe('APPROVAL_REQUIRED platform/b');
  });

  test('ask for a review', async () => {
    const outcome = await outcomeOf(permit('watch', 'true', '@effect("escalate") @reason("new agent")'));
    expect(outcome.obligations).toEqual([
      { type: 'review', value: { policy: 'platform/guard/watch', reason: 'new agent' } },
    ]);
  });
});

describe('what a policy reads', () => {
  test.each<[condition: string, changes: Readonly<Record<string, unknown>>]>([
    ['principal == Agent::"acme/assistant"', {}],
    ['principal in Tenant::"acme" && principal.id == "assistant"', {}],
    ['principal.trust_level.greaterThan(decimal("0.8"))', {}],
    ['action == Action::"tool_call"', {}],
    ['resource == Tool::"files/read_file" && resource in Server::"files"', {}],
    ['resource.arguments.path like "/srv/*"', {}],
    ['resource.arguments.to.contains("a@b.c")', { tool: { arguments: { to: ['a@b.c'] } } }],
    ['resource.arguments.amount > 10', { tool: { arguments: { amount: 11 } } }],
    ['resource.arguments.amount.lessThan(decimal("0.3"))', { tool: { arguments: { amount: 0.25 } } }],
    ['context.ip.isInRange(ip("10.0.0.0/8"))', {}],
    ['context.timestamp < datetime("2026-04-01") && context.timestamp.toTime() < duration("10h")', {}],
    ['!(context has user) || context.user.team == "finance"', { user: { team: 'finance' } }],
    ['context.facts.sinks.contains("payment")', { facts: { sinks: ['payment'] } }],
    [
      'context.intent_risk.risk_dimensions.fraud.greaterThan(decimal("0.9"))',
      {
        intent_risk: { risk_dimensions: { fraud: 1 } },
      },
    ],
    [
      'resource is Host && resource.resolved_ips.containsAny([ip("10.0.0.1")])',
      {
        kind: 'egress',
        egress: { host: 'h', resolved_ips: ['10.0.0.1', '10.0.0.2'] },
      },
    ],
    [
      'resource in Provider::"openai" && resource.model == "gpt"',
      {
        kind: 'inference',
        request: { model_provider: 'openai', model: 'gpt' },
      },
    ],
  ])('%s holds', async (condition, changes) => {
    const outcome = await outcomeOf(permit('p', condition), changes);
    expect([outcome.effect, outcome.errors]).toEqual(['allow', []]);
  });

  test('the groups of entities.json, and what they know of an agent', async () => {
    const entities = JSON.stringify([
      {
        uid: { type: 'Agent', id: 'acme/assistant' },
        attrs: { owner: 'finance', id: 'forged' },
        parents: [{ type: 'Fleet', id: 'office' }],
      },
      { uid: { type: 'Action', id: 'tool_call' }, attrs: {}, parents: [{ type: 'Action', id: 'doing' }] },
      { uid: { type: 'Action', id: 'doing' }, attrs: {}, parents: [] },
    ]);
    const condition =
      'principal in Fleet::"office" && principal in Tenant::"acme" && action in Action::"doing" && ' +
      'principal.owner == "finance" && principal.id == "assistant"';
    const outcome = await outcomeOf({ 'a.cedar': permit('p', condition), 'entities.json': entities });
    expect([outcome.effect, outcome.errors]).toEqual(['allow', []]);
  });
});

describe('a request that has no form in Cedar', () => {
  const forged = { tool: { arguments: { owner: { __entity: { type: 'Admin', id: 'root' } } } } };

  test('denies where a policy could have', async () => {
    const outcome = await outcomeOf(`${PERMIT} ${forbid('no', 'false')}`, forged);
    expect(paths(outcome)).toBe('POLICY_ERROR platform/no');
    expect(outcome.errors[1]?.message).toBe(
      "the request has no form in Cedar: tool.arguments.owner has the key __entity, which Cedar's JSON form reserves " +
        '(modules/cedar/policies.cedar:1)',
    );
  });

  test('allows nothing where none could', async () => {
    expect(await outcomeOf(PERMIT, forged)).toMatchObject({
      effect: undefined,
      matched: [],
      errors: [{ policy: 'yes' }],
    });
  });
});

test('a fault names its kind and place, and quotes nothing of the request', async () => {
  const tool = { arguments: { token: 'hunter2' } };
  const outcome = await outcomeOf(`\n${forbid('no', 'resource.arguments.token > 5')}`, { tool });
  expect(outcome.errors).toEqual([
    {
      policy: 'no',
      layer: 'platform',
      path: '',
      message: 'it compares values of different types (modules/cedar/policies.cedar:2)',
    },
  ]);
  expect(JSON.stringify(await outcomeOf(forbid('no', 'resource.arguments.tok == 5'), { tool }))).not.toMatch(/hunter2/);
});

describe('several versions of a module', () => {
  const version = (id: number): string => permit(`v${id}`, 'true');

  test('answer for themselves, though the library has fewer names than there are versions', async () => {
    const evaluators = await Promise.all(
      Array.from({ length: 150 }, (_, index) => evaluatorOf(cedarModule(version(index)))),
    );
    const answers = evaluators.map((evaluator) => slugs(evaluator.evaluate(toolCall()).matched));
    expect(answers).toEqual(evaluators.map((_, index) => `v${index}`));
    expect(slugs(evaluators[0]?.evaluate(toolCall()).matched ?? [])).toBe('v0');
  });
});

test('the same request gives the same outcome', async () => {
  const evaluator = await evaluatorOf(cedarModule(`${PERMIT} ${forbid('no', ABSENT)}`));
  const first = JSON.stringify(evaluator.evaluate(toolCall()));
  for (let round = 0; round < 20; round += 1) {
    evaluator.evaluate(toolCall({ agent: { id: `other-${round}` } }));
    expect(JSON.stringify(evaluator.evaluate(toolCall()))).toBe(first);
  }
});
