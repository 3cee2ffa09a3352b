/** Redaction of texts that a surface has found by itself: whole ones, and ones that come in pieces. */

import { createTextStream, type RedactionRules, redactValue, type TextStream } from '@portcullis/policy/content';
import type { Look, Looked } from './look.js';
import { createLookedAnswer } from './looked-answer.js';

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

/** One rule, and whether somebody else looks as well. */
export interface Step {
  readonly rules: RedactionRules;
  readonly look?: Look | undefined;
}

/** One rule after the other, each over what the one before left. */
export function redactedBy(steps: readonly Step[]): TextChanger {
  return {
    needsTexts: steps.some(({ look }) => look !== undefined),
    async looked(texts) {
      const changes: ChangeText[] = [];
      let current = texts;
      for (const [at, { rules, look }] of steps.entries()) {
        const change = by(rules, await look?.(textsIn(current, rules)));
        changes.push(change);
        // Whoever looks next looks at what is left.
        if (steps.slice(at + 1).some((later) => later.look !== undefined))
          current = current.map(({ text, name }) => ({ name, text: change(text, name) }));
      }
      return inTurn(changes);
    },
  };
}

function by(rules: RedactionRules, looked: Looked | undefined): ChangeText {
  const extra = looked === undefined ? {} : { extra: looked.extra };
  return (text, name) => redactValue(text, name, { rules, names: true, ...extra });
}

function inTurn(changes: readonly ChangeText[]): ChangeText {
  return (text, name) => changes.reduce((left, change) => change(left, name), text);
}

/** What would be looked at in these texts: of JSON, its own texts. */
function textsIn(texts: readonly NamedText[], rules: RedactionRules): ReadonlySet<string> {
  const seen = new Set<string>();
  const extra = (text: string): [] => {
    seen.add(text);
    return [];
  };
  for (const { text, name } of texts)
    redactValue(text, name, { rules: { ...rules, replace: (value) => value }, extra });
  return seen;
}

/**
 * An answer under these rules.
 * @param isAtOnce whether nobody gets any of it before its end: then names are looked for in whole texts
 */
export function textAnswer(steps: readonly Step[], isAtOnce = false): TextAnswer {
  const changer = redactedBy(steps);
  if (changer.needsTexts) return createLookedAnswer(steps, changer, isAtOnce);
  const whole = inTurn(steps.map(({ rules }) => by(rules, undefined)));
  const channels = new Map<string, readonly TextStream[]>();
  return {
    isActive: steps.length > 0,
    whole,
    say(channel, piece) {
      const streams = channels.get(channel) ?? steps.map(({ rules }) => createTextStream(rules));
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
