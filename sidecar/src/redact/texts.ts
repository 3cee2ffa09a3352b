/** Redaction of texts that a surface has found by itself: whole ones, and ones that come in pieces. */

import { createTextStream, type TextStream } from '@portcullis/policy/content';
import type { Looked } from './look.js';
import { createLookedAnswer } from './looked-answer.js';
import { isMasking, looks, maskedText, namesMembers, type Search, type Step, searchedText } from './steps.js';

/**
 * A whole text as it may go on; JSON is read as JSON. @param name what the text is called, which says what it is; `''` for nothing
 */
export type ChangeText = (text: string, name: string) => string;

/** A text, and what it is called. */
export interface NamedText {
  readonly text: string;
  readonly name: string;
}

/** A piece of a text that comes in pieces; without one the text is over. */
export interface PieceOfChannel {
  readonly channel: string;
  readonly piece: string | undefined;
}

/** What an answer is about to say: a whole text, or a piece of one. */
export type Heard = NamedText | PieceOfChannel;

/** Changes whole texts that it was told of before. */
export interface TextChanger {
  /** Whether {@link looked} has to be given the texts, because somebody else looks at them. */
  readonly needsTexts: boolean;
  /** Whether what a tool is given has to come as one text of JSON, called `arguments`: members of it are named. */
  readonly readsInputs: boolean;
  /**
   * What is done to these texts.
   * @throws NerFailure when somebody else had to look at them, and has not; what it gives throws for any other text
   */
  looked(texts: readonly NamedText[]): Promise<ChangeText>;
}

/** Redacts the texts of one exchange. */
export interface TextRedaction {
  /** Texts of the request as they may go on; nothing when requests stay as they are. */
  readonly request: TextChanger | undefined;
  /**
   * Texts of the answer.
   * @param isAtOnce whether nobody gets any of it before its end
   */
  response(isAtOnce: boolean): TextAnswer;
}

/** Redacts the texts of one answer. */
export interface TextAnswer {
  /** Whether there is anything to do. */
  readonly isActive: boolean;
  /** See {@link TextChanger.readsInputs}. */
  readonly readsInputs: boolean;
  /** @throws TypeError for a text that had to be looked at, and was not */
  readonly whole: ChangeText;
  /**
   * What may go on of a channel with this piece; the rest is held back until more is known.
   * @throws TypeError for a piece that had to be looked at, and was not
   */
  say(channel: string, piece: string): string;
  /** The channel is over: what was held back of it. */
  rest(channel: string): string;
  /**
   * Where somebody else has to look at the texts, they are looked at here before they are said, channels in the order in which they will be.
   * @throws NerFailure when nobody could look; nothing more may be said then
   */
  readonly look?: (heard: readonly Heard[]) => Promise<void>;
}

/** One rule after the other, each over what the one before left. */
export function redactedBy(steps: readonly Step[]): TextChanger {
  return {
    needsTexts: steps.some(looks),
    readsInputs: steps.some(namesMembers),
    async looked(texts) {
      const changes: ChangeText[] = [];
      let current = texts;
      for (const [at, step] of steps.entries()) {
        const change = await changeOf(step, current);
        changes.push(change);
        // Whoever looks next looks at what is left.
        if (steps.slice(at + 1).some(looks))
          current = current.map(({ text, name }) => ({ name, text: change(text, name) }));
      }
      return inTurn(changes);
    },
  };
}

async function changeOf(step: Step, texts: readonly NamedText[]): Promise<ChangeText> {
  if (isMasking(step)) return (text, name) => maskedText(text, name, step);
  return by(step, await step.look?.(textsIn(texts, step)));
}

function by(step: Search, looked: Looked | undefined): ChangeText {
  const more = looked === undefined ? {} : { extra: looked.extra };
  return (text, name) => searchedText(text, name, step, { rules: step.rules, names: true, ...more });
}

function inTurn(changes: readonly ChangeText[]): ChangeText {
  return (text, name) => changes.reduce((left, change) => change(left, name), text);
}

/** What would be looked at in these texts: of JSON, its own texts. */
function textsIn(texts: readonly NamedText[], search: Search): ReadonlySet<string> {
  const seen = new Set<string>();
  const extra = (text: string): [] => {
    seen.add(text);
    return [];
  };
  const rules = { ...search.rules, replace: (value: string) => value };
  for (const { text, name } of texts) searchedText(text, name, search, { rules, extra });
  return seen;
}

/**
 * An answer under these rules.
 * @param isAtOnce whether nobody gets any of it before its end: then names are looked for in whole texts
 */
export function textAnswer(steps: readonly Step[], isAtOnce = false): TextAnswer {
  const changer = redactedBy(steps);
  // JSON whose members are named is held back as what somebody has to look at is.
  if (changer.needsTexts || changer.readsInputs) return createLookedAnswer(steps, changer, isAtOnce);
  const searches = steps.filter((step): step is Search => !isMasking(step));
  const whole = inTurn(searches.map((search) => by(search, undefined)));
  const channels = new Map<string, readonly TextStream[]>();
  return {
    isActive: steps.length > 0,
    readsInputs: false,
    whole,
    say(channel, piece) {
      const streams = channels.get(channel) ?? searches.map(({ rules }) => createTextStream(rules));
      channels.set(channel, streams);
      return streams.reduce((text, stream) => stream.push(text), piece);
    },
    rest(channel) {
      const streams = channels.get(channel) ?? [];
      channels.delete(channel);
      return streams.reduce((text, stream) => stream.push(text) + stream.end(), '');
    },
  };
}
