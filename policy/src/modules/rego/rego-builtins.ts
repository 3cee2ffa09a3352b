import { RE2JS } from 're2js';
import type { Json } from '../../model/request.js';

/** A function of the host that a program may call: pure, and linear in its arguments. `undefined` is Rego's undefined. */
export type RegoBuiltin = (...args: readonly Json[]) => Json | undefined;

const MAX_PATTERN_LENGTH = 2048;

/**
 * The functions that OPA's compiler leaves to the host and that are offered here. Everything else it leaves to the host
 * is refused when the module is loaded: the network, the clock, chance, and what there is no sound implementation of.
 */
export const REGO_BUILTINS: Readonly<Record<string, RegoBuiltin>> = {
  sprintf: (format, values) =>
    typeof format === 'string' && Array.isArray(values) ? sprintf(format, values as readonly Json[]) : undefined,
  'json.is_valid': (text) => {
    if (typeof text !== 'string') return false;
    try {
      JSON.parse(text);
      return true;
    } catch {
      return false;
    }
  },
  'regex.split': (pattern, text) => {
    if (typeof pattern !== 'string' || typeof text !== 'string' || pattern.length > MAX_PATTERN_LENGTH)
      return undefined;
    return RE2JS.compile(pattern).split(text, -1);
  },
};

const VERB = /%(?:%|([-+0 #]*)(\d*)(?:\.(\d+))?([a-zA-Z]))/g;
/** Widths beyond this are surely a slip, or an attempt on the memory. */
const MAX_WIDTH = 100;

/** Go's `fmt.Sprintf` for the verbs that messages use: v s d q x f t. Others are shown as Go shows a wrong verb. */
function sprintf(format: string, values: readonly Json[]): string {
  let next = 0;
  const text = format.replace(
    VERB,
    (whole, flags: string | undefined, width: string, digits: string | undefined, verb) => {
      if (whole === '%%') return '%';
      if (next >= values.length) return `%!${String(verb)}(MISSING)`;
      const value = values[next] as Json;
      next += 1;
      return pad(formatValue(String(verb), value, digits), flags ?? '', Math.min(Number(width), MAX_WIDTH));
    },
  );
  return next < values.length ? `${text}%!(EXTRA ${values.slice(next).map(plain).join(', ')})` : text;
}

function formatValue(verb: string, value: Json, digits: string | undefined): string {
  switch (verb) {
    case 'v':
    case 's':
      return plain(value);
    case 'd':
      return typeof value === 'number' && Number.isInteger(value) ? String(value) : `%!d(${plain(value)})`;
    case 'f':
      return typeof value === 'number' ? value.toFixed(Math.min(Number(digits ?? 6), 20)) : `%!f(${plain(value)})`;
    case 'q':
      return typeof value === 'string' ? JSON.stringify(value) : `%!q(${plain(value)})`;
    case 't':
      return typeof value === 'boolean' ? String(value) : `%!t(${plain(value)})`;
    case 'x':
      return typeof value === 'number' && Number.isInteger(value) ? value.toString(16) : `%!x(${plain(value)})`;
    default:
      return `%!${verb}(${plain(value)})`;
  }
}

function plain(value: Json): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function pad(text: string, flags: string, width: number): string {
  if (flags.includes('-')) return text.padEnd(width);
  return flags.includes('0') ? text.padStart(width, '0') : text.padStart(width);
}
