import { createHash } from 'node:crypto';

/** Check digits. Each takes the bare characters, without separators, and says whether they are consistent. */

/** Luhn (ISO/IEC 7812-1): cards, and many national numbers. */
export function isLuhn(digits: string): boolean {
  let sum = 0;
  for (let index = 0; index < digits.length; index += 1) {
    const code = digits.charCodeAt(digits.length - 1 - index);
    if (code < 0x30 || code > 0x39) return false;
    const doubled = index % 2 === 1 ? (code - 0x30) * 2 : code - 0x30;
    sum += doubled > 9 ? doubled - 9 : doubled;
  }
  return digits.length > 1 && sum % 10 === 0;
}

/** ISO 7064 mod 97-10 over letters and digits, the first four moved to the end: IBAN (ISO 13616). */
export function isMod97(text: string): boolean {
  let remainder = 0;
  for (const character of text.slice(4) + text.slice(0, 4)) {
    const value = Number.parseInt(character, 36);
    remainder = (remainder * (value > 9 ? 100 : 10) + value) % 97;
  }
  return text.length > 4 && remainder === 1;
}

/** The sum of digits times weights; digits beyond the weights are left out. */
export function weightedSum(digits: string, weights: readonly number[]): number {
  return weights.reduce((sum, weight, index) => sum + weight * Number(digits[index] ?? 0), 0);
}

const VERHOEFF_PRODUCT = [
  '0123456789',
  '1234067895',
  '2340178956',
  '3401289567',
  '4012395678',
  '5987604321',
  '6598710432',
  '7659821043',
  '8765932104',
  '9876543210',
] as const;
const VERHOEFF_SHIFT = [
  '0123456789',
  '1576283094',
  '5803796142',
  '8916043527',
  '9453126870',
  '4286573901',
  '2793806415',
  '7046913258',
] as const;

/** Verhoeff (1969), the last digit being the check digit: Aadhaar. */
export function isVerhoeff(digits: string): boolean {
  let check = 0;
  for (let index = 0; index < digits.length; index += 1) {
    const digit = Number(digits[digits.length - 1 - index]);
    const shifted = Number(VERHOEFF_SHIFT[index % 8]?.[digit]);
    check = Number(VERHOEFF_PRODUCT[check]?.[shifted]);
  }
  return check === 0;
}

/** Modulo 11 with weights falling from the number's length: NHS numbers (10), Indonesian and others. */
export function mod11Falling(digits: string): number {
  return (
    weightedSum(
      digits,
      Array.from(digits, (_digit, index) => digits.length - index),
    ) % 11
  );
}

/** ICAO 9303: weights 7, 3, 1 over digits and letters (A is 10). */
export function icaoCheckDigit(text: string): number {
  let sum = 0;
  for (const [index, character] of Array.from(text).entries())
    sum += Number.parseInt(character, 36) * ([7, 3, 1][index % 3] ?? 0);
  return sum % 10;
}

const BECH32 = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l';

/** Bech32 and bech32m (BIP-173, BIP-350). */
export function isBech32(address: string): boolean {
  const text = address.toLowerCase();
  const at = text.lastIndexOf('1');
  if (at < 1) return false;
  const human = Array.from(text.slice(0, at), (character) => character.charCodeAt(0));
  const data = Array.from(text.slice(at + 1), (character) => BECH32.indexOf(character));
  if (data.includes(-1)) return false;
  let check = 1;
  for (const value of [...human.map((code) => code >> 5), 0, ...human.map((code) => code & 31), ...data]) {
    const top = check >>> 25;
    check = ((check & 0x1ffffff) << 5) ^ value;
    for (const [bit, generator] of [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3].entries()) {
      if ((top >>> bit) & 1) check ^= generator;
    }
  }
  return check === 1 || check === 0x2bc830a3;
}

/** Bits of Shannon entropy per character. */
export function entropyOf(text: string): number {
  const counts = new Map<string, number>();
  for (const character of text) counts.set(character, (counts.get(character) ?? 0) + 1);
  let entropy = 0;
  for (const count of counts.values()) entropy -= (count / text.length) * Math.log2(count / text.length);
  return entropy;
}

const BASE58 = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';

/** Base58Check (Bitcoin): 21 bytes and the beginning of the double SHA-256 over them. */
export function isBase58Check(address: string): boolean {
  let value = 0n;
  for (const character of address) {
    const digit = BASE58.indexOf(character);
    if (digit === -1) return false;
    value = value * 58n + BigInt(digit);
  }
  if (value >> 200n !== 0n) return false;
  const bytes = Buffer.from(value.toString(16).padStart(50, '0'), 'hex');
  const leadingZeros = /^1*/.exec(address)?.[0].length ?? 0;
  if (bytes.findIndex((byte) => byte !== 0) < leadingZeros) return false;
  const sha = (data: Uint8Array): Buffer => createHash('sha256').update(data).digest();
  return sha(sha(bytes.subarray(0, 21)))
    .subarray(0, 4)
    .equals(bytes.subarray(21));
}

/** ISO 7064 mod 11,10: HR OIB, German tax numbers. */
export function isMod1110(digits: string): boolean {
  let product = 10;
  for (const digit of digits.slice(0, -1)) {
    const sum = (Number(digit) + product) % 10;
    product = ((sum === 0 ? 10 : sum) * 2) % 11;
  }
  return (11 - product) % 10 === Number(digits.at(-1));
}

/** Whether six digits are a day: `yymmdd` by default, `ddmmyy` when the day comes first. */
export function isDay(digits: string, order: 'ymd' | 'dmy' = 'ymd'): boolean {
  const month = Number(digits.slice(2, 4));
  const day = Number(order === 'ymd' ? digits.slice(4, 6) : digits.slice(0, 2));
  return month >= 1 && month <= 12 && day >= 1 && day <= (month === 2 ? 29 : [4, 6, 9, 11].includes(month) ? 30 : 31);
}
