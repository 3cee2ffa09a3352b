/** How much power a tool has, read from its catalogue entry, else from the verbs in its name. */

import type { CanonicalRequest } from '../model/request.js';
import { kindOf } from '../model/request.js';

/** What a call can do, from little to much. */
export const POWERS = ['read', 'write', 'send', 'pay', 'execute', 'destroy', 'grant'] as const;
/** What a call can do. */
export type Power = (typeof POWERS)[number];

/** What {@link powerOf} reads besides names. */
export const POWER_FIELDS = ['tool.attributes.power', 'tool.attributes.effect'] as const;

/** A power's place on the ladder: 0 reads, 5 gives away rights. `write` and `send` are one step each, the rest steep. */
export const RUNG: Readonly<Record<Power, number>> = {
  read: 0,
  write: 1,
  send: 2,
  pay: 3,
  execute: 4,
  destroy: 4,
  grant: 5,
};

const VERBS: Readonly<Record<Power, string>> = {
  read: 'get list read search find fetch query view show describe lookup check count browse retrieve download select',
  write: 'create add write update set put insert edit modify append save schedule book reserve rename move change',
  send: 'send dispatch redirect post publish share forward reply invite message email upload notify tweet comment submit push export',
  pay: 'pay deposit payout transfer purchase buy checkout charge refund wire withdraw order invest trade donate',
  execute: 'execute exec run shell eval deploy install launch invoke command terminal bash script',
  destroy:
    'delete remove drop destroy erase wipe purge cancel terminate truncate uninstall disable kill format revoke unlock',
  grant: 'grant permit authorize authorise elevate promote sudo impersonate permission role password credential',
};
const POWER_OF_VERB: ReadonlyMap<string, Power> = new Map(
  POWERS.flatMap((power) => VERBS[power].split(' ').map((verb) => [verb, power] as const)),
);

/** The strongest verb in a tool's name: `sendEmail`, `send_email`, `GmailSendEmail`. `undefined` when none is known. */
export function powerOfName(name: string): Power | undefined {
  let strongest: Power | undefined;
  for (const word of wordsOf(name)) {
    const power = POWER_OF_VERB.get(word);
    if (power !== undefined && (strongest === undefined || RUNG[power] > RUNG[strongest])) strongest = power;
  }
  return strongest;
}

/**
 * What the attempt can do. The catalogue's word (`tool.attributes.power`, or an `effect` of `read`) counts before the
 * name's; connections and messages to agents send; a tool of unknown power can write.
 */
export function powerOf(request: CanonicalRequest): Power {
  const kind = kindOf(request);
  if (kind === 'egress' || kind === 'a2a') return 'send';
  if (kind !== 'tool_call') return 'read';
  const declared = request.tool?.attributes?.['power'];
  const known = POWERS.find((power) => power === declared);
  if (known !== undefined) return known;
  if (request.tool?.attributes?.['effect'] === 'read') return 'read';
  return powerOfName(request.tool?.name ?? '') ?? 'write';
}

/** The words of an identifier in lower case, at most 32 of them. */
export function wordsOf(name: string): readonly string[] {
  return name
    .slice(0, 256)
    .replaceAll(/([a-z0-9])([A-Z])/g, '$1 $2')
    .replaceAll(/([A-Z]+)([A-Z][a-z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((word) => word !== '')
    .slice(0, 32);
}
