/** The stream of Anthropic's Messages API: blocks that are calls are held back until they are complete and decided. */

import type { Json, JsonObject } from '@portcullis/policy/model';
import { parseStrictJson } from '@portcullis/runtime';
import { besideBlockCall, blockCall, messageUsage } from './anthropic-values.js';
import { mapTexts } from './content.js';
import { type Endpoint, StreamFault, type StreamReader, type Usage } from './endpoint.js';
import { event } from './errors.js';
import { parsed } from './event-data.js';
import { countOf, isObject, textOf } from './json-values.js';
import { bareMessageEvent } from './known-members.js';

/** The deltas with which a model speaks: the member that has the text. */
export const DELTA_TEXTS: Readonly<Record<string, string>> = {
  text_delta: 'text',
  thinking_delta: 'thinking',
  compaction_delta: 'content',
};
/** Deltas that come in one piece. */
const AT_ONCE: ReadonlySet<string> = new Set(['citations_delta', 'signature_delta']);
/** With it comes what a tool is given, the agent's or the provider's. */
const INPUT = 'input_json_delta';

interface Block {
  readonly start: JsonObject;
  /** Of a call: what was held back, and its arguments so far. */
  readonly held: Buffer[] | undefined;
  json: string;
  /** Of a tool of the provider's: the deltas with its arguments, which are given on once they are whole. */
  readonly inputs: Buffer[];
  /** The last delta with words. */
  spoken: JsonObject | undefined;
}

const KNOWN: ReadonlySet<string> = new Set([
  'message_start',
  'content_block_start',
  'content_block_delta',
  'content_block_stop',
  'message_delta',
  'message_stop',
  'ping',
]);
const MAX_BLOCKS = 4_096;

/** Reads a stream of events. */
export const createMessageStream: NonNullable<Endpoint['stream']> = ({ tools }) => {
  const open = new Map<number, Block>();
  let usage: Partial<Usage> = {};
  let ended = false;
  let blocks = 0;
  let refused = 0;
  let left = 0;

  function start(index: number, value: JsonObject, raw: Buffer): readonly Buffer[] {
    const block = value['content_block'];
    if (!isObject(block) || open.has(index)) throw new StreamFault('a block is none');
    blocks += 1;
    if (blocks > MAX_BLOCKS) throw new StreamFault('too many blocks');
    const isCall = blockCall(block) !== undefined;
    const type = `${textOf(block['type'])}_delta`;
    const member = !isCall && Object.hasOwn(DELTA_TEXTS, type) ? DELTA_TEXTS[type] : undefined;
    const begun = isCall
      ? (mapTexts(block, tools.ofCall, tools.readsInputs) as JsonObject)
      : opening(index, block, member);
    const bytes = begun === block ? raw : event('content_block_start', { ...value, content_block: begun });
    const spoken =
      member === undefined ? undefined : { type: 'content_block_delta', index, delta: { type, [member]: '' } };
    open.set(index, { start: begun, held: isCall ? [bytes] : undefined, json: '', inputs: [], spoken });
    return isCall ? [] : [bytes];
  }

  /** A block as it begins. The words that it has by then are the first piece of what its deltas say. */
  function opening(index: number, block: JsonObject, member: string | undefined): JsonObject {
    const words = member === undefined ? '' : textOf(block[member]);
    if (member === undefined || words === '') return mapTexts(block, tools.whole, tools.readsInputs) as JsonObject;
    const silent = { ...block, [member]: '' };
    const mapped = mapTexts(silent, tools.whole, tools.readsInputs) as JsonObject;
    const passed = tools.say(String(index), words);
    return mapped === silent && passed === words ? block : { ...mapped, [member]: passed };
  }

  function delta(index: number, block: Block, value: JsonObject, raw: Buffer): readonly Buffer[] {
    const { delta: change } = value;
    if (!isObject(change)) throw new StreamFault('a delta is none');
    const type = textOf(change['type']);
    if (block.held !== undefined) {
      if (type !== INPUT) throw new StreamFault('a call has no words');
      block.held.push(raw);
      block.json += pieceOf(change, 'partial_json');
      return [];
    }
    const member = Object.hasOwn(DELTA_TEXTS, type) ? DELTA_TEXTS[type] : undefined;
    if (type === INPUT) {
      block.inputs.push(raw);
      block.json += pieceOf(change, 'partial_json');
      return [];
    }
    if (member === undefined && tools.isActive && !AT_ONCE.has(type)) return [];
    if (member === undefined) {
      const other = mapTexts(change, tools.whole);
      return other === change ? [raw] : [event('content_block_delta', { ...value, delta: other })];
    }
    block.spoken = value;
    const text = pieceOf(change, member);
    const passed = tools.say(String(index), text);
    if (passed === text) return [raw];
    return passed === '' ? [] : [event('content_block_delta', { ...value, delta: { ...change, [member]: passed } })];
  }

  function inputs(index: number, { json, inputs: came }: Block): readonly Buffer[] {
    const given = json === '' ? json : tools.whole(json, 'arguments');
    if (given === json) return came;
    const change = { type: INPUT, partial_json: given };
    return [event('content_block_delta', { type: 'content_block_delta', index, delta: change })];
  }

  async function stop(index: number, block: Block, raw: Buffer): Promise<readonly Buffer[]> {
    open.delete(index);
    if (block.held === undefined) {
      const rest = tools.rest(String(index));
      const words = rest === '' || block.spoken === undefined ? [] : [withText(block.spoken, rest)];
      return [...inputs(index, block), ...words, raw];
    }
    const { input } = block.start;
    // Clients differ in which of the two they believe.
    if (block.json !== '' && isObject(input) && Object.keys(input).length > 0) throw new StreamFault('a call changes');
    const json = tools.ofCall(block.json, 'arguments');
    const call = blockCall(json === '' ? block.start : { ...block.start, input: inputOf(json) });
    if (call === undefined) throw new StreamFault('a call is none');
    const notice = await tools.decide(call);
    if (notice === undefined) {
      left += 1;
      tools.beside(besideBlockCall(block.start));
      if (json === block.json) return [...block.held, raw];
      const delta = { type: 'content_block_delta', index, delta: { type: INPUT, partial_json: json } };
      return [...block.held.slice(0, 1), event('content_block_delta', delta), raw];
    }
    refused += 1;
    return [
      event('content_block_start', { type: 'content_block_start', index, content_block: { type: 'text', text: '' } }),
      event('content_block_delta', {
        type: 'content_block_delta',
        index,
        delta: { type: 'text_delta', text: notice },
      }),
      raw,
    ];
  }

  return {
    async push({ data, raw: came, type: named }) {
      if (data === undefined) return [];
      if (ended) throw new StreamFault('something comes after the end');
      const sent = parsed(data);
      const type = textOf(sent['type']);
      if (named !== '' && named !== type) throw new StreamFault('an event does not say what it is');
      if (type === 'error') throw new StreamFault('it reports an error');
      // The API says that there may be more of them, for clients to ignore.
      if (!KNOWN.has(type)) return [];
      const value = tools.isActive ? bareMessageEvent(sent, type, wordsOf(sent)) : sent;
      const raw = value === sent ? came : event(type, value);
      if (type === 'message_start') {
        const { message } = value;
        if (!isObject(message) || !isEmptyList(message['content'])) throw new StreamFault('its start is none');
        usage = { ...usage, ...messageUsage(message['usage']) };
      }
      if (type.startsWith('content_block_')) {
        const index = countOf(value['index']);
        if (index === undefined) throw new StreamFault('a block is none');
        if (type === 'content_block_start') return start(index, value, raw);
        const block = open.get(index);
        if (block === undefined) throw new StreamFault('a block was not begun');
        return type === 'content_block_delta' ? delta(index, block, value, raw) : stop(index, block, raw);
      }
      if (type === 'message_delta') {
        if (open.size > 0) throw new StreamFault('it ends inside a block');
        usage = { ...usage, ...messageUsage(value['usage']) };
        const { delta: change } = value;
        if (refused > 0 && left === 0 && isObject(change) && change['stop_reason'] === 'tool_use')
          return [event(type, { ...value, delta: { ...change, stop_reason: 'end_turn' } })];
      }
      if (type === 'message_stop') ended = true;
      return [raw];
    },
    get usage() {
      return usage;
    },
    get ended() {
      return ended;
    },
    cut() {
      ended = true;
      const stops = [...open]
        .filter(([, { held }]) => held === undefined)
        .map(([index]) => event('content_block_stop', { type: 'content_block_stop', index }));
      const reason = { stop_reason: 'max_tokens', stop_sequence: null };
      return [
        ...stops,
        event('message_delta', { type: 'message_delta', delta: reason, usage: { output_tokens: usage.output ?? 0 } }),
        event('message_stop', { type: 'message_stop' }),
      ];
    },
  } satisfies StreamReader;
};

/** The member of a delta that has its words. */
function wordsOf({ delta }: JsonObject): string | undefined {
  const type = isObject(delta) ? textOf(delta['type']) : '';
  if (type === INPUT) return 'partial_json';
  return Object.hasOwn(DELTA_TEXTS, type) ? DELTA_TEXTS[type] : undefined;
}

/** The words of a delta. Anything else than a text would pass as one without words. */
function pieceOf(change: JsonObject, member: string): string {
  const piece = change[member] ?? '';
  if (typeof piece !== 'string') throw new StreamFault('the words of a delta are no text');
  return piece;
}

function withText(spoken: JsonObject, text: string): Buffer {
  const change = spoken['delta'];
  if (!isObject(change)) throw new StreamFault('a delta is none');
  const member = DELTA_TEXTS[textOf(change['type'])] ?? 'text';
  return event('content_block_delta', { ...spoken, delta: { ...change, [member]: text } });
}

/** The arguments of a call; what is not strict JSON stays the text that it is, and is refused as that. */
function inputOf(json: string): Json {
  const read = parseStrictJson(Buffer.from(json), { maxBytes: Buffer.byteLength(json) });
  return read.ok ? read.value : json;
}

function isEmptyList(value: Json | undefined): boolean {
  return Array.isArray(value) && value.length === 0;
}
