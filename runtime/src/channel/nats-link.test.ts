import { afterEach, describe, expect, test } from '@jest/globals';
import { createLogger } from '../log/logger.js';
import { createMailbox, type Mailbox } from './mailbox.js';
import { createLink, type Link, type Linked } from './nats-link.js';

const log = createLogger({ component: 'test', level: 'silent' });
const never = new AbortController().signal;

class FakeConnection implements Linked {
  readonly #events: Mailbox<{ type: string; data: unknown }> = createMailbox(10, never);
  readonly #end = Promise.withResolvers<void>();
  isClosed = false;

  status(): AsyncIterable<{ type: string; data: unknown }> {
    return this.#events.items();
  }
  tell(type: string): void {
    this.#events.push({ type, data: 'x' });
  }
  closed(): Promise<void> {
    return this.#end.promise;
  }
  async close(): Promise<void> {
    this.isClosed = true;
    this.#events.end();
    this.#end.resolve();
  }
  getServer(): string {
    return 'fake';
  }
}

let link: Link<FakeConnection> | undefined;
afterEach(async () => {
  await link?.close();
  link = undefined;
});

/** The connection that a call is made on. */
const use = (from: Link<FakeConnection>, signal = never): Promise<FakeConnection> =>
  from.use(signal, async (connection) => connection);

describe('link', () => {
  test('is used while up and fails at once while down', async () => {
    const connection = new FakeConnection();
    link = createLink(async () => connection, log);
    expect(await use(link)).toBe(connection);
    const { lost } = await link.up(never);
    connection.tell('disconnect');
    await new Promise((resolve) => {
      lost.addEventListener('abort', resolve);
    });
    await expect(use(link)).rejects.toMatchObject({ kind: 'unavailable' });
    const rising = link.up(never);
    connection.tell('reconnect');
    const again = await rising;
    expect(again.nats).toBe(connection);
    expect(again.lost.aborted).toBe(false);
  });

  test('a call that is under way when the connection goes ends with it, and one that is made afterwards does not', async () => {
    const connection = new FakeConnection();
    link = createLink(async () => connection, log);
    const asked = Promise.withResolvers<AbortSignal>();
    // As a question that the server will never answer.
    const hanging = link.use(never, async (_nats, signal) => {
      asked.resolve(signal);
      return new Promise<never>(() => undefined);
    });
    const signal = await asked.promise;
    connection.tell('disconnect');
    await expect(hanging).rejects.toMatchObject({ kind: 'unavailable', message: 'connection to nats was lost' });
    expect(signal.aborted).toBe(true);
    connection.tell('reconnect');
    await link.up(never);
    expect(await use(link)).toBe(connection);
  });

  test('a call ends by its own signal, and fails as it fails', async () => {
    const connection = new FakeConnection();
    link = createLink(async () => connection, log);
    await link.up(never);
    const hanging = link.use(AbortSignal.timeout(10), () => new Promise<never>(() => undefined));
    await expect(hanging).rejects.toMatchObject({ kind: 'timeout' });
    await expect(link.use(never, () => Promise.reject(new RangeError('its own')))).rejects.toThrow('its own');
  });

  test('connects anew after a failure and after a final close', async () => {
    const connections: FakeConnection[] = [];
    let attempts = 0;
    link = createLink(async () => {
      attempts += 1;
      if (attempts === 1) throw new Error('refused');
      const connection = new FakeConnection();
      connections.push(connection);
      return connection;
    }, log);
    const first = (await link.up(never)).nats;
    await first.close();
    const second = (await link.up(never)).nats;
    expect(second).not.toBe(first);
    expect(attempts).toBe(3);
  });

  test('says so whenever it comes up', async () => {
    const connection = new FakeConnection();
    let ups = 0;
    link = createLink(
      async () => connection,
      log,
      () => {
        ups += 1;
      },
    );
    const { lost } = await link.up(never);
    expect(ups).toBe(1);
    connection.tell('disconnect');
    await new Promise((resolve) => {
      lost.addEventListener('abort', resolve);
    });
    const rising = link.up(never);
    connection.tell('reconnect');
    await rising;
    expect(ups).toBe(2);
  });

  test('waiting ends by its signal', async () => {
    link = createLink(() => Promise.reject(new Error('refused')), log);
    await expect(link.up(AbortSignal.timeout(10))).rejects.toMatchObject({ kind: 'timeout' });
    await expect(use(link, AbortSignal.abort())).rejects.toMatchObject({ code: 'ERR_CHANNEL_ABORTED' });
  });

  test('closing ends everything, also a connection that was still being made', async () => {
    const connection = new FakeConnection();
    const dialled = Promise.withResolvers<FakeConnection>();
    link = createLink(() => dialled.promise, log);
    const waiting = link.up(never);
    const closing = link.close();
    await expect(waiting).rejects.toMatchObject({ kind: 'unavailable' });
    dialled.resolve(connection);
    await closing;
    expect(connection.isClosed).toBe(true);
    await expect(use(link)).rejects.toMatchObject({ kind: 'unavailable' });
  });
});
