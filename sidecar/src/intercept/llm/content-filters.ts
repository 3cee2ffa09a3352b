/**
 * The port for what changes texts on their way: redaction of requests, answers and streams. Until something is plugged in
 * here, a decision that asks for it is refused, because no capability says that it can be carried out.
 */

import type { Capabilities } from '../../enforce/capabilities.js';
import type { Permit } from '../../enforce/permit.js';

/** Changes the texts of one answer. Channels are its separate texts; each is in order. */
export interface AnswerFilter {
  /** What may go on of a channel with this piece; the rest is held back until more is known. */
  say(channel: string, piece: string): string;
  /** The channel is over: what was held back of it. */
  rest(channel: string): string;
}

/** What changes texts. */
export interface ContentFilters {
  /** The conditions that it carries out. */
  readonly capabilities: Capabilities;
  /** For an answer under this permit. */
  answer(permit: Permit): AnswerFilter;
}

const UNCHANGED: AnswerFilter = { say: (_channel, piece) => piece, rest: () => '' };

/** Changes nothing, and can carry out nothing. */
export const NO_FILTERS: ContentFilters = { capabilities: {}, answer: () => UNCHANGED };
