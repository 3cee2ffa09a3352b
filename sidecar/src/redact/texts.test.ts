import { beforeEach, describe, expect, test } from '@jest/globals';
import { type RedactionRules, redactionRules, redactJson, typesOfDetectors } from '@portcullis/policy/content';
import fc from 'fast-check';
import { SENSITIVE_VALUES } from '../testing/sensitive-values.js';
import type { Look } from './look.js';
import { MODEL_LAYOUT } from './model-layout.js';
import { fieldPath } from './orders.js';
import type { Step } from './steps.js';
import { redactedBy, type TextAnswer, textAnswer } from './texts.js';

const BEFORE = 'Guten Tag, schöne Grüße 😀: ';
const AFTER = ' – and that is all there was to say about it, thank you.';
const REDACTED = `${BEFORE}<>${AFTER}`;
const RULES: RedactionRules = redactionRules(
  typesOfDetectors(['email', 'phone', 'card', 'iban', 'ssn', 'national_id', 'ip', 'crypto', 'secret']),
  () => '<>',
);

describe('an answer in pieces', () => {
  test.each(SENSITIVE_VALUES)('%s: cut anywhere, nothing leaks and nothing else changes', (value) => {
    const text = BEFORE + value + AFTER;
    for (let cut = BEFORE.length - 1; cut <= BEFORE.length + value.length + 1; cut += 1) {
      const answer = textAnswer([{ rules: RULES }]);
      const said = answer.say('a', text.slice(0, cut)) + answer.say('a', text.slice(cut)) + answer.rest('a');
      expect([cut, said]).toEqual([cut, REDACTED]);
    }
  });

  test.each(SENSITIVE_VALUES)('%s: unit by unit, beside another text', (value) => {
    const answer = textAnswer([{ rules: RULES }]);
    let [one, other] = ['', ''];
    for (const unit of BEFORE + value + AFTER) {
      one += answer.say('one', unit);
      other += answer.say('other', 'x');
    }
    expect(one + answer.rest('one')).toBe(REDACTED);
    expect(other + answer.rest('other')).toMatch(/^x+$/);
  });

  test('is what the whole text would be, under one rule after the other', async () => {
    const mails = redactionRules(typesOfDetectors(['email']), () => '4111 1111 1111 1111');
    const steps = [{ rules: mails }, { rules: RULES }];
    const text = 'a@example.org, and 4111 1111 1111 1111';
    expect((await redactedBy(steps).looked([]))(text, '')).toBe('<>, and <>');
    const answer = textAnswer(steps);
    const said = Array.from(text, (unit) => answer.say('a', unit)).join('');
    expect(said + answer.rest('a')).toBe('<>, and <>');
  });

  test('a channel that is over begins anew', () => {
    const answer = textAnswer([{ rules: RULES }]);
    expect(answer.say('a', '4111 1111 ') + answer.rest('a')).toBe('4111 1111 ');
    expect(answer.say('a', '1111 1111') + answer.rest('a')).toBe('1111 1111');
  });
});

describe('an answer whose fields are masked', () => {
  const found: string[] = [];
  const masked = [fieldPath('ssn', MODEL_LAYOUT)];
  const answering = (...more: readonly Step[]): TextAnswer =>
    textAnswer([{ masked, found: () => void found.push('one') }, ...more]);
  /** Piece by piece, as a gateway does it: what somebody hears after each of them, and at the end. */
  async function heard(answer: TextAnswer, channel: string, pieces: readonly string[]): Promise<readonly string[]> {
    const said: string[] = [];
    for (const piece of pieces) {
      await answer.look?.([{ channel, piece }]);
      said.push(answer.say(channel, piece));
    }
    await answer.look?.([{ channel, piece: undefined }]);
    return [...said, answer.rest(channel)];
  }

  test('words go on as they come, and JSON at its end', async () => {
    expect(await heard(answering(), 'a', ['the ', '"ssn"'])).toEqual(['the ', '"ssn"', '']);
    expect(await heard(answering(), 'a', [' ', '{"ssn"', ':1}'])).toEqual(['', '', '', ' {"ssn":"***"}']);
    expect(found).toEqual(['one']);
  });

  test('JSON of any shape, cut anywhere, comes as the whole of it would', async () => {
    const below = fc.letrec<{ readonly json: unknown }>((tie) => ({
      json: fc.oneof(
        { depthSize: 'small' },
        fc.constantFrom<unknown>(null, true, 7, '219', ' "219" ', '{"ssn":"219"}', '["219"]'),
        fc.array(tie('json'), { maxLength: 3 }),
        fc.dictionary(fc.constantFrom('ssn', 'name', 's\u00fcn', ''), tie('json')),
      ),
    })).json;
    /** As somebody would who reads it: below `ssn` there is nothing but what a mask leaves. */
    const bare = (value: unknown): unknown => {
      if (typeof value === 'string' && /^[[{]/.test(value)) return JSON.stringify(bare(JSON.parse(value)));
      if (Array.isArray(value)) return value.map(bare);
      if (typeof value !== 'object' || value === null) return value;
      const members = Object.entries(value);
      return Object.fromEntries(
        members.map(([name, member]) => [name, name !== 'ssn' || member === null ? bare(member) : '***']),
      );
    };
    const document = fc.oneof(fc.array(below), fc.dictionary(fc.constantFrom('ssn', 'a'), below));
    await fc.assert(
      fc.asyncProperty(document, fc.constantFrom(0, 2), fc.integer({ min: 1, max: 9 }), async (value, space, size) => {
        const text = JSON.stringify(value, undefined, space);
        const pieces = text.match(new RegExp(`[^]{1,${size}}`, 'gu')) ?? [];
        const said = (await heard(answering(), 'a', pieces)).join('');
        expect(JSON.parse(said)).toEqual(bare(JSON.parse(text)));
      }),
    );
  });

  test('a channel of arguments is one', async () => {
    const answer = textAnswer([{ masked: [fieldPath('arguments.ssn', MODEL_LAYOUT)], found: () => undefined }]);
    expect((await heard(answer, 'i 0 response.mcp_call_arguments', ['{"ssn":1}'])).join('')).toBe('{"ssn":"***"}');
    expect((await heard(answer, 'i 0 response.output_text', ['{"ssn":1}'])).join('')).toBe('{"ssn":1}');
  });

  test('what is left of it is searched, and nobody else is asked about what is masked', async () => {
    const asked: string[] = [];
    const look: Look = async (texts) => {
      asked.push(...texts);
      return { extra: () => [], outcome: 'answered' };
    };
    const answer = answering({ rules: RULES, look });
    const text = JSON.stringify({ ssn: 'Ada', to: 'ada@example.org' });
    expect((await heard(answer, 'a', [text])).join('')).toBe('{"ssn":"***","to":"<>"}');
    expect(asked).not.toContain('Ada');
  });
});

describe('an answer at which somebody else looks first', () => {
  const asked: string[] = [];
  const looking =
    (word: string): Look =>
    async (texts) => {
      asked.push(...texts);
      const extra = (text: string) =>
        Array.from(text.matchAll(new RegExp(word, 'g')), ({ index }) => ({
          type: 'PERSON',
          start: index,
          end: index + word.length,
        }));
      return { extra, outcome: 'answered' };
    };
  const step = (word: string, by: string) => ({ rules: redactionRules([], () => by), look: looking(word) });
  const steps = [step('Ada', 'B'), { rules: RULES }, step('B', 'C')];
  const SENTENCE = 'It was Ada, and nobody else was there. ';
  const text = SENTENCE.repeat(12);
  beforeEach(() => void asked.splice(0));

  test('says what was looked at, in its order, and nothing else', async () => {
    const answer = textAnswer(steps);
    expect(() => answer.whole('Ada', '')).toThrow(TypeError);
    expect(() => answer.say('a', 'Ada')).toThrow(TypeError);
    expect(() => answer.rest('a')).toThrow(TypeError);
    await answer.look?.([
      { text: 'Ada', name: '' },
      { channel: 'a', piece: 'Ada' },
      { channel: 'a', piece: ' was' },
    ]);
    expect(answer.whole('Ada', '')).toBe('C');
    expect(() => answer.whole('Ada', 'other')).toThrow(TypeError);
    expect(() => answer.say('b', 'Ada')).toThrow(TypeError);
    expect(answer.say('a', 'Ada')).toBe('');
    expect(() => answer.say('a', ' is')).toThrow(TypeError);
    expect(() => answer.rest('a')).toThrow(TypeError);
  });

  test('looks at one text once', async () => {
    const answer = textAnswer([step('Ada', 'B')]);
    for (let times = 0; times < 3; times += 1) await answer.look?.([{ text: 'Ada', name: '' }]);
    expect([asked, answer.whole('Ada', '')]).toEqual([['Ada'], 'B']);
  });

  test('remembers few of the texts that it has said, however many there are', async () => {
    const answer = textAnswer([step('Ada', 'B')]);
    const name = (at: number) => `Ada of ${at}`;
    for (let at = 0; at < 1_000; at += 1) {
      await answer.look?.([{ text: name(at), name: '' }]);
      expect(answer.whole(name(at), '')).toBe(`B of ${at}`);
    }
    expect(() => answer.whole(name(0), '')).toThrow(TypeError);
    await answer.look?.([name(0), name(999)].map((one) => ({ text: one, name: '' })));
    expect([answer.whole(name(0), ''), answer.whole(name(999), '')]).toEqual(['B of 0', 'B of 999']);
  });

  async function said(answer: TextAnswer): Promise<readonly string[]> {
    const pieces: string[] = [];
    for (const piece of text.match(/.{1,9}/g) ?? []) {
      await answer.look?.([{ channel: 'a', piece }]);
      pieces.push(answer.say('a', piece));
    }
    await answer.look?.([{ channel: 'a', piece: undefined }]);
    return [...pieces, answer.rest('a')];
  }

  test('each rule is over what the one before has left, and sentences go on', async () => {
    const pieces = await said(textAnswer(steps));
    expect(pieces.join('')).toBe(text.replaceAll('Ada', 'C'));
    expect(pieces.slice(0, -1).join('')).toContain('It was C, and nobody else was there. ');
    expect(asked.filter((one) => /Ada.*B|B.*Ada/.test(one))).toEqual([]);
  });

  test('what nobody gets before its end is looked at as a whole', async () => {
    const pieces = await said(textAnswer(steps, true));
    expect(pieces.filter((piece) => piece !== '')).toEqual([text.replaceAll('Ada', 'C')]);
    expect(asked).toEqual([text, text.replaceAll('Ada', 'B')]);
  });

  test('a channel that is over begins anew', async () => {
    const answer = textAnswer([step('Ada', 'B')]);
    const rest = { channel: 'a', piece: undefined };
    await answer.look?.([{ channel: 'a', piece: 'Ad' }, rest, { channel: 'a', piece: 'a' }, rest, rest]);
    expect([answer.say('a', 'Ad'), answer.rest('a'), answer.say('a', 'a'), answer.rest('a'), answer.rest('a')]).toEqual(
      ['', 'Ad', '', 'a', ''],
    );
  });
});

test.each(SENSITIVE_VALUES)('%s: in JSON, however it is escaped', (value) => {
  const escaped = Array.from({ length: value.length }, (_, at) => escapedUnit(value.charCodeAt(at))).join('');
  expect(JSON.parse(redactJson(`{"text":"${escaped}"}`, { rules: RULES }))).toEqual({ text: '<>' });
  expect(JSON.parse(redactJson(JSON.stringify({ text: value }), { rules: RULES }))).toEqual({ text: '<>' });
});

function escapedUnit(unit: number): string {
  return `\\u${unit.toString(16).padStart(4, '0')}`;
}
