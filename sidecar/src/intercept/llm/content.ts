/**
 * What a request says to a model: every text in it, wherever the API has room for one, so that a kind of content that is new
 * tomorrow is read as well. Left out is only what says nothing as text: media in base64, signatures, short names and ids.
 */

import type { Json, JsonObject } from '@portcullis/policy/model';

/** What a request carries. */
export interface Content {
  /** All texts, one per line and in order. */
  readonly query: string;
  /** Images, sounds and files, sent or named. */
  readonly media: number;
  /** Bytes of media and signatures inside the request. */
  readonly mediaBytes: number;
  /** What the provider is told to fetch. */
  readonly urls: readonly string[];
}

/** Words of the protocol: their values are short, and in themselves no text. */
const WORDS: ReadonlySet<string> = new Set(['type', 'role', 'status', 'detail', 'media_type', 'format']);
/** Names that were made up to refer to something. */
const IDS: ReadonlySet<string> = new Set(['id', 'tool_call_id', 'tool_use_id', 'call_id', 'item_id', 'container_id']);
/** Bytes as text: nobody can read them, and no model is told them as text. */
const OPAQUE: ReadonlySet<string> = new Set(['data', 'file_data', 'signature', 'encrypted_content', 'b64_json']);
const FILES: ReadonlySet<string> = new Set(['file_id', 'image_url', 'file_url', 'url', 'file_data', 'data']);
const WORD = /^[a-z0-9_./+-]{1,64}$/i;
const ID = /^[A-Za-z0-9_.:-]{1,128}$/;
const BASE64 = /^[A-Za-z0-9+/_=\s-]*$/;
const DATA_URL = /^data:[^,]{0,200};base64,/i;

/**
 * Changes one text.
 * @param name the member that holds it, such as `text`, or `arguments` for those of a call, which are JSON
 */
export type ChangeText = (text: string, name: string) => string;

/** Reads the members of a request that say something. */
export function contentOf(parts: JsonObject): Content {
  const texts: string[] = [];
  const urls: string[] = [];
  let media = 0;
  let mediaBytes = 0;
  visitTexts(parts, '', (value, name) => {
    if (FILES.has(name)) media += 1;
    if (isOpaque(value, name)) {
      mediaBytes += value.length;
      return;
    }
    if (/^https?:/i.test(value) && FILES.has(name)) urls.push(value);
    if (!isWord(value, name)) texts.push(value);
  });
  return { query: texts.join('\n'), media, mediaBytes, urls };
}

/** The same value with every text changed; the very same one when none was. */
export function mapTexts(value: Json, change: ChangeText, name = ''): Json {
  if (typeof value === 'string') return isOpaque(value, name) || isWord(value, name) ? value : change(value, name);
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) {
    const list = value as readonly Json[];
    const changed = list.map((element) => mapTexts(element, change, name));
    return changed.every((element, at) => element === list[at]) ? value : changed;
  }
  const members = Object.entries(value as JsonObject);
  const changed = members.map(([key, member]) => [key, mapTexts(member, change, key)] as const);
  return changed.every(([, member], at) => member === members[at]?.[1]) ? value : Object.fromEntries(changed);
}

function visitTexts(value: Json, name: string, visit: (text: string, name: string) => void): void {
  if (typeof value === 'string') visit(value, name);
  else if (Array.isArray(value)) {
    for (const element of value as readonly Json[]) visitTexts(element, name, visit);
  } else if (typeof value === 'object' && value !== null) {
    for (const [key, member] of Object.entries(value)) visitTexts(member, key, visit);
  }
}

function isOpaque(value: string, name: string): boolean {
  return (OPAQUE.has(name) && BASE64.test(value)) || DATA_URL.test(value);
}

function isWord(value: string, name: string): boolean {
  return value === '' || (WORDS.has(name) && WORD.test(value)) || (IDS.has(name) && ID.test(value));
}
