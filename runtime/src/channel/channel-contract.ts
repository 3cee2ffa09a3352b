import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import type { FaultKind } from '../errors/fault-kinds.js';
import { PortcullisError } from '../errors/portcullis-error.js';
import type { ChannelReader, ChannelWriter } from './port.js';

/** Both ends of one fresh, empty channel. */
export interface ChannelPair {
  readonly writer: ChannelWriter;
  readonly reader: ChannelReader;
}

/** One promise of the port, as a check that throws when an adapter breaks it. */
export interface ChannelContractCase {
  readonly name: string;
  readonly check: (pair: ChannelPair) => Promise<void>;
}

/** Generous for a loaded machine; nothing waits for it when all is well. */
const PATIENCE_MS = 8_000;
const MAX = 4 * 1024 * 1024;

const soon = (): AbortSignal => AbortSignal.timeout(PATIENCE_MS);
const text = (value: string): Uint8Array => Buffer.from(value, 'utf8');
const read = (reader: ChannelReader, key: string, maxBytes = MAX): Promise<Uint8Array | undefined> =>
  reader.get(key, { maxBytes, signal: soon() });

function bytesOf(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (index * 31 + (index >> 8)) & 0xff);
}

async function fails(work: () => Promise<unknown>, kinds: readonly FaultKind[]): Promise<void> {
  const outcome: unknown = await work().then(
    () => 'nothing was thrown',
    (error: unknown) => error,
  );
  assert.ok(PortcullisError.is(outcome), `not a fault: ${String(outcome)}`);
  assert.ok(
    kinds.includes(outcome.kind),
    `kind is ${outcome.kind}, expected ${kinds.join(' or ')}: ${outcome.message}`,
  );
}

async function settlesWithin<T>(work: Promise<T>, what: string): Promise<T> {
  const stop = new AbortController();
  const late = delay(PATIENCE_MS, undefined, { signal: stop.signal }).then(() => assert.fail(`${what} did not end`));
  try {
    return await Promise.race([work, late]);
  } finally {
    stop.abort();
    late.catch(() => undefined);
  }
}

async function next<T>(iterator: AsyncIterator<T, unknown>, what: string): Promise<IteratorResult<T, unknown>> {
  return settlesWithin(iterator.next(), what);
}

async function roundTrip({ writer, reader }: ChannelPair, key: string, bytes: Uint8Array): Promise<void> {
  await writer.put(key, bytes, soon());
  const found = await read(reader, key);
  assert.ok(found !== undefined, `${key} is absent after put`);
  assert.equal(Buffer.compare(found, bytes), 0, `${key} came back different`);
}

/** Receives from `subject`, having made sure that messages arrive. */
async function receiving(
  { writer, reader }: ChannelPair,
  subject: string,
  signal: AbortSignal,
): Promise<AsyncIterator<Uint8Array>> {
  const iterator = writer.receive(subject, signal)[Symbol.asyncIterator]();
  const arriving = iterator.next().then(() => 'arrived' as const);
  const deadline = soon();
  while (!deadline.aborted) {
    await reader.send(subject, text('probe'), soon());
    if ((await Promise.race([arriving, delay(50)])) === 'arrived') return iterator;
  }
  return assert.fail('no message arrives');
}

async function nextReal(iterator: AsyncIterator<Uint8Array>): Promise<string> {
  for (;;) {
    const { done, value } = await next(iterator, 'receive');
    assert.notEqual(done, true, 'receive ended early');
    const message = Buffer.from(value as Uint8Array).toString();
    if (message !== 'probe') return message;
  }
}

/** The promises of the channel port that every adapter keeps; each case wants a fresh pair. */
export const channelContract: readonly ChannelContractCase[] = [
  {
    name: 'an object that was never put is absent',
    async check({ writer, reader }) {
      // Before anything was ever put an adapter may also say that its store is missing.
      await writer.put('metadata/1.root.json', text('{}'), soon());
      await writer.put('targets/other', text('{}'), soon());
      assert.equal(await read(reader, 'metadata/timestamp.json'), undefined);
      assert.equal(await read(reader, 'targets/bundles/00.bundle.tar.gz'), undefined);
    },
  },
  {
    name: 'bytes come back as they were put',
    async check(pair) {
      await roundTrip(pair, 'metadata/1.root.json', bytesOf(2_000));
      await roundTrip(pair, 'metadata/12.releases-prod.json', text('{"ok":true}'));
      await roundTrip(pair, 'targets/bundles/ab12.bundle.tar.gz', bytesOf(300_000));
      await roundTrip(pair, 'targets/releases/prod/cd34.default.json', text('x'));
    },
  },
  {
    name: 'empty and large objects are objects',
    async check(pair) {
      await roundTrip(pair, 'metadata/empty.json', new Uint8Array());
      await roundTrip(pair, 'targets/empty', new Uint8Array());
      await roundTrip(pair, 'metadata/2.targets.json', bytesOf(1_500_000));
      await roundTrip(pair, 'targets/large', bytesOf(3_000_000));
    },
  },
  {
    name: 'the newest bytes win, and putting equal bytes again changes nothing',
    async check(pair) {
      for (const key of ['metadata/timestamp.json', 'targets/same']) {
        await roundTrip(pair, key, text('one'));
        await roundTrip(pair, key, text('two'));
        await roundTrip(pair, key, text('two'));
        await roundTrip(pair, key, bytesOf(400_000));
      }
    },
  },
  {
    name: 'more than maxBytes is refused, exactly maxBytes is not',
    async check({ writer, reader }) {
      for (const key of ['metadata/9.targets.json', 'targets/big']) {
        await writer.put(key, bytesOf(1_000), soon());
        assert.equal((await read(reader, key, 1_000))?.length, 1_000);
        await fails(() => read(reader, key, 999), ['corrupt']);
      }
      await writer.put('targets/chunked', bytesOf(500_000), soon());
      await fails(() => read(reader, 'targets/chunked', 499_999), ['corrupt']);
    },
  },
  {
    name: 'keys that are not plain paths are refused',
    async check({ writer, reader }) {
      for (const key of [
        '',
        '/a',
        'a/',
        'a//b',
        '../a',
        'a/../b',
        'a/.b',
        'a b',
        'a*',
        'a>',
        'a%2fb',
        'a?b',
        'a.',
        'ä',
      ]) {
        await fails(() => read(reader, key), ['invalid']);
        await fails(() => writer.put(key, text('x'), soon()), ['invalid']);
      }
    },
  },
  {
    name: 'every call ends by its signal',
    async check({ writer, reader }) {
      const over = AbortSignal.abort();
      const ending: readonly FaultKind[] = ['unavailable', 'timeout'];
      await fails(() => reader.get('metadata/a', { maxBytes: 10, signal: over }), ending);
      await fails(() => writer.put('metadata/a', text('x'), over), ending);
      await fails(() => writer.hint(over), ending);
      await fails(() => reader.send('portcullis.status', text('x'), over), ending);
      const expired = AbortSignal.timeout(0);
      await delay(5);
      await fails(() => reader.get('metadata/a', { maxBytes: 10, signal: expired }), ['timeout']);
    },
  },
  {
    name: 'what is read belongs to the reader',
    async check({ writer, reader }) {
      const own = text('mine');
      await writer.put('metadata/a', own, soon());
      own.fill(0);
      const first = await read(reader, 'metadata/a');
      first?.fill(0);
      assert.equal(Buffer.from((await read(reader, 'metadata/a')) ?? []).toString(), 'mine');
    },
  },
  {
    name: 'a watch begins with a hint, and a hint comes after the change it speaks of',
    async check({ writer, reader }) {
      const stop = new AbortController();
      const hints = reader.watch(stop.signal)[Symbol.asyncIterator]();
      assert.notEqual((await next(hints, 'first hint')).done, true);
      for (const version of ['1', '2', '3']) {
        await writer.put('metadata/timestamp.json', text(version), soon());
        await writer.hint(soon());
        for (;;) {
          assert.notEqual((await next(hints, `hint ${version}`)).done, true);
          const bytes = await read(reader, 'metadata/timestamp.json');
          if (Buffer.from(bytes ?? []).toString() === version) break;
        }
      }
      stop.abort();
      while ((await next(hints, 'watch')).done !== true);
    },
  },
  {
    name: 'a watch ends without an error when its signal aborts or the channel closes',
    async check({ reader }) {
      const ended = reader.watch(AbortSignal.abort())[Symbol.asyncIterator]();
      while ((await next(ended, 'aborted watch')).done !== true);
      const hints = reader.watch(new AbortController().signal)[Symbol.asyncIterator]();
      await next(hints, 'first hint');
      const rest = (async () => {
        while ((await hints.next()).done !== true);
      })();
      await settlesWithin(reader.close(), 'close');
      await settlesWithin(rest, 'watch of a closed channel');
    },
  },
  {
    name: 'messages arrive unchanged, in order and only at their subject',
    async check(pair) {
      const stop = new AbortController();
      const status = await receiving(pair, 'portcullis.status', stop.signal);
      const other = await receiving(pair, 'portcullis.other', stop.signal);
      for (const message of ['a', 'b', 'c']) await pair.reader.send('portcullis.status', text(message), soon());
      await pair.reader.send('portcullis.other', text('z'), soon());
      assert.deepEqual([await nextReal(status), await nextReal(status), await nextReal(status)], ['a', 'b', 'c']);
      assert.equal(await nextReal(other), 'z');
      stop.abort();
      while ((await next(status, 'receive')).done !== true);
      while ((await next(other, 'receive')).done !== true);
    },
  },
  {
    name: 'subjects with wildcards or odd characters are refused',
    async check({ reader }) {
      for (const subject of ['', '*', '>', 'a.*', 'a..b', '.a', 'a b', 'a/b', 'a.b.']) {
        await fails(() => reader.send(subject, text('x'), soon()), ['invalid']);
      }
    },
  },
  {
    name: 'a closed reader answers with a fault',
    async check({ reader }) {
      await settlesWithin(reader.close(), 'close');
      await fails(() => read(reader, 'metadata/a'), ['unavailable']);
      await fails(() => reader.send('portcullis.status', text('x'), soon()), ['unavailable']);
    },
  },
];
