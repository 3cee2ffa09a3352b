/** Whether a card is one that counts: the pinned one, one with a good signature, or the one that was seen first. */

import type { JsonObject } from '@portcullis/policy/model';
import type { AgentCard } from './card.js';

/** Judges cards of one peer; remembers the first where nothing else tells them apart. Nothing: it counts. */
export type CardTrust = (card: Pick<AgentCard, 'value' | 'digest'>) => Promise<string | undefined>;

/** Whether a card has a good signature. */
export type IsSigned = (card: JsonObject) => Promise<boolean>;

/** Makes it. */
export function createCardTrust(options: {
  readonly sha256: string | undefined;
  /** Where signatures count. */
  readonly isSigned: IsSigned | undefined;
}): CardTrust {
  const { sha256, isSigned } = options;
  let first: string | undefined;
  return async (card) => {
    if (sha256 !== undefined && card.digest !== sha256) {
      return `its card is not the pinned one (cardSha256); it has ${card.digest}`;
    }
    if (isSigned !== undefined) {
      return (await isSigned(card.value)) ? undefined : 'its card has no good signature by a key of cardKeysFile';
    }
    if (sha256 !== undefined) return undefined;
    first ??= card.digest;
    if (card.digest === first) return undefined;
    return `its card has changed since it was first seen; pin it to accept it: cardSha256 ${card.digest}`;
  };
}
