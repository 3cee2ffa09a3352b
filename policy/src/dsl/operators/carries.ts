import type { ContextualRequest } from '../../model/facts.js';
import type { Json, JsonObject } from '../../model/request.js';
import { ERROR, TRUE, truthOf } from '../truth.js';
import { GLOB_MATCH } from './glob.js';
import { elementsFault, valueFault } from './literal.js';
import type { OperatorRow } from './row.js';

/** The literal of `carries`: globs, of which one or every one has to match some label. */
export interface LabelQuestion {
  readonly need: 'any' | 'every';
  readonly labels: readonly string[];
}

/** `carries`: a list of labels has what is asked for. Unlike `contains_any` it takes nothing but a list of texts. */
export const CARRIES: OperatorRow = {
  fields: ['string_list'],
  internal: true,
  check: (literal, field) => {
    const { need, labels } = (literal ?? {}) as JsonObject;
    if (need !== 'any' && need !== 'every') return valueFault('expected any or every', 'need');
    const fault = elementsFault(labels, (label) => GLOB_MATCH.check(label, field));
    return fault === undefined ? undefined : { ...fault, at: ['labels', ...fault.at] };
  },
  link: (literal, field, context) => {
    const { need, labels } = literal as unknown as LabelQuestion;
    const tests = labels.map((label) => GLOB_MATCH.link(label, field, context));
    return (value, request) => {
      if (!isTexts(value)) return ERROR;
      const isCarried = (test: (text: string, request: ContextualRequest) => unknown): boolean =>
        value.some((label) => test(label, request) === TRUE);
      return truthOf(need === 'any' ? tests.some(isCarried) : tests.every(isCarried));
    };
  },
};

function isTexts(value: Json): value is readonly string[] {
  return Array.isArray(value) && value.every((element) => typeof element === 'string');
}
