import { z } from 'zod';
import { operatorRow } from '../dsl/operators.js';
import type { JsonObject } from '../model/request.js';
import { all, any, known, not } from './condition-text.js';
import { fieldAt, strictConfig } from './config-values.js';
import type { PolicyKind } from './kind.js';

const FIELD = 'context.timestamp';
const text = () => z.string().min(1).max(64);

const config = () =>
  strictConfig({
    timezone: text().describe('An IANA time zone, such as Asia/Jakarta or UTC; summer time is followed.'),
    days: z
      .array(text())
      .min(1)
      .max(7)
      .describe('sun, mon, tue, wed, thu, fri, sat; every day when absent.')
      .optional(),
    from: text().describe('Beginning, as HH:MM of a 24-hour clock; part of the window.').optional(),
    to: text().describe('End, as HH:MM; not part of the window. Before `from`: on the next day.').optional(),
    dates: strictConfig({
      from: text().describe('First date, as YYYY-MM-DD.').optional(),
      to: text().describe('Last date, as YYYY-MM-DD.').optional(),
    })
      .describe('The dates between which the window is in force, both included.')
      .optional(),
    except: z.array(text()).min(1).max(1000).describe('Dates on which no window begins, such as holidays.').optional(),
  }).superRefine((value, context) => {
    const report = (literal: JsonObject, place: (at: readonly (string | number)[]) => (string | number)[]): boolean => {
      const fault = operatorRow('in_time_window').check(literal, fieldAt(FIELD));
      if (fault !== undefined) {
        context.addIssue({ code: 'custom', path: place(fault.at), message: fault.message, input: value });
      }
      return fault !== undefined;
    };
    if (report(windowOf(value), (at) => [...at])) return;
    for (const [index, date] of (value.except ?? []).entries()) report(dayOf(value, date), () => ['except', index]);
  });

interface Hours {
  readonly timezone: string;
  readonly days?: readonly string[] | undefined;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly dates?: { readonly from?: string | undefined; readonly to?: string | undefined } | undefined;
}

/** The days and hours in which something may happen. */
export const TIME_WINDOW: PolicyKind<z.output<ReturnType<typeof config>>> = {
  type: 'time_window',
  description: 'Only on the given days and between the given hours of a time zone.',
  actions: ['deny', 'escalate', 'log_only', 'allow'],
  config,
  example: {
    name: 'Business hours',
    type: 'time_window',
    action: 'deny',
    priority: 60,
    config: {
      timezone: 'Asia/Jakarta',
      days: ['mon', 'tue', 'wed', 'thu', 'fri'],
      from: '08:00',
      to: '18:00',
      except: ['2026-12-25'],
    },
    enabled: true,
    on: ['inference'],
  },
  compile: (written) => {
    const inside = known(FIELD, 'in_time_window', windowOf(written));
    const excepted = (written.except ?? []).map((date) => known(FIELD, 'in_time_window', dayOf(written, date)));
    return {
      violation: not(all([inside, ...(excepted.length === 0 ? [] : [not(any(excepted))])])),
      denial: { code: 'OUTSIDE_TIME_WINDOW', message: 'this is not permitted at this time' },
    };
  },
};

/** The literal of `in_time_window`. */
function windowOf({ timezone, days, from, to, dates }: Hours): JsonObject {
  return {
    timezone,
    ...(days === undefined ? {} : { days }),
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
    ...(dates === undefined ? {} : { dates: dates as JsonObject }),
  };
}

/** The window that begins on one date: one that ends after midnight is left out whole. */
function dayOf({ timezone, from, to }: Hours, date: string): JsonObject {
  return windowOf({ timezone, from, to, dates: { from: date, to: date } });
}
