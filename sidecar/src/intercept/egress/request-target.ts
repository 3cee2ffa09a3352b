/** The path and the query of a request as the decision names them; the reading that gateways use as well (ADR-0019). */

/** What a request asks for, or why nobody can say. */
export type TargetRead =
  | { readonly ok: true; readonly path: string; readonly query: string | undefined; readonly sent: string }
  | { readonly ok: false; readonly message: string };

const ESCAPE = /%(..)/gs;
/** Escapes of these, and of control characters, mean something else once they are decoded. */
const TELLING: ReadonlySet<number> = new Set(Buffer.from('%./\\;?#'));

/**
 * Reads what follows the authority.
 * @param text from the first `/` or `?` on; empty means `/`
 * @param spelling `strict`: decoded once, when nothing can be decoded, folded or cut off afterwards; `as_sent`: as it is.
 */
export function readRequestTarget(text: string, spelling: 'strict' | 'as_sent'): TargetRead {
  const sent = text.startsWith('/') || text === '*' ? text : `/${text}`;
  if (!/^[\x21-\x7e]*$/.test(sent)) return bad('the path has characters that must be escaped');
  if (sent.includes('#')) return bad('the path has a fragment');
  const mark = sent.indexOf('?');
  const path = mark === -1 ? sent : sent.slice(0, mark);
  const query = mark === -1 ? undefined : sent.slice(mark + 1);
  if (spelling === 'as_sent' || path === '*') return { ok: true, path, query, sent };
  const decoded = decodeOnce(path);
  return decoded.ok ? { ok: true, path: decoded.text, query, sent } : decoded;
}

function decodeOnce(path: string): { readonly ok: true; readonly text: string } | ReturnType<typeof bad> {
  if (/[\\;]/.test(path)) return bad('the path has a backslash or a path parameter');
  if (path.includes('//')) return bad('the path has an empty segment');
  if (path.split('/').some((segment) => segment === '.' || segment === '..')) return bad('the path has a dot segment');
  for (const [, digits = ''] of path.matchAll(ESCAPE)) {
    const byte = /^[0-9A-Fa-f]{2}$/.test(digits) ? Number.parseInt(digits, 16) : Number.NaN;
    if (Number.isNaN(byte)) return bad('the path has a broken escape');
    if (byte < 0x20 || byte === 0x7f || TELLING.has(byte)) return bad('the path escapes what has a meaning');
  }
  if (/%.?$/.test(path)) return bad('the path has a broken escape');
  try {
    const text = decodeURIComponent(path);
    return /\p{C}/u.test(text) ? bad('the path escapes characters that cannot be seen') : { ok: true, text };
  } catch {
    return bad('the path escapes bytes that are not UTF-8');
  }
}

function bad(message: string): { readonly ok: false; readonly message: string } {
  return { ok: false, message };
}
