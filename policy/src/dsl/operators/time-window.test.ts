import { describe, expect, test } from '@jest/globals';
import type { ContextualRequest } from '../../model/facts.js';
import type { Json, JsonObject } from '../../model/request.js';
import { findField } from '../fields.js';
import { ERROR, FALSE, TRUE, type Truth } from '../truth.js';
import { IN_TIME_WINDOW } from './time-window.js';
import { createZoneClocks } from './zone-clock.js';

const lookup = findField('context.timestamp');
if (!('field' in lookup)) throw new Error(lookup.problem);
const { field } = lookup;

function ask(window: JsonObject, time: Json): Truth {
  expect(IN_TIME_WINDOW.check(window, field)).toBeUndefined();
  return IN_TIME_WINDOW.link(window, field, { zoneClock: createZoneClocks() })(time, {} as ContextualRequest);
}

const OFFICE = { timezone: 'Europe/Berlin', days: ['mon', 'tue', 'wed', 'thu', 'fri'], from: '09:00', to: '17:00' };
const NIGHT = { timezone: 'UTC', days: ['fri'], from: '22:00', to: '06:00' };

describe('a time window', () => {
  test.each<{ name: string; window: JsonObject; time: string; is: boolean }>([
    // 2026-01-12 is a Monday.
    { name: 'begins at from', window: OFFICE, time: '2026-01-12T09:00:00+01:00', is: true },
    { name: 'has not begun a moment before', window: OFFICE, time: '2026-01-12T08:59:59.999999999+01:00', is: false },
    { name: 'lasts until the moment before to', window: OFFICE, time: '2026-01-12T16:59:59.999+01:00', is: true },
    { name: 'has ended at to', window: OFFICE, time: '2026-01-12T17:00:00+01:00', is: false },
    { name: 'is told by its own zone', window: OFFICE, time: '2026-01-12T08:00:00Z', is: true },
    { name: 'is not told by the zone of the value', window: OFFICE, time: '2026-01-12T09:00:00-08:00', is: false },
    { name: 'is closed on other days', window: OFFICE, time: '2026-01-11T10:00:00+01:00', is: false },
    {
      name: 'knows the local weekday',
      window: { timezone: 'Pacific/Auckland', days: ['mon'] },
      time: '2026-01-11T12:00:00Z',
      is: true,
    },
    { name: 'wraps midnight', window: NIGHT, time: '2026-01-16T23:00:00Z', is: true },
    { name: 'is of the day on which it began', window: NIGHT, time: '2026-01-17T05:59:59Z', is: true },
    { name: 'ends on the next day', window: NIGHT, time: '2026-01-17T06:00:00Z', is: false },
    { name: 'does not begin on the next day', window: NIGHT, time: '2026-01-17T22:00:00Z', is: false },
    { name: 'does not hold before it began', window: NIGHT, time: '2026-01-16T05:00:00Z', is: false },
    {
      name: 'lasts to the end of the day',
      window: { timezone: 'UTC', from: '18:00', to: '24:00' },
      time: '2026-01-16T23:59:59Z',
      is: true,
    },
    {
      name: 'without hours is the whole day',
      window: { timezone: 'UTC', days: ['fri'] },
      time: '2026-01-16T00:00:00Z',
      is: true,
    },
    {
      name: 'begins on its first date',
      window: { timezone: 'Asia/Jakarta', dates: { from: '2026-03-01' } },
      time: '2026-02-28T17:00:00Z',
      is: true,
    },
    {
      name: 'has not begun the day before',
      window: { timezone: 'Asia/Jakarta', dates: { from: '2026-03-01' } },
      time: '2026-02-28T16:59:59Z',
      is: false,
    },
    {
      name: 'includes its last date',
      window: { timezone: 'UTC', dates: { to: '2026-03-31' } },
      time: '2026-03-31T23:59:59Z',
      is: true,
    },
    {
      name: 'ends with its last date',
      window: { timezone: 'UTC', dates: { to: '2026-03-31' } },
      time: '2026-04-01T00:00:00Z',
      is: false,
    },
    {
      name: 'lets a night run past its last date',
      window: { ...NIGHT, dates: { to: '2026-01-16' } },
      time: '2026-01-17T01:00:00Z',
      is: true,
    },
    // Berlin sprang from 02:00 to 03:00 on 2026-03-29.
    {
      name: 'never holds in the hour that summer time skips',
      window: { timezone: 'Europe/Berlin', from: '02:00', to: '03:00' },
      time: '2026-03-29T01:00:00Z',
      is: false,
    },
    {
      name: 'had not come just before the skip',
      window: { timezone: 'Europe/Berlin', from: '02:00', to: '03:00' },
      time: '2026-03-29T00:59:59Z',
      is: false,
    },
    { name: 'begins an hour earlier by UTC in summer', window: OFFICE, time: '2026-03-30T07:00:00Z', is: true },
    { name: 'began an hour later by UTC in winter', window: OFFICE, time: '2026-03-27T07:00:00Z', is: false },
    // And fell back from 03:00 to 02:00 on 2026-10-25.
    {
      name: 'holds in the repeated hour the first time',
      window: { timezone: 'Europe/Berlin', from: '02:00', to: '03:00' },
      time: '2026-10-25T00:30:00Z',
      is: true,
    },
    {
      name: 'holds in the repeated hour the second time',
      window: { timezone: 'Europe/Berlin', from: '02:00', to: '03:00' },
      time: '2026-10-25T01:30:00Z',
      is: true,
    },
    {
      name: 'ends after the repeated hour',
      window: { timezone: 'Europe/Berlin', from: '02:00', to: '03:00' },
      time: '2026-10-25T02:00:00Z',
      is: false,
    },
    {
      name: 'knows New York in summer',
      window: { timezone: 'America/New_York', from: '09:00', to: '10:00' },
      time: '2026-03-09T13:30:00Z',
      is: true,
    },
    {
      name: 'knows New York in winter',
      window: { timezone: 'America/New_York', from: '09:00', to: '10:00' },
      time: '2026-03-06T13:30:00Z',
      is: false,
    },
    {
      name: 'knows zones of half an hour',
      window: { timezone: 'Asia/Kolkata', from: '09:00', to: '09:30' },
      time: '2026-01-12T03:45:00Z',
      is: true,
    },
    { name: 'holds before 1970', window: { timezone: 'UTC', days: ['wed'] }, time: '1969-12-31T12:00:00Z', is: true },
  ])('$name', ({ window, time, is }) => {
    expect(ask(window, time)).toBe(is ? TRUE : FALSE);
  });

  test.each<{ value: Json }>([
    { value: 'noon' },
    { value: '2026-01-12' },
    { value: 5 },
    { value: null },
    { value: [] },
  ])('cannot be asked of $value', ({ value }) => {
    expect(ask(OFFICE, value)).toBe(ERROR);
  });

  test('one clock serves several windows and times in any order', () => {
    const zoneClock = createZoneClocks();
    const link = (window: JsonObject) => IN_TIME_WINDOW.link(window, field, { zoneClock });
    const [office, friday] = [link(OFFICE), link({ timezone: 'Europe/Berlin', days: ['fri'] })];
    const truths = ['2026-01-12T10:00:00Z', '2026-01-16T10:00:00Z', '2026-01-12T10:00:00Z'].map((time) => [
      office(time, {} as ContextualRequest),
      friday(time, {} as ContextualRequest),
    ]);
    expect(truths).toEqual([
      [TRUE, FALSE],
      [TRUE, TRUE],
      [TRUE, FALSE],
    ]);
  });
});

describe('a time window is refused', () => {
  test.each<{ literal: Json | undefined; says: string; at: readonly (string | number)[] }>([
    { literal: undefined, says: 'expected a time window', at: [] },
    { literal: '09:00-17:00', says: 'expected a time window', at: [] },
    { literal: { from: '09:00', to: '17:00' }, says: 'time zone', at: ['timezone'] },
    { literal: { timezone: 'Mars/Olympus', days: ['mon'] }, says: 'not an IANA', at: ['timezone'] },
    { literal: { timezone: 'Europe/Berln', days: ['mon'] }, says: 'did you mean "Europe/Berlin"?', at: ['timezone'] },
    { literal: { timezone: '+07:00', days: ['mon'] }, says: 'not an IANA', at: ['timezone'] },
    { literal: { timezone: 'UTC' }, says: 'holds always', at: [] },
    { literal: { timezone: 'UTC', dayz: ['mon'] }, says: 'did you mean "days"?', at: ['dayz'] },
    { literal: { timezone: 'UTC', days: [] }, says: 'at least one', at: ['days'] },
    { literal: { timezone: 'UTC', days: ['mon', 'monday'] }, says: 'did you mean "mon"?', at: ['days', 1] },
    { literal: { timezone: 'UTC', from: '09:00' }, says: 'to is a time', at: ['to'] },
    { literal: { timezone: 'UTC', from: '9:00', to: '17:00' }, says: 'from is a time', at: ['from'] },
    { literal: { timezone: 'UTC', from: '09:00', to: '24:01' }, says: 'to is a time', at: ['to'] },
    { literal: { timezone: 'UTC', from: '09:00', to: '09:00' }, says: 'the same', at: ['to'] },
    { literal: { timezone: 'UTC', from: '24:00', to: '09:00' }, says: 'at the latest', at: ['from'] },
    { literal: { timezone: 'UTC', dates: {} }, says: 'from, to, or both', at: ['dates'] },
    { literal: { timezone: 'UTC', dates: { from: '2026-02-30' } }, says: 'calendar', at: ['dates', 'from'] },
    { literal: { timezone: 'UTC', dates: { till: '2026-02-03' } }, says: 'no "till"', at: ['dates', 'till'] },
    {
      literal: { timezone: 'UTC', dates: { from: '2026-02-02', to: '2026-02-01' } },
      says: 'before they begin',
      at: ['dates', 'to'],
    },
  ])('$literal: $says', ({ literal, says, at }) => {
    const fault = IN_TIME_WINDOW.check(literal, field);
    expect(fault?.message).toContain(says);
    expect(fault?.at).toEqual(at);
  });
});
