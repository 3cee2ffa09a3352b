/** What opens doors: keys and tokens by the form that their issuers give them, then by the name beside them. */

import type { Anchor } from '../anchors.js';
import { entropyOf } from '../checksums.js';
import type { Recogniser } from '../recogniser.js';
import { VENDOR_TOKENS } from './vendor-tokens.js';

/** Said in examples, and by templates. */
const PLACEHOLDER =
  /example|placeholder|changeme|your[_-]?|xxxx|\*\*\*|<[^>]*>|\$\{|\{\{|dummy|redacted|sample|test[_-]?key|0{8}|1234567890|abcdef(?:gh|012)/i;

function token(pattern: RegExp, anchor?: Anchor, minEntropy = 2.5): Recogniser {
  return {
    type: 'API_KEY',
    family: 'secret',
    pattern,
    score: 0.95,
    check: (found) => !PLACEHOLDER.test(found) && entropyOf(found) >= minEntropy,
    ...(anchor === undefined ? {} : { anchor }),
  };
}

/** Secrets. */
export const SECRET_RECOGNISERS: readonly Recogniser[] = [
  {
    type: 'PRIVATE_KEY',
    family: 'secret',
    // Up to its end, whatever stands between; without an end, as far as it looks like one.
    pattern:
      /-----BEGIN (?:[A-Z0-9]{2,10} ){0,3}PRIVATE KEY(?: BLOCK)?-----(?:[\s\S]{0,16384}?-----END (?:[A-Z0-9]{2,10} ){0,3}PRIVATE KEY(?: BLOCK)?-----|[A-Za-z0-9+/=\s\\]{0,16384})/g,
    score: 1,
    mayTouch: true,
    anchor: { literals: ['-----begin'] },
  },
  {
    ...token(/(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}/g, { literals: ['akia', 'asia', 'abia', 'acca'] }, 3),
    type: 'AWS_ACCESS_KEY',
  },
  ...VENDOR_TOKENS.map(([pattern, ...literals]) => token(pattern, { literals })),
  token(/SK[0-9a-fA-F]{32}|AC[0-9a-f]{32}/g),
  token(/\d{8,10}:[A-Za-z0-9_-]{35}/g, undefined, 3.5),
  // Discord: the user's number in base64, a time, a signature.
  token(/[MNO][A-Za-z\d]{23,27}\.[\w-]{6}\.[\w-]{27,40}/g, { run: 24 }, 3.5),
  {
    type: 'JWT',
    family: 'secret',
    pattern: /eyJ[A-Za-z0-9_-]{8,2048}\.eyJ[A-Za-z0-9_-]{4,4096}\.[A-Za-z0-9_-]{16,1024}/g,
    score: 0.95,
    anchor: { literals: ['eyj'] },
  },
  {
    type: 'AZURE_STORAGE_KEY',
    family: 'secret',
    pattern: /(?:AccountKey|SharedAccessKey)=(?<value>[A-Za-z0-9+/]{43,86}={1,2})|sig=(?:[A-Za-z0-9%]{40,80}%3D)/g,
    score: 0.95,
    mayTouch: true,
    anchor: { literals: ['accountkey=', 'sharedaccesskey=', 'sig='] },
  },
  {
    type: 'CONNECTION_STRING',
    family: 'secret',
    pattern: /[a-z][a-z0-9+.-]{1,20}:\/\/[^\s:/@"'<>]{0,64}:(?<value>[^\s@/"'<>]{3,128})@[^\s/"'<>@]{1,253}/gi,
    score: 1,
    check: (found) => !PLACEHOLDER.test(found) && !/^(?:password|pass|pwd|secret)$/i.test(found),
    mayTouch: true,
    anchor: { literals: ['://'] },
  },
  {
    type: 'PASSWORD',
    family: 'secret',
    // A name that says so, an assignment, a value that is not a word.
    pattern:
      /(?:password|passwd|pwd|passphrase|secret|api[_-]?key|access[_-]?key|auth[_-]?token|access[_-]?token|client[_-]?secret|private[_-]?key)["']?(?: is ?:? ?| ?(?:=>|:=|[:=]) {0,3})["'`]?(?<value>[^\s"'`,;<>(){}]{6,200})/gi,
    score: 0.7,
    check: (found) => !PLACEHOLDER.test(found) && looksRandom(found),
    mayTouch: true,
    anchor: {
      literals: [
        'password',
        'passwd',
        'pwd',
        'passphrase',
        'secret',
        ...['api', 'access', 'private'].flatMap((word) => [`${word}key`, `${word}_key`, `${word}-key`]),
        ...['auth', 'access'].flatMap((word) => [`${word}token`, `${word}_token`, `${word}-token`]),
      ],
    },
  },
  {
    type: 'API_KEY',
    family: 'secret',
    pattern: /bearer {1,3}(?<value>[A-Za-z0-9._~+/-]{16,1024}={0,2})/gi,
    score: 0.8,
    check: (found) => !PLACEHOLDER.test(found) && looksRandom(found),
    mayTouch: true,
    anchor: { literals: ['bearer'] },
  },
  {
    type: 'API_KEY',
    family: 'secret',
    // RFC 7617: a name and a password in base64.
    pattern: /basic {1,3}(?<value>[A-Za-z0-9+/]{12,512}={0,2})/gi,
    score: 0.8,
    check: (found) => looksRandom(found) && isBasicPair(found),
    mayTouch: true,
    anchor: { literals: ['basic'] },
  },
];

/** Printable text with a colon in it. */
function isBasicPair(found: string): boolean {
  try {
    return /^[\x20-\x7e]{0,255}:[\x20-\x7e]{1,255}$/.test(atob(found));
  } catch {
    return false;
  }
}

/** Letters and digits mixed, or much entropy: not a word of a sentence, not a variable's name. */
function looksRandom(text: string): boolean {
  if (/^[A-Za-z]+(?:[._-][A-Za-z]+)*$/.test(text)) return text.length >= 20 && entropyOf(text) >= 4;
  const kinds = [/[a-z]/, /[A-Z]/, /\d/, /[^A-Za-z0-9]/].filter((kind) => kind.test(text)).length;
  return kinds >= 2 && entropyOf(text) >= 2.3 && !/^[\d.:-]+$/.test(text);
}
