import { PassThrough } from 'node:stream';
import { expect, test } from '@jest/globals';
import { clientHello } from '../../testing/egress-harness.js';
import { readHello } from './read-hello.js';

const limits = { maxHelloBytes: 16_384, helloTimeoutMs: 1_000 };
const nobody = new AbortController().signal;

test('what arrived in pieces before anybody looked is read, and given back whole', async () => {
  const hello = await clientHello({ servername: 'site.test' });
  const socket = new PassThrough();
  for (let at = 0; at < hello.length; at += 100) socket.write(hello.subarray(at, at + 100));
  socket.write('and more');
  expect(await readHello(socket, limits, nobody)).toMatchObject({ kind: 'hello', hello: { serverName: 'site.test' } });
  socket.end();
  const all: Buffer[] = [];
  for await (const chunk of socket) all.push(chunk as Buffer);
  expect(Buffer.concat(all).equals(Buffer.concat([hello, Buffer.from('and more')]))).toBe(true);
});

test('a client that says everything and ends its side at once has said it', async () => {
  const hello = await clientHello({ servername: 'site.test' });
  const socket = new PassThrough();
  socket.end(hello);
  expect(await readHello(socket, limits, nobody)).toMatchObject({ kind: 'hello' });
  const all: Buffer[] = [];
  for await (const chunk of socket) all.push(chunk as Buffer);
  expect(Buffer.concat(all).equals(hello)).toBe(true);
});

test('a socket that ends, or that nobody waits for any more, is gone', async () => {
  const ended = new PassThrough();
  ended.end(Buffer.from([22, 3]));
  expect(await readHello(ended, limits, nobody)).toEqual({ kind: 'gone' });
  expect(await readHello(new PassThrough(), limits, AbortSignal.abort())).toEqual({ kind: 'gone' });
  expect(await readHello(new PassThrough().destroy(), limits, nobody)).toEqual({ kind: 'gone' });
});

test('one that says nothing is late', async () => {
  expect(await readHello(new PassThrough(), { ...limits, helloTimeoutMs: 100 }, nobody)).toEqual({ kind: 'late' });
});
