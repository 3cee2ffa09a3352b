/**
 * An answer at whose texts somebody else has to look before they go on. That takes time, and whoever reads the answer cannot wait in the
 * middle of an event: what it is about to say is looked at first, and said then in the same order.
 */

import { createTextStream, type RedactionRules } from '@portcullis/policy/content';
import { createLookedStream, type LookedStream } from './ner/looked-stream.js';
import { isInWords, type Search, type Step } from './steps.js';
import type { ChangeText, Heard, NamedText, PieceOfChannel, TextAnswer, TextChanger } from './texts.js';

/** A text that comes in pieces, over all steps. */
interface Channel {
  /** What goes on with this piece; all that is left when it is the last. */
  push(piece: string, isLast: boolean): Promise<string>;
}

/** What was looked at, and not said yet. */
interface Prepared extends PieceOfChannel {
  readonly given: string;
}

/** Whole texts that are remembered, because an API says them more than once; then those that come together only. */
const MAX_REMEMBERED = 256;

/**
 * Makes it.
 * @param isAtOnce whether a text is looked at as a whole, because nobody gets any of it before its end
 */
export function createLookedAnswer(steps: readonly Step[], changer: TextChanger, isAtOnce: boolean): TextAnswer {
  const wholes = new Map<string, ChangeText>();
  const channels = new Map<string, Channel>();
  const prepared = new Map<string, Prepared[]>();

  async function lookAtWholes(texts: readonly NamedText[]): Promise<void> {
    if (wholes.size > MAX_REMEMBERED) wholes.clear();
    const unseen = texts.filter((one) => !wholes.has(keyOf(one)));
    if (unseen.length === 0) return;
    const change = await changer.looked(unseen);
    for (const one of unseen) wholes.set(keyOf(one), change);
  }

  /** Pieces that came together are looked at together: all goes on with the last. */
  async function lookAtPieces(name: string, pieces: readonly PieceOfChannel[]): Promise<void> {
    const queue = prepared.get(name) ?? [];
    prepared.set(name, queue);
    let text = '';
    for (const [at, one] of pieces.entries()) {
      const isOver = one.piece === undefined;
      text += one.piece ?? '';
      const isMore = at + 1 < pieces.length;
      if (isMore && !isOver) {
        queue.push({ ...one, given: '' });
        continue;
      }
      const channel = channels.get(name) ?? createChannel(nameIn(name), steps, changer, isAtOnce);
      if (isOver) channels.delete(name);
      else channels.set(name, channel);
      queue.push({ ...one, given: await channel.push(text, isOver) });
      text = '';
    }
  }

  function next(channel: string, piece: string | undefined): string {
    const one = prepared.get(channel)?.shift();
    if (one === undefined || one.piece !== piece) throw unseenText();
    return one.given;
  }

  return {
    isActive: true,
    readsInputs: changer.readsInputs,
    async look(heard) {
      await lookAtWholes(heard.filter((one): one is NamedText => !isPiece(one)));
      const pieces = Map.groupBy(heard.filter(isPiece), ({ channel }) => channel);
      for (const [channel, own] of pieces) await lookAtPieces(channel, own);
    },
    whole(text, name) {
      const change = wholes.get(keyOf({ text, name }));
      if (change === undefined) throw unseenText();
      return change(text, name);
    },
    say: (channel, piece) => next(channel, piece),
    rest: (channel) => next(channel, undefined),
  };
}

/** A channel of arguments says so at its end. */
function nameIn(channel: string): string {
  return channel.endsWith('arguments') ? 'arguments' : '';
}

function createChannel(name: string, steps: readonly Step[], changer: TextChanger, isAtOnce: boolean): Channel {
  /** What is looked at as a whole, or is nothing but space so far. */
  const held: string[] = [];
  let isHeld = isAtOnce;
  let streams: readonly LookedStream[] | undefined;

  async function whole(): Promise<string> {
    const text = held.join('');
    if (text === '') return '';
    const change = await changer.looked([{ text, name }]);
    return change(text, name);
  }

  return {
    async push(piece, isLast) {
      if (streams === undefined) {
        held.push(piece);
        const first = piece.trimStart().charAt(0);
        // It may be JSON, which says something else than it looks like, and that is known at its end.
        isHeld ||= JSON_BEGINS.has(first);
        if (isHeld || first === '') return isLast ? whole() : '';
        streams = steps.filter((step) => isInWords(step, name)).map(wordStream);
      }
      let text = held.splice(0).join('') || piece;
      for (const stream of streams) text = await stream.push(text, isLast);
      return text;
    },
  };
}

const JSON_BEGINS: ReadonlySet<string> = new Set(['{', '[', '"']);

function wordStream({ rules, look }: Search): LookedStream {
  return look === undefined ? textStream(rules) : createLookedStream(rules, look);
}

function textStream(rules: RedactionRules): LookedStream {
  const stream = createTextStream(rules);
  return { push: async (piece, isLast) => stream.push(piece) + (isLast ? stream.end() : '') };
}

function isPiece(heard: Heard): heard is PieceOfChannel {
  return 'channel' in heard;
}

function keyOf({ text, name }: NamedText): string {
  return JSON.stringify([name, text]);
}

function unseenText(): TypeError {
  return new TypeError('nobody has looked at the text');
}
