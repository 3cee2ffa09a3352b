/** The names by which policies ask for recognisers, and how findings are called in what takes their place. */

import { ALL_RECOGNISERS, contentTypes } from '../registry.js';

/** Names that stand for one type or a few; every other type of personal data is a `national_id`. */
const NAMED: Readonly<Record<string, readonly string[]>> = {
  email: ['EMAIL_ADDRESS'],
  phone: ['PHONE_NUMBER', 'TR_PHONE_NUMBER'],
  card: ['CREDIT_CARD'],
  iban: ['IBAN_CODE'],
  bank: ['IBAN_CODE', 'ABA_ROUTING_NUMBER', 'US_BANK_NUMBER'],
  ssn: ['US_SSN', 'US_ITIN'],
  ip: ['IP_ADDRESS'],
  mac: ['MAC_ADDRESS'],
  url: ['URL'],
  crypto: ['CRYPTO'],
  date_of_birth: ['DATE_OF_BIRTH'],
};

/** What is looked for when a policy does not say. */
export const DEFAULT_DETECTORS: readonly string[] = [
  'email',
  'phone',
  'card',
  'bank',
  'ssn',
  'national_id',
  'ip',
  'crypto',
  'date_of_birth',
  'secret',
];

/** Every name that {@link typesOfDetectors} knows besides the types themselves, in alphabetical order. */
export function detectorNames(): readonly string[] {
  return [...Object.keys(NAMED), 'national_id', 'secret'].toSorted();
}

/**
 * The types that detectors find. A name is one of {@link detectorNames} or a type such as `CREDIT_CARD`, in any case.
 * @throws RangeError for a name that is neither: what a policy asks for and nobody finds would leak
 */
export function typesOfDetectors(names: readonly string[]): readonly string[] {
  const all = contentTypes();
  return [
    ...new Set(
      names.flatMap((name) => {
        const known = named(name.toLowerCase()) ?? all.filter((type) => type === name.toUpperCase());
        if (known.length === 0)
          throw new RangeError(`no detector is called ${name}; known: ${detectorNames().join(' ')}`);
        return known;
      }),
    ),
  ];
}

function named(name: string): readonly string[] | undefined {
  if (name === 'secret') return typesWhere(({ family }) => family === 'secret');
  if (name !== 'national_id') return NAMED[name];
  const others = new Set(Object.values(NAMED).flat());
  return [...typesWhere(({ type, family }) => family === 'pii' && !others.has(type)), ...(NAMED['ssn'] ?? [])];
}

function typesWhere(holds: (recogniser: (typeof ALL_RECOGNISERS)[number]) => boolean): readonly string[] {
  return [...new Set(ALL_RECOGNISERS.filter(holds).map(({ type }) => type))];
}

const LABELS: Readonly<Record<string, string>> = {
  EMAIL_ADDRESS: 'EMAIL',
  PHONE_NUMBER: 'PHONE',
  CREDIT_CARD: 'CARD',
  IBAN_CODE: 'IBAN',
  US_SSN: 'SSN',
  IP_ADDRESS: 'IP',
  MAC_ADDRESS: 'MAC',
  AWS_ACCESS_KEY: 'KEY',
  API_KEY: 'KEY',
};

/** What a finding of this type is called where it stood: `CARD`. */
export function labelOf(type: string): string {
  return LABELS[type] ?? type;
}

/** Kinds by which findings are counted: what detectors find, what a service that knows names found, what a policy's own pattern found, masked fields. */
export const CONTENT_KINDS = [
  'email',
  'phone',
  'card',
  'bank',
  'ssn',
  'national_id',
  'ip',
  'mac',
  'url',
  'crypto',
  'date_of_birth',
  'secret',
  'contextual',
  'custom',
  'field',
] as const;
/** A kind. */
export type ContentKind = (typeof CONTENT_KINDS)[number];

/** The kind of a type. */
export function contentKind(type: string): ContentKind {
  if (type === 'CUSTOM') return 'custom';
  if (type === 'FIELD') return 'field';
  const known = ALL_RECOGNISERS.filter((one) => one.type === type);
  if (known.length === 0) return 'contextual';
  if (known.some(({ family }) => family === 'secret')) return 'secret';
  return CONTENT_KINDS.find((kind) => NAMED[kind]?.includes(type)) ?? 'national_id';
}
