import { INSTRUCTIONS_FROM, instructionScore } from '@portcullis/policy/content';
import type { JsonObject } from '@portcullis/policy/model';
import { textOf } from './corpus.js';

/** What is said of a text: whether it gives instructions to an assistant. Only its `id` and `text` are looked at. */
export function judgeText(row: JsonObject): JsonObject {
  const { score } = instructionScore(textOf(row, 'text'));
  return { id: textOf(row, 'id'), flagged: score >= INSTRUCTIONS_FROM, score };
}
