import { beforeAll, describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import type { ModuleEvaluator } from '../engine/link.js';
import type { ContextualRequest } from '../model/facts.js';
import type { Json } from '../model/request.js';
import { measureDepth } from './cedar/cedar-text.js';
import { cedarModule, evaluatorOf, problemsOf, regoModule, toolCall } from './fixtures/module-source.js';
import { MODULE_LIMITS } from './limits.js';

const PERMIT = 'permit(principal, action, resource);';
const GUARD = `@id("no") forbid(principal, action, resource) when { resource.arguments.path like "/etc/*" };`;

/** Whether the library still does what it is asked: an overflow inside would end that for good. */
async function expectAlive(): Promise<void> {
  expect((await evaluatorOf(cedarModule(PERMIT))).evaluate(toolCall()).effect).toBe('allow');
}

describe('whatever the request is', () => {
  let evaluators: readonly ModuleEvaluator[];
  beforeAll(async () => {
    const data = '{"trusted": [], "secret_prefixes": ["/etc/"]}';
    evaluators = [
      await evaluatorOf(cedarModule(`${PERMIT} ${GUARD}`)),
      await evaluatorOf(regoModule('rego-decision', {}, data)),
    ];
  });

  const part = fc.oneof({ weight: 1, arbitrary: fc.constant(undefined) }, { weight: 3, arbitrary: fc.jsonValue() });
  const request = fc.record({
    tenant_id: fc.oneof(fc.constant('acme'), part),
    source: fc.constantFrom('mcp_proxy', 'llm_proxy', 'nowhere', 7),
    kind: fc.constantFrom('tool_call', 'egress', 'inference', 'a2a', 'session', undefined, 'odd', null),
    agent: fc.oneof(fc.constant({ id: 'a' }), part),
    tool: fc.oneof(fc.record({ server: fc.constant('s'), name: fc.string(), arguments: fc.jsonValue() }), part),
    request: part,
    egress: part,
    peer: part,
    user: part,
    context: fc.oneof(fc.constant({ request_id: 'r' }), part),
    intent_risk: part,
    facts: part,
  });

  test('an evaluator gives an outcome, and always the same', () => {
    fc.assert(
      fc.property(request, (hostile) => {
        for (const evaluator of evaluators) {
          const outcome = evaluator.evaluate(hostile as unknown as ContextualRequest);
          expect(evaluator.evaluate(hostile as unknown as ContextualRequest)).toEqual(outcome);
          // A policy that might have denied and could not be evaluated is a denial.
          if (outcome.errors.some(({ policy }) => policy === 'no' || policy === 'guard')) {
            expect(outcome.effect).toBe('deny');
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  test('an odd one is never an allow past the guard', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const attempt = toolCall({ tool: { server: 'files', name: 'read', arguments: { path: value as Json } } });
        const plain = typeof value === 'string' && !value.startsWith('/etc/');
        expect(evaluators[0]?.evaluate(attempt).effect === 'allow').toBe(plain);
      }),
      { numRuns: 200 },
    );
  });
});

describe('Cedar survives', () => {
  const policy = [
    '@id("a") @message("no \\"x\\"") forbid(principal == Agent::"t/a", action in [Action::"x"], resource is Tool)',
    'when { context has user.team && (context.user.team == "a" || resource.arguments.n + 1 > 2) }',
    'unless { if principal has x then [1, 2].contains(principal.x) else context.ip.isInRange(ip("10.0.0.0/8")) };',
  ].join('\n');
  const piece = fc.constantFrom(
    '(',
    ')',
    '[',
    ']',
    '{',
    '}',
    '!',
    '.',
    '"',
    '\\',
    '//',
    '&&',
    'if',
    'like',
    ';',
    '\u0000',
    'é',
    '@',
    '1e9',
  );

  test('text that was cut, repeated and mixed', async () => {
    const at = fc.nat(policy.length);
    const edit = fc.record({ from: at, to: at, insert: fc.array(piece, { maxLength: 4 }), times: fc.nat(30) });
    await fc.assert(
      fc.asyncProperty(fc.array(edit, { minLength: 1, maxLength: 4 }), async (edits) => {
        let text = policy;
        for (const { from, to, insert, times } of edits) {
          text = text.slice(0, from) + insert.join('').repeat(times) + text.slice(Math.min(from, to));
        }
        const ir = cedarModule(text);
        if ((await problemsOf(ir)).length === 0) (await evaluatorOf(ir)).evaluate(toolCall());
      }),
      { numRuns: 150 },
    );
    await expectAlive();
  }, 60_000);

  test('a request that nests as deeply as the cap', async () => {
    const deep = (levels: number): Json => (levels === 0 ? 'x' : { a: [deep(levels - 1)] });
    const attempt = toolCall({ tool: { server: 's', name: 'n', arguments: { deep: deep(31) } } });
    expect((await evaluatorOf(cedarModule(PERMIT))).evaluate(attempt)).toMatchObject({ effect: 'allow', errors: [] });
    await expectAlive();
  });

  test('entities that nest as deeply as a document may', async () => {
    const deep = (levels: number): Json => (levels === 0 ? 1 : { a: deep(levels - 1) });
    const entities = JSON.stringify([{ uid: { type: 'T', id: 'x' }, attrs: { deep: deep(58) }, parents: [] }]);
    const evaluator = await evaluatorOf(cedarModule({ 'a.cedar': PERMIT, 'entities.json': entities }));
    expect(evaluator.evaluate(toolCall()).effect).toBe('allow');
    await expectAlive();
  });

  test.each<[name: string, type: (levels: number) => string]>([
    ['records', (levels) => `${'{a: '.repeat(levels)}Long${'}'.repeat(levels)}`],
    ['sets', (levels) => `${'Set<'.repeat(levels)}Long${'>'.repeat(levels)}`],
  ])('a schema with %s as deep as the cap, and one that is deeper', async (_name, type) => {
    const schemaOf = (levels: number): string => `entity T = { x: ${type(levels)} };`;
    let levels = 1;
    while (measureDepth(schemaOf(levels + 1), ['([{<', ')]}>']) <= MODULE_LIMITS.cedar.depth) levels += 1;
    const withSchema = (text: string) => cedarModule({ 'a.cedar': PERMIT, 'schema.cedarschema': text });
    await problemsOf(withSchema(schemaOf(levels)));
    await expectAlive();
    expect((await problemsOf(withSchema(schemaOf(5000)))).join()).toMatch(/^ERR_MODULE_TOO_LARGE /);
    await expectAlive();
  });
});
