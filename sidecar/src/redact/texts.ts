/** Redaction of texts that a surface has found by itself: whole ones, and ones that come in pieces. */

import {
  applyEdits,
  createTextStream,
  type RedactionRules,
  type TextStream,
  textEdits,
} from '@portcullis/policy/content';

/** Redacts the texts of one exchange. */
export interface TextRedaction {
  /** A text of the request as it may go on; nothing when requests stay as they are. */
  readonly request: ((text: string) => string) | undefined;
  /** Texts of the answer. */
  response(): TextAnswer;
}

/** Redacts the texts of one answer. */
export interface TextAnswer {
  whole(text: string): string;
  /** What may go on of a channel with this piece; the rest is held back until more is known. */
  say(channel: string, piece: string): string;
  /** The channel is over: what was held back of it. */
  rest(channel: string): string;
}

/** One rule after the other, each over what the one before left. */
export function redactedBy(rules: readonly RedactionRules[]): (text: string) => string {
  return (text) => rules.reduce((left, rule) => applyEdits(left, textEdits(left, rule)), text);
}

/** Answers under these rules. */
export function textAnswer(rules: readonly RedactionRules[]): TextAnswer {
  const whole = redactedBy(rules);
  const channels = new Map<string, readonly TextStream[]>();
  return {
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
