/**
 * What each operator means, written as plainly as possible and without any code of the engine's: whole numbers in place
 * of bit groups, alternatives written out in place of automata, the platform's own calendar in place of ours.
 */
import type { Json, JsonObject } from '@portcullis/policy/model';
import { RE2JS } from 're2js';

/** Yes, no, or that it cannot be asked. */
export type Held = boolean | 'error';

/** Asks one operator of one value. `type` is that of the field, for fields that compare by more than their spelling. */
export function compare(operator: string, value: Json, literal: Json, type: string): Held {
  const sample = Array.isArray(literal) ? (literal[0] as Json) : literal;
  const texts = (Array.isArray(literal) ? literal : [literal]) as readonly string[];
  const ofText = (ask: (text: string) => Held): Held => (typeof value === 'string' ? ask(value) : 'error');
  switch (operator) {
    case 'equals':
      return same(value, literal, type);
    case 'in':
      return either((literal as readonly Json[]).map((member) => same(value, member, type)));
    case 'greater_than':
      return place(value, literal, (low, high) => low > 0 && high > 0);
    case 'greater_or_equal':
      return place(value, literal, (low) => low >= 0);
    case 'less_than':
      return place(value, literal, (low, high) => low < 0 && high < 0);
    case 'less_or_equal':
      return place(value, literal, (_low, high) => high <= 0);
    case 'between': {
      const [low, high] = literal as readonly [Json, Json];
      return both([compare('greater_or_equal', value, low, type), compare('less_or_equal', value, high, type)]);
    }
    case 'contains':
      return contains(value, literal, type);
    case 'contains_any':
      return either((literal as readonly Json[]).map((one) => contains(value, one, type)));
    case 'contains_all':
      return both((literal as readonly Json[]).map((one) => contains(value, one, type)));
    case 'subset_of':
      if (!Array.isArray(value)) return 'error';
      return both(
        value.map((element: Json) =>
          typeof element === typeof sample ? (literal as readonly Json[]).includes(element) : 'error',
        ),
      );
    case 'starts_with':
      return ofText((text) => texts.some((part) => text.slice(0, part.length) === part));
    case 'ends_with':
      return ofText((text) => texts.some((part) => part.length <= text.length && text.slice(-part.length) === part));
    case 'regex_match':
      return ofText((text) =>
        RE2JS.compile(literal as string)
          .matcher(text)
          .find(),
      );
    case 'glob_match':
      return ofText((text) =>
        texts.some((glob) => expandBraces(glob).some((one) => matchGlob(Array.from(one), Array.from(text)))),
      );
    case 'cidr_match':
      return ofText((text) => {
        const address = addressOf(text);
        return address === undefined ? 'error' : texts.some((range) => inRange(address, range));
      });
    case 'domain_match':
      return ofText((text) => {
        const host = hostOf(text);
        if (host === undefined) return 'error';
        return texts.some((domain) =>
          domain.startsWith('*.') ? host.endsWith(`.${hostOf(domain.slice(2)) ?? ''}`) : host === hostOf(domain),
        );
      });
    case 'in_time_window':
      return ofText((text) => (timeOf(text) === undefined ? 'error' : inWindow(text, literal as JsonObject)));
    default:
      throw new Error(`the reference does not know ${operator}`);
  }
}

function either(parts: readonly Held[]): Held {
  if (parts.includes(true)) return true;
  return parts.includes('error') ? 'error' : false;
}

function both(parts: readonly Held[]): Held {
  if (parts.includes(false)) return false;
  return parts.includes('error') ? 'error' : true;
}

function same(value: Json, literal: Json, type: string): Held {
  if (type === 'datetime')
    return both([place(value, literal, (low) => low >= 0), place(value, literal, (_, high) => high <= 0)]);
  if (type === 'ip') {
    const [a, b] = [value, literal].map((text) => (typeof text === 'string' ? addressOf(text) : undefined));
    return a === undefined || b === undefined ? 'error' : a.bits === b.bits && a.value === b.value;
  }
  return typeof value === typeof literal && value !== null ? value === literal : 'error';
}

function contains(value: Json, wanted: Json, type: string): Held {
  if (type === 'list' ? !Array.isArray(value) : type === 'text' && typeof value !== 'string') return 'error';
  if (Array.isArray(value)) {
    if (value.includes(wanted)) return true;
    return value.some((element) => typeof element !== typeof wanted) ? 'error' : false;
  }
  return typeof value === 'string' && typeof wanted === 'string' ? value.includes(wanted) : 'error';
}

/** Where a value lies beside the beginning and the end of a literal: below (-1), at (0) or above (1) each. */
function place(value: Json, literal: Json, holds: (low: number, high: number) => boolean): Held {
  if (typeof literal === 'number') {
    if (typeof value !== 'number') return 'error';
    const side = value < literal ? -1 : Number(value > literal);
    return holds(side, side);
  }
  const time = typeof value === 'string' ? timeOf(value) : undefined;
  if (time === undefined) return 'error';
  const text = literal as string;
  const isDay = !text.includes('T');
  const first = timeOf(isDay ? `${text}T00:00:00Z` : text) ?? 0n;
  const last = isDay ? first + 86_400_000_000_000n - 1n : first;
  const side = (bound: bigint): number => (time < bound ? -1 : Number(time > bound));
  return holds(side(first), side(last));
}

/** Nanoseconds since the epoch. */
function timeOf(text: string): bigint | undefined {
  const match = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/.exec(text);
  if (match === null) return undefined;
  const [, day = '', clock = '', fraction = '', zone = ''] = match;
  const [hours = '', minutes = '', seconds = ''] = clock.split(':');
  const bounded =
    Number(hours) < 24 && Number(minutes) < 60 && Number(seconds) < 60 && !/[+-](2[4-9]|[3-9])|:[6-9]\d$/.test(zone);
  const midnight = Date.parse(`${day}T00:00:00Z`);
  if (!bounded || Number.isNaN(midnight) || new Date(midnight).toISOString().slice(0, 10) !== day) return undefined;
  return BigInt(Date.parse(`${day}T${clock}${zone}`)) * 1_000_000n + BigInt(fraction.slice(1).padEnd(9, '0'));
}

interface Address {
  /** 32 or 128. */
  readonly bits: number;
  readonly value: bigint;
}

function addressOf(text: string): Address | undefined {
  if (/^(\d|[1-9]\d|1\d\d|2[0-4]\d|25[0-5])(\.(\d|[1-9]\d|1\d\d|2[0-4]\d|25[0-5])){3}$/.test(text)) {
    return { bits: 32, value: text.split('.').reduce((sum, part) => sum * 256n + BigInt(part), 0n) };
  }
  if (!/^[0-9a-f:.]*$/i.test(text) || !text.includes(':')) return undefined;
  const url = URL.parse(`http://[${text}]/`);
  if (url === null) return undefined;
  const [left = '', right] = url.hostname.slice(1, -1).split('::');
  const groups = (half: string): readonly string[] => half.split(':').filter((group) => group !== '');
  const [head, tail] = [groups(left), groups(right ?? '')];
  const all = [...head, ...Array.from({ length: 8 - head.length - tail.length }, () => '0'), ...tail];
  const value = all.reduce((sum, group) => sum * 65_536n + BigInt(`0x${group}`), 0n);
  return value >> 32n === 0xffffn ? { bits: 32, value: value & 0xffffffffn } : { bits: 128, value };
}

function inRange(address: Address, range: string): boolean {
  const [text = '', written] = range.split('/');
  const base = addressOf(text);
  if (base === undefined) throw new Error(`the reference cannot read ${range}`);
  const length =
    written === undefined ? base.bits : Number(written) - (text.includes(':') && base.bits === 32 ? 96 : 0);
  const rest = BigInt(base.bits - length);
  return address.bits === base.bits && address.value >> rest === base.value >> rest;
}

function hostOf(text: string): string | undefined {
  if (/[\s/\\?#@%*]/.test(text)) return undefined;
  const address = text.includes(':') ? addressOf(text.replace(/[[\]]/g, '')) : undefined;
  if (address !== undefined) return `address ${address.bits} ${address.value}`;
  if (text.includes(':')) return undefined;
  const host = URL.parse(`http://${text}/`)?.hostname.replace(/\.$/, '');
  return host?.split('.').every((label) => /^[a-z0-9_-]{1,63}$/.test(label)) === true ? host : undefined;
}

/** Every text that a glob's braces stand for. */
function expandBraces(glob: string): readonly string[] {
  const characters = Array.from(glob);
  let depth = 0;
  let open = -1;
  let inClass = false;
  const commas: number[] = [];
  for (let index = 0; index < characters.length; index += 1) {
    const character = characters[index];
    if (character === '\\') index += 1;
    else if (inClass) inClass = character !== ']';
    else if (character === '[') inClass = true;
    else if (character === '{') {
      if (depth === 0) open = index;
      depth += 1;
    } else if (character === ',' && depth === 1) commas.push(index);
    else if (character === '}') {
      depth -= 1;
      if (depth > 0) continue;
      const bounds = [open, ...commas, index];
      return bounds.slice(1).flatMap((end, part) => {
        const inner = characters.slice((bounds[part] ?? 0) + 1, end);
        return expandBraces([...characters.slice(0, open), ...inner, ...characters.slice(index + 1)].join(''));
      });
    }
  }
  return [glob];
}

/** Tries every way in which a glob without braces can match. */
function matchGlob(glob: readonly string[], text: readonly string[]): boolean {
  const [first, second] = glob;
  const [character] = text;
  if (first === undefined) return character === undefined;
  if (first === '*') {
    const rest =
      second === '*'
        ? glob.slice(glob.findIndex((one) => one !== '*') === -1 ? glob.length : glob.findIndex((one) => one !== '*'))
        : glob.slice(1);
    if (matchGlob(rest, text)) return true;
    return character !== undefined && (second === '*' || character !== '/') && matchGlob(glob, text.slice(1));
  }
  if (character === undefined) return false;
  if (first === '\\') return second === character && matchGlob(glob.slice(2), text.slice(1));
  if (first === '?') return character !== '/' && matchGlob(glob.slice(1), text.slice(1));
  if (first !== '[') return first === character && matchGlob(glob.slice(1), text.slice(1));
  const end = classEnd(glob);
  return inClass(glob.slice(1, end), character) && matchGlob(glob.slice(end + 1), text.slice(1));
}

function classEnd(glob: readonly string[]): number {
  let index = 1;
  while (glob[index] !== ']') index += glob[index] === '\\' ? 2 : 1;
  return index;
}

function inClass(written: readonly string[], character: string): boolean {
  const negated = written[0] === '!' || written[0] === '^';
  const members: string[] = [];
  const body = negated ? written.slice(1) : written;
  for (let index = 0; index < body.length; index += 1) {
    const escaped = body[index] === '\\';
    if (escaped) index += 1;
    members.push(body[index] ?? '');
    if (body[index + 1] === '-' && index + 2 < body.length) {
      const last = body[index + 2] === '\\' ? (body[index + 3] ?? '') : (body[index + 2] ?? '');
      members.push(`${body[index] ?? ''}-${last}`);
      index += body[index + 2] === '\\' ? 3 : 2;
    }
  }
  const code = character.codePointAt(0) ?? 0;
  const found = members.some((member) => {
    const [from = '', dash, to = ''] = Array.from(member);
    return dash === '-' ? code >= (from.codePointAt(0) ?? 0) && code <= (to.codePointAt(0) ?? 0) : member === character;
  });
  return character !== '/' && found !== negated;
}

const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];

function inWindow(time: string, window: JsonObject): boolean {
  // Swedish writes dates as ISO 8601 does.
  const [day = '', clock = ''] = new Date(Date.parse(time.replace(/(\.\d{3})\d+/, '$1')))
    .toLocaleString('sv-SE', { timeZone: window['timezone'] as string })
    .split(' ');
  const from = (window['from'] ?? '00:00') as string;
  const to = (window['to'] ?? '24:00') as string;
  const now = clock.slice(0, 5);
  if (from < to ? now < from || now >= to : now < from && now >= to) return false;
  const began = from > to && now < to ? new Date(Date.parse(day) - 86_400_000).toISOString().slice(0, 10) : day;
  const days = window['days'] as readonly string[] | undefined;
  if (days !== undefined && !days.includes(DAYS[new Date(began).getUTCDay()] ?? '')) return false;
  const dates = (window['dates'] ?? {}) as Readonly<Record<string, string>>;
  return began >= (dates['from'] ?? '0000') && began <= (dates['to'] ?? '9999-99-99');
}
