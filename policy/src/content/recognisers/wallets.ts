import { isBech32 } from '../checksums.js';
import type { Recogniser } from '../recogniser.js';

/** Wallets of cryptocurrencies. */
export const WALLET_RECOGNISERS: readonly Recogniser[] = [
  {
    type: 'CRYPTO',
    family: 'pii',
    pattern: /bc1[ac-hj-np-z02-9]{11,71}/gi,
    score: 0.8,
    proven: 1,
    check: isBech32,
    needs: ['bc1'],
  },
  {
    type: 'CRYPTO',
    family: 'pii',
    // Base58 without its check: 25 bytes are 26 to 34 characters, upper, lower and digits mixed.
    pattern: /[13][1-9A-HJ-NP-Za-km-z]{25,33}/g,
    score: 0.6,
    check: (found) => /[A-Z]/.test(found) && /[a-z]/.test(found) && /\d/.test(found.slice(1)),
    context: ['bitcoin', 'btc', 'wallet', 'crypto'],
  },
  {
    type: 'CRYPTO',
    family: 'pii',
    pattern: /0x[0-9a-fA-F]{40}/g,
    score: 0.6,
    context: ['ethereum', 'eth', 'wallet', 'crypto'],
    needs: ['0x'],
  },
];
