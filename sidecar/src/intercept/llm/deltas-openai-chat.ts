/** The stream of OpenAI's chat completions: texts flow on, calls of tools are held back until they are complete and decided. */

import type { Json, JsonObject } from '@portcullis/policy/model';
import { mapMember, mapTexts } from './content.js';
import { type Endpoint, type ProposedCall, StreamFault, type StreamReader, type Usage } from './endpoint.js';
import { event } from './errors.js';
import { parsed } from './event-data.js';
import { countOf, isObject, objectsOf, textOf } from './json-values.js';
import { besideCall, callOf, finishWithoutCalls, isEnd, usageOf } from './openai-values.js';

/** The members of a delta in which a model speaks. */
export const DELTA_TEXTS = ['content', 'refusal', 'reasoning_content', 'reasoning'] as const;
const SPOKEN: ReadonlySet<string> = new Set(DELTA_TEXTS);
/** Members of a delta that come in one piece. */
const AT_ONCE: ReadonlySet<string> = new Set(['role', 'annotations']);
const MAX_CHOICES = 128;
const MAX_CALLS = 256;
const MAX_CHANNELS = 64;
const BASE64 = /^[A-Za-z0-9+/_-]*={0,2}$/;

/** The pieces of one call, put together. */
interface Pending {
  id: string;
  type: string;
  name: string;
  text: string;
}

interface ChoiceState {
  readonly calls: Map<number, Pending>;
  legacy: Pending | undefined;
  /** Members in which something was said. */
  readonly spoken: Set<string>;
  /** Of those that are inside of a member: the delta that says so much more. */
  readonly inside: Map<string, (rest: string) => JsonObject>;
  finished: boolean;
}

/** Reads a stream of chunks. */
export const createChatStream: NonNullable<Endpoint['stream']> = ({ tools, wantsUsage }) => {
  const choices = new Map<number, ChoiceState>();
  let usage: Partial<Usage> = {};
  let ended = false;
  let envelope: JsonObject = { object: 'chat.completion.chunk' };

  const stateOf = (index: number): ChoiceState => {
    const known = choices.get(index);
    if (known !== undefined) return known;
    if (choices.size >= MAX_CHOICES) throw new StreamFault('too many choices');
    const state: ChoiceState = {
      calls: new Map(),
      legacy: undefined,
      spoken: new Set(),
      inside: new Map(),
      finished: false,
    };
    choices.set(index, state);
    return state;
  };
  const chunk = (index: number, delta: JsonObject, finish: Json = null): Buffer =>
    event(undefined, { ...envelope, choices: [{ index, delta, finish_reason: finish }] });

  /** What was held back of a choice's texts, and its calls as far as the agent may have them. */
  async function complete(
    index: number,
    state: ChoiceState,
  ): Promise<{ readonly sent: Buffer[]; readonly left: number }> {
    const sent: Buffer[] = [];
    for (const name of state.spoken) {
      const rest = tools.rest(`${index}.${name}`);
      if (rest !== '') sent.push(chunk(index, state.inside.get(name)?.(rest) ?? { [name]: rest }));
    }
    const notices: string[] = [];
    let left = 0;
    for (const pending of state.calls.values()) {
      pending.text = tools.ofCall(pending.text, pending.type === 'custom' ? 'input' : 'arguments');
      pending.id = textOf((mapTexts({ id: pending.id }, tools.ofCall) as JsonObject)['id']);
      pending.name = tools.ofCall(pending.name, 'name');
      const notice = await tools.decide(callIn(pending));
      if (notice === undefined) {
        const entry = entryOf(pending);
        tools.beside(besideCall(entry));
        sent.push(chunk(index, { tool_calls: [{ index: left, ...entry }] }));
        left += 1;
      } else notices.push(notice);
    }
    if (state.legacy !== undefined) {
      state.legacy.text = tools.ofCall(state.legacy.text, 'arguments');
      state.legacy.name = tools.ofCall(state.legacy.name, 'name');
      const notice = await tools.decide(callIn(state.legacy));
      const { name, text } = state.legacy;
      if (notice === undefined) {
        sent.push(chunk(index, { function_call: { name, arguments: text } }));
        left += 1;
      } else notices.push(notice);
    }
    if (notices.length > 0) {
      const start = state.spoken.has('content') ? '\n' : '';
      sent.push(chunk(index, { content: `${start}${notices.join('\n')}` }));
    }
    return { sent, left };
  }

  /** What goes on of a member of a delta. */
  function partOf(index: number, name: string, part: Json, state: ChoiceState): Json {
    const speak = (channel: string, text: string): string => {
      if (!state.spoken.has(channel) && state.spoken.size >= MAX_CHANNELS) throw new StreamFault('too many texts');
      state.spoken.add(channel);
      return tools.say(`${index}.${channel}`, text);
    };
    if (part === null || part === '') return part;
    if (typeof part === 'string' && SPOKEN.has(name)) return speak(name, part);
    if (!tools.isActive || AT_ONCE.has(name)) return mapMember(name, part, tools.whole);
    // Pieces of a number would be one text to whoever puts them together.
    if (typeof part === 'number' && SPOKEN.has(name)) throw new StreamFault('the words of a delta are no text');
    if (typeof part === 'string') return speak(name, part);
    // Words inside of it are pieces of texts as well: those of one name are one text.
    return mapTexts(part, (text, member) => {
      if (name === 'audio' && member === 'data' && BASE64.test(text)) return text;
      const channel = `${name}.${member}`;
      state.inside.set(channel, (rest) => ({
        [name]: mapTexts(part, (_text, other) => (other === member ? rest : '')),
      }));
      return speak(channel, text);
    });
  }

  async function choiceChunks(
    choice: JsonObject,
  ): Promise<{ readonly before: readonly Buffer[]; readonly value: Json }> {
    const index = countOf(choice['index'] ?? 0);
    const delta = choice['delta'] ?? {};
    if (index === undefined || !isObject(delta)) throw new StreamFault('a choice is none');
    const state = stateOf(index);
    if (state.finished) throw new StreamFault('a choice goes on after its end');
    collectCalls(delta, state);
    const { tool_calls: held, function_call: heldToo, ...rest } = delta;
    // Some providers repeat the whole message beside its deltas, calls included.
    const { message: repeated, ...other } = choice;
    const own = tools.isActive ? bareChoice(other) : other;
    let changed = held !== undefined || heldToo !== undefined || repeated !== undefined || own !== other;
    const said: Record<string, Json> = {};
    for (const [name, part] of Object.entries(rest)) {
      said[name] = partOf(index, name, part, state);
      if (said[name] !== part) changed = true;
    }
    const finish = choice['finish_reason'] ?? null;
    if (finish === null) return { before: [], value: changed ? { ...own, delta: said } : choice };
    state.finished = true;
    const { sent, left } = await complete(index, state);
    const hadCalls = state.calls.size > 0 || state.legacy !== undefined;
    const reason = hadCalls && left === 0 ? finishWithoutCalls(finish) : finish;
    if (sent.length === 0 && !changed && reason === finish) return { before: [], value: choice };
    // The last words of the choice come before what was held back, and its end after it.
    const words = hasWords(said) ? [chunk(index, said)] : [];
    return { before: [...words, ...sent], value: { ...own, delta: {}, finish_reason: reason } };
  }

  return {
    async push({ data, raw }) {
      if (data === undefined) return [];
      if (ended) throw new StreamFault('something comes after the end');
      if (data.toString('latin1').trim() === '[DONE]') {
        ended = true;
        const rest: Buffer[] = [];
        // What was held back of a choice that has no end is a part of the answer all the same.
        for (const [index, state] of choices) if (!state.finished) rest.push(...(await complete(index, state)).sent);
        return [...rest, raw];
      }
      const value = parsed(data);
      if (isObject(value['error'])) throw new StreamFault('it reports an error');
      const listed = objectsOf(value['choices'] ?? []);
      if (listed === undefined) throw new StreamFault('an event is no chunk');
      const { choices: _choices, usage: _usage, ...rest } = value;
      envelope = rest;
      usage = usageOf(value['usage']) ?? usage;
      const isExtra = listed.length === 0 && value['usage'] !== undefined && value['usage'] !== null;
      if (isExtra) return wantsUsage ? [raw] : [];
      const before: Buffer[] = [];
      const kept: Json[] = [];
      for (const choice of listed) {
        const done = await choiceChunks(choice);
        before.push(...done.before);
        kept.push(done.value);
      }
      if (before.length === 0 && kept.every((one, at) => one === listed[at])) return [raw];
      const silent = kept.every((one) => isObject(one) && !saysAnything(one));
      return [...before, ...(silent && listed.length > 0 ? [] : [event(undefined, { ...value, choices: kept })])];
    },
    get usage() {
      return usage;
    },
    get ended() {
      return ended;
    },
    cut() {
      ended = true;
      const open = [...choices].filter(([, state]) => !state.finished);
      return [...open.map(([index]) => chunk(index, {}, 'length')), event(undefined, '[DONE]')];
    },
  } satisfies StreamReader;
};

/** Without what nobody looks at. The very same one when it has nothing else. */
function bareChoice(choice: JsonObject): JsonObject {
  const { index, delta, finish_reason: finish, logprobs, ...beside } = choice;
  if (!isEnd(finish)) throw new StreamFault('a choice does not end as one');
  if (Object.keys(beside).length === 0 && (logprobs ?? null) === null) return choice;
  return {
    ...(index === undefined ? {} : { index }),
    ...(delta === undefined ? {} : { delta }),
    ...(logprobs === undefined ? {} : { logprobs: null }),
    ...(finish === undefined ? {} : { finish_reason: finish }),
  };
}

function collectCalls(delta: JsonObject, state: ChoiceState): void {
  const { tool_calls: calls, function_call: legacy } = delta;
  if (calls !== undefined && calls !== null) {
    const entries = objectsOf(calls);
    if (entries === undefined) throw new StreamFault('its calls are none');
    for (const [place, entry] of entries.entries()) {
      const at = countOf(entry['index'] ?? placeOf(entry, place, state));
      if (at === undefined || at >= MAX_CALLS) throw new StreamFault('a call is none');
      const pending = state.calls.get(at) ?? { id: '', type: '', name: '', text: '' };
      state.calls.set(at, pending);
      addTo(pending, entry, entry['function'] ?? entry['custom'] ?? {});
    }
  }
  if (legacy !== undefined && legacy !== null) {
    state.legacy ??= { id: '', type: 'function', name: '', text: '' };
    addTo(state.legacy, {}, legacy);
  }
}

/** Of a call without a number: that of its id, or the next one. */
function placeOf(entry: JsonObject, place: number, { calls }: ChoiceState): number {
  const id = textOf(entry['id']);
  if (id === '') return place;
  for (const [at, pending] of calls) if (pending.id === id) return at;
  return calls.size;
}

function addTo(pending: Pending, entry: JsonObject, called: Json): void {
  if (!isObject(called)) throw new StreamFault('a call is none');
  const id = textOf(entry['id']);
  const name = textOf(called['name']);
  const type = textOf(entry['type']);
  // Another id or name in the middle would be decided under one and carried out under the other.
  if (
    (id !== '' && pending.id !== '' && id !== pending.id) ||
    (name !== '' && pending.name !== '' && name !== pending.name)
  )
    throw new StreamFault('a call changes');
  if (id !== '') pending.id = id;
  if (name !== '') pending.name = name;
  if (type !== '') pending.type = type;
  if (entry['custom'] !== undefined) pending.type = 'custom';
  pending.text += textOf(called['arguments'] ?? called['input']);
}

function entryOf({ id, type, name, text }: Pending): JsonObject {
  if (type === 'custom') return { id, type, custom: { name, input: text } };
  return { id, type: 'function', function: { name, arguments: text } };
}

function callIn(pending: Pending): ProposedCall {
  const call = callOf(entryOf(pending));
  if (call === undefined) throw new StreamFault('a call is none');
  return call;
}

/** Whether a delta says anything besides who speaks. */
function hasWords(delta: JsonObject): boolean {
  return Object.values(delta).some((value) => value !== null && value !== '');
}

function saysAnything(choice: JsonObject): boolean {
  const { delta, finish_reason: finish } = choice;
  return (finish !== undefined && finish !== null) || (isObject(delta) && hasWords(delta));
}
