import { describe, expect, test } from '@jest/globals';
import type { Json, JsonObject } from '../model/request.js';
import {
  createFindings,
  engineOf,
  everyAction,
  type Finding,
  policyOf,
  problemsOf,
  requestOf,
} from './testing/decide-typed.js';
import { TIME_WINDOW } from './time-window.js';

const findingsOf = createFindings();

const OFFICE = TIME_WINDOW.example['config'] ?? null;
const NIGHT = { timezone: 'Europe/Berlin', from: '22:00', to: '06:00', except: ['2026-12-24'] };

describe('time_window', () => {
  test.each<{ name: string; config?: Json; at: Json; finding: Finding }>([
    { name: 'Monday 08:00 in Jakarta', at: '2026-03-02T01:00:00Z', finding: 'complies' },
    { name: 'a minute before', at: '2026-03-02T00:59:59Z', finding: 'violates' },
    { name: 'Monday 17:59 in Jakarta', at: '2026-03-02T17:59:00+07:00', finding: 'complies' },
    { name: 'the end is outside', at: '2026-03-02T18:00:00+07:00', finding: 'violates' },
    { name: 'Saturday', at: '2026-03-07T10:00:00+07:00', finding: 'violates' },
    { name: 'a holiday', at: '2026-12-25T10:00:00+07:00', finding: 'violates' },
    { name: 'the day before it', at: '2026-12-24T10:00:00+07:00', finding: 'complies' },
    { name: 'no time of day at all', at: 'yesterday', finding: 'errs' },
    { name: 'a number', at: 5, finding: 'errs' },
    { name: 'the night before midnight', config: NIGHT, at: '2026-07-01T23:00:00+02:00', finding: 'complies' },
    { name: 'the night after midnight', config: NIGHT, at: '2026-07-02T05:59:00+02:00', finding: 'complies' },
    { name: 'the day', config: NIGHT, at: '2026-07-02T06:00:00+02:00', finding: 'violates' },
    {
      name: 'the night that begins on an excepted date',
      config: NIGHT,
      at: '2026-12-24T23:00:00+01:00',
      finding: 'violates',
    },
    { name: 'its hours after midnight', config: NIGHT, at: '2026-12-25T05:00:00+01:00', finding: 'violates' },
    { name: 'the night before it', config: NIGHT, at: '2026-12-24T05:00:00+01:00', finding: 'complies' },
    {
      name: 'before the dates',
      config: { timezone: 'UTC', dates: { from: '2026-03-01', to: '2026-03-31' } },
      at: '2026-02-28T23:59:59Z',
      finding: 'violates',
    },
    {
      name: 'within the dates',
      config: { timezone: 'UTC', dates: { from: '2026-03-01', to: '2026-03-31' } },
      at: '2026-03-31T23:59:59Z',
      finding: 'complies',
    },
  ])('$name: $finding', ({ config = OFFICE, at, finding }) => {
    const policy = policyOf('time_window', config);
    const request = requestOf('inference', { context: { timestamp: at } });
    expect(findingsOf(policy, request)).toEqual(everyAction('time_window', finding));
  });

  test('without a time nothing is inside', () => {
    const { context: _context, ...rest } = requestOf('inference') as unknown as JsonObject;
    const request = { ...rest, context: { request_id: 'r' } } as unknown as ReturnType<typeof requestOf>;
    expect(engineOf(TIME_WINDOW.example).evaluate(request).effect).toBe('deny');
    expect(engineOf({ ...TIME_WINDOW.example, action: 'allow' }, 'denied').evaluate(request).effect).toBe('deny');
  });

  test('the example speaks of model calls only', () => {
    const night = { context: { timestamp: '2026-03-02T00:00:00+07:00' } };
    expect(engineOf(TIME_WINDOW.example).evaluate(requestOf('tool_call', night)).effect).toBe('allow');
  });

  test.each<{ config: Json; says: string }>([
    {
      config: { timezone: 'Asia/Jakata', days: ['mon'] },
      says: 'config.timezone: "Asia/Jakata" is not an IANA time zone; did you mean "Asia/Jakarta"?',
    },
    { config: { timezone: 'UTC' }, says: 'holds always' },
    { config: { timezone: 'UTC', days: ['mon', 'tues'] }, says: 'config.days[1]: a weekday is one of' },
    { config: { timezone: 'UTC', from: '9:00', to: '17:00' }, says: 'config.from: from is a time of a 24-hour clock' },
    {
      config: { timezone: 'UTC', days: ['mon'], except: ['2026-02-28', '2026-02-30'] },
      says: 'config.except[1]: expected a date',
    },
    { config: { timezone: 'UTC', dates: { form: '2026-02-28' } }, says: 'unknown key "form"; did you mean "from"?' },
    { config: { days: ['mon'] }, says: 'config.timezone is missing' },
  ])('refused: $says', ({ config, says }) => {
    expect(problemsOf(policyOf('time_window', config)).join('\n')).toContain(says);
  });
});
