import { describe, expect, test } from '@jest/globals';
import { cedarModule, evaluatorOf, problemsOf, toolCall } from '../fixtures/module-source.js';
import { MODULE_LIMITS } from '../limits.js';
import { measureDepth } from './cedar-text.js';

const PERMIT = 'permit(principal, action, resource)';
const SCHEMA = `
entity Tenant;
entity Server;
entity Agent in [Tenant] = { id: String, tenant: String };
entity Tool in [Server] = { name?: String };
action tool_call appliesTo { principal: Agent, resource: Tool, context: { environment?: String } };
`;

describe('a module is refused, with the place, for', () => {
  test.each<[what: string, files: string | Readonly<Record<string, string>>, problems: readonly RegExp[]]>([
    [
      'a syntax error',
      `// héllo\n${PERMIT};\n\nforbid(principal, action, resource) when { context. };`,
      [/^ERR_MODULE_POLICY modules\/cedar\/policies\.cedar:4:53 /],
    ],
    ['an unknown function', `${PERMIT} when { nope(1) };`, [/^ERR_MODULE_POLICY .*:1:44 .*nope/]],
    [
      'a template',
      'permit(principal == ?principal, action, resource);',
      [/^ERR_MODULE_POLICY .*:1:1 a policy template/],
    ],
    [
      'an id that is no slug',
      `@id("Not A Slug") ${PERMIT};`,
      [/^ERR_POLICY_SHAPE .*:1:1 @id\("Not A Slug"\): expected lower-case/],
    ],
    [
      'two policies of one id',
      { 'a.cedar': `@id("x") ${PERMIT};`, 'b.cedar': `\n@id("x") ${PERMIT};` },
      [/^ERR_POLICY_SLUG_DUPLICATE modules\/cedar\/b\.cedar:2:1 the id "x" .* modules\/cedar\/a\.cedar:1$/],
    ],
    [
      'an effect that the keyword does not have',
      `@effect("require_aproval") forbid(principal, action, resource);`,
      [/^ERR_POLICY_EFFECT_UNKNOWN .*forbid \(it is one of deny, require_approval, require_hitl\).*did you mean/],
    ],
    [
      'a slip in an annotation',
      `@reson_code("X") ${PERMIT};`,
      [/^ERR_POLICY_KEY_UNKNOWN .* unknown annotation "@reson_code".*reason_code/],
    ],
    [
      'an annotation that its effect does not take',
      `@quorum("2") forbid(principal, action, resource);`,
      [/^ERR_POLICY_KEY_UNKNOWN .*quorum/],
    ],
    [
      'a quorum that is no number',
      `@effect("require_approval") @quorum("two") forbid(principal, action, resource);`,
      [/^ERR_POLICY_SHAPE .*quorum/],
    ],
    ['no policy', '// nothing yet', [/^ERR_MODULE_POLICY .* the module has no policy$/]],
    ['a file of another kind', { 'a.cedar': `${PERMIT};`, 'b.txt': '' }, [/^ERR_BUNDLE_FILE_UNEXPECTED .*b\.txt/]],
    [
      'too many policies',
      Array.from({ length: MODULE_LIMITS.cedar.policies + 1 }, () => `${PERMIT};`).join('\n'),
      [/^ERR_MODULE_TOO_LARGE .* 501 policies, at most 500$/],
    ],
    ['too much text', ' '.repeat(MODULE_LIMITS.cedar.policyBytes + 1), [/^ERR_MODULE_TOO_LARGE .* larger than/]],
    [
      'an expression that is too deep',
      `${PERMIT} when { ${'('.repeat(40)}true${')'.repeat(40)} };`,
      [/^ERR_MODULE_TOO_LARGE .* 123 levels deep/],
    ],
    [
      'a schema that cannot be read',
      { 'a.cedar': `${PERMIT};`, 'schema.cedarschema': 'entity\n;' },
      [/^ERR_MODULE_POLICY modules\/cedar\/schema\.cedarschema:2:1 /],
    ],
    [
      'a policy that the schema refuses',
      { 'a.cedar': `// c\n${PERMIT}\nwhen { context.enviroment == "prod" };`, 'schema.cedarschema': SCHEMA },
      [/^ERR_MODULE_POLICY modules\/cedar\/a\.cedar:3:8 .*enviroment/],
    ],
    [
      'an optional attribute that is not asked for with has',
      { 'a.cedar': `${PERMIT} when { context.environment == "prod" };`, 'schema.cedarschema': SCHEMA },
      [/^ERR_MODULE_POLICY .*environment/],
    ],
    [
      'entities that are no list',
      { 'a.cedar': `${PERMIT};`, 'entities.json': '{}' },
      [/^ERR_MODULE_FILE .*expected a list of entities/],
    ],
    [
      'entities with a duplicate key',
      { 'a.cedar': `${PERMIT};`, 'entities.json': '[{"uid": 1,\n "uid": 2}]' },
      [/^ERR_POLICY_SYNTAX modules\/cedar\/entities\.json:2:2 duplicate key/],
    ],
    [
      'entities that contain each other',
      {
        'a.cedar': `${PERMIT};`,
        'entities.json': JSON.stringify([
          { uid: { type: 'T', id: 'a' }, parents: [{ type: 'T', id: 'b' }] },
          { uid: { type: 'T', id: 'b' }, parents: [{ type: 'T', id: 'a' }] },
        ]),
      },
      [/^ERR_MODULE_FILE /],
    ],
    [
      'several things at once',
      { 'a.cedar': 'nonsense', 'b.cedar': `@id("X") ${PERMIT};` },
      [/^ERR_MODULE_POLICY modules\/cedar\/a\.cedar:1:9 /, /^ERR_POLICY_SHAPE modules\/cedar\/b\.cedar:1:1 /],
    ],
  ])('%s', async (_what, files, expected) => {
    const problems = await problemsOf(cedarModule(files));
    expect(problems).toHaveLength(expected.length);
    for (const [index, pattern] of expected.entries()) expect(problems[index]).toMatch(pattern);
  });

  test('text that is not UTF-8', async () => {
    const problems = await problemsOf(cedarModule({ 'a.cedar': Uint8Array.of(0xff, 0xfe) }));
    expect(problems).toEqual(['ERR_MODULE_FILE modules/cedar/a.cedar:1:1 the file is not valid UTF-8']);
  });
});

test('a module that fits its schema is accepted', async () => {
  const policy = `${PERMIT} when { context has environment && context.environment == "prod" };`;
  expect(await problemsOf(cedarModule({ 'a.cedar': policy, 'schema.cedarschema': SCHEMA }))).toEqual([]);
});

test('a policy without an id is named after its file and place', async () => {
  const evaluator = await evaluatorOf(cedarModule({ 'My Rules.cedar': `${PERMIT} when { false };\n${PERMIT};` }));
  expect(evaluator.evaluate(toolCall()).matched.map(({ policy }) => policy)).toEqual(['my-rules-2']);
});

test('annotations and keywords may stand in any form that Cedar takes', async () => {
  const text =
    '@id("a") // permit(\n@message("forbid (permit) \\"x\\" // no")\n@note\nforbid(principal, action, resource);';
  const { deny } = (await evaluatorOf(cedarModule(text))).evaluate(toolCall());
  expect(deny).toEqual([{ code: 'POLICY_DENIED', message: 'forbid (permit) "x" // no', path: 'platform/a' }]);
});

/** The deepest expressions of each shape that pass the cap: none may bring the library down. */
describe('the library survives', () => {
  const { depth } = MODULE_LIMITS.cedar;
  const repeated = (open: string, middle: string, close: string, count: number): string =>
    open.repeat(count) + middle + close.repeat(count);
  const shapes: readonly [name: string, body: (count: number) => string][] = [
    ['brackets', (count) => repeated('(', 'true', ')', count)],
    ['sets', (count) => `${repeated('[', '1', ']', count)} == 1`],
    ['records', (count) => `${repeated('{a: ', '1', '}', count)} == 1`],
    ['negations', (count) => repeated('!(', 'true', ')', count)],
    ['arguments', (count) => repeated('context.a.contains(', '1', ')', count)],
    ['calls', (count) => `context.a${'.contains(1)'.repeat(count)}`],
    ['attributes', (count) => `context${'.a'.repeat(count)} == 1`],
    ['alternatives', (count) => Array.from({ length: count }, () => 'context.a == 1').join(' || ')],
    ['sums', (count) => `${Array.from({ length: count }, () => 'context.a').join(' + ')} == 1`],
    ['branches', (count) => `${'if context.a == 1 then true else '.repeat(count)}true`],
    ['branches in brackets', (count) => repeated('if true then (', 'true', ') else false', count)],
    ['chains in brackets', (count) => repeated('(true || true || true && ', 'true', ')', count)],
  ];

  test.each(shapes)('%s as deep as the cap', async (_name, body) => {
    const textOf = (count: number): string => `forbid(principal, action, resource) when { ${body(count)} };`;
    let count = 1;
    while (measureDepth(textOf(count + 1)) <= depth) count += 1;
    expect(count).toBeGreaterThan(5);
    const evaluator = await evaluatorOf(cedarModule(textOf(count)));
    evaluator.evaluate(toolCall());
    const after = await evaluatorOf(cedarModule(`${PERMIT};`));
    expect(after.evaluate(toolCall()).effect).toBe('allow');
  });

  test.each(shapes)('%s beyond the cap, which it never sees', async (_name, body) => {
    const problems = await problemsOf(cedarModule(`forbid(principal, action, resource) when { ${body(5000)} };`));
    expect(problems.join()).toMatch(/ERR_MODULE_TOO_LARGE/);
    expect(await problemsOf(cedarModule(`${PERMIT};`))).toEqual([]);
  });
});
