import { describe, expect, test } from '@jest/globals';
import { recognise } from '../recognise.js';
import { WORLD_RECOGNISERS } from './national-world.js';

/** A word that the number stands beside, and one with a right check digit: the issuers' examples, python-stdnum's, or computed. */
const VALID: readonly (readonly [type: string, word: string, id: string])[] = [
  ['NL_BSN', 'BSN', '111222333'],
  ['BE_NATIONAL_NUMBER', 'rijksregister', '85.07.30-033 28'],
  ['PT_NIF', 'NIF', '123456789'],
  ['DK_CPR', 'CPR', '070761-4285'],
  ['NO_FODSELSNUMMER', 'fødselsnummer', '15108695088'],
  ['CZ_SK_BIRTH_NUMBER', 'rodné číslo', '710319/2745'],
  ['RO_CNP', 'CNP', '1630615123457'],
  ['BG_EGN', 'EGN', '7523169263'],
  ['HR_OIB', 'OIB', '33392005961'],
  ['YU_JMBG', 'JMBG', '0101006500006'],
  ['EE_LT_PERSONAL_CODE', 'isikukood', '36805280109'],
  ['EE_LT_PERSONAL_CODE', 'asmens kodas', '33309240064'],
  ['LV_PERSONAL_CODE', 'personas kods', '161175-19997'],
  ['IE_PPS', 'PPS', '6433435F'],
  ['CH_AHV', 'AHV', '756.9217.0769.85'],
  ['AT_SVNR', 'SVNR', '1237 010180'],
  ['GR_AMKA', 'AMKA', '01013099997'],
  ['HU_TAJ', 'TAJ szám', '111-111-110'],
  ['IS_KENNITALA', 'kennitala', '120174-3399'],
  ['UA_RNOKPP', 'RNOKPP', '1759013776'],
  ['RU_SNILS', 'СНИЛС', '112-233-445 95'],
  ['RU_INN', 'ИНН', '500100732259'],
  ['IL_ID_NUMBER', 'teudat zehut', '39337423'],
  ['AE_EMIRATES_ID', 'Emirates ID', '784-1980-1234567-8'],
  ['SA_NATIONAL_ID', 'iqama', '1000000008'],
  ['TW_NATIONAL_ID', 'national id', 'A123456789'],
  ['HK_HKID', 'HKID', 'A123456(3)'],
  ['JP_MY_NUMBER', 'マイナンバー', '123456789018'],
  ['NZ_IRD', 'IRD', '49-091-850'],
  ['MX_CURP', 'CURP', 'BOXW310820HNERXN09'],
  ['AR_CUIT', 'CUIT', '20-05536168-2'],
  ['CL_RUT', 'RUT', '76.086.428-5'],
  ['CO_NIT', 'NIT', '213.123.432-1'],
  ['EC_CEDULA', 'cédula', '171430710-3'],
  ['BR_CNPJ', 'CNPJ', '16.727.230/0001-97'],
  ['LU_NIN', 'matricule', '1985051512354'],
  ['KZ_IIN', 'ИИН', '850515300125'],
  ['UY_CI', 'cédula', '1.234.567-2'],
];

/** The same with its check digit off by one, or its check letter another; it is the last but for a bracket or a century. */
function broken(type: string, id: string): string {
  const at = id.length - (id.endsWith(')') || type === 'IS_KENNITALA' ? 2 : 1);
  const last = id[at] ?? '';
  const other = /\d/.test(last) ? String((Number(last) + 1) % 10) : last === 'F' ? 'G' : 'F';
  return id.slice(0, at) + other + id.slice(at + 1);
}

describe('national numbers of more countries', () => {
  test.each(VALID)('%s beside %j: %s', (type, word, id) => {
    const text = `${word}: ${id}, please`;
    const found = recognise(text, { types: [type] });
    expect(found.map(({ start, end }) => text.slice(start, end))).toEqual([id]);
  });

  test.each(VALID)('no %s with a wrong check digit beside %j', (type, word, id) => {
    expect(recognise(`${word}: ${broken(type, id)}, please`, { types: [type], minScore: 0 })).toEqual([]);
  });

  test('every type is shown', () => {
    const shown = new Set(VALID.map(([type]) => type));
    expect(WORLD_RECOGNISERS.map(({ type }) => type).filter((type) => !shown.has(type))).toEqual([]);
  });
});
