import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { fromWireWatchEvent, type Wire } from '@portcullis/proto';
import { openTestServer, type TestServer } from '../fixtures/grpc-server.js';

let server: TestServer;
beforeEach(async () => {
  server = await openTestServer();
});
afterEach(() => server.close());

describe('Watch', () => {
  test('says that people answered, and nothing else moves with it', async () => {
    const call = server.client.Watch({});
    call.on('error', () => undefined);
    const first = (await once(call, 'data')) as [Wire.WatchEvent__Output];
    const second = once(call, 'data');
    server.answers.advance();
    const [event] = (await second) as [Wire.WatchEvent__Output];
    expect(event).toEqual({ ...first[0], approvals: 1 });
    call.cancel();
  });

  test('shows the current state first, then every change; without a release it says expired', async () => {
    const call = server.client.Watch({});
    const events: unknown[] = [];
    let wake: (() => void) | undefined;
    call.on('data', (event: Wire.WatchEvent__Output) => {
      const read = fromWireWatchEvent(event);
      events.push(read.ok ? [...Object.values(read.value.epochs), read.value.freshness] : read.problems);
      wake?.();
    });
    call.on('error', () => undefined);
    const until = async (count: number): Promise<void> => {
      while (events.length < count) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    };
    await until(1);
    server.release({ releaseSeq: 8 });
    await until(2);
    server.epochs.advance('trust');
    server.epochs.reach('kill', 5);
    await until(4);
    server.release({ freshness: 'none', releaseSeq: 0 });
    await until(5);
    expect(events).toEqual([
      [7, 0, 0, 0, 'fresh'],
      [8, 0, 0, 0, 'fresh'],
      [8, 1, 0, 0, 'fresh'],
      [8, 1, 0, 5, 'fresh'],
      [0, 1, 0, 5, 'expired'],
    ]);
    call.cancel();
    while (!server.observer.lines.includes('closed watch')) await new Promise((resolve) => setImmediate(resolve));
  });
});
