/** National numbers of Europe, each with the check that its issuer defines. Sources: the issuers' descriptions, Presidio. */

import { icaoCheckDigit, isLuhn, mod11Falling, weightedSum } from '../checksums.js';
import { bare, type Recogniser } from '../recogniser.js';

/** A check digit makes chance 1 in 10 or so: a weak pattern stays weak without a word beside it. */
function national(
  type: string,
  pattern: RegExp,
  check: (text: string) => boolean,
  context: readonly string[],
  more: Pick<Partial<Recogniser>, 'score' | 'proven'> = {},
): Recogniser {
  return {
    type,
    family: 'pii',
    pattern,
    score: 0.05,
    proven: 0.3,
    check: (found) => check(bare(found)),
    context,
    ...more,
  };
}

/** Europe. */
export const EUROPEAN_RECOGNISERS: readonly Recogniser[] = [
  national('UK_NHS', /\d{3}[- ]?\d{3}[- ]?\d{4}/g, (id) => mod11Falling(id) === 0, [
    'nhs',
    'national health',
    'health service',
  ]),
  national(
    'UK_NINO',
    /[A-CEGHJ-PR-TW-Za-ceghj-pr-tw-z][A-CEGHJ-NPR-TW-Za-ceghj-npr-tw-z] ?\d{2} ?\d{2} ?\d{2} ?[A-Da-d]/g,
    (id) => !/^(?:BG|GB|NK|KN|NT|TN|ZZ)/.test(id),
    ['national insurance', 'nino', 'ni number'],
    { proven: 0.55 },
  ),
  national(
    'UK_DRIVING_LICENCE',
    /[A-Za-z9]{5}\d[0156]\d(?:0[1-9]|[12]\d|3[01])\d[A-Za-z9]{2}[A-Za-z0-9]{3}/g,
    (id) => /^[A-Z]{1,5}9{0,4}\d[0156]\d/.test(id) && Number(id.slice(7, 8)) + 10 * (Number(id.slice(6, 7)) % 5) >= 1,
    ['driving', 'licence', 'license', 'dvla'],
    { proven: 0.6 },
  ),
  national('UK_PASSPORT', /[A-Za-z]{2}\d{7}/g, () => true, ['passport'], { proven: 0.1 }),
  national(
    'DE_PASSPORT',
    /[CFGHJKLMNPRTVWXYZcfghjklmnprtvwxyz][0-9CFGHJKLMNPRTVWXYZcfghjklmnprtvwxyz]{7}[0-9]{2}|[CFGHJKLMNPRTVWXYZcfghjklmnprtvwxyz][0-9CFGHJKLMNPRTVWXYZcfghjklmnprtvwxyz]{7}[0-9]/g,
    isIcao,
    ['reisepass', 'passport', 'passnummer', 'pass'],
  ),
  national('DE_ID_CARD', /[LMNPRTVWXYlmnprtvwxy][0-9CFGHJKLMNPRTVWXYZcfghjklmnprtvwxyz]{7}[0-9]/g, isIcao, [
    'personalausweis',
    'ausweis',
    'id card',
    'identity card',
  ]),
  national(
    'DE_SOCIAL_SECURITY',
    /\d{2}(?:0[1-9]|[12]\d|3[01]|[5-8]\d|9[01])(?:0[1-9]|1[0-2])\d{2}[A-Za-z]\d{3}/g,
    isGermanPension,
    ['rentenversicherung', 'sozialversicherung', 'versicherungsnummer', 'social security', 'svnr', 'rvnr'],
    { proven: 0.6 },
  ),
  national('DE_TAX_ID', /[1-9]\d ?\d{3} ?\d{3} ?\d{3}/g, isGermanTax, [
    'steuer',
    'idnr',
    'tax id',
    'steueridentifikationsnummer',
  ]),
  national(
    'DE_BSNR',
    /\d{9}/g,
    (id) =>
      /^(?:0[1-3]|17|20|38|46|5[1-2]|7[1-38]|8[38]|9[3-98]|[0-9]{2})/.test(id) &&
      !/^0+$/.test(id) &&
      DE_KV.has(id.slice(0, 2)),
    ['bsnr', 'betriebsstätte', 'betriebsstaette'],
    { proven: 0.1 },
  ),
  national(
    'DE_KFZ',
    /[A-ZÄÖÜ]{1,3}[ -][A-Z]{1,2}[ -]\d{1,4}[EH]?/g,
    () => true,
    ['kennzeichen', 'kfz', 'license plate', 'nummernschild'],
    { proven: 0.2 },
  ),
  national(
    'FR_INSEE',
    /[12] ?\d{2} ?(?:0[1-9]|1[0-2]|[2-9]\d) ?(?:\d{2}|2[AB]) ?\d{3} ?\d{3} ?\d{2}/g,
    (id) => {
      const number = BigInt(id.slice(0, 13).replace('2A', '19').replace('2B', '18'));
      return 97n - (number % 97n) === BigInt(id.slice(13));
    },
    ['sécurité sociale', 'securite sociale', 'insee', 'nir'],
    { proven: 0.7 },
  ),
  national('ES_NIF', /\d{7,8}[- ]?[A-Za-z]/g, (id) => isSpanish(id.slice(0, -1), id), ['dni', 'nif', 'documento'], {
    proven: 0.5,
  }),
  national(
    'ES_NIE',
    /[XYZxyz][- ]?\d{7}[- ]?[A-Za-z]/g,
    (id) => isSpanish(`${'XYZ'.indexOf(id[0] ?? '')}${id.slice(1, -1)}`, id),
    ['nie', 'extranjero'],
    { proven: 0.6 },
  ),
  national(
    'IT_FISCAL_CODE',
    /[A-Za-z]{6}[0-9LMNPQRSTUVlmnpqrstuv]{2}[A-EHLMPR-Ta-ehlmpr-t][0-9LMNPQRSTUVlmnpqrstuv]{2}[A-Za-z][0-9LMNPQRSTUVlmnpqrstuv]{3}[A-Za-z]/g,
    isItalianFiscal,
    ['codice fiscale', 'fiscal'],
    { proven: 0.95 },
  ),
  national('IT_VAT_CODE', /\d{5}[_ ]?\d{3}[_ ]?\d{3}|\d{8}[_ ]\d{3}/g, (id) => isLuhn(id) && !/^0+$/.test(id), [
    'partita iva',
    'piva',
    'iva',
    'vat',
  ]),
  national(
    'IT_DRIVER_LICENSE',
    /[A-Za-z]{2}\d{7}[A-Za-z]|U1[BCDFGHLMNPRSTUWXYZ0-9]{7}[A-Z]/g,
    (id) => /^[A-Z]{2}\d{7}[A-Z]$/.test(id) || isItalianNewLicence(id),
    ['patente', 'licenza', 'driving'],
    { proven: 0.2 },
  ),
  national('IT_PASSPORT', /[A-Za-z]{2}\d{7}/g, () => true, ['passaporto', 'passport'], { proven: 0.1 }),
  national(
    'IT_IDENTITY_CARD',
    /[A-Za-z]{2} ?\d{7}|\d{7}[A-Za-z]{2}|[A-Za-z]{2}\d{5}[A-Za-z]{2}/g,
    () => true,
    ["carta d'identità", 'carta identita', 'identità', 'identity card'],
    { proven: 0.1 },
  ),
  national(
    'PL_PESEL',
    /\d{2}(?:[02468][1-9]|[13579][0-2])(?:0[1-9]|[12]\d|3[01])\d{5}/g,
    (id) => weightedSum(id, [1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1]) % 10 === 0,
    ['pesel'],
    { proven: 0.4 },
  ),
  national(
    'SE_PERSONNUMMER',
    /(?:(?:18|19|20)\d{2}|\d{2})(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01]|6[1-9]|[78]\d|9[01])[-+]?\d{4}/g,
    (id) => isLuhn(id.slice(-10)) && isRealDay(id.slice(-10)),
    ['personnummer', 'personal identity', 'samordningsnummer'],
    { proven: 0.4 },
  ),
  national('SE_ORGANISATIONSNUMMER', /(?:16)?[125-9]\d[2-9]\d{3}-?\d{4}/g, (id) => isLuhn(id.slice(-10)), [
    'organisationsnummer',
    'orgnr',
    'org.nr',
    'company',
  ]),
  national(
    'FI_PERSONAL_IDENTITY_CODE',
    /(?:0[1-9]|[12]\d|3[01])(?:0[1-9]|1[0-2])\d{2}[-+A-FU-Ya-fu-y]\d{3}[0-9A-FHJ-NPR-Ya-fhj-npr-y]/g,
    isFinnish,
    ['hetu', 'henkilötunnus'],
    { proven: 0.9 },
  ),
  national(
    'TR_LICENSE_PLATE',
    /(?:0[1-9]|[1-7]\d|8[01]) ?(?:[A-Za-z] ?\d{4,5}|[A-Za-z] ?\d{3}|[A-Za-z]{2} ?\d{2,4}|[A-Za-z]{3} ?\d{2,4})/g,
    () => true,
    ['plaka', 'plate'],
    { proven: 0.2 },
  ),
  national('TR_NATIONAL_ID', /[1-9]\d{10}/g, isTurkish, ['tc', 'kimlik'], { proven: 0.5 }),
  national(
    'TR_PHONE_NUMBER',
    /(?:(?:\+90|0090|0)[ -]?)?\(?5\d{2}\)?[ -]?\d{3}[ -]?\d{2}[ -]?\d{2}/g,
    (id) => /^(?:90|0090|0)?5\d{9}$/.test(id),
    ['telefon', 'cep', 'gsm'],
    { proven: 0.3 },
  ),
];

const DE_KV: ReadonlySet<string> = new Set(
  '01 02 03 17 20 21 24 27 28 31 37 38 39 40 41 42 43 44 45 46 47 48 49 50 51 52 53 54 55 60 61 62 63 64 65 66 67 68 69 70 71 72 73 78 80 81 83 85 86 87 88 89 90 91 92 93 94 95 96 97 98 99'.split(
    ' ',
  ),
);

function isIcao(id: string): boolean {
  return id.length >= 9 && icaoCheckDigit(id.slice(0, -1)) === Number(id.at(-1));
}

function isGermanPension(id: string): boolean {
  const letter = String((id.charCodeAt(8) - 64) % 100).padStart(2, '0');
  const digits = `${id.slice(0, 8)}${letter}${id.slice(9, 11)}`;
  const weights = [2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1];
  const sum = weights.reduce((total, weight, index) => {
    const product = weight * Number(digits[index]);
    return total + Math.floor(product / 10) + (product % 10);
  }, 0);
  return sum % 10 === Number(id[11]);
}

/** ISO 7064 mod 11,10; one digit of the first ten occurs twice or three times. */
function isGermanTax(id: string): boolean {
  const first = id.slice(0, 10);
  const distinct = new Set(first).size;
  if (distinct !== 9 && distinct !== 8) return false;
  let product = 10;
  for (const digit of first) {
    const sum = (Number(digit) + product) % 10;
    product = ((sum === 0 ? 10 : sum) * 2) % 11;
  }
  return (11 - product) % 10 === Number(id[10]);
}

function isSpanish(digits: string, id: string): boolean {
  return 'TRWAGMYFPDXBNJZSQVHLCKE'[Number(digits) % 23] === id.at(-1);
}

const ITALIAN_ODD: Readonly<Record<string, number>> = Object.fromEntries(
  Array.from('0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ').map((character, index) => [
    character,
    [
      1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10,
      22, 25, 24, 23,
    ][index] ?? 0,
  ]),
);

function isItalianFiscal(id: string): boolean {
  let sum = 0;
  for (const [index, character] of Array.from(id.slice(0, 15)).entries()) {
    const value = /\d/.test(character) ? Number(character) : character.charCodeAt(0) - 65;
    sum += index % 2 === 0 ? (ITALIAN_ODD[character] ?? 0) : value;
  }
  return String.fromCharCode(65 + (sum % 26)) === id[15];
}

/** `U1`, seven characters without vowels but for digits, a letter. */
function isItalianNewLicence(id: string): boolean {
  return /^U1[BCDFGHLMNPRSTUWXYZ0-9]{7}[A-Z]$/.test(id);
}

function isFinnish(id: string): boolean {
  // The separator is gone where it is a sign, and a letter where it is one.
  const match = /^(\d{6})[A-FU-Y]?(\d{3})([0-9A-FHJ-NPR-Y])$/.exec(id);
  if (match === null) return false;
  return '0123456789ABCDEFHJKLMNPRSTUVWXY'[Number(`${match[1]}${match[2]}`) % 31] === match[3];
}

function isTurkish(id: string): boolean {
  const digits = Array.from(id, Number);
  const odd = [0, 2, 4, 6, 8].reduce((sum, index) => sum + (digits[index] ?? 0), 0);
  const even = [1, 3, 5, 7].reduce((sum, index) => sum + (digits[index] ?? 0), 0);
  const tenth = (((odd * 7 - even) % 10) + 10) % 10;
  return digits[9] === tenth && (odd + even + tenth) % 10 === digits[10];
}

/** `yymmdd…`; a coordination number adds 60 to the day. */
function isRealDay(id: string): boolean {
  const month = Number(id.slice(2, 4));
  const day = Number(id.slice(4, 6)) % 60;
  return (
    day >= 1 &&
    day <=
      (new Map([
        [2, 29],
        [4, 30],
        [6, 30],
        [9, 30],
        [11, 30],
      ]).get(month) ?? 31)
  );
}
