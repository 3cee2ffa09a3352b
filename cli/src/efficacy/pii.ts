import { recognise } from '@portcullis/policy/content';
import type { JsonObject } from '@portcullis/policy/model';
import { textOf } from './corpus.js';

/**
 * The personal data of a text. A row that names one `type` and a `count` asks one recogniser by itself, without the
 * certainty that words around it would give, as recognisers are tested; any other is judged as it would be redacted.
 */
export function findPersonalData(row: JsonObject): JsonObject {
  const { type, count } = row;
  const isCase = typeof type === 'string' && typeof count === 'number';
  const found = recognise(textOf(row, 'text'), isCase ? { types: [type], minScore: 0 } : { families: ['pii'] });
  return { id: textOf(row, 'id'), spans: found.map(({ type, start, end }) => ({ type, start, end })) };
}
