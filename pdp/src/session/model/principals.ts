import { addressesIn } from './addresses.js';
import type { ToolAnnotations } from './annotations.js';
import { snakeCase } from './member-names.js';
import { codedReadings, isLeaf, isWithin } from './memory.js';
import type { SessionState } from './state.js';
import { type WordCodes, wordsOf } from './words.js';

const PRINCIPAL = /^(?:sender|from|author|reply_to|sent_by|posted_by)$/iu;

/** Whether a member says who wrote the item that holds it: as declared, else by its name. */
export function isPrincipal(name: string, annotations: ToolAnnotations | undefined): boolean {
  return annotations?.output?.principal_fields?.includes(name) ?? PRINCIPAL.test(snakeCase(name));
}

/** Whether somebody is the user. */
export function isUser(state: SessionState, principal: string, codes: WordCodes): boolean {
  return (
    principal === 'me' || codedReadings(principal, codes).some((coded) => coded !== '' && isLeaf(state.self, coded))
  );
}

/** Letters alone: no address, telephone or account number. */
const NAME = /^[\p{L}\p{M}' ._-]+$/u;

/**
 * Whether somebody may be anybody: of whom the user does not speak, and who is given by an address or a number. A mere name is
 * one of the service's own users, and what is sent to it goes where the service says.
 */
export function isStranger(state: SessionState, principal: string, codes: WordCodes): boolean {
  const isName = NAME.test(principal) && addressesIn(principal).length === 0;
  return !isName && !isNamed(state, principal, codes);
}

/** Whether the user speaks of somebody: has the whole address, or the name that the address begins with. */
function isNamed(state: SessionState, principal: string, codes: WordCodes): boolean {
  if (codedReadings(principal, codes).some((coded) => coded !== '' && isWithin(state.user, coded))) return true;
  const [first] = wordsOf(principal.split('@')[0] ?? '');
  return first !== undefined && isWithin(state.named, codes.encode([first]));
}
