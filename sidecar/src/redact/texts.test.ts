import { describe, expect, test } from '@jest/globals';
import { type RedactionRules, redactionRules, redactJson, typesOfDetectors } from '@portcullis/policy/content';
import { SENSITIVE_VALUES } from '../testing/sensitive-values.js';
import { redactedBy, textAnswer } from './texts.js';

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

test.each(SENSITIVE_VALUES)('%s: in JSON, however it is escaped', (value) => {
  const escaped = Array.from({ length: value.length }, (_, at) => escapedUnit(value.charCodeAt(at))).join('');
  expect(JSON.parse(redactJson(`{"text":"${escaped}"}`, { rules: RULES }))).toEqual({ text: '<>' });
  expect(JSON.parse(redactJson(JSON.stringify({ text: value }), { rules: RULES }))).toEqual({ text: '<>' });
});

function escapedUnit(unit: number): string {
  return `\\u${unit.toString(16).padStart(4, '0')}`;
}
