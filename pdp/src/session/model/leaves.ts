import type { Json } from '@portcullis/policy/model';
import { parse } from 'yaml';
import { readLenientValue } from './lenient-value.js';
import { snakeCase } from './member-names.js';
import { wordsOf } from './words.js';

/**
 * A result taken apart. A `field` is a value that stands alone where the service put it: an id, a price, a name in a list.
 * `prose` is everything that can say more than one thing: sentences, and members in which people write.
 */
export interface Leaf {
  readonly text: string;
  readonly kind: 'field' | 'prose';
  /** The member that holds it, or the one that holds its list. */
  readonly name: string | undefined;
  /** The object that holds it; leaves of one object share it. */
  readonly item: number;
}

/** Results above this are prose as a whole: taking them apart would cost more than it tells. */
const MAX_STRUCTURED = 262_144;
/** A value with more words is a sentence. */
const MAX_FIELD_WORDS = 8;
/** A listing has no line with more words. */
const MAX_LINE_WORDS = 14;

/** Members in which people write, whatever the service: what stands there is prose even when it is one word. */
const WRITTEN_BY_PEOPLE =
  /(?:^|_)(?:body|content|contents|text|message|messages|subject|title|description|summary|review|reviews|comment|comments|note|notes|feedback|html|markdown|bio|caption|reason|remark|remarks|details|memo|post|posts|readme|snippet|excerpt|instructions?|information|transcript|output|stdout|stderr)$/iu;
const PAIR = /^\s*(?:[-*•]\s+|\d+[.)]\s+)?([^:\n]{1,40}):\s+(\S.*)$/u;
const BULLET = /^\s*(?:[-*•]|\d+[.)])\s+/u;
const BROKEN_VALUE = /^\s*[{[]/u;
const NEXT_PAIR = /[,;]\s+(?=[^:,;\n]{1,40}:\s)/u;

/**
 * The leaves of a result, in its own order. A `document` is what its author made of it, structure included: all of it is
 * prose.
 */
export function leavesOf(result: Json, isDocument = false): readonly Leaf[] {
  const walk = createWalk(isDocument);
  for (const part of partsOf(result)) {
    if (typeof part === 'string') readText(part, walk);
    else walk.visit(part, undefined);
  }
  return walk.leaves;
}

/** An MCP result speaks in `content` and `structuredContent`; anything else for itself. */
function partsOf(result: Json): readonly Json[] {
  if (typeof result !== 'object' || result === null || Array.isArray(result)) return [result];
  const { content, structuredContent, ...rest } = result as { readonly [name: string]: Json };
  if (!Array.isArray(content)) return [result];
  const texts = (content as readonly Json[]).map((part) => {
    const text = typeof part === 'object' && part !== null && !Array.isArray(part) ? textOf(part) : undefined;
    return text ?? part;
  });
  return [...texts, ...(structuredContent === undefined ? [] : [structuredContent]), rest];
}

function textOf(part: object): string | undefined {
  const { type, text } = part as { readonly type?: Json; readonly text?: Json };
  return type === 'text' && typeof text === 'string' ? text : undefined;
}

interface Walk {
  readonly leaves: Leaf[];
  visit(value: Json, name: string | undefined, item?: number, isProse?: boolean): void;
  nextItem(): number;
  add(text: string, name: string | undefined, item: number, isProse?: boolean): void;
}

function createWalk(isDocument: boolean): Walk {
  const leaves: Leaf[] = [];
  let items = 0;
  const nextItem = (): number => {
    items += 1;
    return items;
  };
  const add: Walk['add'] = (text, name, item, isProse = false) => {
    const kind = isDocument || isProse || isWritten(text, name) ? 'prose' : 'field';
    leaves.push({ text, kind, name, item });
  };
  const visit: Walk['visit'] = (value, name, item = 0, isProse = false) => {
    if (typeof value === 'string') add(value, name, item, isProse);
    else if (typeof value === 'number' || typeof value === 'boolean') add(String(value), name, item, isProse);
    else if (Array.isArray(value)) {
      const elements = value as readonly Json[];
      // As many sentences as names make a list of remarks; fewer are as foreign in it as they look, and discredit nobody else.
      const sentences = elements.filter((element) => typeof element === 'string' && isWritten(element, name));
      const isRemarks = isProse || (sentences.length > 0 && sentences.length * 2 >= elements.length);
      for (const element of elements) visit(element, name, item, isRemarks);
    } else if (value !== null) {
      const own = nextItem();
      for (const [key, member] of Object.entries(value)) {
        // What a service keys its objects by is as good as a field: names of hotels, addresses of readers.
        add(key, undefined, own);
        visit(member, key, own, isProse);
      }
    }
  };
  return { leaves, visit, nextItem, add };
}

function readText(text: string, walk: Walk): void {
  const value = text.length > MAX_STRUCTURED ? undefined : (readLenientValue(text) ?? readYaml(text));
  if (value !== undefined) {
    walk.visit(value, undefined);
    return;
  }
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  // What begins like a value and is none could say anything.
  const isListing =
    text.length <= MAX_STRUCTURED &&
    !BROKEN_VALUE.test(text) &&
    lines.every((line) => wordsOf(line).length <= MAX_LINE_WORDS);
  if (!isListing) {
    walk.add(text, undefined, walk.nextItem(), true);
    return;
  }
  // A sentence could run over lines.
  if (lines.length > 1) walk.add(text, undefined, walk.nextItem(), true);
  for (const line of lines) readLine(line, walk);
}

function readLine(line: string, walk: Walk): void {
  const item = walk.nextItem();
  for (const part of line.split(NEXT_PAIR)) {
    const pair = PAIR.exec(part);
    const [name, value] = [pair?.[1], pair?.[2]];
    if (name === undefined || value === undefined) walk.add(part.replace(BULLET, ''), undefined, item);
    else {
      walk.add(name, undefined, item);
      walk.add(value, name, item);
    }
  }
}

const BLOCK_LINE = /^(?:- |\s|[^\s:'"{[][^:\n]{0,200}:(?:\s|$)|$)/u;

/** A block of YAML that holds a list or an object; nothing for what only looks like one. All its values are texts. */
function readYaml(text: string): Json | undefined {
  // A line that is neither a member nor an element would become the rest of the value above it.
  if (!text.includes('\n') || !text.split('\n').every((line) => BLOCK_LINE.test(line))) return undefined;
  try {
    const value: unknown = parse(text, { schema: 'failsafe', maxAliasCount: 0, uniqueKeys: true, logLevel: 'silent' });
    return typeof value === 'object' && value !== null ? (value as Json) : undefined;
  } catch {
    return undefined;
  }
}

function isWritten(text: string, name: string | undefined): boolean {
  if (name !== undefined && WRITTEN_BY_PEOPLE.test(snakeCase(name))) return true;
  return text.includes('\n') || wordsOf(text).length > MAX_FIELD_WORDS;
}
