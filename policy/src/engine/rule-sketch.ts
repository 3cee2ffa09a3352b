/** For tests: rules and sets written as one word each. */

import type { CompiledEffect } from '../dsl/effects.js';
import { ERROR, TRUE } from '../dsl/truth.js';
import type { Combining, PriorityOrder, RuleIr, SetIr } from './ir.js';
import { type SetOutcome, walkSet } from './resolve.js';

/** `allow@50`; `deny!@90`, erred; `require_approval+@5`, agreed to; `deny#@3`, with a quota; `escalate~@1`, with nothing to say. */
export interface Sketch {
  readonly ir: RuleIr;
  readonly truth: typeof TRUE | typeof ERROR;
}

function effectOf(type: string, isTerse: boolean): CompiledEffect {
  if (isTerse && type !== 'limit') return { type } as CompiledEffect;
  switch (type) {
    case 'redact':
      return { type, config: { method: 'hash' } };
    case 'limit':
      return { type, maxTokens: 1_000 };
    case 'require_approval':
      return { type, role: 'lead', quorum: 2, expires: 60 };
    case 'require_hitl':
      return { type, group: 'duty', quorum: 1, expires: 60, code: 'ASK', message: 'ask first' };
    case 'escalate':
      return { type, reason: 'look' };
    case 'deny':
      return { type, code: 'NO', message: 'not this' };
    default:
      return { type } as CompiledEffect;
  }
}

/** The rule that a sketch speaks of. */
export function rule(sketch: string): Sketch {
  const [type = '', priority = '0'] = sketch.replace(/[!+#~]/g, '').split('@');
  const ir: RuleIr = {
    id: sketch,
    name: sketch,
    effect: effectOf(type, sketch.includes('~')),
    priority: Number(priority),
    scope: [],
    when: { node: 'and', of: [] },
    ...(sketch.includes('#') ? { guard: { kind: 'requests', limit: 5, windowSeconds: 60, per: ['agent'] } } : {}),
    frameworks: [],
    file: 'f',
    line: 1,
    column: 1,
  };
  return { ir, truth: sketch.includes('!') ? ERROR : TRUE };
}

/** The holds among sketches that people have agreed to. */
export function granted(sketches: readonly string[]): ReadonlySet<string> {
  return new Set(sketches.filter((sketch) => sketch.includes('+')).map((sketch) => `platform/s/${sketch}`));
}

/** The outcome of a set of sketches. */
export function outcome(combining: Combining, order: PriorityOrder, sketches: readonly string[]): SetOutcome<Sketch> {
  const set: SetIr = { name: 's', layer: 'platform', combining, priorityOrder: order, rules: [] };
  const walk = walkSet<Sketch>(set, granted(sketches));
  for (const one of sketches.map(rule)) if (!walk.take(one, one.truth)) break;
  return walk.finish();
}
