import { afterEach, describe, expect, test } from '@jest/globals';
import { createLogger } from '@portcullis/runtime';
import { createFakeClock, type FakeClock } from '../fixtures/fake-clock.js';
import { pipelineOf } from '../fixtures/pipeline.js';
import { ALLOW_ALL, engineOf, snapshotOf } from '../fixtures/policies.js';
import { AGENT, toolCall } from '../fixtures/requests.js';
import type { Supplement } from '../pipeline/ports.js';
import { createHttpSource, type OpenContextSource, type Post } from './http-source.js';
import { httpSourceConfig } from './http-source-config.js';

const log = createLogger({ component: 'test', level: 'silent' });
const PROVIDES = ['agent.trust_level', 'tool.attributes', 'user.team', 'context.attributes.region', 'facts.sinks'];
const ENGINE = engineOf([ALLOW_ALL]);
const closing: OpenContextSource[] = [];
afterEach(() => {
  for (const source of closing.splice(0)) source.close();
});

interface Subject {
  readonly source: OpenContextSource;
  readonly clock: FakeClock;
  /** Bodies that were sent. */
  readonly asked: string[];
  ask(user?: string): Promise<Supplement | 'unknown'>;
}

function subject(answer: (body: string) => unknown, changes: object = {}): Subject {
  const clock = createFakeClock();
  const config = httpSourceConfig.parse({
    name: 'pip',
    url: 'https://pip.test/facts',
    provides: PROVIDES,
    auth: { type: 'mtls' },
    breaker: { volume: 3, failurePercent: 50, pauseMs: 60_000 },
    ...changes,
  });
  const asked: string[] = [];
  const post: Post = async (body) => {
    asked.push(body);
    const said = await answer(body);
    const text = typeof said === 'string' ? said : JSON.stringify(said);
    return { body: Buffer.from(text), freshMs: Number.POSITIVE_INFINITY };
  };
  const source = createHttpSource(config, { post, monotonic: clock.monotonic, log });
  closing.push(source);
  return {
    source,
    clock,
    asked,
    ask: async (user) => {
      const request = toolCall('read', user === undefined ? {} : { user: { id: user } });
      try {
        return await source.supplement({ caller: AGENT, request, digest: '0', deadline: 1 }, snapshotOf(ENGINE));
      } catch {
        return 'unknown';
      }
    },
  };
}

describe('a service', () => {
  test('is asked by names, never told arguments', async () => {
    const { ask, asked } = subject(() => ({}));
    await ask();
    await ask('alice');
    expect(asked.map((body) => JSON.parse(body) as unknown)).toEqual([
      { tenant: 'acme', agent: 'analyst', tool: { server: 'files', name: 'read' } },
      { tenant: 'acme', agent: 'analyst', tool: { server: 'files', name: 'read' }, user: 'alice' },
    ]);
    expect(asked.join('')).not.toContain('secret');
  });

  test('adds what it provides', async () => {
    const said = {
      agent: { trust_level: 0.5 },
      tool: { attributes: { owner: 'sales' } },
      user: { team: 'growth' },
      context: { attributes: { region: 'eu' } },
      facts: { sinks: [] },
    };
    expect(await subject(() => said).ask()).toEqual(said);
  });

  test.each<[string, unknown]>([
    ['no JSON', 'fine'],
    ['nothing', ''],
    ['a list', []],
    ['an unknown member', { verdict: 'allow' }],
    ['an unknown field', { agent: { id: 'root' } }],
    ['a user', { user: { id: 'root' } }],
    ['what it does not provide', { agent: { type: 'crew' } }],
    ['another attribute than the one it provides', { context: { attributes: { region: 'eu', zone: 1 } } }],
    ['trust beyond its range', { agent: { trust_level: 7 } }],
    ['a name twice', '{"agent":{"trust_level":0,"trust_level":1}}'],
    ['the prototype', '{"tool":{"attributes":{"__proto__":{"a":1}}}}'],
    ['too much', { tool: { attributes: { a: 'x'.repeat(20_000) } } }],
  ])('that answers %s has not answered', async (_name, answer) => {
    expect(await subject(() => answer).ask()).toBe('unknown');
  });

  test('cannot make up a user, and gives what it knows to one that counts', async () => {
    const { source } = subject(() => ({ user: { team: 'growth' } }));
    const rule = { name: 'G', when: { field: 'user.team', operator: 'equals', value: 'growth' }, effect: 'allow' };
    const engine = engineOf([{ ...rule, priority: 1 }]);
    const users = { assertedBy: new Set<string>(), verify: () => ({ id: 'alice', team: 'old' }) };
    const { decide } = pipelineOf(engine, { sources: [source], users });
    expect((await decide()).allow).toBe(false);
    expect((await decide(toolCall('read'), { userToken: 'token' })).allow).toBe(true);
  });
});

describe('answers of a service', () => {
  test('are used for their time, by entity, and never past it', async () => {
    let trust = 0.9;
    const { ask, asked, clock } = subject(() => ({ agent: { trust_level: trust } }), { cacheSeconds: 2 });
    await ask();
    trust = 0.1;
    clock.advance(1_999);
    expect(await ask()).toEqual({ agent: { trust_level: 0.9 } });
    await ask('alice');
    expect(asked).toHaveLength(2);
    clock.advance(1);
    expect(await ask()).toEqual({ agent: { trust_level: 0.1 } });
  });

  test('are not used past their time when the service is gone', async () => {
    let isUp = true;
    const { ask, clock } = subject(
      () => {
        if (isUp) return { agent: { trust_level: 0.9 } };
        throw new Error('down');
      },
      { cacheSeconds: 2 },
    );
    expect(await ask()).toEqual({ agent: { trust_level: 0.9 } });
    isUp = false;
    clock.advance(2_000);
    expect(await ask()).toBe('unknown');
  });

  test('are asked for once by many at the same time', async () => {
    const gate = Promise.withResolvers<object>();
    const { ask, asked } = subject(() => gate.promise);
    const all = [ask(), ask(), ask()];
    await Promise.resolve();
    gate.resolve({ facts: { sinks: ['egress'] } });
    expect(new Set((await Promise.all(all)).map((one) => JSON.stringify(one))).size).toBe(1);
    expect(asked).toHaveLength(1);
  });
});

describe('a service that fails', () => {
  test('is left alone, and is unknown at once', async () => {
    const { ask, asked } = subject(() => Promise.reject(new Error('down')));
    for (let round = 0; round < 10; round += 1) expect(await ask(`user-${round}`)).toBe('unknown');
    expect(asked.length).toBeLessThanOrEqual(4);
  });

  test('by answering nonsense, too', async () => {
    const { ask, asked } = subject(() => 'nonsense');
    for (let round = 0; round < 10; round += 1) expect(await ask(`user-${round}`)).toBe('unknown');
    expect(asked.length).toBeLessThanOrEqual(4);
  });

  test('is asked again after a pause', async () => {
    let isUp = false;
    const { ask } = subject(
      () => {
        if (isUp) return {};
        throw new Error('down');
      },
      { breaker: { volume: 1, failurePercent: 1, pauseMs: 10 } },
    );
    await ask('a');
    expect(await ask('b')).toBe('unknown');
    isUp = true;
    let user = 0;
    let found: unknown = 'unknown';
    while (found === 'unknown') {
      user += 1;
      found = await ask(`c${user}`);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(found).toEqual({});
  });
});
