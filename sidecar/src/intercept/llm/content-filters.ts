/**
 * The port for what changes texts on their way: redaction of requests, answers and streams. Until something is plugged in
 * here, a decision that asks for it is refused, because no capability says that it can be carried out.
 */

import type { Decision } from '@portcullis/policy/model';
import type { Capabilities } from '../../enforce/capabilities.js';
import type { Permit } from '../../enforce/permit.js';
import type { ChangeText } from './content.js';

/** Changes the texts of one answer. */
export interface AnswerFilter {
  /** Whether it may change anything: then nothing passes that it was not given. */
  readonly isActive: boolean;
  /** A text that is complete. What a channel has said piece by piece comes once more as a whole, where the API repeats it. */
  readonly whole: ChangeText;
  /** What may go on of a channel with this piece; the rest is held back until more is known. Each channel is in order. */
  say(channel: string, piece: string): string;
  /** The channel is over: what was held back of it. */
  rest(channel: string): string;
}

/** What changes texts. */
export interface ContentFilters {
  /** The conditions that it carries out. */
  readonly capabilities: Capabilities;
  /**
   * For a request under this permit; nothing when it stays as it is. A request that is changed is asked about again, so it must
   * be left alone the second time.
   */
  request(permit: Permit): ChangeText | undefined;
  /**
   * For an answer under this permit.
   * @param earlier what decisions about the same request, before it was changed, have ordered besides
   */
  answer(permit: Permit, earlier?: Decision['conditions']): AnswerFilter;
}

const UNCHANGED: AnswerFilter = {
  isActive: false,
  whole: (text) => text,
  say: (_channel, piece) => piece,
  rest: () => '',
};

/** Changes nothing, and can carry out nothing. */
export const NO_FILTERS: ContentFilters = { capabilities: {}, request: () => undefined, answer: () => UNCHANGED };
