/**
 * What a request says to a model: every text in it, wherever the API has room for one, so that a kind of content that is new
 * tomorrow is read as well. Left out is only what says nothing as text: media in base64, signatures, short names and ids.
 */

import type { Json, JsonObject } from '@portcullis/policy/model';

/** What a request carries. */
export interface Content {
  /** All texts, in order and one after the other. */
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
const OPAQUE: ReadonlySet<string> = new Set(['file_data', 'signature', 'encrypted_content', 'b64_json', 'embedding']);
const FILES: ReadonlySet<string> = new Set(['file_id', 'image_url', 'file_url', 'url', 'file_data', 'data']);
const WORD = /^[a-z0-9_./+-]{1,64}$/i;
const ID = /^[A-Za-z0-9_.:-]{1,128}$/;
const BASE64 = /^[A-Za-z0-9+/_-]*={0,2}$/;
const DATA_URL = /^data:[^,]{0,200};base64,[A-Za-z0-9+/_-]*={0,2}$/i;

/**
 * Changes one text.
 * @param name the member that holds it, such as `text`, or `arguments` for those of a call, which are JSON
 */
export type ChangeText = (text: string, name: string) => string;

/** Reads the members of a request that say something. */
export function contentOf(parts: Json): Content {
  const texts: string[] = [];
  const urls: string[] = [];
  let media = 0;
  let mediaBytes = 0;
  visitTexts(parts, NOWHERE, (value, place) => {
    const { name } = place;
    if (FILES.has(name)) media += 1;
    if (isOpaque(value, place)) {
      mediaBytes += value.length;
      return;
    }
    if (/^https?:/i.test(value) && FILES.has(name)) urls.push(value);
    if (!isWord(value, name)) texts.push(value);
  });
  return { query: texts.join('\n'), media, mediaBytes, urls };
}

/** The same value with every text changed; the very same one when none was. */
export function mapTexts(value: Json, change: ChangeText, place: Place = NOWHERE): Json {
  if (typeof value === 'string')
    return isOpaque(value, place) || isWord(value, place.name) ? value : change(value, place.name);
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) {
    const list = value as readonly Json[];
    const changed = list.map((element) => mapTexts(element, change, place));
    return changed.every((element, at) => element === list[at]) ? value : changed;
  }
  const holder = value as JsonObject;
  const members = Object.entries(holder);
  const changed = members.map(([name, member]) => [name, mapTexts(member, change, { name, holder })] as const);
  return changed.every(([, member], at) => member === members[at]?.[1]) ? value : Object.fromEntries(changed);
}

/** Where a text stands. */
interface Place {
  readonly name: string;
  readonly holder: JsonObject;
}
const NOWHERE: Place = { name: '', holder: {} };

function visitTexts(value: Json, place: Place, visit: (text: string, place: Place) => void): void {
  if (typeof value === 'string') visit(value, place);
  else if (Array.isArray(value)) {
    for (const element of value as readonly Json[]) visitTexts(element, place, visit);
  } else if (typeof value === 'object' && value !== null) {
    const holder = value as JsonObject;
    for (const [name, member] of Object.entries(holder)) visitTexts(member, { name, holder }, visit);
  }
}

/** What is nothing but base64, where the API has bytes. `data` has text as well, as in a document of Anthropic's. */
function isOpaque(value: string, { name, holder }: Place): boolean {
  if (DATA_URL.test(value)) return true;
  const { type, format, transcript } = holder;
  const isBytes =
    name === 'data'
      ? type === 'base64' || type === 'redacted_thinking' || format !== undefined || transcript !== undefined
      : OPAQUE.has(name);
  return isBytes && BASE64.test(value);
}

function isWord(value: string, name: string): boolean {
  return value === '' || (WORDS.has(name) && WORD.test(value)) || (IDS.has(name) && ID.test(value));
}
