/**
 * Which models there are depends on the environment and on the role of the user: one release, the sidecars of two environments, the
 * official client with tokens of an issuer. What is listed is what may be used, and nothing else is.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import OpenAI from 'openai';
import { sourceFiles } from '../support/bundle-source.js';
import { type ModelProvider, startModelProvider } from '../support/model-provider.js';
import { type SidecarProcess, type Stack, startStack } from '../support/stack.js';
import { createTokenIssuer } from '../support/token-issuer.js';

jest.setTimeout(120_000);
/** A machine that is busy must not make a decision late: the question is which models there are. */
const PATIENT = { deadlineMs: 5_000, hedgeAfterMs: 4_000, breaker: { resetTimeoutMs: 6_000 } };

const POLICIES = sourceFiles({
  'bundle.yaml': JSON.stringify({
    format: 'portcullis.policy/1',
    name: 'models',
    version: '1.0.0',
    default: 'deny',
    // For everybody with the same fields: whose list it is must not be mixed up.
    cache: { ttl_seconds: 30 },
    sets: [
      { name: 'access', layer: 'platform', combining: 'deny_overrides', priority_order: 'asc', policies: 'access' },
      { name: 'models', layer: 'platform', combining: 'priority', priority_order: 'desc', policies: 'models' },
    ],
  }),
  'access/all.json': JSON.stringify([
    {
      name: 'Model access',
      type: 'model_access',
      action: 'deny',
      priority: 10,
      config: {
        catalogue: {
          dev: [{ provider: '*', models: ['*'] }],
          prod: [
            { provider: 'acme', models: ['large', 'small'] },
            { provider: 'house', models: ['own'] },
          ],
        },
        rules: [
          { roles: ['engineer'], models: ['*'], actions: ['*'] },
          { roles: ['analyst'], models: ['small', 'own'], actions: ['*'] },
        ],
      },
      enabled: true,
    },
  ]),
  'models/all.json': JSON.stringify([
    { name: 'Models', on: ['inference'], when: 'always', effect: 'allow', priority: 10 },
  ]),
});
const ALL = ['large', 'new', 'own', 'small'];

let folder = '';
let stack: Stack;
let provider: ModelProvider;
const issuer = createTokenIssuer();
const sidecars = new Map<string, SidecarProcess>();

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'portcullis-catalogue-'));
  provider = await startModelProvider();
  stack = await startStack({
    pdp: { users: { issuers: [issuer.configIn(folder)] }, limits: { decisionDeadlineMs: 5_000 } },
  });
  await stack.loaded((await stack.publish(POLICIES)).seq);
  const models = (...names: readonly string[]): object => ({ models: names.map((name) => ({ name })) });
  const baseUrl = `${provider.url}/v1`;
  for (const environment of ['prod', 'dev']) {
    const sidecar = await stack.startSidecar({
      upstreams: [],
      pdp: PATIENT,
      config: {
        environment,
        onBehalf: { userToken: { header: 'x-user-token' } },
        llm: {
          providers: [
            { name: 'acme', kind: 'openai', baseUrl, ...models('large', 'small', 'new') },
            { name: 'house', kind: 'openai', baseUrl, ...models('own') },
          ],
        },
      },
    });
    sidecars.set(environment, sidecar);
  }
});
afterAll(async () => {
  await stack?.close();
  await provider?.close();
  if (folder !== '') rmSync(folder, { recursive: true, force: true });
});

function clientOf(environment: string, role: string): OpenAI {
  const address = sidecars.get(environment)?.addresses['llm'] ?? '';
  const token = issuer.tokenOf({ sub: `one-${role}`, role });
  const defaultHeaders = { 'x-user-token': token };
  return new OpenAI({ baseURL: `http://${address}/v1`, apiKey: 'of-the-agent', maxRetries: 0, defaultHeaders });
}

test.each([
  ['prod', 'engineer', ['large', 'own', 'small']],
  ['prod', 'analyst', ['own', 'small']],
  ['prod', 'intern', []],
  ['dev', 'engineer', ALL],
  ['dev', 'analyst', ['own', 'small']],
  ['dev', 'intern', []],
])('in %s a user who is %s has the models %j', async (environment, role, expected) => {
  const client = clientOf(environment, role);
  const listed: string[] = [];
  for await (const { id } of client.models.list()) listed.push(id);
  expect(listed.toSorted()).toEqual(expected);

  const used: string[] = [];
  for (const model of ALL) {
    const before = provider.calls.length;
    const messages = [{ role: 'user' as const, content: 'say hello' }];
    const failed = await client.chat.completions.create({ model, messages }).then(
      () => undefined,
      (error: unknown) => error as { readonly status: number; readonly message: string },
    );
    if (failed === undefined) used.push(model);
    else expect([failed.status, failed.message]).toEqual([403, expect.stringContaining('MODEL_ACCESS_DENIED')]);
    expect(provider.calls.length - before).toBe(failed === undefined ? 1 : 0);
  }
  expect(used).toEqual(expected);
});
