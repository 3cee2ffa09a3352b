import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import type { ProcessHost } from './process-host.js';
import { runService, type ServiceSpec } from './run-service.js';
import type { Service, ServiceContext } from './service.js';

const schema = z.strictObject({
  port: z.int().default(1),
  apiToken: z.string().default('t0ken'),
  log: z.strictObject({ level: z.literal('silent').default('silent') }).prefault({}),
});
type Spec = ServiceSpec<typeof schema>;

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** A process that only writes down what would have become of it. */
function fakeHost() {
  const seen = { stdout: '', stderr: '', exits: [] as number[], exitCode: undefined as number | undefined };
  let signal = (_name: string): void => {};
  let unexpected = (_error: unknown): void => {};
  const host: ProcessHost = {
    stdout: (text) => {
      seen.stdout += text;
    },
    stderr: (text) => {
      seen.stderr += text;
    },
    onSignal: (callback) => {
      signal = callback;
    },
    onUnexpected: (callback) => {
      unexpected = callback;
    },
    setExitCode: (code) => {
      seen.exitCode = code;
    },
    exit: (code) => void seen.exits.push(code),
  };
  return { host, seen, signal: (name: string) => signal(name), unexpected: (error: unknown) => unexpected(error) };
}

const untilAborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });

function specOf(compose: Spec['compose'], more: Partial<Spec> = {}): Spec {
  return { name: 'pdp', version: '1.2.3', schema, compose, ...more };
}

const never: Spec['compose'] = async () => {
  throw new Error('compose must not run');
};

describe('before anything is bound', () => {
  test('a wrong configuration ends with 64 and every problem', async () => {
    const { host, seen } = fakeHost();
    await runService(specOf(never), ['--set', 'port=x', '--set', 'prot=1'], {}, host);
    expect(seen).toMatchObject({ exitCode: 64, exits: [], stdout: '' });
    expect(seen.stderr.trim().split('\n')).toHaveLength(2);
  });

  test('--check-config says valid or not', async () => {
    const good = fakeHost();
    await runService(specOf(never), ['--check-config'], {}, good.host);
    expect(good.seen.exitCode).toBe(0);
    const bad = fakeHost();
    await runService(specOf(never), ['--check-config', '--set', 'port=-'], {}, bad.host);
    expect(bad.seen.exitCode).toBe(64);
  });

  test('--print-config prints JSON without secrets', async () => {
    const { host, seen } = fakeHost();
    await runService(specOf(never), ['--print-config'], { PORTCULLIS_PDP_PORT: '9' }, host);
    expect(JSON.parse(seen.stdout)).toEqual({ port: 9, apiToken: '[redacted]', log: { level: 'silent' } });
    expect(seen.exitCode).toBe(0);
  });

  test.each([
    [['--help'], /Usage: pdp/],
    [['--version'], /^pdp 1\.2\.3\n$/],
    [['--help', '--wrong'], /Usage/],
  ])('%j answers at once', async (argv, expected) => {
    const { host, seen } = fakeHost();
    await runService(specOf(never), argv, {}, host);
    expect(seen.stdout).toMatch(expected);
    expect(seen.exitCode).toBe(0);
  });
});

describe('a running service', () => {
  /** Runs a service and, once it is composed, does `then`. */
  async function live(
    make: (context: ServiceContext, order: string[]) => Service,
    then: (fake: ReturnType<typeof fakeHost>, context: ServiceContext) => void,
    argv: readonly string[] = [],
    more: Partial<Spec> = {},
  ) {
    const fake = fakeHost();
    const order: string[] = [];
    let announceComposed = (_context: ServiceContext): void => {};
    const composed = new Promise<ServiceContext>((resolve) => {
      announceComposed = resolve;
    });
    const running = runService(
      specOf(async (_config, context) => {
        announceComposed(context);
        return make(context, order);
      }, more),
      argv,
      {},
      fake.host,
    );
    then(fake, await composed);
    await running;
    return { ...fake.seen, order };
  }

  const waiting = (order: string[]): Service => ({
    tasks: [{ name: 'serve', run: (signal) => untilAborted(signal).then(() => void order.push('task ended')) }],
    drain: [
      { name: 'one', timeoutMs: 1_000, run: async () => void order.push('one') },
      { name: 'two', timeoutMs: 1_000, run: async () => void order.push('two') },
    ],
  });

  test.each(['SIGTERM', 'SIGINT'])('%s drains in order and ends with 0', async (name) => {
    const result = await live(
      (_context, order) => waiting(order),
      ({ signal }) => signal(name),
    );
    expect(result).toMatchObject({ exits: [0], order: ['one', 'two', 'task ended'] });
  });

  test('is not ready while it drains', async () => {
    let readiness: unknown;
    await live(
      (context) => ({
        tasks: [],
        drain: [
          {
            name: 'look',
            timeoutMs: 1_000,
            run: async () => {
              readiness = context.health.ready();
            },
          },
        ],
      }),
      ({ signal }) => signal('SIGTERM'),
    );
    expect(readiness).toEqual({ ok: false, failing: [{ name: 'draining', reason: 'draining' }] });
  });

  test('requestDrain is as good as a signal', async () => {
    const result = await live(
      (_context, order) => waiting(order),
      (_fake, context) => context.requestDrain(),
    );
    expect(result).toMatchObject({ exits: [0], order: ['one', 'two', 'task ended'] });
  });

  test('a second signal ends at once with 1', async () => {
    const result = await live(
      () => ({ tasks: [], drain: [{ name: 'stuck', timeoutMs: 20, run: () => new Promise(() => {}) }] }),
      ({ signal }) => {
        signal('SIGTERM');
        signal('SIGTERM');
      },
    );
    expect(result.exits[0]).toBe(1);
  });

  test('a drain step that hangs or fails does not hold up the next', async () => {
    const result = await live(
      (_context, order) => ({
        tasks: [],
        drain: [
          { name: 'stuck', timeoutMs: 10, run: () => new Promise(() => {}) },
          {
            name: 'broken',
            timeoutMs: 10,
            run: () => {
              throw new Error('x');
            },
          },
          { name: 'last', timeoutMs: 1_000, run: async () => void order.push('last') },
        ],
      }),
      ({ signal }) => signal('SIGTERM'),
    );
    expect(result).toMatchObject({ exits: [0], order: ['last'] });
  });

  test('an exception nobody caught drains and ends with 1', async () => {
    const result = await live(
      (_context, order) => waiting(order),
      ({ unexpected }) => unexpected(new Error('boom')),
    );
    expect(result).toMatchObject({ exits: [1], order: ['one', 'two', 'task ended'] });
  });

  test('a failing task stops the others, drains and ends with 1', async () => {
    const result = await live(
      (_context, order) => ({
        tasks: [...waiting(order).tasks, { name: 'bad', run: () => Promise.reject(new Error('x')) }],
        drain: waiting(order).drain,
      }),
      () => {},
    );
    expect(result.exits).toEqual([1]);
    expect(result.order).toEqual(['task ended', 'one', 'two']);
  });

  test('--announce prints one line with the addresses', async () => {
    const result = await live(
      (context, order) => {
        context.announce('grpc', '127.0.0.1:7443');
        context.announce('admin', '127.0.0.1:9090');
        return waiting(order);
      },
      ({ signal }) => void setImmediate(() => signal('SIGTERM')),
      ['--announce'],
    );
    expect(result.stdout.endsWith('\n')).toBe(true);
    expect(JSON.parse(result.stdout)).toEqual({
      ready: true,
      service: 'pdp',
      addresses: { grpc: '127.0.0.1:7443', admin: '127.0.0.1:9090' },
    });
  });

  test('standard output stays empty without --announce', async () => {
    const result = await live(
      (_context, order) => waiting(order),
      ({ signal }) => void setImmediate(() => signal('SIGTERM')),
    );
    expect(result.stdout).toBe('');
  });

  test('mode and rest reach the composition', async () => {
    let given: unknown;
    await live(
      (context, order) => {
        given = [context.mode, context.rest];
        return waiting(order);
      },
      ({ signal }) => signal('SIGTERM'),
      ['mcp', '--', 'node', '-e', '1'],
      { modes: ['mcp'] },
    );
    expect(given).toEqual(['mcp', ['node', '-e', '1']]);
  });
});

describe('composing', () => {
  test('a failure ends with 1', async () => {
    const { host, seen } = fakeHost();
    await runService(specOf(never), [], {}, host);
    expect(seen.exits).toEqual([1]);
  });

  test('a signal aborts it and ends with 0', async () => {
    const fake = fakeHost();
    const running = runService(
      specOf(async (_config, context) => {
        await untilAborted(context.signal);
        throw new Error('interrupted');
      }),
      [],
      {},
      fake.host,
    );
    fake.signal('SIGTERM');
    await running;
    expect(fake.seen.exits).toEqual([0]);
  });

  test('gets the frozen configuration', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'portcullis-run-'));
    folders.push(folder);
    writeFileSync(join(folder, 'c.yaml'), 'port: 5\n');
    const fake = fakeHost();
    let given: unknown;
    await runService(
      specOf(async (config) => {
        given = config;
        throw new Error('enough');
      }),
      ['--config', join(folder, 'c.yaml')],
      {},
      fake.host,
    );
    expect(given).toMatchObject({ port: 5 });
    expect(Object.isFrozen(given)).toBe(true);
  });
});
