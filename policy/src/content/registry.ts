import type { Recogniser } from './recogniser.js';
import { CONTACT_RECOGNISERS } from './recognisers/contact.js';
import { AMERICAN_RECOGNISERS } from './recognisers/national-americas.js';
import { ASIAN_PACIFIC_RECOGNISERS } from './recognisers/national-asia-pacific.js';
import { EUROPEAN_RECOGNISERS } from './recognisers/national-europe.js';
import { WORLD_RECOGNISERS } from './recognisers/national-world.js';
import { NETWORK_RECOGNISERS } from './recognisers/network.js';
import { PAYMENT_RECOGNISERS } from './recognisers/payment.js';
import { SECRET_RECOGNISERS } from './recognisers/secrets.js';
import { WALLET_RECOGNISERS } from './recognisers/wallets.js';

/** Every recogniser. */
export const ALL_RECOGNISERS: readonly Recogniser[] = [
  ...SECRET_RECOGNISERS,
  ...PAYMENT_RECOGNISERS,
  ...CONTACT_RECOGNISERS,
  ...NETWORK_RECOGNISERS,
  ...WALLET_RECOGNISERS,
  ...AMERICAN_RECOGNISERS,
  ...EUROPEAN_RECOGNISERS,
  ...ASIAN_PACIFIC_RECOGNISERS,
  ...WORLD_RECOGNISERS,
];

/** Every type that can be found, in alphabetical order. */
export function contentTypes(): readonly string[] {
  return [...new Set(ALL_RECOGNISERS.map(({ type }) => type))].toSorted();
}
