import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type FakePresidio, startFakePresidio } from '../../testing/fake-presidio.js';
import { PRESIDIO_CONTRACT } from '../../testing/presidio-contract.js';
import { placesOfCodePoints } from './code-points.js';
import { nerConfig } from './config.js';
import type { EntityFinder } from './port.js';
import { createPresidio } from './presidio.js';

let presidio: FakePresidio;
let finder: EntityFinder;

function open(more: object = {}): EntityFinder {
  finder?.close();
  finder = createPresidio(
    nerConfig.parse({ url: presidio.url, entities: ['PERSON'], maxTextUnits: 1_024, ...more }),
    undefined,
  );
  return finder;
}

beforeEach(async () => {
  presidio = await startFakePresidio();
  open();
});
afterEach(async () => {
  finder.close();
  await presidio.close();
});

describe('the contract', () => {
  test.each(PRESIDIO_CONTRACT)('$name', async ({ check }) => {
    await expect(check(presidio.url)).resolves.toBeUndefined();
  });
});

test('is asked with the members that are documented, and never about nothing', async () => {
  await open({ language: 'en', scoreThreshold: 0.7, entities: ['PERSON', 'LOCATION'] }).find(new Set(['Portsmouth']));
  expect(presidio.asked).toEqual([
    { text: 'Portsmouth', language: 'en', score_threshold: 0.7, entities: ['PERSON', 'LOCATION'] },
  ]);
  await finder.find(new Set());
  expect(presidio.asked).toHaveLength(1);
});

test('is asked again what it looks for after a minute: it may be another one by then', async () => {
  let now = 0;
  const config = nerConfig.parse({ url: presidio.url, entities: ['PERSON'] });
  finder.close();
  finder = createPresidio(config, undefined, () => now);
  for (const [at, asked] of [
    [0, 1],
    [59_999, 1],
    [60_000, 2],
  ] as const) {
    now = at;
    await finder.find(new Set(['a']));
    expect(presidio.askedForKinds).toBe(asked);
  }
});

test('is asked what it looks for before the first text, and again after it has failed', async () => {
  const failing = answers({ error: 'gone' }, 500);
  await finder.find(new Set());
  expect(presidio.askedForKinds).toBe(0);
  for (const text of ['a', 'b']) await finder.find(new Set([text]));
  expect(presidio.askedForKinds).toBe(1);
  presidio.script = failing;
  await expect(finder.find(new Set(['c']))).rejects.toMatchObject({ outcome: 'failed' });
  presidio.script = undefined;
  await finder.find(new Set(['d']));
  expect(presidio.askedForKinds).toBe(2);
});

const answers =
  (value: unknown, status = 200): FakePresidio['script'] =>
  (_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(typeof value === 'string' ? value : JSON.stringify(value));
    return true;
  };
const person = (more: object): object => ({ entity_type: 'PERSON', start: 0, end: 3, score: 0.9, ...more });

test.each<[string, FakePresidio['script']]>([
  ['an error', answers({ error: 'No text provided' }, 500)],
  [
    'a redirect',
    (_request, response) => {
      response.writeHead(302, { location: presidio.url }).end();
      return true;
    },
  ],
  ['no JSON', answers('<html>')],
  ['nothing', answers('')],
  ['no list', answers({})],
  ['a list of lists', answers([[]])],
  ['null', answers([null])],
  ['a place behind the end', answers([person({ end: 99 })])],
  ['a place before the beginning', answers([person({ start: -1 })])],
  ['a place between two', answers([person({ start: 0.5 })])],
  ['a place as text', answers([person({ start: '0' })])],
  ['a finding of nothing', answers([person({ start: 3 })])],
  ['what it was not asked for', answers([person({ entity_type: 'URL' })])],
  ['the same member twice', answers('[{"entity_type":"PERSON","start":0,"start":1,"end":3,"score":1}]')],
  ['more than there can be', answers(JSON.stringify(Array.from({ length: 5_000 }, () => person({}))))],
  [
    'half an answer',
    (_request, response) => {
      response.writeHead(200, { 'content-length': 100 });
      response.write('[');
      response.destroy();
      return true;
    },
  ],
])('%s is no answer', async (_what, script) => {
  presidio.script = script;
  await expect(finder.find(new Set(['text']))).rejects.toMatchObject({ outcome: 'failed' });
});

test('silence is late, for one and for all of many', async () => {
  let asked = 0;
  presidio.script = () => {
    asked += 1;
    return asked > 1;
  };
  const texts = new Set(Array.from({ length: 20 }, (_, at) => `text ${at}`));
  await expect(open({ timeoutMs: 50, maxConcurrent: 1 }).find(texts)).rejects.toMatchObject({ outcome: 'late' });
  expect(presidio.asked.length).toBeLessThan(5);
});

test('a service that is not there, and too many texts', async () => {
  const gone = await startFakePresidio();
  await gone.close();
  await expect(open({ url: gone.url }).find(new Set(['a']))).rejects.toMatchObject({ outcome: 'failed' });
  await expect(open({ maxTexts: 1 }).find(new Set(['a', 'b']))).rejects.toMatchObject({ outcome: 'failed' });
  expect(presidio.asked).toHaveLength(0);
});

test('no more is asked at once than configured', async () => {
  await open({ maxConcurrent: 3 }).find(new Set(Array.from({ length: 30 }, (_, at) => `text ${at}`)));
  expect(presidio.mostOpen).toBeLessThanOrEqual(3);
  expect(presidio.asked).toHaveLength(30);
});

test.each([
  ['http://presidio.internal:5002', 'https'],
  ['http://10.0.0.1', 'https'],
  ['http://127.0.0.1.example.com', 'https'],
  ['https://user@presidio.internal', 'credentials'],
  ['https://presidio.internal/?a=1', 'query'],
])('%s is refused', (url, why) => {
  const parsed = nerConfig.safeParse({ url });
  expect(parsed.success).toBe(false);
  expect(parsed.error?.message).toContain(why);
});

test.each(['http://127.0.0.1:5002', 'http://localhost:5002', 'http://[::1]:5002', 'https://presidio.internal'])(
  '%s is accepted',
  (url) => expect(nerConfig.safeParse({ url }).success).toBe(true),
);

test('code points are counted as Python counts them', () => {
  const text = 'a😀b\ud83dc';
  const placeOf = placesOfCodePoints(text);
  expect([0, 1, 2, 3, 4, 5].map(placeOf)).toEqual([0, 1, 3, 4, 5, 6]);
  expect([placeOf(6), placeOf(-1), placeOf(1.5)]).toEqual([undefined, undefined, undefined]);
  expect(placesOfCodePoints('abc')(3)).toBe(3);
  expect(placesOfCodePoints('abc')(4)).toBeUndefined();
});
