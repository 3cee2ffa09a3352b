import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { fromJSONSchema } from 'zod';
import { createTestHttpApp, OPERATOR_ID, type TestHttpApp } from '../fixtures/http-app.js';
import { routeOf } from './http-observer.js';

interface Schema {
  readonly [member: string]: unknown;
  readonly $defs?: Readonly<Record<string, unknown>>;
  readonly examples?: readonly unknown[];
}
type Schemas = Readonly<Record<string, Schema>>;
type Operation = Readonly<Record<string, unknown>>;
interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Schemas };
}

const file = new URL('../../../docs/reference/pdp-openapi.json', import.meta.url);
const document = JSON.parse(readFileSync(file, 'utf8')) as OpenApi;
const { schemas } = document.components;

let http: TestHttpApp;
beforeEach(() => {
  // Which routes there are depends on whether there is something behind them, not on what it is.
  http = createTestHttpApp(undefined, {
    approvals: {} as never,
    search: { maxAtOnce: 1 } as never,
    accessRequests: {} as never,
  });
});
afterEach(() => http.app.close());

/** `METHOD /path/{id}`, of the router itself. */
function routed(): string[] {
  const routes: string[] = [];
  const above: string[] = [];
  for (const line of http.app.printRoutes().split('\n')) {
    const node = /^(?<indent>(?:│ {3}| {4})*)(?:├── |└── )(?<label>\S+)(?: \((?<methods>[A-Z, ]+)\))?$/.exec(line);
    if (node?.groups === undefined) continue;
    const { indent = '', label = '', methods = '' } = node.groups;
    above.length = indent.length / 4;
    above.push(label);
    const path = above.join('').replaceAll(/:([a-z]+)/g, '{$1}');
    for (const method of methods.split(', ').filter((one) => one !== '')) routes.push(`${method} ${path}`);
  }
  return routes.toSorted();
}

function described(): string[] {
  return Object.entries(document.paths)
    .flatMap(([path, item]) => Object.keys(item).map((method) => `${method.toUpperCase()} ${path}`))
    .toSorted();
}

/** Checks a value against a schema of the document: what is wrong with it. */
function check(name: string, value: unknown): string[] {
  const { $defs, ...shared } = withoutNesting();
  const schema = { $ref: `#/$defs/${name}`, ...shared, $defs } as unknown as Parameters<typeof fromJSONSchema>[0];
  const checked = fromJSONSchema(schema).safeParse(value);
  return checked.success ? [] : checked.error.issues.map((issue) => `${issue.path.join('.')} ${issue.message}`);
}

const CONDITIONAL = ['if', 'then', 'else'];

/** All schemas as definitions of one; those that two of them bring along are raised beside them. */
function withoutNesting(): { readonly $defs: object } {
  const definitions: Record<string, unknown> = {};
  for (const [name, { $defs = {}, $id: _id, $schema: _dialect, examples: _examples, ...schema }] of Object.entries(
    schemas,
  )) {
    const raised = (part: unknown): unknown =>
      JSON.parse(
        JSON.stringify(part)
          .replaceAll('"#/components/schemas/', '"#/$defs/')
          .replaceAll(/"#\/\$defs\/([a-z][A-Za-z]*)"/g, `"#/$defs/${name}_$1"`),
        // What zod cannot read: that an allow has no reasons, which proto/src tests.
        (member, value: unknown) => (CONDITIONAL.includes(member) ? undefined : value),
      );
    definitions[name] = raised(schema);
    for (const [inner, part] of Object.entries($defs)) definitions[`${name}_${inner}`] = raised(part);
  }
  return { $defs: definitions };
}

/** Names of the schemas that bodies have. */
function bodies(): Set<string> {
  const found = JSON.stringify(document.paths).matchAll(/#\/components\/schemas\/([A-Za-z]+)/g);
  return new Set([...found].map(([, name = '']) => name));
}

describe('the OpenAPI document', () => {
  test('describes every route of the port, and no other', () => {
    expect(routed().length).toBeGreaterThan(15);
    expect(described()).toEqual(routed());
  });

  test('the table that answers with 405 knows the same routes and methods', () => {
    for (const route of described()) {
      const [method = '', path = ''] = route.split(' ');
      const known = routeOf(path.replace('{id}', 'x'));
      expect([route, known?.method.split(', ').includes(method)]).toEqual([route, true]);
    }
  });

  test('every operation has a name of its own, a summary and its answers', () => {
    const operations = Object.values(document.paths).flatMap((item) => Object.values(item));
    const names = operations.map(({ operationId }) => operationId);
    expect(new Set(names).size).toBe(names.length);
    for (const { operationId, summary, responses } of operations) {
      expect([
        operationId,
        typeof summary,
        Object.keys(responses as object).some((status) => status.startsWith('2')),
      ]).toEqual([expect.any(String), 'string', true]);
    }
  });

  test('every body has an example, and every example is one', () => {
    for (const name of bodies()) {
      const examples = schemas[name]?.examples ?? [];
      expect([name, examples.length > 0]).toEqual([name, true]);
      for (const example of examples) expect([name, check(name, example)]).toEqual([name, []]);
    }
  });

  test('a body that is not as described is told from one that is', () => {
    expect(check('AuthzenResourceSearch', { subject: { type: 'agent' } })).not.toEqual([]);
    expect(check('QuotaUsage', { shared: 1, quotas: [{}] })).not.toEqual([]);
    expect(check('CanonicalRequest', { version: '2.0' })).not.toEqual([]);
  });

  test('what is answered is as described', async () => {
    const operator = { 'x-peer': OPERATOR_ID };
    const example = (name: string): unknown => schemas[name]?.examples?.[0];
    const agent = { ...(example('CanonicalRequest') as object), agent: { id: 'analyst' } };
    const answers = {
      Decision: await http.post('/v1/policy/evaluate', agent),
      AuthzenDecision: await http.post('/access/v1/evaluation', example('AuthzenEvaluation')),
      AuthzenDecisions: await http.post('/access/v1/evaluations', example('AuthzenEvaluations')),
      AuthzenMetadata: await http.app.inject({ url: '/.well-known/authzen-configuration' }),
      KillState: await http.app.inject({ url: '/v1/kill', headers: operator }),
      QuotaUsage: await http.app.inject({ url: '/v1/quotas', headers: operator }),
      Problem: await http.post('/access/v1/search/subject', {}),
    };
    for (const [name, answer] of Object.entries(answers)) {
      expect([name, check(name, answer.json())]).toEqual([name, []]);
    }
  });
});
