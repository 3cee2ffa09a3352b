/**
 * What a Presidio analyzer promises, as far as its client counts on it: the fake and the real one keep to the same. Told as plain checks,
 * because the real one is asked outside of Jest.
 */

import { deepStrictEqual, ok, rejects } from 'node:assert/strict';
import { nerConfig } from '../redact/ner/config.js';
import type { EntityFinder } from '../redact/ner/port.js';
import { createPresidio } from '../redact/ner/presidio.js';

/** Names that the analyzer of a test knows, by their kind. One is in characters that UTF-16 writes as two. */
export const KNOWN_NAMES: Readonly<Record<string, string>> = {
  'Ada Lovelace': 'PERSON',
  'José Müller': 'PERSON',
  𠮷田: 'PERSON',
  Portsmouth: 'LOCATION',
};

/** One promise; `check` throws when the analyzer at `url` breaks it. */
export interface PresidioPromise {
  readonly name: string;
  check(url: string): Promise<void>;
}

const CASES: readonly (readonly [what: string, text: string, names: readonly string[]])[] = [
  ['one name', 'Please ask Ada Lovelace about it.', ['Ada Lovelace']],
  ['the same name twice', 'Ada Lovelace knows Ada Lovelace', ['Ada Lovelace', 'Ada Lovelace']],
  ['letters outside of ASCII', 'Grüße an José Müller!', ['José Müller']],
  ['characters of two units before it', '😀👩‍👩‍👧 𝒳 and then Ada Lovelace 😀', ['Ada Lovelace']],
  ['characters of two units in it', '😀 ask 𠮷田 and Ada Lovelace', ['𠮷田', 'Ada Lovelace']],
  ['marks that combine', 'e\u0301 n\u0303 Ada Lovelace', ['Ada Lovelace']],
  ['line ends of all kinds', 'a\r\nb\u2028c\n\nAda Lovelace\r', ['Ada Lovelace']],
  ['none', 'the weather is fine', []],
  ['nothing but spaces', ' \n ', []],
  ['half a pair', 'half \ud83d of it, Ada Lovelace', ['Ada Lovelace']],
  ['other kinds', 'Ada Lovelace of Portsmouth', ['Ada Lovelace']],
];

/** Asks the analyzer, with a client of its own. */
async function asking(url: string, more: object, ask: (finder: EntityFinder) => Promise<void>): Promise<void> {
  const config = { url, entities: ['PERSON'], maxTextUnits: 1_024, timeoutMs: 20_000, ...more };
  const finder = createPresidio(nerConfig.parse(config), undefined);
  try {
    await ask(finder);
  } finally {
    finder.close();
  }
}

async function namesIn(finder: EntityFinder, text: string): Promise<readonly (readonly [string, string])[]> {
  const spans = (await finder.find(new Set([text]))).get(text) ?? [];
  return spans.toSorted((a, b) => a.start - b.start).map(({ start, end, type }) => [type, text.slice(start, end)]);
}

const refuses = async (finder: EntityFinder, message: RegExp): Promise<void> =>
  rejects(finder.find(new Set(['Ada Lovelace of Portsmouth'])), { outcome: 'failed', message });

/** All of them. */
export const PRESIDIO_CONTRACT: readonly PresidioPromise[] = [
  ...CASES.map(([what, text, names]) => ({
    name: `finds names among ${what}`,
    check: (url: string) =>
      asking(url, {}, async (finder) => {
        deepStrictEqual(
          await namesIn(finder, text),
          names.map((name) => ['PERSON', name]),
        );
      }),
  })),
  {
    name: 'answers for many texts at once, each for itself',
    check: (url) =>
      asking(url, {}, async (finder) => {
        const texts = Array.from({ length: 40 }, (_, at) => `${'x '.repeat(at)}Ada Lovelace number ${at}`);
        const found = await finder.find(new Set(texts));
        deepStrictEqual(
          texts.map((text) => found.get(text)?.map(({ start, end }) => text.slice(start, end))),
          texts.map(() => ['Ada Lovelace']),
        );
      }),
  },
  {
    name: 'finds in a text of many parts what stands over their edges',
    check: (url) =>
      asking(url, {}, async (finder) => {
        const lines = Array.from({ length: 300 }, (_, at) => `line ${at} of a long story 😀, by Ada Lovelace;`);
        const text = lines.join(' ');
        const spans = (await finder.find(new Set([text]))).get(text) ?? [];
        const covered = new Set(spans.map(({ start, end }) => `${start} ${text.slice(start, end)}`));
        deepStrictEqual(covered.size, 300);
        ok([...covered].every((one) => one.endsWith('Ada Lovelace')));
      }),
  },
  {
    name: 'finds each kind that it is asked for, and no other',
    check: (url) =>
      asking(url, { entities: ['LOCATION', 'NRP'] }, async (finder) => {
        deepStrictEqual(await namesIn(finder, 'Ada Lovelace of Portsmouth'), [['LOCATION', 'Portsmouth']]);
      }),
  },
  {
    name: 'leaves what is less certain than asked',
    check: (url) =>
      asking(url, { scoreThreshold: 0.99 }, async (finder) => {
        deepStrictEqual(await namesIn(finder, 'Please ask Ada Lovelace'), []);
      }),
  },
  {
    name: 'a language without a model is no answer',
    check: (url) => asking(url, { language: 'xx' }, (finder) => refuses(finder, /status 500/)),
  },
  {
    // Asked for both, it would find the other kind and say nothing of this one: ORGANIZATION is ignored unless it is configured.
    name: 'a kind that it does not look for is no answer',
    check: (url) => asking(url, { entities: ['PERSON', 'ORGANIZATION'] }, (finder) => refuses(finder, /ORGANIZATION/)),
  },
];
