import { isBase58Check, isBech32 } from '../checksums.js';
import type { Recogniser } from '../recogniser.js';

/** Wallets of cryptocurrencies. */
export const WALLET_RECOGNISERS: readonly Recogniser[] = [
  {
    type: 'CRYPTO',
    family: 'pii',
    pattern: /(?:bc1|tb1|ltc1|addr1)[ac-hj-np-z02-9]{11,100}/gi,
    score: 0.8,
    proven: 1,
    check: isBech32,
    anchor: { literals: ['bc1', 'tb1', 'ltc1', 'addr1'] },
  },
  {
    type: 'CRYPTO',
    family: 'pii',
    // Bitcoin, Litecoin, Dogecoin, Dash, Tron: 25 bytes in base 58.
    pattern: /[13LMDXT][1-9A-HJ-NP-Za-km-z]{25,33}/g,
    score: 0.3,
    proven: 1,
    check: isBase58Check,
  },
  {
    type: 'CRYPTO',
    family: 'pii',
    pattern: /0x[0-9a-fA-F]{40}/g,
    score: 0.6,
    context: ['ethereum', 'eth', 'wallet', 'crypto'],
  },
];
