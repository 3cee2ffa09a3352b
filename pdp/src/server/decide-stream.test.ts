import { status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Wire } from '@portcullis/proto';
import { PortcullisError } from '@portcullis/runtime';
import { openStream } from '../fixtures/decide-stream.js';
import { MAX_IN_FLIGHT, openTestServer, question, type TestServer } from '../fixtures/grpc-server.js';

let server: TestServer;
beforeEach(async () => {
  server = await openTestServer();
});
afterEach(() => server.close());

describe('Decide', () => {
  test('answers as decisions are made, out of order, each under its own id', async () => {
    server.held.hold = true;
    const stream = openStream(server.client);
    stream.ask({ id: 11, evaluate: question('slow') });
    stream.ask({ id: 12, evaluate: question('fast') });
    stream.ask({ id: 13, ping: {} });
    expect(await stream.next()).toMatchObject({ id: 13, answer: 'pong' });
    (await server.held.askedAbout('fast')).answer();
    expect(await stream.next()).toMatchObject({ id: 12, answer: 'decision' });
    (await server.held.askedAbout('slow')).answer();
    expect(await stream.next()).toMatchObject({ id: 11, answer: 'decision' });
    stream.call.end();
    expect(await stream.ended).toBeUndefined();
    expect(server.observer.lines).toEqual(['opened decide', 'closed decide']);
  });

  test.each(['throws', 'rejects'])(
    'a question whose handling %s is answered with a fault; the stream lives',
    async (id) => {
      const stream = openStream(server.client);
      stream.ask({ id: 1, evaluate: question(id) });
      expect(await stream.next()).toMatchObject({
        id: 1,
        answer: 'fault',
        fault: { code: 'DENY_CODE_INTERNAL_ERROR' },
      });
      stream.ask({ id: 2, evaluate: question('next') });
      expect(await stream.next()).toMatchObject({ id: 2, answer: 'decision' });
      stream.call.end();
    },
  );

  test.each<[string, Wire.Question]>([
    ['no id', { evaluate: {} }],
    ['nothing to ask', { id: 4 }],
  ])('a question with %s is answered with a fault', async (_name, message) => {
    const stream = openStream(server.client);
    stream.ask(message);
    expect(await stream.next()).toMatchObject({ answer: 'fault', fault: { code: 'DENY_CODE_REQUEST_INVALID' } });
    stream.call.end();
  });

  test('one message may ask many things, and a bad question among them spoils no other', async () => {
    const garbled = { request: { ...question('x').request, tool: { arguments_json: Buffer.from('{"a":') } } };
    const stream = openStream(server.client);
    stream.ask(
      { id: 1, evaluate: question('a') },
      { id: 2, evaluate: garbled },
      { id: 3, evaluate: question('throws') },
      { id: 4, evaluate: question('rejects') },
      { evaluate: question('b') },
      { id: 5 },
      { id: 1, evaluate: question('c') },
      { id: 6, ping: {} },
      { id: 7, evaluate: question('d') },
    );
    const given: string[] = [];
    for (let count = 0; count < 9; count += 1) {
      const { id = 0, answer, decision, fault } = await stream.next();
      given.push(`${id} ${decision?.effect ?? fault?.code ?? answer}`);
    }
    expect(given.sort()).toEqual([
      '0 DENY_CODE_REQUEST_INVALID',
      '1 DECISION_EFFECT_ALLOW',
      '1 DENY_CODE_REQUEST_INVALID',
      '2 DECISION_EFFECT_DENY',
      '3 DENY_CODE_INTERNAL_ERROR',
      '4 DENY_CODE_INTERNAL_ERROR',
      '5 DENY_CODE_REQUEST_INVALID',
      '6 pong',
      '7 DECISION_EFFECT_ALLOW',
    ]);
    expect([...server.held.asked.keys()].sort()).toEqual(['a', 'd', 'unreadable']);
    stream.call.end();
    expect(await stream.ended).toBeUndefined();
  });

  test('what is decided in one turn is answered in one message, what is decided later in another', async () => {
    server.held.hold = true;
    const stream = openStream(server.client);
    const ids = [1, 2, 3, 4];
    stream.ask(...ids.map((id) => ({ id, evaluate: question(`q${id}`) })));
    const [one, two, three, four] = await Promise.all(ids.map((id) => server.held.askedAbout(`q${id}`)));
    three?.answer();
    one?.answer();
    four?.answer();
    expect([(await stream.next()).id, (await stream.next()).id, (await stream.next()).id]).toEqual([3, 1, 4]);
    two?.answer();
    expect((await stream.next()).id).toBe(2);
    expect(stream.messages).toEqual([3, 1]);
    stream.call.end();
  });

  test('answers of different messages may come together', async () => {
    server.held.hold = true;
    const stream = openStream(server.client);
    stream.ask({ id: 1, evaluate: question('a') });
    stream.ask({ id: 2, evaluate: question('b') }, { id: 3, evaluate: question('c') });
    const [a, b, c] = await Promise.all(['a', 'b', 'c'].map((id) => server.held.askedAbout(id)));
    c?.answer();
    a?.answer();
    expect([(await stream.next()).id, (await stream.next()).id]).toEqual([3, 1]);
    b?.answer();
    expect((await stream.next()).id).toBe(2);
    expect(stream.messages).toEqual([2, 1]);
    stream.call.end();
  });

  test('256 questions fit into a message; 257 end the stream, and none of them is decided', async () => {
    const pings = Array.from({ length: 257 }, (_, index) => ({ id: index + 1, ping: {} }));
    const stream = openStream(server.client);
    stream.ask(...pings.slice(1));
    for (let count = 0; count < 256; count += 1) expect((await stream.next()).answer).toBe('pong');
    stream.ask(...pings);
    expect(await stream.ended).toMatchObject({ code: status.INVALID_ARGUMENT });
    expect(stream.messages).toEqual([256]);
  });

  test('a large message is decided over several turns, each answered when it is over', async () => {
    const stream = openStream(server.client);
    const ids = Array.from({ length: MAX_IN_FLIGHT }, (_, index) => index + 1);
    stream.ask(...ids.map((id) => ({ id, evaluate: question(`q${id}`) })));
    const seen: (number | undefined)[] = [];
    while (seen.length < ids.length) seen.push((await stream.next()).id);
    expect(seen).toEqual(ids);
    expect(stream.messages).toEqual([16, 16, MAX_IN_FLIGHT - 32]);
    stream.call.end();
    expect(await stream.ended).toBeUndefined();
  });

  test('answers are not put together to more than a caller must accept', async () => {
    const stream = openStream(server.client);
    const text = 'x'.repeat(20_000);
    stream.ask(...[1, 2, 3, 4].map((id) => ({ id, evaluate: question(`${id}${text}`) })));
    for (let count = 0; count < 4; count += 1) await stream.next();
    expect(stream.messages.length).toBeGreaterThan(1);
    stream.call.end();
  });

  test('a question under an id that is in flight is refused', async () => {
    server.held.hold = true;
    const stream = openStream(server.client);
    stream.ask({ id: 1, evaluate: question('first') });
    await server.held.askedAbout('first');
    stream.ask({ id: 1, evaluate: question('second') });
    expect(await stream.next()).toMatchObject({ id: 1, fault: { code: 'DENY_CODE_REQUEST_INVALID' } });
    stream.call.cancel();
  });

  test('more questions in flight than the cap are refused, and taken again after answers', async () => {
    server.held.hold = true;
    const stream = openStream(server.client);
    const ids = Array.from({ length: MAX_IN_FLIGHT + 1 }, (_, index) => index + 1);
    stream.ask(...ids.map((id) => ({ id, evaluate: question(`q${id}`) })));
    expect(await stream.next()).toMatchObject({
      id: MAX_IN_FLIGHT + 1,
      answer: 'fault',
      fault: { code: 'DENY_CODE_PDP_UNAVAILABLE' },
    });
    expect(server.observer.lines).toContain('questionRefused overload');
    (await server.held.askedAbout('q1')).answer();
    expect(await stream.next()).toMatchObject({ id: 1, answer: 'decision' });
    server.held.hold = false;
    stream.ask({ id: 99, evaluate: question('late') });
    expect(await stream.next()).toMatchObject({ id: 99, answer: 'decision' });
    stream.call.cancel();
  });

  test('a caller that asks and does not read stops being read, and loses nothing', async () => {
    const stream = openStream(server.client);
    stream.call.pause();
    const count = 2_000;
    for (let id = 1; id <= count; id += 1) stream.ask({ id, ping: {} });
    stream.call.resume();
    const seen = new Set<number>();
    while (seen.size < count) seen.add((await stream.next()).id ?? 0);
    expect(seen.size).toBe(count);
    stream.call.end();
    expect(await stream.ended).toBeUndefined();
  });

  test('a certificate that expires while the stream is open ends it', async () => {
    const stream = openStream(server.client);
    stream.ask({ id: 1, ping: {} });
    await stream.next();
    server.peer.valid = false;
    stream.ask({ id: 2, evaluate: question('a') }, { id: 3, ping: {} });
    expect(await stream.next()).toMatchObject({ id: 2, fault: { code: 'DENY_CODE_IDENTITY_REJECTED' } });
    expect(await stream.next()).toMatchObject({ id: 3, fault: { code: 'DENY_CODE_IDENTITY_REJECTED' } });
    expect(await stream.ended).toMatchObject({ code: status.UNAUTHENTICATED });
    expect(server.held.asked.size).toBe(0);
  });

  test('a caller without an identity gets no stream', async () => {
    server.peer.reject = new PortcullisError('ERR_IDENTITY_REJECTED', 'unauthenticated', 'no');
    expect(await openStream(server.client).ended).toMatchObject({ code: status.UNAUTHENTICATED });
  });

  test('a drain answers what is in flight, refuses what is new, then ends the stream', async () => {
    server.held.hold = true;
    const stream = openStream(server.client);
    stream.ask({ id: 1, evaluate: question('a') });
    const pending = await server.held.askedAbout('a');
    const drained = server.endpoint.drain();
    stream.ask({ id: 2, evaluate: question('b') });
    expect(await stream.next()).toMatchObject({ id: 2, fault: { code: 'DENY_CODE_SHUTTING_DOWN' } });
    pending.answer();
    expect(await stream.next()).toMatchObject({ id: 1, answer: 'decision' });
    expect(await stream.ended).toBeUndefined();
    server.client.close();
    await drained;
  });

  test('a caller that goes away leaves nothing behind', async () => {
    server.held.hold = true;
    const stream = openStream(server.client);
    stream.ask({ id: 1, evaluate: question('a') });
    const pending = await server.held.askedAbout('a');
    stream.call.cancel();
    expect(await stream.ended).toMatchObject({ code: status.CANCELLED });
    while (!server.observer.lines.includes('closed decide')) await new Promise((resolve) => setImmediate(resolve));
    pending.fail(new Error('late'));
    expect(await server.evaluate(question('throws')).catch((error: unknown) => error)).toMatchObject({
      code: status.INTERNAL,
    });
  });
});
