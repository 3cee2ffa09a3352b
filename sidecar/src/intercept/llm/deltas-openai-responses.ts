/** The stream of OpenAI's Responses API: items that are calls are held back until they are complete and decided. */

import type { Json, JsonObject } from '@portcullis/policy/model';
import { contentOf, mapTexts } from './content.js';
import { type Endpoint, type ProposedCall, StreamFault, type StreamReader, type Usage } from './endpoint.js';
import { event } from './errors.js';
import { parsed } from './event-data.js';
import { countOf, isObject, objectsOf, textOf } from './json-values.js';
import { bareCallEvent, bareEnd, barePiece } from './known-members.js';
import { besideItemCall, itemCall, noticeItem, readResponse, responseIn } from './openai-response.js';
import { usageOf } from './openai-values.js';

/** With these a model speaks; the same name with `done` ends what they say. Sound is no text. */
export const SPOKEN = /^response\.(?!audio\.delta$)[a-z_.]+\.delta$/;
/** After these there is nothing more. */
const LAST: ReadonlySet<string> = new Set(['response.completed', 'response.incomplete', 'response.failed']);
const MAX_ITEMS = 1_024;
const MAX_TEXTS = 4_096;

/** A call that is held back. */
interface Held {
  /** As it was announced. */
  readonly call: ProposedCall;
  readonly events: { readonly type: string; readonly value: JsonObject; readonly raw: Buffer | undefined }[];
  /** Its arguments, as the deltas had them. */
  deltas: string;
}

/** What speaks of the arguments of a call for the agent; without an item that is held back it speaks of nothing. */
const ARGUMENTS = /^response\.(function_call_arguments|custom_tool_call_input)\.(delta|done)$/;

/** Where an event stands in its stream and in the answer. */
const PLACES: ReadonlySet<string> = new Set([
  'sequence_number',
  'item_id',
  'output_index',
  'content_index',
  'summary_index',
]);

/** What announces a text, which comes in pieces then. */
const ADDED = /^response\.(?:output_item|content_part|reasoning_summary_part)\.added$/;

/** How far an item is. */
const STATUS = /^[a-z_]{1,32}$/;

/** Reads a stream of events. */
export const createResponsesStream: NonNullable<Endpoint['stream']> = ({ tools }) => {
  const held = new Map<number, Held>();
  /** What was decided, by what it was decided about. */
  const verdicts = new Map<string, string | undefined>();
  /** The last delta of each text, for what is said after it. */
  const spoken = new Map<string, JsonObject>();
  /** Items whose words were there when they were announced. */
  const complete = new Set<string>();
  let usage: Partial<Usage> = {};
  let ended = false;
  let started: JsonObject | undefined;
  let sequence = -1;
  let shift = 0;

  /** With its number in the sequence, which is another one once something was put in or left out. */
  const emit = (type: string, value: JsonObject, raw?: Buffer): Buffer => {
    const number = countOf(value['sequence_number']);
    if (number === undefined) return raw ?? event(type, value);
    if (shift === 0 && raw !== undefined) {
      sequence = number;
      return raw;
    }
    sequence = number + shift;
    return event(type, { ...value, sequence_number: sequence });
  };
  /** One that the provider did not send. */
  const insert = (type: string, value: JsonObject): Buffer => {
    shift += 1;
    sequence += 1;
    return event(type, { type, ...value, sequence_number: sequence });
  };
  const verdictOn = async (call: ProposedCall): Promise<string | undefined> => {
    const key = JSON.stringify([call.id, call.name, call.arguments]);
    if (!verdicts.has(key)) {
      if (verdicts.size >= MAX_ITEMS) throw new StreamFault('too many calls');
      verdicts.set(key, await tools.decide(call));
    }
    return verdicts.get(key);
  };

  /** An event that says where it is by numbers and a name; should it say so in words, they are looked at. */
  function placed(value: JsonObject): JsonObject {
    const said = Object.fromEntries(Object.entries(value).filter(([name]) => PLACES.has(name)));
    const mapped = mapTexts(said, tools.whole);
    return mapped === said ? value : { ...value, ...(mapped as JsonObject) };
  }

  function heldEvent(type: string, sent: JsonObject, raw: Buffer): Held['events'][number] {
    if (ARGUMENTS.test(type) && typeof (sent['delta'] ?? '') !== 'string')
      throw new StreamFault('a piece of a call is no text');
    const value = tools.isActive ? placed(bareCallEvent(sent, type)) : sent;
    return { type, value, raw: value === sent ? raw : undefined };
  }

  async function itemDone(index: number, item: JsonObject, holding: Held): Promise<readonly Buffer[]> {
    const came = itemCall(item);
    if (came === undefined || !isSame(holding, came)) throw new StreamFault('a call changes');
    const given = mapTexts(item, tools.ofCall, tools.readsInputs) as JsonObject;
    const call = given === item ? came : (itemCall(given) ?? came);
    const notice = await verdictOn(call);
    const isLooked = !tools.isActive || (saysNoMore(holding.events[0]?.value['item'], item) && !hasMore(holding));
    if (notice === undefined) tools.beside(besideItemCall(given));
    if (notice === undefined && given === item && isLooked && isPlain(holding, came))
      return holding.events.map(({ type, value, raw }) => emit(type, value, raw));
    if (notice === undefined) {
      // Its pieces may say something else than the whole that was decided; clients take the call from here as well.
      shift -= holding.events.length - 1;
      const begun = insert('response.output_item.added', { output_index: index, item: given });
      return [begun, ...holding.events.slice(-1).map(({ type, value }) => emit(type, { ...value, item: given }))];
    }
    shift -= holding.events.length;
    const message = noticeItem(item, notice);
    const place = { item_id: message['id'] ?? '', output_index: index, content_index: 0 };
    const part = { type: 'output_text', text: notice, annotations: [] };
    return [
      insert('response.output_item.added', {
        output_index: index,
        item: { ...message, status: 'in_progress', content: [] },
      }),
      insert('response.content_part.added', { ...place, part: { ...part, text: '' } }),
      insert('response.output_text.delta', { ...place, delta: notice, logprobs: [] }),
      insert('response.output_text.done', { ...place, text: notice, logprobs: [] }),
      insert('response.content_part.done', { ...place, part }),
      insert('response.output_item.done', { output_index: index, item: message }),
    ];
  }

  async function last(type: string, sent: JsonObject, raw: Buffer): Promise<readonly Buffer[]> {
    ended = true;
    const value = tools.isActive ? placed(bareEnd(sent)) : sent;
    const response = responseIn(value);
    const items = objectsOf(response?.['output'] ?? []);
    if (response === undefined || items === undefined) throw new StreamFault('its end is none');
    const given = items.map((item) =>
      mapTexts(item, itemCall(item) === undefined ? tools.whole : tools.ofCall, tools.readsInputs),
    );
    const output = given.every((item, at) => item === items[at]) ? (response['output'] ?? []) : given;
    const answer = readResponse({ ...response, output });
    if (answer === undefined) throw new StreamFault('its end is none');
    for (const item of objectsOf(given) ?? []) if (itemCall(item) !== undefined) tools.beside(besideItemCall(item));
    usage = usageOf(response['usage']) ?? usage;
    const refused = new Map<ProposedCall, string>();
    // Also calls that no event has spoken of: the end has the whole answer, and clients read it there.
    for (const call of answer.calls) {
      const notice = await verdictOn(call);
      if (notice !== undefined) refused.set(call, notice);
    }
    if (refused.size === 0 && output === response['output'])
      return [emit(type, value, value === sent ? raw : undefined)];
    return [emit(type, { ...value, response: answer.replaced(refused) })];
  }

  /** A piece of a text, or, at its end, what was held back of it. */
  function words(type: string, sent: JsonObject, raw: Buffer): readonly Buffer[] {
    const text = sent['delta'];
    const delta = type.replace(/\.done$/, '.delta');
    const place = countOf(sent['content_index'] ?? sent['summary_index'] ?? 0) ?? 0;
    const channel = `${itemOf(sent)} ${place} ${delta.slice(0, -'.delta'.length)}`;
    // Clients put the pieces behind words that were looked at without them.
    if (type === delta && complete.has(itemOf(sent))) throw new StreamFault('a text goes on that was complete');
    if (type === delta && typeof text === 'string') {
      const value = tools.isActive ? placed(barePiece(sent)) : sent;
      if (!spoken.has(channel) && spoken.size >= MAX_TEXTS) throw new StreamFault('too many texts');
      const passed = tools.say(channel, text);
      spoken.set(channel, value);
      if (passed === text) return [emit(type, value, value === sent ? raw : undefined)];
      if (passed !== '') return [emit(type, { ...value, delta: passed })];
      shift -= 1;
      return [];
    }
    if (type === delta && tools.isActive && (text ?? null) !== null)
      throw new StreamFault('the words of a delta are no text');
    const model = spoken.get(channel);
    if (type === delta || model === undefined) return [other(type, sent, raw)];
    const rest = tools.rest(channel);
    return [...(rest === '' ? [] : [insert(delta, { ...model, delta: rest })]), other(type, sent, raw)];
  }

  /** An event whose texts are complete. */
  function other(type: string, value: JsonObject, raw: Buffer): Buffer {
    const { response, ...rest } = value;
    // It has no items yet.
    const mapped = mapTexts(rest, tools.whole, tools.readsInputs);
    const changed =
      mapped === rest ? value : { ...(mapped as JsonObject), ...(response === undefined ? {} : { response }) };
    return emit(type, changed, changed === value ? raw : undefined);
  }

  return {
    async push({ data, raw, type: named }) {
      if (data === undefined) return [];
      if (ended) throw new StreamFault('something comes after the end');
      const value = parsed(data);
      const type = textOf(value['type']);
      if (type === '' || (named !== '' && named !== type)) throw new StreamFault('an event does not say what it is');
      if (type === 'error') throw new StreamFault('it reports an error');
      if (LAST.has(type)) {
        if (held.size > 0) throw new StreamFault('it ends inside an item');
        return last(type, value, raw);
      }
      started = responseIn(value) ?? started;
      // Clients take an answer from here that nobody has decided.
      const output = responseIn(value)?.['output'] ?? [];
      if (!Array.isArray(output) || output.length > 0) throw new StreamFault('an item was not announced');
      const index = countOf(value['output_index']);
      const { item } = value;
      const announced = type === 'response.output_item.added' && isObject(item) ? itemCall(item) : undefined;
      if (announced !== undefined) {
        if (index === undefined || held.has(index) || held.size >= MAX_ITEMS) throw new StreamFault('an item is none');
        held.set(index, { call: announced, events: [heldEvent(type, value, raw)], deltas: '' });
        return [];
      }
      if (type === 'response.output_item.done' && isObject(item)) {
        if (index === undefined) throw new StreamFault('an item is none');
        const holding = held.get(index);
        if (holding === undefined && itemCall(item) !== undefined) throw new StreamFault('a call was not announced');
        if (holding === undefined) return [other(type, value, raw)];
        held.delete(index);
        holding.events.push(heldEvent(type, value, raw));
        return itemDone(index, item, holding);
      }
      const holding = index === undefined ? undefined : held.get(index);
      if (ARGUMENTS.test(type) && holding === undefined) throw new StreamFault('a call was not announced');
      if (tools.isActive && ADDED.test(type) && hasWords(value)) complete.add(itemOf(value));
      if (holding === undefined && (SPOKEN.test(type) || type.endsWith('.done'))) return words(type, value, raw);
      if (holding === undefined) return [other(type, value, raw)];
      holding.events.push(heldEvent(type, value, raw));
      holding.deltas += textOf(value['delta']);
      return [];
    },
    get usage() {
      return usage;
    },
    get ended() {
      return ended;
    },
    cut() {
      ended = true;
      const response: Record<string, Json> = { ...started, status: 'incomplete' };
      response['incomplete_details'] = { reason: 'max_output_tokens' };
      return [insert('response.incomplete', { response })];
    },
  } satisfies StreamReader;
};

/** The item that an event is about. Some providers give it another id in every event. */
function itemOf({ output_index: index, item_id: id }: JsonObject): string {
  return String(countOf(index) ?? textOf(id));
}

/** Whether an item or a part has words to which pieces are added. */
function hasWords({ item, part }: JsonObject): boolean {
  const added = isObject(part) ? part : item;
  if (!isObject(added)) return false;
  const { text, refusal, transcript, code, arguments: args, content, summary } = added;
  return contentOf([text, refusal, transcript, code, args, content, summary].map((one) => one ?? null)).query !== '';
}

/**
 * Whether a call is, at its end, what every event before has made of it: clients differ in which of them they believe.
 */
function isSame({ call: begun, events, deltas }: Held, call: ProposedCall): boolean {
  if (begun.id !== call.id || begun.name !== call.name) return false;
  const whole = inputOf(call);
  if (whole === undefined) return true;
  const before = inputOf(begun);
  if (before !== '' && before !== undefined && `${before}${deltas}` !== whole) return false;
  if ((before === '' || before === undefined) && deltas !== '' && deltas !== whole) return false;
  return events.every(({ type, value }) => !ARGUMENTS.test(type) || agrees(value, call, whole));
}

/** Whether the pieces of a call may pass. Of one whose arguments are no text, nobody can say what they come to. */
function isPlain({ call: begun, events }: Held, call: ProposedCall): boolean {
  if (inputOf(call) !== undefined) return true;
  return events.length === 2 && JSON.stringify(begun.arguments) === JSON.stringify(call.arguments);
}

/** Whether what announced a call has no words besides those of the call at its end. */
function saysNoMore(begun: Json | undefined, whole: JsonObject): boolean {
  if (!isObject(begun)) return false;
  return Object.entries(begun).every(([name, said]) => {
    const last = whole[name];
    if (name === 'status' && typeof said === 'string' && STATUS.test(said)) return true;
    if (typeof said === 'string' && typeof last === 'string') return last.startsWith(said);
    return said === null || said === '' || JSON.stringify(said) === JSON.stringify(last);
  });
}

/** Whether its events say more than the call at its end does. */
function hasMore({ events }: Held): boolean {
  const begun = events[0]?.value['item'];
  if (isObject(begun) && besideItemCall(begun) !== '') return true;
  return events.slice(1, -1).some(({ type }) => !ARGUMENTS.test(type));
}

/** What an event says of a call that is complete. */
function agrees(value: JsonObject, { name }: ProposedCall, whole: string): boolean {
  const said = value['arguments'] ?? value['input'];
  return (said === undefined || said === whole) && (value['name'] === undefined || value['name'] === name);
}

/** The arguments of a call that come as text. */
function inputOf({ arguments: args }: ProposedCall): string | undefined {
  if (typeof args === 'string') return args;
  const input = isObject(args) ? args['input'] : undefined;
  return typeof input === 'string' ? input : undefined;
}
