import { createServer } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { request } from 'undici';
import { createRegistry } from '../metrics/registry.js';
import { type AdminServer, startAdminServer } from './admin-server.js';
import { createHealth } from './health.js';

describe('health', () => {
  test('is not ready before the first check', () => {
    expect(createHealth().ready().ok).toBe(false);
  });

  test('names what fails and why', () => {
    const health = createHealth();
    health.check('good', () => true);
    health.check('bad', () => 'no bundle');
    health.check('broken', () => {
      throw new Error('oops');
    });
    expect(health.ready()).toEqual({
      ok: false,
      failing: [
        { name: 'bad', reason: 'no bundle' },
        { name: 'broken', reason: 'oops' },
      ],
    });
    health.check('bad', () => true);
    health.check('broken', () => true);
    expect(health.ready()).toEqual({ ok: true, failing: [] });
  });

  test('stays started after it was ready once', () => {
    const health = createHealth();
    let state: true | string = 'starting';
    health.check('a', () => state);
    expect(health.started()).toBe(false);
    state = true;
    expect(health.started()).toBe(true);
    state = 'gone';
    expect(health.started()).toBe(true);
    expect(health.ready().ok).toBe(false);
  });
});

describe('admin server', () => {
  let server: AdminServer | undefined;
  afterEach(async () => {
    await server?.close();
    server = undefined;
  });

  async function start(onDrain?: () => void) {
    const health = createHealth();
    let ready: true | string = 'starting';
    health.check('bundle', () => ready);
    const registry = createRegistry('portcullis_test', { service: 'test', version: '1' });
    server = await startAdminServer({ port: 0, registry, health, ...(onDrain === undefined ? {} : { onDrain }) });
    const url = `http://${server.address}`;
    const ask = async (path: string, method: 'GET' | 'POST' = 'GET') => {
      const { statusCode, body } = await request(`${url}${path}`, { method });
      return { statusCode, text: await body.text() };
    };
    return {
      ask,
      setReady: (state: true | string) => {
        ready = state;
      },
    };
  }

  test('is alive at once, started and ready when its checks say so', async () => {
    const { ask, setReady } = await start();
    expect((await ask('/livez')).statusCode).toBe(200);
    expect((await ask('/readyz')).statusCode).toBe(503);
    expect((await ask('/startupz')).statusCode).toBe(503);
    setReady(true);
    expect((await ask('/startupz')).statusCode).toBe(200);
    expect((await ask('/readyz')).statusCode).toBe(200);
    setReady('expired');
    expect(await ask('/readyz')).toEqual({
      statusCode: 503,
      text: '{"ok":false,"failing":[{"name":"bundle","reason":"expired"}]}\n',
    });
    expect((await ask('/startupz')).statusCode).toBe(200);
  });

  test('serves metrics', async () => {
    const { ask } = await start();
    expect((await ask('/metrics')).text).toContain('portcullis_build_info{service="test",version="1"');
  });

  test('drains by POST only, and only when it can', async () => {
    const drains: string[] = [];
    const { ask } = await start(() => drains.push('drain'));
    expect((await ask('/drain')).statusCode).toBe(404);
    expect(drains).toHaveLength(0);
    expect((await ask('/drain', 'POST')).statusCode).toBe(202);
    expect(drains).toHaveLength(1);
    await server?.close();
    const without = await start();
    expect((await without.ask('/drain', 'POST')).statusCode).toBe(404);
  });

  test.each(['/', '/metrics/', '/readyz?x', '//livez', '/livez%00'])('%s is not found', async (path) => {
    const { ask } = await start();
    expect((await ask(path)).statusCode).toBe(404);
  });

  test('a port that is taken is a fault', async () => {
    const blocker = createServer();
    const port = await new Promise<number>((resolve) => {
      blocker.listen(0, '127.0.0.1', () => resolve((blocker.address() as { port: number }).port));
    });
    const registry = createRegistry('portcullis_test');
    await expect(startAdminServer({ port, registry, health: createHealth() })).rejects.toMatchObject({
      code: 'ERR_ADMIN_LISTEN',
      kind: 'unavailable',
    });
    blocker.close();
  });
});
