import { afterEach, describe, expect, jest, test } from '@jest/globals';
import type { Engine } from '@portcullis/policy';
import { createRegistrySource } from '../context/registry-source.js';
import { createFakeClock, type FakeClock } from '../fixtures/fake-clock.js';
import { AGENT_ID, createTestHttpApp, EDGE_ID, type TestHttpApp, WIDE_ID } from '../fixtures/http-app.js';
import { pipelineParts } from '../fixtures/pipeline.js';
import { engineOf, snapshotOf } from '../fixtures/policies.js';
import { createDecide, type DecideParts } from '../pipeline/decide.js';
import { createDryDecide } from '../search/dry-decide.js';
import { createListed } from '../search/listed.js';
import { createPageTokens } from '../search/page-token.js';
import { createSealer } from '../session/sealer.js';
import { httpConfig } from './http-config.js';
import type { SearchParts } from './search-routes.js';

// Many requests in one test, on machines that are busy with others.
jest.setTimeout(30_000);

const TENANTS = new Map([
  ['edge', new Set(['acme'])],
  ['wide', new Set(['acme', 'globex'])],
]);
const PATH = {
  subject: '/access/v1/search/subject',
  resource: '/access/v1/search/resource',
  action: '/access/v1/search/action',
};
const analyst = { type: 'agent', id: 'analyst' };
const call = { name: 'tools/call' };
const tools = { subject: analyst, action: call, resource: { type: 'tool' } };

const is = (field: string, value: unknown): object => ({ field, operator: 'equals', value });
const rule = (name: string, effect: unknown, when: object, priority = 50): object => ({ name, effect, when, priority });
const AGENTS = [
  { tenant: 'acme', id: 'analyst', trust_level: 0.9 },
  { tenant: 'acme', id: 'intern', trust_level: 0.1 },
  { tenant: 'globex', id: 'spy', trust_level: 0.9 },
];
const TOOLS = [
  { tenant: 'acme', server: 'crm', name: 'export', sensitivity: 'high' },
  { server: 'crm', name: 'export', sensitivity: 'low' },
  { server: 'crm', name: 'lookup', sensitivity: 'low' },
  { server: 'mail', name: 'send', sensitivity: 'low' },
  { tenant: 'globex', server: 'vault', name: 'open', sensitivity: 'low' },
];
const TRUSTED = rule('Trusted', 'allow', { field: 'agent.trust_level', operator: 'greater_or_equal', value: 0.5 });
const NOT_HIGH = rule('Not high', 'deny', is('tool.attributes.sensitivity', 'high'), 90);

interface World {
  readonly http: TestHttpApp;
  readonly clock: FakeClock;
  readonly parts: DecideParts;
  publish(engine: Engine): void;
}

const open: World[] = [];
afterEach(async () => {
  for (const { http } of open.splice(0)) await http.app.close();
});

function bundle(policies: readonly object[], more: Readonly<Record<string, object>> = {}): Engine {
  const data = {
    'bundle.yaml': {
      format: 'portcullis.policy/1',
      name: 'b',
      version: '1.0.0',
      sets: [{ name: 's', layer: 'platform', combining: 'priority', priority_order: 'desc', policies: 'p' }],
      data: { agents: 'data/agents.json', tools: 'data/tools.json' },
    },
    'data/agents.json': { agents: AGENTS },
    'data/tools.json': { tools: TOOLS },
  };
  return engineOf(policies, { ...data, ...more });
}

/** A surface over a real pipeline. */
function surface(engine: Engine, changes: Partial<DecideParts> = {}, limits: Partial<SearchParts> = {}): World {
  const clock = createFakeClock(Date.parse('2026-11-21T12:00:00Z'));
  const snapshots = { current: () => ({ ok: true, snapshot }) as const };
  let snapshot = snapshotOf(engine);
  const parts = {
    ...pipelineParts(engine, clock),
    gateways: TENANTS,
    snapshots,
    sources: [createRegistrySource()],
    ...changes,
  };
  const search = {
    snapshots,
    dryDecide: createDryDecide(parts),
    tokens: createPageTokens(createSealer(new Uint8Array(32), 'test'), clock, 600),
    listed: createListed({ entities: [], actions: {} }),
    maxResults: 100,
    pageMs: 500,
    maxAtOnce: 4,
    ...limits,
  };
  const http = createTestHttpApp(undefined, { search, clock, pipeline: createDecide(parts) });
  const world = {
    http,
    clock,
    parts,
    publish: (next: Engine) => {
      snapshot = { ...snapshotOf(next), releaseSeq: snapshot.releaseSeq + 1, bundleDigest: 'cd'.repeat(32) };
    },
  };
  open.push(world);
  return world;
}

interface Found {
  readonly page: { readonly next_token: string; readonly count: number };
  readonly context: { readonly candidates: string; readonly undecided?: number; readonly unlisted?: object };
  readonly results: readonly { readonly id?: string; readonly name?: string }[];
}

async function search({ http }: World, kind: keyof typeof PATH, body: object, as = AGENT_ID): Promise<Found> {
  const answer = await http.post(PATH[kind], body, { 'x-peer': as });
  expect([answer.statusCode, answer.body.slice(0, 300)]).toEqual([200, expect.any(String)]);
  return answer.json();
}

async function refusal({ http }: World, kind: keyof typeof PATH, body: object, as = AGENT_ID): Promise<unknown[]> {
  const answer = await http.post(PATH[kind], body, { 'x-peer': as });
  const { code, problems } = answer.json<{ code: string; problems?: readonly { path: string }[] }>();
  return [answer.statusCode, code, problems?.[0]?.path];
}

const ids = ({ results }: Found): unknown[] => results.map(({ id, name }) => id ?? name);

describe('what is found', () => {
  test('resources are the tools of the catalogue that the subject may use, of its own tenant', async () => {
    const world = surface(bundle([TRUSTED, NOT_HIGH]));
    const found = await search(world, 'resource', tools);
    expect(found.results).toEqual([
      { type: 'tool', id: 'lookup', properties: { server: 'crm' } },
      { type: 'tool', id: 'send', properties: { server: 'mail' } },
    ]);
    expect(found.page).toEqual({ next_token: '', count: 2 });
    expect(found.context).toEqual({ candidates: 'catalogue', policy_version: '1.0.0', release_seq: 7 });
    const ofMail = { ...tools, resource: { type: 'tool', id: 'ignored', properties: { server: 'mail' } } };
    expect(ids(await search(world, 'resource', ofMail))).toEqual(['send']);
  });

  test('subjects are the agents of the registry, of a tenant that the gateway speaks for', async () => {
    const world = surface(bundle([TRUSTED]));
    const body = { subject: { type: 'agent' }, action: call, resource: { type: 'tool', id: 'x' } };
    expect(ids(await search(world, 'subject', body, EDGE_ID))).toEqual(['analyst']);
    const globex = { ...body, context: { tenant_id: 'globex' } };
    expect(ids(await search(world, 'subject', globex, WIDE_ID))).toEqual(['spy']);
    expect(await refusal(world, 'subject', body, WIDE_ID)).toEqual([400, 'ERR_HTTP_INVALID', 'context.tenant_id']);
    expect(await refusal(world, 'subject', globex, EDGE_ID)).toEqual([403, 'ERR_SEARCH_FORBIDDEN', undefined]);
  });

  test('an agent finds nobody but itself, and asks for nobody else', async () => {
    const world = surface(bundle([TRUSTED]));
    const body = { subject: { type: 'agent' }, action: call, resource: { type: 'tool', id: 'x' } };
    expect(ids(await search(world, 'subject', body))).toEqual(['analyst']);
    const named = { ...body, page: { properties: { candidates: ['intern'] } } };
    expect(await refusal(world, 'subject', named)).toEqual([400, 'ERR_HTTP_INVALID', 'agent.id']);
    const foreign = { ...tools, subject: { type: 'agent', id: 'intern' } };
    expect(await refusal(world, 'resource', foreign)).toEqual([403, 'ERR_SEARCH_FORBIDDEN', undefined]);
  });

  test('actions are those of the protocol', async () => {
    // Only some calls of it: none without arguments, and it is listed because of them.
    const some = rule('Some', 'allow', is('tool.arguments.table', 'orders'));
    const world = surface(bundle([rule('Lists', 'allow', is('tool.operation', 'tools/list')), some]));
    const body = { subject: analyst, resource: { type: 'tool', id: 'lookup' }, action: 'ignored' };
    const found = await search(world, 'action', body);
    expect(found.results).toEqual([{ name: 'tools/list' }]);
  });

  test('what the request names is all that is decided', async () => {
    const world = surface(bundle([rule('One', 'allow', is('request.model', 'm-1'))]));
    const body = {
      subject: analyst,
      action: { name: 'chat' },
      resource: { type: 'model' },
      page: { properties: { candidates: ['m-1', 'm-2', 'm-1'] } },
    };
    const found = await search(world, 'resource', body);
    expect([ids(found), found.context.candidates]).toEqual([['m-1'], 'request']);
  });

  test('is exactly what evaluations of the same entities permit', async () => {
    const hold = rule('Ask', { type: 'require_approval', role: 'boss' }, is('tool.name', 'send'), 80);
    const masked = rule(
      'Mask',
      { type: 'redact', redact_config: { detectors: ['card'], method: 'mask' } },
      is('tool.name', 'lookup'),
      70,
    );
    const worlds = [
      surface(bundle([TRUSTED, NOT_HIGH])),
      surface(bundle([TRUSTED, hold])),
      surface(bundle([TRUSTED, masked])),
      surface(bundle([TRUSTED]), { kills: { stops: ({ tool }) => (tool?.name === 'send' ? KILLED : undefined) } }),
    ];
    for (const world of worlds) {
      for (const [as, tenant] of [
        [WIDE_ID, 'acme'],
        [WIDE_ID, 'globex'],
      ] as const) {
        const context = { tenant_id: tenant };
        const found = await search(world, 'resource', { ...tools, context }, as);
        const evaluations = TOOLS.filter((one) => (one.tenant ?? tenant) === tenant).map(({ server, name }) => ({
          resource: { type: 'tool', id: name, properties: { server } },
        }));
        const batch = await world.http.post(
          '/access/v1/evaluations',
          { subject: analyst, action: call, context, evaluations },
          { 'x-peer': as },
        );
        const answers = batch.json<{ evaluations: readonly { decision: boolean }[] }>().evaluations;
        const permitted = evaluations.filter((_, index) => answers[index]?.decision === true);
        const expected = new Set(permitted.map(({ resource }) => `${resource.properties.server}/${resource.id}`));
        const names = found.results.map((one) => {
          const { id, properties } = one as { id: string; properties: { server: string } };
          return `${properties.server}/${id}`;
        });
        expect(new Set(names)).toEqual(expected);
        expect(names).toHaveLength(expected.size);
      }
    }
  });
});

const KILLED = { code: 'KILL_SWITCH', message: 'stopped', path: '' } as const;

describe('what cannot be listed is not found, and it is said that nobody knows', () => {
  const unlisted = (path: string): object => ({
    page: { next_token: '', count: 0 },
    context: { candidates: 'none', unlisted: { path, message: expect.stringMatching(/list|declares|type/) } },
    results: [],
  });

  test.each<[string, keyof typeof PATH, object, string]>([
    [
      'users',
      'subject',
      { subject: { type: 'user' }, action: call, resource: { type: 'tool', id: 'x' } },
      'subject.type',
    ],
    ['hosts', 'resource', { ...tools, resource: { type: 'host' } }, 'resource.type'],
    ['models', 'resource', { ...tools, resource: { type: 'model' } }, 'resource.type'],
    ['skills of agents', 'action', { subject: analyst, resource: { type: 'agent', id: 'x' } }, 'resource.type'],
    ['an unknown type', 'resource', { ...tools, resource: { type: 'ship' } }, 'resource.type'],
    [
      'an unknown type whose candidates are named',
      'resource',
      { ...tools, resource: { type: 'ship' }, page: { properties: { candidates: ['a'] } } },
      'resource.type',
    ],
    ['what an unknown type may', 'resource', { ...tools, subject: { type: 'ship', id: 'x' } }, 'subject.type'],
  ])('%s', async (_name, kind, body, path) => {
    const world = surface(bundle([rule('All', 'allow', is('tenant_id', 'acme'))]));
    expect(await search(world, kind, body, EDGE_ID)).toMatchObject(unlisted(path));
  });

  test('agents and tools of a bundle that declares none', async () => {
    const world = surface(engineOf([TRUSTED]));
    expect(await search(world, 'resource', tools)).toMatchObject(unlisted('resource.type'));
    const agents = { subject: { type: 'agent' }, action: call, resource: { type: 'tool', id: 'x' } };
    expect(await search(world, 'subject', agents, EDGE_ID)).toMatchObject(unlisted('subject.type'));
  });

  test('a list without anything that is permitted says nothing of the kind', async () => {
    const none = await search(surface(bundle([rule('No', 'deny', is('tenant_id', 'acme'))])), 'resource', tools);
    expect([none.results, none.context.candidates, none.context.unlisted]).toEqual([[], 'catalogue', undefined]);
  });
});

describe('what is refused', () => {
  test('a question that is none, and one under no release', async () => {
    const world = surface(bundle([TRUSTED]));
    const odd = { ...tools, resource: { type: 'tool', properties: { name: 'x' } } };
    expect(await refusal(world, 'resource', odd)).toEqual([400, 'ERR_HTTP_INVALID', 'resource.properties.name']);
    const stale = surface(bundle([TRUSTED]), {}, { snapshots: { current: () => ({ ok: false, message: 'none' }) } });
    expect(await refusal(stale, 'resource', tools)).toEqual([503, 'ERR_SEARCH_RELEASE', undefined]);
  });

  test.each<[string, object, string]>([
    ['no subject', { action: call, resource: { type: 'tool' } }, 'subject'],
    ['no action', { subject: analyst, resource: { type: 'tool' } }, 'action'],
    ['no type', { ...tools, resource: {} }, 'resource.type'],
    ['a page that is a list', { ...tools, page: [] }, 'page'],
    ['a limit below zero', { ...tools, page: { limit: -1 } }, 'page.limit'],
    ['a limit that is no integer', { ...tools, page: { limit: 1.5 } }, 'page.limit'],
    ['a token that is a number', { ...tools, page: { token: 1 } }, 'page.token'],
    ['no candidate at all', { ...tools, page: { properties: { candidates: [] } } }, 'page.properties.candidates'],
    [
      'a candidate that is empty',
      { ...tools, page: { properties: { candidates: [''] } } },
      'page.properties.candidates',
    ],
  ])('%s', async (_name, body, path) => {
    expect(await refusal(surface(bundle([TRUSTED])), 'resource', body)).toEqual([400, 'ERR_HTTP_INVALID', path]);
  });
});

describe('what the configuration lists', () => {
  const entities = [
    { type: 'model', id: 'm-1' },
    { type: 'model', id: 'm-2', tenant: 'globex' },
    { type: 'user', id: 'ann', properties: { role: 'boss' } },
  ];
  const world = (): World =>
    surface(
      bundle([rule('All', 'allow', is('tenant_id', 'acme')), rule('Globex', 'allow', is('tenant_id', 'globex'))]),
      {},
      { listed: createListed({ entities, actions: { model: ['chat', 'embed', 'chat'] } }) },
    );
  const models = { subject: analyst, action: { name: 'chat' }, resource: { type: 'model' } };

  test('is found, each tenant its own', async () => {
    const found = await search(world(), 'resource', models);
    expect([ids(found), found.context.candidates]).toEqual([['m-1'], 'configuration']);
    const globex = { ...models, context: { tenant_id: 'globex' } };
    expect(ids(await search(world(), 'resource', globex, WIDE_ID))).toEqual(['m-1', 'm-2']);
    const what = { subject: analyst, resource: { type: 'model', id: 'm-1' } };
    expect(ids(await search(world(), 'action', what))).toEqual(['chat', 'embed']);
  });

  test('an agent may not speak of users, listed or not', async () => {
    const users = { subject: { type: 'user' }, action: call, resource: { type: 'tool', id: 'x' } };
    expect(await refusal(world(), 'subject', { ...users, context: { agent: 'analyst' } })).toEqual([
      400,
      'ERR_HTTP_INVALID',
      'subject.type',
    ]);
  });

  test('a token is not good for other lists', async () => {
    const first = await search(world(), 'action', {
      subject: analyst,
      resource: { type: 'model', id: 'm-1' },
      page: { limit: 1 },
    });
    const other = surface(
      bundle([rule('All', 'allow', is('tenant_id', 'acme'))]),
      {},
      { listed: createListed({ entities, actions: { model: ['embed', 'chat'] } }) },
    );
    const again = { subject: analyst, resource: { type: 'model', id: 'm-1' }, page: { token: first.page.next_token } };
    expect(await refusal(other, 'action', again)).toEqual([400, 'ERR_HTTP_INVALID', 'page.token']);
  });

  test.each([
    ['tools, which a bundle declares', { entities: [{ type: 'tool', id: 'x' }] }, 'search.entities.0.type'],
    ['a type that is not declared', { entities: [{ type: 'record', id: 'x' }] }, 'search.entities.0.type'],
    ['what a protocol says', { actions: { tool: ['call'] } }, 'search.actions.tool'],
    ['what can be done with an unknown type', { actions: { record: ['read'] } }, 'search.actions.record'],
    ['no action', { actions: { model: [] } }, 'search.actions.model'],
  ])('cannot be %s', (_name, lists, path) => {
    const { error } = httpConfig.safeParse({ search: lists });
    expect(error?.issues.map((issue) => issue.path.join('.'))).toEqual([path]);
  });
});

describe('pages', () => {
  const many = Array.from({ length: 60 }, (_, index) => ({ server: 's', name: `t${String(index).padStart(2, '0')}` }));
  const wide = bundle([TRUSTED, rule('No', 'deny', is('tool.name', 't03'), 90)], {
    'data/tools.json': { tools: many },
  });

  test('hold every result once, in order, and end with an empty token', async () => {
    const world = surface(wide);
    const all: unknown[] = [];
    let token: string | undefined;
    for (let pages = 0; token !== '' && pages < 20; pages += 1) {
      const found = await search(world, 'resource', {
        ...tools,
        page: { limit: 7, ...(token === undefined ? {} : { token }) },
      });
      expect(found.page.count).toBe(found.results.length);
      expect(found.results.length).toBeLessThanOrEqual(7);
      all.push(...ids(found));
      token = found.page.next_token;
    }
    expect(token).toBe('');
    expect(all).toEqual(many.map(({ name }) => name).filter((name) => name !== 't03'));
  });

  test('a limit above the most is the most, and a limit of nothing finds nothing', async () => {
    const world = surface(wide, {}, { maxResults: 5 });
    expect((await search(world, 'resource', { ...tools, page: { limit: 50 } })).results).toHaveLength(5);
    const none = await search(world, 'resource', { ...tools, page: { limit: 0 } });
    expect([none.results, none.page.next_token === '']).toEqual([[], false]);
  });

  test('a token goes on with its own limit, and with no other', async () => {
    const world = surface(wide);
    const { page } = await search(world, 'resource', { ...tools, page: { limit: 2 } });
    const token = page.next_token;
    expect(ids(await search(world, 'resource', { ...tools, page: { token } }))).toEqual(['t02', 't04']);
    const other = { ...tools, page: { token, limit: 3 } };
    expect(await refusal(world, 'resource', other)).toEqual([400, 'ERR_HTTP_INVALID', 'page.limit']);
  });

  test('a token is good for its question, caller and release, for its time, and as it is', async () => {
    const world = surface(wide);
    const { page } = await search(world, 'resource', { ...tools, page: { limit: 2 } });
    const token = page.next_token;
    const refused = [400, 'ERR_HTTP_INVALID', 'page.token'];
    const again = (changes: object, as = AGENT_ID): Promise<unknown> =>
      refusal(world, 'resource', { ...tools, page: { token }, ...changes }, as);
    expect(await again({ action: { name: 'tools/list' } })).toEqual(refused);
    expect(await again({ context: { environment: 'prod' } })).toEqual(refused);
    expect(await again({}, EDGE_ID)).toEqual(refused);
    const flipped = `${token.slice(0, 20)}${token[20] === 'A' ? 'B' : 'A'}${token.slice(21)}`;
    expect(await again({ page: { token: flipped } })).toEqual(refused);
    expect(await again({ page: { token: 'x'.repeat(2_000) } })).toEqual(refused);
    // The id of what is searched for is ignored, and so are members that are not known.
    await search(world, 'resource', { ...tools, resource: { type: 'tool', id: 'other', x: 1 }, page: { token } });
    world.publish(wide);
    expect(await again({})).toEqual(refused);
    const old = surface(wide);
    old.clock.advance(601_000);
    expect(await refusal(old, 'resource', { ...tools, page: { token } })).toEqual(refused);
  });

  test('a page takes no more candidates once its time is over, and the next one goes on', async () => {
    const slow: DecideParts['kills'] = {
      stops: () => {
        world.clock.advance(40);
        return undefined;
      },
    };
    const world = surface(wide, { kills: slow });
    const first = await search(world, 'resource', tools);
    expect(first.results.length).toBeLessThan(many.length - 1);
    expect(first.page.next_token).not.toBe('');
  });

  test('more searches at once than there may be are refused', async () => {
    const world = surface(wide, {}, { maxAtOnce: 1 });
    const answers = await Promise.all([1, 2].map(() => world.http.post(PATH.resource, tools)));
    expect(new Set(answers.map(({ statusCode }) => statusCode))).toEqual(new Set([200, 503]));
  });
});

describe('nothing comes of a search', () => {
  test('it draws on no quota, and says what the quota would', async () => {
    const quota = {
      name: 'Two',
      type: 'quota',
      action: 'deny',
      priority: 90,
      config: { kind: 'requests', limit: 2, window_seconds: 60, per: ['agent'] },
      when: is('tool.name', 'send'),
    };
    const world = surface(bundle([TRUSTED, quota]));
    for (let round = 0; round < 5; round += 1) expect(ids(await search(world, 'resource', tools))).toContain('send');
    const evaluation = { ...tools, resource: { type: 'tool', id: 'send', properties: { server: 'mail' } } };
    const answers: unknown[] = [];
    for (let round = 0; round < 3; round += 1) {
      answers.push((await world.http.post('/access/v1/evaluation', evaluation)).json().decision);
    }
    expect(answers).toEqual([true, true, false]);
    expect(ids(await search(world, 'resource', tools))).not.toContain('send');
  });

  test('nobody is asked, told or recorded, and nothing is followed', async () => {
    const hold = rule('Ask', { type: 'require_approval', role: 'boss' }, is('tool.name', 'send'), 90);
    const seen: string[] = [];
    const engine = bundle([TRUSTED, hold]);
    const base = pipelineParts(engine, createFakeClock());
    const world = surface(engine, {
      sink: { append: async () => void seen.push('record') },
      followers: [{ follows: () => true, decided: () => void seen.push('follow') }],
      approvals: { ...base.approvals, tell: () => void seen.push('tell'), record: async () => void seen.push('entry') },
    });
    expect(ids(await search(world, 'resource', tools))).not.toContain('send');
    expect(await world.parts.approvals.store.list('acme', { states: [], limit: 10 })).toEqual([]);
    expect(seen).toEqual([]);
  });

  test('nobody is to look at what nobody does, however often it is searched for', async () => {
    const escalate = rule('Look', 'escalate', is('tool.name', 'send'), 90);
    const asked: string[] = [];
    const reviews: DecideParts['reviews'] = {
      required: true,
      accept: async ({ id }) => {
        asked.push(id);
        return false;
      },
      withdraw: async () => undefined,
    };
    const world = surface(bundle([TRUSTED, escalate]), { reviews });
    expect(ids(await search(world, 'resource', tools))).toContain('send');
    expect(asked).toEqual([]);
    const evaluation = { ...tools, resource: { type: 'tool', id: 'send', properties: { server: 'mail' } } };
    expect((await world.http.post('/access/v1/evaluation', evaluation)).json().decision).toBe(false);
    expect(asked).toHaveLength(1);
  });
});

describe('the surface', () => {
  test('metadata names what there is, and nothing else', async () => {
    const world = surface(bundle([TRUSTED]));
    const metadata = await world.http.app.inject({ url: '/.well-known/authzen-configuration' });
    expect(metadata.json()).toMatchObject({
      search_subject_endpoint: 'https://pdp.test/access/v1/search/subject',
      search_resource_endpoint: 'https://pdp.test/access/v1/search/resource',
      search_action_endpoint: 'https://pdp.test/access/v1/search/action',
    });
    const without = createTestHttpApp();
    const bare = await without.app.inject({ url: '/.well-known/authzen-configuration' });
    expect(Object.keys(bare.json()).filter((name) => name.startsWith('search'))).toEqual([]);
    expect((await without.post(PATH.resource, tools)).statusCode).toBe(404);
    await without.app.close();
  });

  test('the id of a request comes back, on errors too; another content type is refused', async () => {
    const { http } = surface(bundle([TRUSTED]));
    for (const body of [tools, {}]) {
      const answer = await http.post(PATH.resource, body, { 'x-request-id': 'a b' });
      expect(answer.headers['x-request-id']).toBe('a b');
    }
    const text = await http.post(PATH.resource, tools, { 'content-type': 'text/plain' });
    expect(text.statusCode).toBe(400);
    expect(
      (await http.app.inject({ method: 'GET', url: PATH.resource, headers: { 'x-peer': AGENT_ID } })).statusCode,
    ).toBe(405);
  });
});
