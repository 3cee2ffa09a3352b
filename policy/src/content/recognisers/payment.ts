import { isLuhn, isMod97, weightedSum } from '../checksums.js';
import { bare, type Recogniser } from '../recogniser.js';

/** Length of an IBAN by country (SWIFT IBAN registry). */
const IBAN_LENGTHS: ReadonlyMap<string, number> = new Map(
  (
    'AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 EG29 ES24 ' +
    'FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 ' +
    'LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24 ' +
    'RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30'
  )
    .split(' ')
    .map((entry) => [entry.slice(0, 2), Number(entry.slice(2))]),
);

/** Cards, bank accounts, payment systems. */
export const PAYMENT_RECOGNISERS: readonly Recogniser[] = [
  {
    type: 'CREDIT_CARD',
    family: 'pii',
    // 12 to 19 digits, single spaces or hyphens anywhere between them.
    pattern: /\d(?:[ -]?\d){11,18}/g,
    score: 0.3,
    proven: 0.75,
    trim: withinCard,
    check: isCard,
    context: [
      'card',
      'visa',
      'mastercard',
      'amex',
      'credit',
      'debit',
      'cvv',
      'cvc',
      'pan',
      'karte',
      'carte',
      'tarjeta',
    ],
  },
  {
    type: 'IBAN_CODE',
    family: 'pii',
    pattern: /[A-Za-z]{2}\d{2}(?:[ -]?[A-Za-z0-9]{1,4}){3,9}/g,
    score: 0.5,
    proven: 1,
    trim: withinIban,
    check: isIban,
  },
  {
    type: 'ABA_ROUTING_NUMBER',
    family: 'pii',
    pattern: /[0123678]\d{3}-?\d{4}-?\d/g,
    score: 0.05,
    proven: 0.2,
    check: (found) => weightedSum(bare(found), [3, 7, 1, 3, 7, 1, 3, 7, 1]) % 10 === 0 && !/^0+$/.test(bare(found)),
    context: ['aba', 'routing', 'abarouting', 'association', 'bankrouting'],
  },
  {
    type: 'US_BANK_NUMBER',
    family: 'pii',
    pattern: /\d{8,17}/g,
    score: 0.05,
    context: ['bank account', 'account number', 'account#', 'checking', 'savings', 'acct'],
  },
];

function isCard(found: string): boolean {
  return isGrouped(found) && isCardNumber(bare(found));
}

function isCardNumber(digits: string): boolean {
  // 13 digits that begin with 1 are milliseconds since 1970.
  if (digits.length < 12 || (digits.length === 13 && digits.startsWith('1'))) return false;
  return isLuhn(digits) && !/^(\d)\1+$/.test(digits);
}

/** A date or a code may follow a card's number: without groups at the end, as long as that leaves a card's. */
function withinCard(found: string): string {
  let part = found;
  while (!isCard(part)) {
    const cut = Math.max(part.lastIndexOf(' '), part.lastIndexOf('-'));
    if (cut < 12) return found;
    part = part.slice(0, cut);
  }
  return part;
}

/** Digits of a card stand alone or in groups of 3 to 7 that one kind of separator parts. Asked at every number among numbers. */
function isGrouped(found: string): boolean {
  let separator = 0;
  let group = 0;
  for (let at = 0; at <= found.length; at += 1) {
    const code = at < found.length ? found.charCodeAt(at) : separator;
    if (code >= 0x30 && code <= 0x39) {
      group += 1;
      continue;
    }
    if (separator === 0 && at === found.length) return true;
    if (group < 3 || group > 7 || (separator !== 0 && code !== separator)) return false;
    separator = code;
    group = 0;
  }
  return true;
}

function isIban(found: string): boolean {
  const text = bare(found);
  const length = IBAN_LENGTHS.get(text.slice(0, 2));
  return length !== undefined && text.length === length && isMod97(text);
}

/** As many letters and digits as the country's numbers have: words may follow. */
function withinIban(found: string): string {
  let left = IBAN_LENGTHS.get(found.slice(0, 2).toUpperCase()) ?? 0;
  let end = 0;
  for (; end < found.length && left > 0; end += 1) if (/[A-Za-z0-9]/.test(found[end] ?? '')) left -= 1;
  return left === 0 ? found.slice(0, end) : found;
}
