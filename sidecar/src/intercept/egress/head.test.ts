import { describe, expect, test } from '@jest/globals';
import { endToEnd } from './end-to-end.js';
import { hostAgrees, readHead } from './head.js';

const rules = { maxHeaders: 10, refuseOverrides: true };
const read = (rawHeaders: readonly string[], method = 'POST') =>
  readHead({ method, httpVersion: '1.1', rawHeaders }, rules);

/** By itself, whatever the parser before it would have refused. */
describe('the head', () => {
  test.each<[string, readonly string[], number | 'chunked']>([
    ['no length', [], 0],
    ['a length', ['Content-Length', '7'], 7],
    ['chunks', ['Transfer-Encoding', 'Chunked'], 'chunked'],
  ])('with %s says how long the body is', (_name, headers, length) => {
    expect(read(headers)).toMatchObject({ ok: true, length });
  });

  test.each<[string, readonly string[], number]>([
    ['both', ['Content-Length', '7', 'Transfer-Encoding', 'chunked'], 400],
    ['two lengths', ['Content-Length', '7', 'content-length', '7'], 400],
    ['a list of lengths', ['Content-Length', '7, 7'], 400],
    ['a signed length', ['Content-Length', '+7'], 400],
    ['an empty length', ['Content-Length', ''], 400],
    ['a length beyond counting', ['Content-Length', '9007199254740993'], 400],
    ['another coding', ['Transfer-Encoding', 'gzip, chunked'], 400],
    ['two codings', ['Transfer-Encoding', 'chunked', 'Transfer-Encoding', 'chunked'], 400],
    ['a reserved name', ['__proto__', 'x'], 400],
    ['another expectation', ['Expect', 'more'], 417],
    ['too many fields', Array.from({ length: 22 }, (_, at) => `x${at}`), 431],
    ['a Connection that would drop the length', ['Connection', 'x, Content-Length', 'Content-Length', '1'], 400],
  ])('with %s is refused', (_name, headers, status) => {
    expect(read(headers)).toMatchObject({ ok: false, status });
  });

  test.each(['get', 'G T', '', 'TRACE', 'A'.repeat(40)])('with the method %j is refused', (method) => {
    expect(read([], method)).toMatchObject({ ok: false });
  });

  test.each<[string | undefined, string, boolean]>([
    ['site.test', '1.1', true],
    ['SITE.test.:80', '1.1', true],
    ['site.test:81', '1.1', false],
    ['other.test', '1.1', false],
    ['', '1.1', false],
    [undefined, '1.1', false],
    [undefined, '1.0', true],
    ['other.test', '1.0', false],
  ])('with the Host %j in HTTP/%s agrees: %j', (host, httpVersion, agrees) => {
    const head = readHead({ method: 'GET', httpVersion, rawHeaders: host === undefined ? [] : ['Host', host] }, rules);
    if (!head.ok) throw new Error(head.message);
    expect(hostAgrees(head, { host: 'site.test', port: 80 }, 80)).toBe(agrees);
  });
});

test('what is for one connection stays, everything else passes as it was', () => {
  const given = [
    'A',
    '1',
    'connection',
    'close, x-hop',
    'X-Hop',
    '2',
    'TE',
    'trailers',
    'Trailer',
    'x',
    'a',
    '3',
    'Expect',
    '100-continue',
  ];
  expect(endToEnd([...given, 'Proxy-Authorization', 'x', 'HTTP2-Settings', 'x', 'Upgrade', 'h2c'])).toEqual([
    'A',
    '1',
    'a',
    '3',
  ]);
});
