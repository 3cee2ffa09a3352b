import { wordsOf } from './words.js';

/**
 * What a user asks for and what a tool does, in the same few words: a map from English to kinds of action that is the same for
 * every service (efficacy research 5.4). It can only make a session stricter: a tool that nobody seems to have asked for is judged by
 * narrower rules. A declared scope takes its place.
 */
const KINDS = {
  send: 'send email mail message reply respond answer forward notify inform contact tell write text dm ping report',
  pay: 'pay payment money transfer transaction refund wire remit settle reimburse donate rent bill fee owe difference tip',
  buy: 'buy rebuy repurchase purchase order shop cart basket checkout',
  create:
    'create make new add append insert save store put generate set setup open register start draft compose upload download copy clone fork',
  schedule:
    'schedule reschedule book booking reserve reservation appointment calendar event meeting plan arrange invite',
  remove:
    'delete remove clear cancel drop erase discard empty unsubscribe uninstall kick ban revoke close return undo clean',
  change:
    'update change modify edit adjust replace rename move switch correct fix set reset convert increase decrease raise lower',
  share: 'share invite grant publish post push upload submit add collaborate participant announce',
  access: 'login log sign verify authenticate authorise authorize activate confirm connect',
  visit: 'browse visit open click navigate website webpage page link url web site',
  run: 'run execute install build deploy launch command script test merge commit push pull star unstar follow like subscribe join',
} as const;
/** A kind of action. */
export type Intent = keyof typeof KINDS;

/** All of them, in a fixed order. */
export const INTENTS = Object.keys(KINDS) as readonly Intent[];
const BY_STEM: ReadonlyMap<string, readonly Intent[]> = stems();

/** The kinds of action that a text asks for, or that the name of a tool promises. */
export function intentsOf(text: string): readonly Intent[] {
  const spaced = text.replace(/([\p{Ll}\p{N}])(\p{Lu})/gu, '$1 $2').replaceAll('_', ' ');
  const found = new Set(wordsOf(spaced).flatMap((word) => BY_STEM.get(stemOf(word)) ?? []));
  return INTENTS.filter((intent) => found.has(intent));
}

function stems(): ReadonlyMap<string, readonly Intent[]> {
  const byStem = new Map<string, Intent[]>();
  for (const intent of INTENTS) {
    for (const word of KINDS[intent].split(' ')) {
      const known = byStem.get(stemOf(word)) ?? [];
      if (!known.includes(intent)) byStem.set(stemOf(word), [...known, intent]);
    }
  }
  return byStem;
}

/** A word without its endings; wrong for many words and the same for all forms of one. */
function stemOf(word: string): string {
  const bare = word.replace(/(?:ations?|ments?|ings?|ies|ed|es|s|e)$/u, '');
  return bare.length < 2 ? word : bare.replace(/([^aeiou])\1$/u, '$1').replace(/y$/u, '');
}
