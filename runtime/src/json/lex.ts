import type { Finding } from './finding.js';
import type { JsonLimits } from './json.js';
import { isFaithfulNumber } from './number.js';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** What the pass over the text learnt. */
export interface LexSummary {
  /** Colons outside strings: the number of members of a well-formed document. */
  readonly members: number;
  /** What makes the document unacceptable whatever its grammar. */
  readonly finding: Finding | undefined;
}

/**
 * One pass that needs no grammar: nesting, member count, number literals and escaped surrogates. Grammar is left to
 * the engine's own parser, which runs only when nothing was found here.
 */
export function lexJson(text: string, limits: JsonLimits): LexSummary {
  const end = text.length;
  let depth = 0;
  let members = 0;
  const found = (kind: Finding['kind'], reason: string, index: number): LexSummary => ({
    members,
    finding: { kind, reason, index },
  });

  for (let i = 0; i < end; i += 1) {
    const code = text.charCodeAt(i);
    if (code === QUOTE) {
      i += 1;
      for (; ; i += 1) {
        if (i >= end) return found('syntax', 'string is not closed', end);
        const inner = text.charCodeAt(i);
        if (inner === QUOTE) break;
        if (inner === BACKSLASH) {
          if (text.charCodeAt(i + 1) === 0x75) {
            const unit = hexUnit(text, i + 2);
            if (unit >= 0xdc00 && unit <= 0xdfff) return found('surrogate', 'lone low surrogate', i);
            if (unit >= 0xd800 && unit <= 0xdbff) {
              const low =
                text.charCodeAt(i + 6) === BACKSLASH && text.charCodeAt(i + 7) === 0x75 ? hexUnit(text, i + 8) : -1;
              if (low < 0xdc00 || low > 0xdfff) return found('surrogate', 'lone high surrogate', i);
              i += 6;
            }
          }
          i += 1;
        }
      }
    } else if (code === 0x3a) {
      members += 1;
      if (members > limits.maxKeys) return found('size', 'more keys than allowed', i);
    } else if (code === 0x7b || code === 0x5b) {
      depth += 1;
      if (depth > limits.maxDepth) return found('depth', 'nested deeper than allowed', i);
    } else if (code === 0x7d || code === 0x5d) {
      depth -= 1;
      if (depth < 0) return found('syntax', 'closing bracket without an opening one', i);
    } else if (code === 0x2d || (code >= 0x30 && code <= 0x39)) {
      const start = i;
      let hasExponent = false;
      for (; i + 1 < end; i += 1) {
        const next = text.charCodeAt(i + 1);
        if (next >= 0x30 && next <= 0x39) continue;
        if (next === 0x65 || next === 0x45) hasExponent = true;
        else if (next !== 0x2e && next !== 0x2b && next !== 0x2d) break;
      }
      // Short literals without an exponent cannot overflow; slicing each of them would cost more than the rest.
      if ((hasExponent || i - start >= 15) && !isFaithfulNumber(text.slice(start, i + 1))) {
        return found('number', 'number is outside the safe range', start);
      }
    }
  }
  return depth === 0 ? { members, finding: undefined } : found('syntax', 'bracket is not closed', end);
}

/** The UTF-16 unit of four hexadecimal digits, or -1 when they are not. */
function hexUnit(text: string, at: number): number {
  let unit = 0;
  for (let i = at; i < at + 4; i += 1) {
    const code = text.charCodeAt(i);
    const digit =
      code >= 0x30 && code <= 0x39
        ? code - 0x30
        : code >= 0x61 && code <= 0x66
          ? code - 0x57
          : code >= 0x41 && code <= 0x46
            ? code - 0x37
            : -1;
    if (digit < 0) return -1;
    unit = unit * 16 + digit;
  }
  return unit;
}
