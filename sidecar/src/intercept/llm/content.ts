/**
 * What a request says to a model: every text in it, wherever the API has room for one, so that a kind of content that is new
 * tomorrow is read as well. Left out is only what says nothing as text: media in base64, signatures, short names and ids.
 */

import { distinctNames } from '@portcullis/policy/content';
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
    if (!isWord(value, place)) texts.push(value);
  });
  return { query: texts.join('\n'), media, mediaBytes, urls };
}

/**
 * The same value with every text changed, and of a tool's input every long number and name; the very same one when none was.
 * @param readsInputs whether what a tool is given is one text, in JSON and called `arguments`, and not its members one by one
 */
export function mapTexts(value: Json, change: ChangeText, readsInputs = false): Json {
  return mapAt(value, change, readsInputs ? WHOLE : NOWHERE);
}

function mapAt(value: Json, change: ChangeText, place: Place): Json {
  if (typeof value === 'string')
    return isOpaque(value, place) || isWord(value, place) ? value : change(value, calledIn(place));
  if (typeof value === 'number') return isNumberOfInput(value, place) ? mapNumber(value, change, place) : value;
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) {
    const list = value as readonly Json[];
    const element = { ...place, isElement: true };
    const changed = list.map((one) => mapAt(one, change, element));
    return changed.every((one, at) => one === list[at]) ? value : changed;
  }
  const holder = value as JsonObject;
  const called = place.isWhole ? documentCalled(place) : undefined;
  if (called !== undefined) return mapDocument(holder, called, change);
  const members = Object.entries(holder);
  const below = placesIn(holder, place);
  const distinct = distinctNames(() => Object.keys(holder));
  const changed = members.map(([name, member]) => {
    const at = below(name);
    return [at.isInput ? mapName(name, change, distinct) : name, mapAt(member, change, at)] as const;
  });
  const isSame = changed.every(([name, member], at) => name === members[at]?.[0] && member === members[at]?.[1]);
  return isSame ? value : Object.fromEntries(changed);
}

/** The same for a member by itself: by its name it may be a word of the protocol. */
export function mapMember(name: string, member: Json, change: ChangeText): Json {
  return mapAt(member, change, placesIn({ [name]: member }, NOWHERE)(name));
}

function mapDocument(value: JsonObject, called: string, change: ChangeText): Json {
  const text = JSON.stringify(value);
  const changed = change(text, called);
  return changed === text ? value : (JSON.parse(changed) as Json);
}

/** Where a text stands. */
interface Place {
  readonly name: string;
  readonly holder: JsonObject;
  /** Whether it is inside of what a tool is given: its members are called as the tool wants, and mean nothing here. */
  readonly isInput: boolean;
  readonly isElement: boolean;
  /** Whether what a tool is given is read as a whole. */
  readonly isWhole: boolean;
}
const NOWHERE: Place = { name: '', holder: {}, isInput: false, isElement: false, isWhole: false };
const WHOLE: Place = { ...NOWHERE, isWhole: true };
/** Members whose value, when it is an object, is what a tool is given. */
const INPUTS: ReadonlySet<string> = new Set(['input', 'arguments']);
/** Shorter ones are counts, places and years. */
const IDENTIFYING = 10_000;
/** Names as tools have them say nothing; those of a table may be anything, such as addresses. */
const WORDS_ONLY = /^[A-Za-z_.-]*$/;

/** The name of a member of an input. */
function mapName(name: string, change: ChangeText, distinct: (redacted: string) => string): string {
  if (WORDS_ONLY.test(name)) return name;
  const changed = change(name, '');
  return changed === name ? name : distinct(changed);
}

function placesIn(holder: JsonObject, place: Place): (name: string) => Place {
  const isInput = place.isInput || (INPUTS.has(place.name) && !place.isElement);
  return (name) => ({ name, holder, isInput, isElement: false, isWhole: place.isWhole });
}

/** What an object is called whose members have names of somebody's own: of what a tool is given, and of what a stored prompt is filled with. */
function documentCalled({ name, holder, isElement }: Place): string | undefined {
  if (isElement) return undefined;
  // What has a name besides is a call; in a definition of a tool there may be a member of the same name.
  if (INPUTS.has(name) && typeof holder['name'] === 'string') return 'arguments';
  return name === 'variables' && typeof holder['id'] === 'string' ? '' : undefined;
}

/** A prompt may be called `input` as well, and is not what a tool is given. */
function calledIn({ name, holder }: Place): string {
  return name === 'input' && typeof holder['name'] !== 'string' ? '' : name;
}

function isNumberOfInput(value: number, { isInput }: Place): boolean {
  return isInput && Number.isSafeInteger(value) && Math.abs(value) >= IDENTIFYING;
}

/** A number that is changed is a text then. */
function mapNumber(value: number, change: ChangeText, { name }: Place): Json {
  const text = String(value);
  const changed = change(text, name);
  return changed === text ? value : changed;
}

function visitTexts(value: Json, place: Place, visit: (text: string, place: Place) => void): void {
  if (typeof value === 'string') visit(value, place);
  else if (typeof value === 'number') {
    if (isNumberOfInput(value, place)) visit(String(value), place);
  } else if (Array.isArray(value)) {
    const element = { ...place, isElement: true };
    for (const one of value as readonly Json[]) visitTexts(one, element, visit);
  } else if (typeof value === 'object' && value !== null) {
    const holder = value as JsonObject;
    const below = placesIn(holder, place);
    for (const [name, member] of Object.entries(holder)) {
      const at = below(name);
      if (at.isInput && !WORDS_ONLY.test(name)) visit(name, { ...at, name: '' });
      visitTexts(member, at, visit);
    }
  }
}

/** What is nothing but base64, where the API has bytes. `data` has text as well, as in a document of Anthropic's. */
function isOpaque(value: string, { name, holder, isInput }: Place): boolean {
  if (DATA_URL.test(value)) return true;
  if (isInput) return false;
  const { type, format, transcript } = holder;
  const isBytes =
    name === 'data'
      ? type === 'base64' || type === 'redacted_thinking' || format !== undefined || transcript !== undefined
      : OPAQUE.has(name);
  return isBytes && BASE64.test(value);
}

function isWord(value: string, { name, isInput }: Place): boolean {
  if (isInput) return value === '';
  return value === '' || (WORDS.has(name) && WORD.test(value)) || (IDS.has(name) && ID.test(value));
}
