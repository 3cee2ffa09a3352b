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

/** Ways to reach somebody. */
export const CONTACT_RECOGNISERS: readonly Recogniser[] = [
  {
    type: 'EMAIL_ADDRESS',
    family: 'pii',
    pattern:
      /[\p{L}\p{N}][\p{L}\p{N}._%+'-]{0,63}@(?:[\p{L}\p{N}](?:[\p{L}\p{N}-]{0,61}[\p{L}\p{N}])?\.){1,6}\p{L}{2,24}/gu,
    score: 1,
    needs: ['@'],
  },
  {
    type: 'URL',
    family: 'pii',
    pattern: /https?:\/\/(?:[\p{L}\p{N}-]{1,63}\.){1,6}\p{L}{2,24}(?::\d{1,5})?(?:[/?#][^\s"'<>]{0,512})?/giu,
    score: 0.9,
    needs: ['http'],
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
    needs: ['0'],
  },
  {
    type: 'PHONE_NUMBER',
    family: 'pii',
    // North America: an area code, three, four, an extension.
    pattern: /(?:(?:\+?1|001)[ .-]?)?(?:\(\d{3}\) ?|\d{3}[ .-])\d{3}[ .-]\d{4}(?:(?: ?x| ?ext\.? ?)\d{1,6})?/g,
    score: 0.7,
    context: PHONE_WORDS,
    check: isPhone,
    needs: ['0'],
  },
  {
    type: 'PHONE_NUMBER',
    family: 'pii',
    // Elsewhere: groups of digits that begin with 0 or stand in brackets.
    pattern: /(?:\(0?\d{1,4}\)|0\d{1,4})(?:[ ./-]{1,2}\d{2,8}){1,5}/g,
    score: 0.55,
    context: PHONE_WORDS,
    check: isPhone,
    needs: ['0'],
  },
  {
    type: 'PHONE_NUMBER',
    family: 'pii',
    // Bare groups, only beside a word that says so.
    pattern: /\d{2,5}(?:[ .-]\d{2,5}){1,4}(?:(?: ?x| ?ext\.? ?)\d{1,6})?|\d{7,11}/g,
    score: 0.2,
    context: PHONE_WORDS,
    check: isPhone,
    needs: ['0'],
  },
];

/** 7 to 15 digits (ITU-T E.164), no date, no decimal number, no social security number. */
function isPhone(found: string): boolean {
  const digits = bare(found.replace(/(?: ?x| ?ext\.? ?)\d{1,6}$/i, ''));
  if (digits.length < 7 || digits.length > 15 || /^(\d)\1+$/.test(digits)) return false;
  if (/^(?:19|20)\d\d[ .-](?:0?[1-9]|1[0-2])[ .-]\d{1,2}$|^\d{1,2}[ .-]\d{1,2}[ .-](?:19|20)\d\d$/.test(found))
    return false;
  return !/^\d{3}-\d{2}-\d{4}$|^\d{1,3}(?:\.\d{1,3}){3}$/.test(found);
}
