import { describe, expect, test } from '@jest/globals';
import { evaluatorOf, problemsOf, regoModule, toolCall } from '../fixtures/module-source.js';

const DATA = '{"trusted": ["trusted-agent"], "secret_prefixes": ["/etc/"]}';
const calls = (argumentsOf: unknown, agent: unknown = { id: 'trusted-agent' }) =>
  toolCall({ agent, tool: { server: 'files', name: 'read', arguments: argumentsOf } });

describe('policies in Rego', () => {
  test.each<{
    name: string;
    request: ReturnType<typeof toolCall>;
    effect: string | undefined;
    deny: readonly object[];
  }>([
    { name: 'say nothing where they are undefined', request: toolCall(), effect: undefined, deny: [] },
    { name: 'allow', request: calls({ path: '/srv' }), effect: 'allow', deny: [] },
    {
      name: 'deny with an id, a code and a message made of the request',
      request: calls({ path: '/etc/passwd' }),
      effect: 'deny',
      deny: [
        {
          code: 'POLICY_DENIED',
          message: '/etc/passwd is not for trusted-agent',
          path: 'tenant/secret-path',
          reason_code: 'SECRET_PATH',
        },
      ],
    },
    {
      name: 'deny with a message alone',
      request: calls({ to: ['a@example.com', 'b@evil.test'] }),
      effect: 'deny',
      deny: [{ code: 'POLICY_DENIED', message: 'no outside recipients', path: 'tenant/guard' }],
    },
    {
      name: 'hold',
      request: calls({ amount: 1001 }),
      effect: 'hold',
      deny: [
        {
          code: 'APPROVAL_REQUIRED',
          message: 'held for approval by the policy "large-payment"',
          path: 'tenant/large-payment',
        },
      ],
    },
  ])('$name', async ({ request, effect, deny }) => {
    const evaluator = await evaluatorOf(regoModule('rego-decision', { layer: 'tenant' }, DATA));
    expect(evaluator.evaluate(request)).toMatchObject({ effect, deny, errors: [] });
  });

  test('hold on terms, and let through what was agreed to', async () => {
    const evaluator = await evaluatorOf(regoModule('rego-decision', { layer: 'tenant' }, DATA));
    const request = calls({ amount: 1001 }, { id: 'other' });
    const hold = 'tenant/guard/large-payment';
    expect(evaluator.evaluate(request).conditions).toEqual([
      { type: 'require_approval', value: { hold, role: 'treasurer', quorum: 2, expires_seconds: 3600 } },
    ]);
    const agreed = { ...request, context: { ...request.context, approval: { granted: [hold] } } };
    expect(evaluator.evaluate(agreed)).toMatchObject({ effect: 'allow', deny: [] });
  });

  test('ask for a review', async () => {
    const evaluator = await evaluatorOf(regoModule('rego-decision', {}, DATA));
    const outcome = evaluator.evaluate(calls({}, { id: 'trusted-agent', type: 'bot' }));
    expect(outcome.obligations).toEqual([
      { type: 'review', value: { policy: 'platform/guard/watch-bots', reason: 'a bot acts' } },
    ]);
    expect(outcome.matched.map(({ policy, effect }) => `${policy} ${effect}`)).toEqual([
      'watch-bots escalate',
      'guard allow',
    ]);
  });
});

test.each<[entrypoint: string, environment: string, effect: string | undefined]>([
  ['office/open', 'dev', 'allow'],
  ['office/open', 'prod', undefined],
  ['office/strict', 'dev', 'allow'],
  ['office/strict', 'prod', 'deny'],
])('%s is a plain boolean: in %s it says %s', async (entrypoint, environment, effect) => {
  const evaluator = await evaluatorOf(regoModule('rego-boolean', { entrypoint }));
  const context = { ...toolCall().context, environment };
  expect(evaluator.evaluate(toolCall({ context })).effect).toBe(effect);
});

describe('a result of the wrong shape denies:', () => {
  test.each<[name: string, result: unknown, fault: RegExp]>([
    ['a number', 1, /gave a result of the wrong shape/],
    ['null', null, /wrong shape/],
    ['a text', 'allow', /wrong shape/],
    ['an unknown key', { alow: true }, /wrong shape/],
    ['allow that is no boolean', { allow: 'yes' }, /wrong shape/],
    ['deny that is no list', { deny: true }, /wrong shape/],
    ['a reason with an unknown key', { deny: [{ reason: 'x' }] }, /wrong shape/],
    ['a code that is none', { deny: [{ code: 'no spaces allowed' }] }, /wrong shape/],
    ['a hold without an id', { hold: { type: 'require_hitl' } }, /wrong shape/],
    ['a hold of an unknown type', { hold: { id: 'h', type: 'wait' } }, /wrong shape/],
    [
      'a hold with an unknown key',
      { hold: { id: 'h', type: 'require_hitl', rolle: 'x' } },
      /gave a require_hitl of the wrong shape/,
    ],
    [
      'a hold with a quorum of none',
      { hold: { id: 'h', type: 'require_hitl', quorum: 0 } },
      /gave a require_hitl of the wrong shape/,
    ],
    ['an effect that decides', { effects: [{ type: 'allow' }] }, /wrong shape/],
    ['too many reasons', { deny: Array.from({ length: 101 }, () => 'no') }, /wrong shape/],
    ['a result that is too long', { deny: ['x'.repeat(70_000)] }, /longer than 65536 bytes/],
  ])('%s', async (_name, result, fault) => {
    const evaluator = await evaluatorOf(regoModule('rego-boolean', { entrypoint: 'office/echo' }));
    const outcome = evaluator.evaluate(calls({ result }));
    expect(outcome).toMatchObject({ effect: 'deny', deny: [{ code: 'POLICY_ERROR', path: 'platform/guard' }] });
    expect(outcome.errors[0]?.message).toMatch(fault);
  });

  test.each<[name: string, result: unknown, effect: string | undefined]>([
    ['an object that says nothing', {}, undefined],
    ['allow', { allow: true }, 'allow'],
    ['not allowed, said outright', { allow: false }, 'deny'],
    ['no reasons', { deny: [] }, undefined],
    ['a reason beside an allow', { allow: true, deny: ['no'] }, 'deny'],
    ['a hold beside an allow', { allow: true, hold: { id: 'h', type: 'require_hitl', group: 'g' } }, 'hold'],
    [
      'several holds',
      {
        hold: [
          { id: 'a', type: 'require_hitl' },
          { id: 'b', type: 'require_approval' },
        ],
      },
      'hold',
    ],
    ['a redaction', { allow: true, effects: [{ type: 'redact', redact_config: { method: 'mask' } }] }, 'allow'],
  ])('but %s is %j', async (_name, result, effect) => {
    const evaluator = await evaluatorOf(regoModule('rego-boolean', { entrypoint: 'office/echo' }));
    const outcome = evaluator.evaluate(calls({ result }));
    expect([outcome.effect, outcome.errors]).toEqual([effect, []]);
  });
});

describe('the steps of an evaluation', () => {
  test('are counted anew for each', async () => {
    const evaluator = await evaluatorOf(regoModule('rego-costly', { entrypoint: 'costly/decision' }));
    const effects = [1, 2, 3, 4].map(() => evaluator.evaluate(calls({ n: 100 })).effect);
    expect(effects).toEqual(['allow', 'allow', 'allow', 'allow']);
  });

  test('are bounded, whatever the request asks for', async () => {
    const evaluator = await evaluatorOf(regoModule('rego-costly', { entrypoint: 'costly/decision' }));
    const outcome = evaluator.evaluate(calls({ n: 100_000 }));
    expect(outcome.deny).toMatchObject([{ code: 'POLICY_ERROR' }]);
    expect(outcome.errors[0]?.message).toMatch(/^the program took more than 4\d{6} steps/);
    expect(evaluator.evaluate(calls({ n: 2 })).effect).toBe('allow');
  });
});

test('a request that is too large denies', async () => {
  const evaluator = await evaluatorOf(regoModule('rego-decision', {}, DATA));
  const outcome = evaluator.evaluate(calls({ path: 'x'.repeat(1024 * 1024) }));
  expect(outcome.errors[0]?.message).toMatch(/^the request is larger than 524288 bytes/);
  expect(outcome.effect).toBe('deny');
});

test('a request of almost that size is evaluated', async () => {
  const evaluator = await evaluatorOf(regoModule('rego-decision', {}, DATA));
  const outcome = evaluator.evaluate(calls({ path: `/srv/${'x'.repeat(500 * 1024)}` }));
  expect([outcome.effect, outcome.errors]).toEqual(['allow', []]);
});

test('data of the largest size is loaded', async () => {
  const padding = Array.from({ length: 20_000 }, (_, index) => `agent-${index}-${'x'.repeat(30)}`);
  const data = JSON.stringify({ trusted: [...padding, 'trusted-agent'], secret_prefixes: [] });
  const evaluator = await evaluatorOf(regoModule('rego-decision', {}, data));
  expect(evaluator.evaluate(calls({ path: '/srv' })).effect).toBe('allow');
});

test('the same request gives the same outcome, whatever came between', async () => {
  const evaluator = await evaluatorOf(regoModule('rego-decision', {}, DATA));
  const request = calls({ path: '/etc/x', to: ['b@evil.test'], amount: 5000 });
  const first = JSON.stringify(evaluator.evaluate(request));
  for (let round = 0; round < 20; round += 1) {
    evaluator.evaluate(calls({ path: `/srv/${round}` }));
    expect(JSON.stringify(evaluator.evaluate(request))).toBe(first);
  }
});

describe('a module is refused for', () => {
  test('functions that are not pure, each by its name', async () => {
    const problems = await problemsOf(regoModule('rego-impure', { entrypoint: 'impure/decision' }));
    const names = problems.map((problem) => /calls "([^"]+)", which is not available/.exec(problem)?.[1]);
    expect(names.toSorted((a = '', b = '') => a.localeCompare(b))).toEqual([
      'http.send',
      'opa.runtime',
      'rand.intn',
      'time.now_ns',
    ]);
  });

  test('an entrypoint that the program does not have', async () => {
    const problems = await problemsOf(regoModule('rego-boolean', { entrypoint: 'office/shut' }));
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(
      /no entrypoint "office\/shut" \(it has .*"office\/open".*\); build it with opa build -t wasm -e office\/shut$/,
    );
  });

  test.each<[what: string, data: string, problem: RegExp]>([
    ['data that is no JSON', '{', /^ERR_POLICY_SYNTAX modules\/rego\/data\.json:/],
    ['data that is a list', '[]', /^ERR_MODULE_FILE modules\/rego\/data\.json:1:1 expected an object/],
    ['data with a duplicate key', '{"a": 1, "a": 2}', /duplicate key "a"/],
    ['too much data', `{"a": "${'x'.repeat(1024 * 1024)}"}`, /^ERR_MODULE_TOO_LARGE .*larger than 1048576 bytes/],
  ])('%s', async (_what, data, problem) => {
    const problems = await problemsOf(regoModule('rego-decision', {}, data));
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(problem);
  });

  test('a program that is too large', async () => {
    const problems = await problemsOf(regoModule(new Uint8Array(8 * 1024 * 1024 + 1)));
    expect(problems.join()).toMatch(/^ERR_MODULE_TOO_LARGE .*policy\.wasm.* larger than/);
  });

  test('a file of another kind, and a program that is missing', async () => {
    const ir = { ...regoModule('rego-boolean'), files: [['policy.rego', new Uint8Array()]] as const };
    const problems = await problemsOf(ir);
    expect(problems).toHaveLength(2);
    expect(problems[0]).toMatch(/^ERR_BUNDLE_FILE_UNEXPECTED modules\/rego\/policy\.rego:1:1 /);
    expect(problems[1]).toMatch(
      /^ERR_MODULE_FILE .* the file is missing: make it with opa build -t wasm -e portcullis\/decision/,
    );
  });
});
