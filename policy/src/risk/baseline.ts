/**
 * What an agent usually does: counters that fade. A counter loses half of itself in every half-life, so that it needs no
 * window, no list of events and no sweep: a value and the time at which it had that value are enough.
 */

import type { ContextualRequest } from '../model/facts.js';
import { kindOf } from '../model/request.js';
import { amountOf } from './amounts.js';
import { destinationOf } from './destination.js';

/** A counter as it is kept. */
export interface FadingCount {
  readonly value: number;
  /** Epoch milliseconds at which it had that value. */
  readonly at: number;
}

/** Counters by name; see {@link countersOf}. */
export type Counters = ReadonlyMap<string, FadingCount>;

/** What is to be added to a counter. */
export interface Increment {
  readonly counter: string;
  readonly by: number;
  readonly halfLifeMs: number;
}

/** How fast the counters fade. */
export interface HalfLives {
  /** Of what the agent is used to, in milliseconds. */
  readonly habitMs: number;
  /** Of what it is doing now, in milliseconds. */
  readonly recentMs: number;
  /** Of sums of amounts, in milliseconds. */
  readonly amountMs: number;
}

/** Families of counters, bounded each for itself: a tool, a destination. */
export const COUNTER_FAMILIES = ['tool', 'host'] as const;

/** An agent's counters at one instant. */
export interface Baseline {
  /** Attempts, as many as the agent still remembers. */
  readonly attempts: number;
  /** Attempts a minute, usually. */
  readonly usualPerMinute: number;
  /** Attempts a minute, now. */
  readonly recentPerMinute: number;
  /** Denials of the recent past. */
  readonly recentDenials: number;
  /** Sum of the amounts of the recent past. */
  readonly recentAmount: number;
  /** Mean amount of what was allowed; 0 before the first. */
  readonly usualAmount: number;
  /** Milliseconds since the first attempt that was seen. */
  readonly ageMs: number;
  /** How often, of what was allowed. */
  readonly tools: ReadonlyMap<string, number>;
  readonly hosts: ReadonlyMap<string, number>;
}

/** What a counter is worth at a later time. A clock that went back takes nothing away and adds nothing. */
export function faded({ value, at }: FadingCount, now: number, halfLifeMs: number): number {
  return value * 2 ** -(Math.max(0, now - at) / halfLifeMs);
}

/**
 * What one decided attempt adds. Only what was allowed becomes a habit, or an attacker would make one by trying; only
 * denials count as denials.
 */
export function incrementsOf(
  request: ContextualRequest,
  isAllowed: boolean,
  { habitMs, recentMs, amountMs }: HalfLives,
): readonly Increment[] {
  const habit = (counter: string, by = 1): Increment => ({ counter, by, halfLifeMs: habitMs });
  const common = [habit('attempts'), { counter: 'recent', by: 1, halfLifeMs: recentMs }];
  if (!isAllowed) return [...common, { counter: 'denials', by: 1, halfLifeMs: recentMs }];
  const tool = toolOf(request);
  const destination = destinationOf(request);
  const amount = amountOf(request);
  return [
    ...common,
    ...(tool === undefined ? [] : [habit(`tool:${tool}`)]),
    ...(destination === undefined ? [] : [habit(`host:${destination}`)]),
    ...(amount === undefined
      ? []
      : [habit('amounts'), habit('amount', amount), { counter: 'spent', by: amount, halfLifeMs: amountMs }]),
  ];
}

/** `<server>/<name>` of a tool call; `undefined` for everything else. */
export function toolOf(request: ContextualRequest): string | undefined {
  if (kindOf(request) !== 'tool_call' || request.tool?.name === undefined) return undefined;
  return bounded(`${request.tool.server ?? ''}/${request.tool.name}`);
}

/** A name of at most 200 characters: an agent chooses its names, not how much of them is kept. */
export function bounded(name: string): string {
  return name.length <= 200 ? name : `${name.slice(0, 199)}…`;
}

/** The baseline at an instant, or `undefined` for an agent that was never seen. `since` is epoch milliseconds. */
export function baselineAt(
  counters: Counters,
  since: number | undefined,
  now: number,
  { habitMs, recentMs, amountMs }: HalfLives,
): Baseline | undefined {
  if (since === undefined || counters.size === 0) return undefined;
  const worth = (name: string, halfLifeMs: number): number => {
    const counter = counters.get(name);
    return counter === undefined ? 0 : faded(counter, now, halfLifeMs);
  };
  const family = (name: string): ReadonlyMap<string, number> =>
    new Map(
      [...counters]
        .filter(([counter]) => counter.startsWith(`${name}:`))
        .map(([counter, count]) => [counter.slice(name.length + 1), faded(count, now, habitMs)]),
    );
  const attempts = worth('attempts', habitMs);
  const ageMs = Math.max(0, now - since);
  const amounts = worth('amounts', habitMs);
  return {
    attempts,
    usualPerMinute: attempts / rememberedMinutes(ageMs, habitMs),
    recentPerMinute: worth('recent', recentMs) / rememberedMinutes(ageMs, recentMs),
    recentDenials: worth('denials', recentMs),
    recentAmount: worth('spent', amountMs),
    usualAmount: amounts === 0 ? 0 : worth('amount', habitMs) / amounts,
    ageMs,
    tools: family('tool'),
    hosts: family('host'),
  };
}

/** The minutes that a steady rate would have to fill: the integral of what fades, from the first attempt until now. */
function rememberedMinutes(ageMs: number, halfLifeMs: number): number {
  const whole = halfLifeMs / Math.LN2;
  return Math.max(1, (whole * (1 - 2 ** -(ageMs / halfLifeMs))) / 60_000);
}
