/** National numbers of the Americas, with the checks that their issuers define. */

import { isLuhn, weightedSum } from '../checksums.js';
import { bare, type Recogniser } from '../recogniser.js';

const SSN_WORDS = ['ssn', 'social security', 'social insurance', 'ss#', 'sin'];

/** The Americas. */
export const AMERICAN_RECOGNISERS: readonly Recogniser[] = [
  {
    type: 'US_SSN',
    family: 'pii',
    pattern: /\d{3}(?:-\d{2}-|\.\d{2}\.| \d{2} )\d{4}/g,
    score: 0.05,
    proven: 0.85,
    check: isSsn,
    context: SSN_WORDS,
  },
  {
    type: 'US_SSN',
    family: 'pii',
    pattern: /\d{9}/g,
    score: 0.05,
    proven: 0.1,
    check: isSsn,
    context: SSN_WORDS,
  },
  {
    type: 'US_ITIN',
    family: 'pii',
    pattern: /9\d{2}[ -]?(?:5\d|6[0-5]|7\d|8[0-8]|9[0-24-9])[ -]?\d{4}/g,
    score: 0.3,
    context: ['itin', 'tax id', 'taxpayer', 'individual taxpayer'],
  },
  {
    type: 'US_NPI',
    family: 'pii',
    pattern: /[12]\d{3}[ -]?\d{3}[ -]?\d{3}/g,
    score: 0.05,
    proven: 0.3,
    check: (found) => isLuhn(`80840${bare(found)}`) && !/^(\d)\1+$/.test(bare(found)),
    context: ['npi', 'provider', 'national provider'],
  },
  {
    type: 'US_PASSPORT',
    family: 'pii',
    pattern: /[A-Za-z]?\d{8,9}/g,
    score: 0.05,
    check: (found) => /^(?:[A-Za-z]\d{8}|\d{9})$/.test(found),
    context: ['passport', 'travel document'],
  },
  {
    type: 'US_DRIVER_LICENSE',
    family: 'pii',
    // One letter and digits, digits alone, or two letters, digits, a letter: the forms of the states.
    pattern: /[A-Za-z]{1,2}\d{3,14}[A-Za-z]?|\d{6,14}/g,
    score: 0.1,
    check: (found) => /^(?:[A-Za-z]\d{3,14}|[A-Za-z]{2}\d{2,7}[A-Za-z]?|\d{6,12}|\d{14})$/.test(found),
    context: ['driver', 'licence', 'license', 'permit', "driver's", 'dl#', 'identification', 'lic#'],
  },
  {
    type: 'US_MBI',
    family: 'pii',
    pattern:
      /[1-9][AC-HJ-KM-NP-RT-Yac-hj-km-np-rt-y][0-9AC-HJ-KM-NP-RT-Yac-hj-km-np-rt-y]\d-?[AC-HJ-KM-NP-RT-Yac-hj-km-np-rt-y][0-9AC-HJ-KM-NP-RT-Yac-hj-km-np-rt-y]\d-?[AC-HJ-KM-NP-RT-Yac-hj-km-np-rt-y]{2}\d{2}/g,
    score: 0.5,
    context: ['medicare', 'mbi', 'beneficiary'],
  },
  {
    type: 'MEDICAL_LICENSE',
    family: 'pii',
    pattern: /[abcdefghjklmprstuxABCDEFGHJKLMPRSTUX][a-zA-Z]\d{7}|[abcdefghjklmprstuxABCDEFGHJKLMPRSTUX]9\d{7}/g,
    score: 0.05,
    proven: 0.5,
    check: (found) => {
      const digits = found.slice(2);
      return weightedSum(digits, [1, 2, 1, 2, 1, 2]) % 10 === Number(digits[6]);
    },
    context: ['dea', 'medical', 'certificate'],
  },
  {
    type: 'CA_SIN',
    family: 'pii',
    pattern: /[1-79]\d{2}[ -]?\d{3}[ -]?\d{3}/g,
    score: 0.05,
    proven: 0.3,
    check: (found) => isLuhn(bare(found)),
    context: ['social insurance', 'sin'],
  },
  {
    type: 'BR_CPF',
    family: 'pii',
    pattern: /\d{3}\.?\d{3}\.?\d{3}-?\d{2}/g,
    score: 0.05,
    proven: 0.5,
    check: (found) => isCpf(bare(found)),
    context: ['cpf', 'cadastro'],
  },
];

function isSsn(found: string): boolean {
  const digits = bare(found);
  if (/^(\d)\1+$/.test(digits) || /^(?:000|666|9)/.test(digits)) return false;
  if (digits.slice(3, 5) === '00' || digits.slice(5) === '0000') return false;
  return !['123456789', '987654321', '078051120'].includes(digits) && !digits.startsWith('98765432');
}

function isCpf(digits: string): boolean {
  if (/^(\d)\1+$/.test(digits)) return false;
  const check = (length: number): number => {
    const weights = Array.from({ length }, (_unused, index) => length + 1 - index);
    return ((weightedSum(digits, weights) * 10) % 11) % 10;
  };
  return check(9) === Number(digits[9]) && check(10) === Number(digits[10]);
}
