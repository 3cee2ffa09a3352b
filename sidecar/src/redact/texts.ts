/** Redaction of texts that a surface has found by itself: whole ones, and ones that come in pieces. */

import { createTextStream, type RedactionRules, redactValue, type TextStream } from '@portcullis/policy/content';

/** Redacts the texts of one exchange. */
export interface TextRedaction {
  /** A text of the request as it may go on; nothing when requests stay as they are. */
  readonly request: ChangeText | undefined;
  /** Texts of the answer. */
  response(): TextAnswer;
}

/** Redacts the texts of one answer. */
export interface TextAnswer {
  /** Whether there is anything to do. */
  readonly isActive: boolean;
  readonly whole: ChangeText;
  /** What may go on of a channel with this piece; the rest is held back until more is known. */
  say(channel: string, piece: string): string;
  /** The channel is over: what was held back of it. */
  rest(channel: string): string;
}

/**
 * A whole text as it may go on; JSON is read as JSON. @param name what the text is called, which says what it is; `''` for nothing
 */
export type ChangeText = (text: string, name: string) => string;

/** One rule after the other, each over what the one before left. */
export function redactedBy(rules: readonly RedactionRules[]): ChangeText {
  return (text, name) => rules.reduce((left, rule) => redactValue(left, name, { rules: rule }), text);
}

/** Answers under these rules. */
export function textAnswer(rules: readonly RedactionRules[]): TextAnswer {
  const whole = redactedBy(rules);
  const channels = new Map<string, readonly TextStream[]>();
  return {
    isActive: rules.length > 0,
    whole,
    say(channel, piece) {
      const streams = channels.get(channel) ?? rules.map((rule) => createTextStream(rule));
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
