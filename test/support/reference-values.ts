/**
 * What names with wildcards, hosts, addresses and hours mean, written as plainly as possible and without the engine's code: for the
 * reference evaluator.
 */

import { domainToASCII, domainToUnicode } from 'node:url';

/** Whether a name is as one with wildcards says. Names are not paths: a `*` is any text. */
export function matchesName(text: string, glob: string): boolean {
  let pattern = '';
  for (let index = 0; index < glob.length; index += 1) {
    const char = glob[index] ?? '';
    const rest = glob.slice(index);
    const literal = /^\\([\s\S])/.exec(rest);
    const choice = /^\[([!^]?)([^\]]*)\]/.exec(rest);
    if (char === '*') pattern += '.*';
    else if (char === '?') pattern += '[^/]';
    else if (literal !== null) {
      pattern += quoted(literal[1] ?? '');
      index += 1;
    } else if (choice !== null) {
      pattern += choice[1] === '' ? `(?!/)[${choice[2]}]` : `[^/${choice[2]}]`;
      index += choice[0].length - 1;
    } else if (char === '{') pattern += '(?:';
    else if (char === '}') pattern += ')';
    else if (char === ',') pattern += insideBraces(glob, index) ? '|' : ',';
    else pattern += quoted(char);
  }
  return new RegExp(`^(?:${pattern})$`, 'su').test(text);
}

function insideBraces(glob: string, at: number): boolean {
  const before = glob.slice(0, at).replaceAll(/\\[\s\S]/g, '');
  return before.split('{').length > before.split('}').length;
}

function quoted(char: string): string {
  return char.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
}

/** An address as a number of 32 or 128 bits. */
export interface PlainAddress {
  readonly bits: 32 | 128;
  readonly number: bigint;
}

/** Reads an address; an IPv4-mapped one is its IPv4 one. */
export function readAddress(written: string): PlainAddress | undefined {
  if (/^(\d{1,3}\.){3}\d{1,3}$/.test(written)) {
    const parts = written.split('.');
    if (parts.some((part) => Number(part) > 255 || String(Number(part)) !== part)) return undefined;
    return { bits: 32, number: parts.reduce((sum, part) => sum * 256n + BigInt(part), 0n) };
  }
  const text = written.replace(/%[0-9A-Za-z._~-]{1,32}$/, '');
  if (!text.includes(':') || !URL.canParse(`http://[${text}]/`)) return undefined;
  const host = new URL(`http://[${text}]/`).hostname.slice(1, -1);
  const [left = '', right] = host.split('::');
  const groups = (side: string | undefined): string[] => (side === undefined || side === '' ? [] : side.split(':'));
  const zeros = right === undefined ? 0 : 8 - groups(left).length - groups(right).length;
  const all = [...groups(left), ...Array.from({ length: zeros }, () => '0'), ...groups(right)];
  const number = all.reduce((sum, group) => sum * 65_536n + BigInt(`0x${group}`), 0n);
  return number >> 32n === 0xffffn ? { bits: 32, number: number & 0xffff_ffffn } : { bits: 128, number };
}

/** Whether an address lies in a range. */
export function liesIn(address: PlainAddress, range: string): boolean {
  const [base = '', length = ''] = range.split('/');
  const network = readAddress(base);
  if (network === undefined || network.bits !== address.bits) return false;
  const rest = BigInt(network.bits - Number(length === '' ? network.bits : length));
  return address.number >> rest === network.number >> rest;
}

/** The host as it is compared, or nothing for what is not one. */
export function plainHost(written: string): string | undefined {
  const bare = written.replace(/^\[(.*)\]$/, '$1');
  // An address with a zone leads to one machine's interface: no host.
  if (bare.includes('%')) return undefined;
  if (bare.includes(':')) return readAddress(bare) === undefined ? undefined : bare;
  if (/[\s/\\?#@:%[\]\p{Cc}]/u.test(written) || !URL.canParse(`http://${written}/`)) return undefined;
  const host = new URL(`http://${written}/`).hostname.replace(/\.$/, '');
  if (!/^[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*$/.test(host) || host.length > 253) return undefined;
  return host.split('.').every(isLabel) ? host : undefined;
}

/** What calls itself an international name is one when it can be read, and written the same again. */
function isLabel(label: string): boolean {
  if (!label.startsWith('xn--')) return true;
  const read = domainToUnicode(label);
  return read !== label && domainToASCII(read) === label;
}

/** Whether a compared host is one that a domain means. */
export function matchesDomain(host: string, domain: string): boolean {
  const below = domain.startsWith('*.');
  const wanted = plainHost(below ? domain.slice(2) : domain) ?? '';
  return below ? host.endsWith(`.${wanted}`) : host === wanted;
}

/** A window of local time. */
export interface PlainWindow {
  readonly timezone: string;
  readonly days?: readonly string[];
  readonly from?: string;
  readonly to?: string;
  readonly dates?: { readonly from?: string; readonly to?: string };
}

/** Whether an instant lies in a window; nothing for a text that is not an instant. */
export function liesInWindow(instant: string, window: PlainWindow): boolean | undefined {
  if (!/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?(Z|[+-]\d{2}:\d{2})$/.test(instant)) return undefined;
  const time = Date.parse(instant);
  if (Number.isNaN(time)) return undefined;
  const [from, to] = [window.from ?? '00:00', window.to ?? '24:00'];
  const clock = localClock(time, window.timezone);
  const wraps = from > to;
  const isEarly = wraps && clock.time < to;
  if (wraps ? !isEarly && clock.time < from : clock.time < from || clock.time >= to) return false;
  // The hours after midnight are those of the day before.
  const began = isEarly ? new Date(Date.parse(clock.date) - 86_400_000).toISOString().slice(0, 10) : clock.date;
  const weekday = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'][new Date(began).getUTCDay()] ?? '';
  if (window.days !== undefined && !window.days.includes(weekday)) return false;
  return began >= (window.dates?.from ?? '0000-00-00') && began <= (window.dates?.to ?? '9999-99-99');
}

function localClock(time: number, timeZone: string): { readonly date: string; readonly time: string } {
  const options = {
    timeZone,
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  } as const;
  const parts = new Map(
    new Intl.DateTimeFormat('en-CA', options).formatToParts(time).map(({ type, value }) => [type, value]),
  );
  const of = (type: Intl.DateTimeFormatPartTypes): string => parts.get(type) ?? '';
  return { date: `${of('year')}-${of('month')}-${of('day')}`, time: `${of('hour')}:${of('minute')}` };
}
