/**
 * National numbers of more countries, each with the check that its issuer defines. Sources: the issuers' descriptions, and
 * python-stdnum's documentation of them, from which the numbers in the tests are.
 */

import { isDay, isLuhn, isMod1110, isVerhoeff, weightedSum } from '../checksums.js';
import { bare, type Recogniser } from '../recogniser.js';

/** One check digit makes chance 1 in 10: such a number needs a word beside it; with two, or a day in it, none. */
const WEAK = 0.3;
const STRONG = 0.6;

function national(
  type: string,
  pattern: RegExp,
  check: (id: string) => boolean,
  context: readonly string[],
  proven = WEAK,
): Recogniser {
  return { type, family: 'pii', pattern, score: 0.05, proven, check: (found) => check(bare(found)), context };
}

/** Digit by digit, the sum of digits times weights modulo `modulus`. */
const mod = (digits: string, weights: readonly number[], modulus: number): number =>
  weightedSum(digits, weights) % modulus;
const last = (id: string): number => Number(id.at(-1));

/** More countries. */
export const WORLD_RECOGNISERS: readonly Recogniser[] = [
  national(
    'NL_BSN',
    /\d{8,9}|\d{4}\.\d{2}\.\d{3}/g,
    (id) => id !== '000000000' && mod(id.padStart(9, '0'), [9, 8, 7, 6, 5, 4, 3, 2, -1], 11) === 0,
    ['bsn', 'burgerservice', 'sofi'],
  ),
  national(
    'BE_NATIONAL_NUMBER',
    /\d{2}[. ]?\d{2}[. ]?\d{2}[- ]?\d{3}[. ]?\d{2}/g,
    isBelgian,
    ['rijksregister', 'registre national', 'national number', 'nn'],
    STRONG,
  ),
  national(
    'PT_NIF',
    /[1-35-9]\d{2} ?\d{3} ?\d{3}/g,
    (id) => ((11 - mod(id, [9, 8, 7, 6, 5, 4, 3, 2], 11)) % 11) % 10 === last(id),
    ['nif', 'contribuinte'],
  ),
  national(
    'DK_CPR',
    /\d{6}-?\d{4}/g,
    // Since 2007 numbers are given out that do not satisfy the old sum; where it holds they are certain.
    (id) => isDay(id, 'dmy') && mod(id, [4, 3, 2, 7, 6, 5, 4, 3, 2, 1], 11) === 0,
    ['cpr', 'personnummer'],
    STRONG,
  ),
  national(
    'NO_FODSELSNUMMER',
    /\d{6} ?\d{5}/g,
    isNorwegian,
    ['fødselsnummer', 'fodselsnummer', 'personnummer', 'fnr'],
    STRONG,
  ),
  national(
    'CZ_SK_BIRTH_NUMBER',
    /\d{6}\/?\d{4}/g,
    (id) =>
      Number(id) % 11 === 0 &&
      isDay(`${id.slice(0, 2)}${String(Number(id.slice(2, 4)) % 50).padStart(2, '0')}${id.slice(4)}`),
    ['rodné', 'rodne', 'birth number'],
    STRONG,
  ),
  national(
    'RO_CNP',
    /[1-9]\d{12}/g,
    (id) =>
      isDay(id.slice(1)) &&
      (mod(id, [2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9], 11) % 10 ||
        Number(mod(id, [2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9], 11) === 10)) === last(id),
    ['cnp', 'cod numeric'],
    STRONG,
  ),
  national(
    'BG_EGN',
    /\d{6} ?\d{3} ?\d/g,
    (id) =>
      isDay(`${id.slice(0, 2)}${String(Number(id.slice(2, 4)) % 20).padStart(2, '0')}${id.slice(4)}`) &&
      mod(id, [2, 4, 8, 5, 10, 9, 7, 3, 6], 11) % 10 === last(id),
    ['егн', 'egn'],
    0.4,
  ),
  national('HR_OIB', /\d{11}/g, isMod1110, ['oib']),
  national(
    'YU_JMBG',
    /\d{13}/g,
    (id) =>
      isDay(`${id.slice(0, 4)}00`, 'dmy') &&
      ((11 - mod(id, [7, 6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2], 11)) % 11) % 10 === last(id),
    ['jmbg', 'emšo', 'emso', 'embg'],
    0.4,
  ),
  national('EE_LT_PERSONAL_CODE', /[1-6]\d{10}/g, isBaltic, ['isikukood', 'asmens kodas', 'personal code'], 0.4),
  national(
    'LV_PERSONAL_CODE',
    /\d{6}-?\d{5}/g,
    (id) => isDay(id, 'dmy') && ((1 + mod(id, [10, 5, 8, 4, 2, 1, 6, 3, 7, 9], 11)) % 11) % 10 === last(id),
    ['personas kods', 'personal code'],
    0.4,
  ),
  national('IE_PPS', /\d{7}[A-Wa-w][A-IWa-iw]?/g, isIrish, ['pps', 'ppsn'], 0.5),
  national(
    'CH_AHV',
    /756\.?\d{4}\.?\d{4}\.?\d{2}/g,
    (id) => (10 - mod(id, [1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3], 10)) % 10 === last(id),
    ['ahv', 'avs', 'navs'],
    STRONG,
  ),
  national(
    'AT_SVNR',
    /[1-9]\d{3} ?\d{6}/g,
    (id) => isDay(id.slice(4), 'dmy') && mod(id, [3, 7, 9, 0, 5, 8, 4, 2, 1, 6], 11) === Number(id[3]),
    ['svnr', 'sozialversicherung', 'versicherungsnummer'],
    0.4,
  ),
  national('GR_AMKA', /\d{11}/g, (id) => isDay(id, 'dmy') && isLuhn(id), ['amka', 'αμκα'], 0.4),
  national('HU_TAJ', /\d{3}[ -]?\d{3}[ -]?\d{3}/g, (id) => mod(id, [3, 7, 3, 7, 3, 7, 3, 7], 10) === last(id), [
    'taj szám',
    'taj-szám',
    'taj number',
    'tb szám',
  ]),
  national(
    'LU_NIN',
    /(?:18|19|20)\d{11}/g,
    (id) => isDay(id.slice(2)) && isLuhn(id.slice(0, 12)) && isVerhoeff(id.slice(0, 11) + id.slice(12)),
    ['matricule'],
    STRONG,
  ),
  national(
    'IS_KENNITALA',
    /\d{6}-?\d{4}/g,
    (id) => isDay(id, 'dmy') && mod(id, [3, 2, 7, 6, 5, 4, 3, 2, 1], 11) === 0 && '089'.includes(id.at(-1) ?? 'x'),
    ['kennitala'],
    0.4,
  ),
  national('UA_RNOKPP', /\d{10}/g, (id) => ((mod(id, [-1, 5, 7, 9, 4, 6, 10, 5, 7], 11) + 11) % 11) % 10 === last(id), [
    'рнокпп',
    'іпн',
    'rnokpp',
    'ipn',
  ]),
  national('RU_SNILS', /\d{3}-\d{3}-\d{3}[- ]\d{2}/g, isSnils, ['снилс', 'snils'], STRONG),
  national('RU_INN', /\d{12}/g, isInn, ['инн', 'inn'], 0.4),
  national('KZ_IIN', /\d{12}/g, isKazakh, ['иин', 'жсн', 'iin'], 0.4),
  national('IL_ID_NUMBER', /\d{7,8}-?\d/g, (id) => isLuhn(id.padStart(9, '0')), [
    'תעודת זהות',
    'teudat',
    'israel',
    'mispar zehut',
  ]),
  national('AE_EMIRATES_ID', /784-?(?:19|20)\d{2}-?\d{7}-?\d/g, isLuhn, ['emirates id', 'هوية'], STRONG),
  national('SA_NATIONAL_ID', /[12]\d{9}/g, isLuhn, ['iqama', 'saudi', 'الهوية']),
  national('TW_NATIONAL_ID', /[A-Za-z][1289]\d{8}/g, isTaiwanese, ['身分證', '身份證', 'taiwan', 'national id'], 0.55),
  national('HK_HKID', /[A-Za-z]{1,2}\d{6}\(?[0-9Aa]\)?/g, isHongKong, ['hkid', '身份證', 'identity card'], 0.5),
  national(
    'JP_MY_NUMBER',
    /\d{4}[ -]?\d{4}[ -]?\d{4}/g,
    (id) => {
      const rest = mod(id, [6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2], 11);
      return (rest <= 1 ? 0 : 11 - rest) === last(id);
    },
    ['マイナンバー', '個人番号', 'my number', 'individual number'],
  ),
  national('NZ_IRD', /\d{2,3}-?\d{3}-?\d{3}/g, isNewZealand, ['ird', 'inland revenue']),
  national(
    'MX_CURP',
    /[A-Za-z][AEIOUXaeioux][A-Za-z]{2}\d{6}[HMXhmx][A-Za-z]{5}[0-9A-Za-z]\d/g,
    isCurp,
    ['curp'],
    STRONG,
  ),
  national(
    'AR_CUIT',
    /(?:20|23|24|27|30|33|34)-?\d{8}-?\d/g,
    (id) => (11 - mod(id, [5, 4, 3, 2, 7, 6, 5, 4, 3, 2], 11)) % 11 === last(id),
    ['cuit', 'cuil'],
    0.4,
  ),
  national('CL_RUT', /\d{1,2}\.?\d{3}\.?\d{3}-[\dKk]/g, isChilean, ['rut', 'run'], 0.5),
  national(
    'CO_NIT',
    /\d{3}\.?\d{3}\.?\d{3}-\d/g,
    (id) => {
      const rest = mod(Array.from(id.slice(0, -1)).toReversed().join(''), [3, 7, 13, 17, 19, 23, 29, 37, 41], 11);
      return (rest > 1 ? 11 - rest : rest) === last(id);
    },
    ['nit', 'cédula', 'cedula'],
  ),
  national('EC_CEDULA', /(?:[01]\d|2[0-4]|30)[0-5]\d{6}-?\d/g, isLuhn, ['cédula', 'cedula', 'ecuador']),
  national('BR_CNPJ', /\d{2}\.?\d{3}\.?\d{3}\/?\d{4}-?\d{2}/g, isCnpj, ['cnpj'], STRONG),
  national('UY_CI', /\d\.\d{3}\.\d{3}-\d/g, (id) => (10 - mod(id, [2, 9, 8, 7, 6, 3, 4], 10)) % 10 === last(id), [
    'cédula',
    'cedula',
    'documento',
  ]),
];

function isBelgian(id: string): boolean {
  const [number, check] = [id.slice(0, 9), Number(id.slice(9))];
  const month = Number(id.slice(2, 4)) % 20;
  if (month > 12 || Number(id.slice(4, 6)) > 31) return false;
  return 97 - (Number(number) % 97) === check || 97 - (Number(`2${number}`) % 97) === check;
}

function isNorwegian(id: string): boolean {
  const day = String(Number(id.slice(0, 2)) % 40).padStart(2, '0');
  const month = String(Number(id.slice(2, 4)) % 40).padStart(2, '0');
  return (
    isDay(`${day}${month}00`, 'dmy') &&
    mod(id, [3, 7, 6, 1, 8, 9, 4, 5, 2, 1], 11) === 0 &&
    mod(id, [5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1], 11) === 0
  );
}

function isBaltic(id: string): boolean {
  if (!isDay(id.slice(1))) return false;
  const first = mod(id, [1, 2, 3, 4, 5, 6, 7, 8, 9, 1], 11);
  return (first === 10 ? mod(id, [3, 4, 5, 6, 7, 8, 9, 1, 2, 3], 11) % 10 : first) === last(id);
}

function isIrish(id: string): boolean {
  const second = id.length > 8 ? 'WABCDEFGHI'.indexOf(id[8] ?? '') : 0;
  const sum = weightedSum(id.slice(0, 7), [8, 7, 6, 5, 4, 3, 2]) + 9 * Math.max(0, second);
  return 'WABCDEFGHIJKLMNOPQRSTUV'[sum % 23] === id[7];
}

function isSnils(id: string): boolean {
  return (weightedSum(id, [9, 8, 7, 6, 5, 4, 3, 2, 1]) % 101) % 100 === Number(id.slice(9));
}

function isInn(id: string): boolean {
  const eleventh = mod(id, [7, 2, 4, 10, 3, 5, 9, 4, 6, 8], 11) % 10;
  const twelfth = mod(id, [3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8], 11) % 10;
  return eleventh === Number(id[10]) && twelfth === Number(id[11]);
}

function isKazakh(id: string): boolean {
  if (!isDay(id)) return false;
  const first = mod(id, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11], 11);
  return (first === 10 ? mod(id, [3, 4, 5, 6, 7, 8, 9, 10, 11, 1, 2], 11) : first) === last(id);
}

function isTaiwanese(id: string): boolean {
  const letter = 'ABCDEFGHJKLMNPQRSTUVXYWZIO'.indexOf(id[0] ?? '') + 10;
  return weightedSum(`${letter}${id.slice(1)}`, [1, 9, 8, 7, 6, 5, 4, 3, 2, 1, 1]) % 10 === 0;
}

/** A space (36) stands for the first letter of those that have but one. */
function isHongKong(id: string): boolean {
  const letters = [...(id.length === 8 ? [''] : []), ...Array.from(id)];
  const sum = letters.reduce((total, character, index) => {
    const value = character === '' ? 36 : Number.parseInt(character, 36);
    return total + value * (9 - index);
  }, 0);
  return letters.length === 9 && sum % 11 === 0;
}

function isNewZealand(id: string): boolean {
  const digits = id.padStart(9, '0');
  if (Number(digits) < 10_000_000 || Number(digits) > 200_000_000) return false;
  const check = (weights: readonly number[]): number => (11 - mod(digits, weights, 11)) % 11;
  const first = check([3, 2, 7, 6, 5, 4, 3, 2]);
  return (first === 10 ? check([7, 4, 3, 2, 5, 2, 7, 6]) : first) === last(digits);
}

function isCurp(id: string): boolean {
  const alphabet = '0123456789ABCDEFGHIJKLMNÑOPQRSTUVWXYZ';
  const sum = Array.from(id.slice(0, 17)).reduce(
    (total, character, index) => total + alphabet.indexOf(character) * (18 - index),
    0,
  );
  return isDay(id.slice(4, 10)) && (10 - (sum % 10)) % 10 === last(id);
}

function isChilean(id: string): boolean {
  const reversed = Array.from(id.slice(0, -1)).toReversed().join('');
  return '0K987654321'[mod(reversed, [2, 3, 4, 5, 6, 7, 2, 3], 11)] === id.at(-1);
}

function isCnpj(id: string): boolean {
  if (/^(\d)\1+$/.test(id)) return false;
  const check = (weights: readonly number[]): number => {
    const rest = mod(id, weights, 11);
    return rest < 2 ? 0 : 11 - rest;
  };
  const first = [5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2];
  return check(first) === Number(id[12]) && check([6, ...first]) === Number(id[13]);
}
