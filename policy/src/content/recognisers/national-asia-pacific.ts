/** National numbers of Asia, Africa and the Pacific, with the checks that their issuers define. */

import { isLuhn, isVerhoeff, weightedSum } from '../checksums.js';
import { bare, type Recogniser } from '../recogniser.js';

function national(
  type: string,
  pattern: RegExp,
  check: (text: string) => boolean,
  context: readonly string[],
  proven = 0.3,
): Recogniser {
  return {
    type,
    family: 'pii',
    pattern,
    score: 0.05,
    proven,
    check: (found) => check(bare(found)),
    context,
  };
}

/** Asia, Africa, the Pacific. */
export const ASIAN_PACIFIC_RECOGNISERS: readonly Recogniser[] = [
  national(
    'AU_ABN',
    /\d{2} ?\d{3} ?\d{3} ?\d{3}/g,
    (id) => {
      const digits = `${Number(id[0]) - 1}${id.slice(1)}`;
      return weightedSum(digits, [10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19]) % 89 === 0;
    },
    ['abn', 'business number'],
    0.5,
  ),
  national(
    'AU_ACN',
    /\d{3} ?\d{3} ?\d{3}/g,
    (id) => (10 - (weightedSum(id, [8, 7, 6, 5, 4, 3, 2, 1]) % 10)) % 10 === Number(id[8]),
    ['acn', 'company number'],
  ),
  national('AU_TFN', /\d{3} ?\d{3} ?\d{3}/g, (id) => weightedSum(id, [1, 4, 3, 7, 5, 8, 6, 9, 10]) % 11 === 0, [
    'tfn',
    'tax file',
  ]),
  national(
    'AU_MEDICARE',
    /[2-6]\d{3} ?\d{5} ?\d/g,
    (id) => weightedSum(id, [1, 3, 7, 9, 1, 3, 7, 9]) % 10 === Number(id[8]),
    ['medicare'],
  ),
  national(
    'IN_AADHAAR',
    /[2-9]\d{3}[ :-]?\d{4}[ :-]?\d{4}/g,
    (id) => isVerhoeff(id) && id !== Array.from(id).toReversed().join(''),
    ['aadhaar', 'uidai', 'आधार'],
    0.5,
  ),
  national(
    'IN_PAN',
    /[A-Za-z]{3}[ABCFGHJLPTabcfghjlpt][A-Za-z]\d{4}[A-Za-z]/g,
    () => true,
    ['pan', 'permanent account'],
    0.55,
  ),
  national('IN_PASSPORT', /[A-PR-WYa-pr-wy][1-9]\d{5}[1-9]/g, () => true, ['passport'], 0.1),
  national('IN_VOTER', /[A-Za-z]{3}\d{7}/g, () => true, ['voter', 'epic', 'elector'], 0.3),
  national(
    'IN_GSTIN',
    /(?:0[1-9]|[12]\d|3[0-8])[A-Za-z]{5}\d{4}[A-Za-z][0-9A-Za-z]Z[0-9A-Za-z]/g,
    () => true,
    ['gst'],
    0.7,
  ),
  national(
    'IN_VEHICLE_REGISTRATION',
    /(?:AN|AP|AR|AS|BR|CG|CH|DD|DL|GA|GJ|HP|HR|JH|JK|KA|KL|LA|LD|MH|ML|MN|MP|MZ|NL|OD|PB|PY|RJ|SK|TN|TR|TS|UK|UP|WB)[ -]?\d{1,2}[ -]?[A-Z]{1,3}[ -]?\d{4}/g,
    () => true,
    ['vehicle', 'registration', 'rto'],
    0.5,
  ),
  national(
    'KR_RRN',
    /\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])-?[1-8]\d{6}/g,
    (id) => (11 - (weightedSum(id, [2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5]) % 11)) % 10 === Number(id[12]),
    ['주민', 'resident registration', 'rrn'],
    0.6,
  ),
  national(
    'KR_DRIVER_LICENSE',
    /(?:1[1-9]|2[0-68])-?\d{2}-?\d{6}-?\d{2}/g,
    () => true,
    ['면허', 'license', 'licence'],
    0.2,
  ),
  national(
    'KR_PASSPORT',
    /[MSRODGmsrodg]\d{3}[A-Za-z]\d{4}|[MSRODGmsrodg]\d{8}/g,
    () => true,
    ['여권', 'passport'],
    0.2,
  ),
  national(
    'KR_BRN',
    /\d{3}-?\d{2}-?\d{5}/g,
    (id) => {
      const sum =
        weightedSum(id, [1, 3, 7, 1, 3, 7, 1, 3]) + Math.floor((Number(id[8]) * 5) / 10) + ((Number(id[8]) * 5) % 10);
      return (10 - (sum % 10)) % 10 === Number(id[9]);
    },
    ['사업자', 'business registration'],
  ),
  national('SG_NRIC_FIN', /[STFGMstfgm]\d{7}[A-Za-z]/g, () => true, ['nric', 'fin'], 0.55),
  national(
    'SG_UEN',
    /\d{8,9}[A-Za-z]|[TSRtsr]\d{2}[A-Za-z]{2}\d{4}[A-Za-z]/g,
    () => true,
    ['uen', 'entity number'],
    0.15,
  ),
  national(
    'TH_TNIN',
    /[1-9][ -]?\d{4}[ -]?\d{5}[ -]?\d{2}[ -]?\d/g,
    (id) =>
      id[1] !== '0' && (11 - (weightedSum(id, [13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2]) % 11)) % 10 === Number(id[12]),
    ['thai', 'บัตร', 'national id'],
    0.4,
  ),
  national(
    'PH_TIN',
    /\d{3}-?\d{3}-?\d{3}(?:-?\d{3,5})?/g,
    (id) => weightedSum(id, [9, 8, 7, 6, 5, 4, 3, 2]) % 11 === Number(id[8]),
    ['tin', 'bir', 'tax identification'],
  ),
  national('NG_NIN', /\d{11}/g, isVerhoeff, ['nin', 'nigeria', 'national identification']),
  national(
    'ZA_ID_NUMBER',
    /\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{4}[01]8\d/g,
    isLuhn,
    ['south africa', 'id number', 'identity'],
    0.5,
  ),
  national(
    'CN_RESIDENT_ID',
    /[1-9]\d{5}(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dXx]/g,
    (id) => '10X98765432'[weightedSum(id, [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]) % 11] === id[17],
    ['身份证', 'resident id'],
    0.9,
  ),
];
