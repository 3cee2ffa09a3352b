/**
 * Redaction of a stream of server-sent events in which texts come in pieces. Events stay as many and in their order, and keep
 * their bytes but for the pieces that change; what was held back of a text comes in an event like its last one before its end.
 */

import {
  applyEdits,
  createTextStream,
  type Edit,
  jsonEdits,
  type RedactionRules,
  type TextStream,
  textEdits,
} from '@portcullis/policy/content';
import { createSseReader, type SseEvent, withData } from '../intercept/http/sse.js';
import type { Delta, DeltaAdapter } from './deltas.js';

/** Redacts events. */
export interface EventRedactor {
  /** What may go on. @throws Error when an event is too large or no UTF-8; the stream is then unusable */
  push(chunk: Uint8Array): readonly Buffer[];
  /** The rest. An event that was begun and not ended is dropped, as browsers do. */
  end(): readonly Buffer[];
}

interface Channel {
  readonly stream: TextStream;
  last: { readonly raw: Buffer; readonly data: string; readonly deltas: readonly Delta[] };
}

/** Starts a stream. */
export function createEventRedactor(options: {
  readonly adapter: DeltaAdapter;
  readonly rules: RedactionRules;
  readonly maxEventBytes: number;
}): EventRedactor {
  const { adapter, rules } = options;
  const reader = createSseReader(options);
  const channels = new Map<string, Channel>();
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

  /** What is left of the channels whose names begin so, each in an event like the last that it had. */
  function finish(prefix: string): readonly Buffer[] {
    const rest: Buffer[] = [];
    for (const [name, { stream, last }] of channels) {
      if (!name.startsWith(prefix)) continue;
      channels.delete(name);
      const text = stream.end();
      if (text === '') continue;
      const edits = last.deltas.map((delta) => piece(delta, delta.channel === name ? text : ''));
      rest.push(withData(last.raw, Buffer.from(applyEdits(last.data, edits))));
    }
    return rest;
  }

  function event({ raw, data: bytes }: SseEvent): readonly Buffer[] {
    if (bytes === undefined || bytes.length === 0) return [raw];
    const data = decoder.decode(bytes);
    if (!isJson(data)) {
      const text = applyEdits(data, textEdits(data, rules));
      return [...finish(''), text === data ? raw : withData(raw, Buffer.from(text))];
    }
    const { deltas, before, after } = adapter.read(data);
    const over = before.flatMap(finish);
    const edits: Edit[] = deltas.map((delta) => {
      const stream = channels.get(delta.channel)?.stream ?? createTextStream(rules);
      channels.set(delta.channel, { stream, last: { raw, data, deltas } });
      const isLast = after.some((prefix) => delta.channel.startsWith(prefix));
      const came = JSON.parse(data.slice(delta.start, delta.end)) as string;
      if (isLast) channels.delete(delta.channel);
      return piece(delta, stream.push(came) + (isLast ? stream.end() : ''), came);
    });
    const left = after.flatMap(finish);
    const others = jsonEdits(data, { rules }).filter(
      ({ start, end }) => !deltas.some((d) => start >= d.start && end <= d.end),
    );
    const all = [...edits.filter(({ type }) => type === CHANGED), ...others].toSorted((a, b) => a.start - b.start);
    const given = all.length === 0 ? raw : withData(raw, Buffer.from(applyEdits(data, all)));
    return [...over, ...left, given];
  }

  return {
    push: (chunk) => reader.push(chunk).flatMap(event),
    end: () => finish(''),
  };
}

const CHANGED = 'changed';

function piece({ start, end }: Delta, text: string, came?: string): Edit {
  return { start, end, type: text === came ? '' : CHANGED, text: JSON.stringify(text) };
}

function isJson(data: string): boolean {
  try {
    return typeof JSON.parse(data) === 'object';
  } catch {
    return false;
  }
}
