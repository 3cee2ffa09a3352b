/** Who may say something about an approval. */

import type { Approval, Need } from './port.js';

/** A person, as the token of an approver names them. */
export interface Person {
  /** The same name space as `user.id` of requests. */
  readonly id: string;
  readonly email: string | undefined;
  readonly tenant: string;
  readonly roles: readonly string[];
  readonly groups: readonly string[];
}

/** What an approval asks that this person may answer. */
export function answerable(person: Person, needs: readonly Need[]): readonly Need[] {
  return needs.filter(({ type, who }) => (type === 'require_approval' ? person.roles : person.groups).includes(who));
}

/**
 * Whether it is the person's own request: made by the agent of that name, or on behalf of the user with that id or mail
 * address. Where a request names no user, nobody can tell that it is theirs.
 */
export function isOwn(person: Person, { agent, about }: Pick<Approval, 'agent' | 'about'>): boolean {
  const names = [person.id, ...(person.email === undefined ? [] : [person.email])].map(folded);
  const askers = [agent, about['user'], about['user_email']].filter((name) => typeof name === 'string').map(folded);
  return askers.some((name) => names.includes(name));
}

/** What one voice is counted by: the same, however a directory or a configuration writes the person's id. */
export function voiceOf({ id }: Person): string {
  return folded(id);
}

/** Directories differ in how they write the case of a name. */
function folded(name: string): string {
  return name.normalize('NFC').toLowerCase();
}
