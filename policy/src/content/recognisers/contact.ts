import { bare, type Recogniser } from '../recogniser.js';

const PHONE_WORDS = [
  'phone',
  'tel',
  'call',
  'mobile',
  'cell',
  'fax',
  'number is',
  'my number',
  'reach',
  'contact',
  'dial',
  'text me',
  'whatsapp',
  'telefon',
  'téléphone',
  'handy',
  'telefono',
  'teléfono',
  'línea',
  'ring',
  'line',
];

/** Dates, social security numbers, addresses of machines; and what has less than seven digits, which {@link isPhone} would say as well. */
const NO_PHONE =
  /(?:19|20)\d\d[ .-](?:0?[1-9]|1[0-2])[ .-]\d{1,2}|\d{1,2}[ .-]\d{1,2}[ .-](?:19|20)\d\d|\d{3}-\d{2}-\d{4}|\d{1,3}(?:\.\d{1,3}){3}|\d{2}[ .-]\d{2,4}|\d{3}[ .-]\d{2,3}|\d{4}[ .-]\d{2}|\d{2}[ .-]\d{2}[ .-]\d{2}/;

/** Ways to reach somebody, and what tells their age. */
export const CONTACT_RECOGNISERS: readonly Recogniser[] = [
  {
    type: 'EMAIL_ADDRESS',
    family: 'pii',
    pattern:
      /[\p{L}\p{N}][\p{L}\p{N}._%+'-]{0,63}@(?:[\p{L}\p{N}](?:[\p{L}\p{N}-]{0,61}[\p{L}\p{N}])?\.){1,6}\p{L}{2,24}/gu,
    score: 1,
    mayEndAtUnderscore: true,
    anchor: { sign: 'at' },
  },
  {
    type: 'URL',
    family: 'pii',
    pattern: /https?:\/\/(?:[\p{L}\p{N}-]{1,63}\.){1,6}\p{L}{2,24}(?::\d{1,5})?(?:[/?#][^\s"'<>]{0,512})?/giu,
    score: 0.9,
    anchor: { literals: ['http'] },
    mayTouch: true,
  },
  {
    type: 'PHONE_NUMBER',
    family: 'pii',
    // International: +CC or 00CC and 6 to 13 digits more.
    pattern: /(?:\+|\b00)[1-9]\d{0,2}(?:[ .()/-]{0,2}\d){6,13}(?:(?: ?x| ?ext\.? ?)\d{1,6})?/g,
    score: 0.75,
    context: PHONE_WORDS,
    check: isPhone,
    except: NO_PHONE,
  },
  {
    type: 'PHONE_NUMBER',
    family: 'pii',
    // North America: an area code, three, four, an extension; maybe a country's code first.
    pattern:
      /(?:(?:\+?1|001)[ .-]?|\d{1,3}[ .-])?(?:\(\d{3}\) ?|\d{3}[ .-])\d{3}[ .-]\d{4}(?:(?: ?x| ?ext\.? ?)\d{1,6})?/g,
    score: 0.7,
    context: PHONE_WORDS,
    check: isPhone,
    except: NO_PHONE,
  },
  {
    type: 'PHONE_NUMBER',
    family: 'pii',
    // Elsewhere: groups of digits that begin with 0 or stand in brackets.
    pattern: /(?:\(0?\d{1,4}\)|0\d{1,4})(?:[ ./-]{1,2}\d{2,8}){1,5}/g,
    score: 0.55,
    context: PHONE_WORDS,
    check: isPhone,
    except: NO_PHONE,
  },
  {
    type: 'PHONE_NUMBER',
    family: 'pii',
    // Bare groups, only beside a word that says so.
    pattern: /\d{2,5}(?:[ .-]\d{2,5}){1,4}(?:(?: ?x| ?ext\.? ?)\d{1,6})?|\d{7,11}/g,
    score: 0.2,
    context: PHONE_WORDS,
    check: isPhone,
    except: NO_PHONE,
  },
  {
    type: 'DATE_OF_BIRTH',
    family: 'pii',
    pattern:
      /(?:born|birth|birthday|birthdate|dob|d\.o\.b\.?|geboren|geburtsdatum|née?|naissance|nacimiento|nascita|nascimento)["']?(?: on| am| le)?["']?(?: is| was)? ?[:=]? {0,2}["']?(?<value>\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/. ]\d{1,2}[-/. ](?:19|20)?\d{2}|\d{1,2}(?:st|nd|rd|th|\.)? [A-Za-zä]{3,9}\.?,? (?:19|20)\d{2}|[A-Za-z]{3,9} \d{1,2}(?:st|nd|rd|th)?,? (?:19|20)\d{2})/gi,
    score: 0.85,
    check: isBirthday,
    anchor: {
      literals: [
        ...['born', 'birth', 'dob', 'd.o.b', 'geboren', 'geburtsdatum', 'né', 'nÉ'],
        ...['naissance', 'nacimiento', 'nascita', 'nascimento'],
      ],
    },
  },
];

/** 7 to 15 digits (ITU-T E.164). */
function isPhone(found: string): boolean {
  const digits = bare(found.replace(/(?: ?x| ?ext\.? ?)\d{1,6}$/i, ''));
  return digits.length >= 7 && digits.length <= 15 && !/^(\d)\1+$/.test(digits);
}

const MONTHS = /^(?:jan|feb|m[aä]r|apr|ma[iyo]|jun|jul|aug|se[pt]|o[ck]t|nov|de[cz])/i;

/** A day that there is, of this century or the last. */
function isBirthday(found: string): boolean {
  const word = /[A-Za-zä]{3,9}/.exec(found.replace(/(?<=\d)(?:st|nd|rd|th)/i, ''))?.[0];
  if (word !== undefined) return MONTHS.test(word);
  const parts = found.split(/[-/. ]/).map(Number);
  const [first = 0, second = 0, third = 0] = parts;
  if (first > 31) return first >= 1900 && first < 2100 && second >= 1 && second <= 12 && third >= 1 && third <= 31;
  return first >= 1 && second >= 1 && Math.min(first, second) <= 12 && Math.max(first, second) <= 31;
}
