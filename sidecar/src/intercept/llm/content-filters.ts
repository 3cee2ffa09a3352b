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
  /** Whether what a tool is given is one text for it, in JSON; see `mapTexts`. */
  readonly readsInputs?: boolean;
  /** A text that is complete. What a channel has said piece by piece comes once more as a whole, where the API repeats it. */
  readonly whole: ChangeText;
  /** What may go on of a channel with this piece; the rest is held back until more is known. Each channel is in order. */
  say(channel: string, piece: string): string;
  /** The channel is over: what was held back of it. */
  rest(channel: string): string;
  /**
   * Where somebody else has to look at the texts: told what is about to be said, channels in the order in which they will be. Until then
   * the others throw. Rejects when nobody could look.
   */
  readonly look?: (heard: readonly Heard[]) => Promise<void>;
}

/** What an answer is about to say: a whole text, a piece of a channel, or, without one, that the channel is over. */
export type Heard = NamedText | { readonly channel: string; readonly piece: string | undefined };

/** A text, and the member that holds it. */
export interface NamedText {
  readonly text: string;
  readonly name: string;
}

/** Changes the texts of a request. */
export interface RequestFilter {
  /** Whether {@link looked} has to be given the texts. */
  readonly needsTexts: boolean;
  /** See {@link AnswerFilter.readsInputs}. */
  readonly readsInputs?: boolean;
  /** What is done to these texts. Rejects when somebody else had to look at them, and could not. */
  looked(texts: readonly NamedText[]): Promise<ChangeText>;
}

/** What changes texts. */
export interface ContentFilters {
  /** The conditions that it carries out. */
  readonly capabilities: Capabilities;
  /**
   * For a request under this permit; nothing when it stays as it is. A request that is changed is asked about again, so it must
   * be left alone the second time.
   */
  request(permit: Permit): RequestFilter | undefined;
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

/** Has what `visit` meets looked at, if somebody has to. */
export async function lookFirst(filter: AnswerFilter, visit: (collect: ChangeText) => void): Promise<void> {
  await filter.look?.(textsOf(visit));
}

/** The same for a request; gives what is done to it. */
export async function lookedChange(filter: RequestFilter, visit: (collect: ChangeText) => void): Promise<ChangeText> {
  return filter.looked(filter.needsTexts ? textsOf(visit) : []);
}

function textsOf(visit: (collect: ChangeText) => void): readonly NamedText[] {
  const texts: NamedText[] = [];
  visit((text, name) => {
    texts.push({ text, name });
    return text;
  });
  return texts;
}
