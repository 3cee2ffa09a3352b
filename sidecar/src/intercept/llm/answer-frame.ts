/** What comes with the words of an answer, where those are changed: it has words as well, and the same ones once more. */

import type { Json, JsonObject } from '@portcullis/policy/model';
import { type SseEvent, withData } from '../http/sse.js';
import { type ChangeText, mapMember, mapTexts } from './content.js';
import { parsed } from './event-data.js';
import { isObject } from './json-values.js';
import { bareFrame } from './known-members.js';

/** Members around an answer that are ids, names of models and times: they pass while they look like it. */
const FRAME: ReadonlySet<string> = new Set([
  'id',
  'object',
  'model',
  'created',
  'created_at',
  'completed_at',
  'system_fingerprint',
  'service_tier',
  'stop_reason',
]);
const NAME = /^[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,127}$/;
/** Members that have words of an API as well, in what is counted and in why an answer ended. */
const TOLD: ReadonlySet<string> = new Set([
  ...FRAME,
  'reason',
  'code',
  'expires_at',
  'previous_response_id',
  'inference_geo',
]);

/** Whether a text around an answer is a name of the API's, and says nothing. */
export function isName(text: string, member: string): boolean {
  return TOLD.has(member) && NAME.test(text);
}

/** No count of tokens and no time in seconds is as long; numbers of cards and accounts are. */
const LONG = 1e11;

/** The members around `said`, changed; `said` itself stays. The very same value when nothing was changed. */
export function mapFrame(value: JsonObject, said: string, change: ChangeText): JsonObject {
  const members = Object.entries(value);
  const mapped = members.map(([name, member]) => {
    const passes = name === said || (FRAME.has(name) && typeof member === 'string' && NAME.test(member));
    return [name, passes ? member : mapMember(name, mapNumbers(member, name, change), change)] as const;
  });
  return mapped.every(([, member], at) => member === members[at]?.[1]) ? value : Object.fromEntries(mapped);
}

/** Long numbers, as the texts that they are when written. The very same value when none was changed. */
function mapNumbers(value: Json, name: string, change: ChangeText): Json {
  if (typeof value === 'number') {
    if (Math.abs(value) < LONG) return value;
    const text = String(value);
    const changed = change(text, name);
    return changed === text ? value : changed;
  }
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) {
    const list = value as readonly Json[];
    const mapped = list.map((one) => mapNumbers(one, name, change));
    return mapped.every((one, at) => one === list[at]) ? value : mapped;
  }
  const members = Object.entries(value as JsonObject);
  const mapped = members.map(([of, member]) => [of, mapNumbers(member, of, change)] as const);
  return mapped.every(([, member], at) => member === members[at]?.[1]) ? value : Object.fromEntries(mapped);
}

/** Without the words token by token and as bytes, where no filter can know them. The very same value when it has none. */
export function withoutProbabilities<T extends Json>(value: T): T {
  return dropped(value) as T;
}

function dropped(value: Json): Json {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) {
    const list = value as readonly Json[];
    const left = list.map(dropped);
    return left.every((one, at) => one === list[at]) ? value : left;
  }
  const members = Object.entries(value as JsonObject);
  const left = members.map(([name, member]) => [name, name === 'logprobs' ? none(member) : dropped(member)] as const);
  return left.every(([, member], at) => member === members[at]?.[1]) ? value : Object.fromEntries(left);
}

/** As the APIs write that there are none. */
function none(value: Json): Json {
  if (value === null || !Array.isArray(value)) return null;
  return value.length === 0 ? value : [];
}

/** A line of an event that nobody looks at. Told by how it begins: one way to read each line, so that no event has many. */
const OTHER_LINE = /(?:^|[\r\n])(?!(?:data|event):|[\r\n]|$)/;
/** Events of chat completions have no names. */
const OTHER_NAMELESS_LINE = /(?:^|[\r\n])(?!data:|[\r\n]|$)/;

/** How the events of a stream are read. */
export interface EventReading {
  /** See {@link mapFrame}. */
  readonly said: string;
  /** What is done to the texts around an answer. */
  readonly change: ChangeText;
  /** Whether what is repeated of the request goes on. Of the rest only what is known does: nobody puts together what comes in pieces. */
  readonly repeats: boolean;
}

/**
 * An event of which every byte that passes is looked at by somebody: without probabilities, without comments and ids of its own, and
 * with the frame of an answer changed. The very same event when it is so already.
 * @throws StreamFault when it is no JSON
 */
export function readableEvent(event: SseEvent, reading: EventReading): SseEvent {
  const { data, raw } = event;
  if (data === undefined) return event;
  const isNamed = reading.said !== 'choices';
  const isPlain = !(isNamed ? OTHER_LINE : OTHER_NAMELESS_LINE).test(raw.toString('latin1'));
  const value = isObjectText(data) ? parsed(data) : undefined;
  const framed = value === undefined ? undefined : framedEvent(withoutProbabilities(value), reading);
  if (isPlain && framed === value) return event;
  const read = framed === undefined || framed === value ? data : Buffer.from(JSON.stringify(framed));
  return { ...event, data: read, raw: isPlain ? withData(raw, read) : bare(isNamed ? event.type : '', read) };
}

const BRACE = 0x7b;
/** What may stand before JSON (RFC 8259 section 2). */
const SPACES: ReadonlySet<number | undefined> = new Set([0x20, 0x09, 0x0a, 0x0d]);

function isObjectText(data: Buffer): boolean {
  let at = 0;
  while (SPACES.has(data[at])) at += 1;
  return data[at] === BRACE;
}

/** Members of events that have an answer, and, where one ends, why and what was counted. */
const HELD = ['response', 'message'] as const;
const AT_END = ['delta', 'usage'] as const;

function framedEvent(value: JsonObject, reading: EventReading): JsonObject {
  const { said, change } = reading;
  const frame = (held: JsonObject): JsonObject => mapFrame(bareFrame(held, said, reading), said, change);
  // A chunk is what has choices, whatever it calls itself.
  if (said === 'choices' || value['type'] === undefined) return frame(value);
  const ends = value['type'] === 'message_delta' ? AT_END : [];
  const told = mapMembers(value, ends, change, (held) => mapFrame(held, '', change));
  return mapMembers(told, HELD, change, frame);
}

/** With these members mapped, and with what is none of the objects that they should be. The very same value when nothing was changed. */
function mapMembers(
  value: JsonObject,
  names: readonly string[],
  change: ChangeText,
  map: (held: JsonObject) => JsonObject,
): JsonObject {
  let mapped = value;
  for (const name of names) {
    const held = value[name];
    if (held === undefined) continue;
    const changed = isObject(held) ? map(held) : mapTexts(mapNumbers(held, name, change), change);
    if (changed !== held) mapped = { ...mapped, [name]: changed };
  }
  return mapped;
}

function bare(type: string, data: Buffer): Buffer {
  const lines = data.toString('utf8').split('\n');
  const named = /^[a-z0-9_.]{1,128}$/i.test(type) ? `event: ${type}\n` : '';
  return Buffer.from(`${named}${lines.map((line) => `data: ${line}`).join('\n')}\n\n`);
}
