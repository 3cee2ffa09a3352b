/** Where the pieces of texts are in the events of model APIs' streams. */

import { walkJson } from '@portcullis/policy/content';

/** A piece of a text. */
export interface Delta {
  /** Pieces of one text have one channel. */
  readonly channel: string;
  /** Its JSON string in the data, quotation marks included. */
  readonly start: number;
  readonly end: number;
}

/** Knows the events of one API. */
export interface DeltaAdapter {
  /**
   * The pieces in an event's data, which is valid JSON.
   * `before`: channels that are over when this event comes; `after`: that end with it.
   */
  read(data: string): {
    readonly deltas: readonly Delta[];
    readonly before: readonly string[];
    readonly after: readonly string[];
  };
}

interface Place {
  readonly start: number;
  readonly end: number;
}

/** The strings of a document by their paths, in their order. */
function stringsByPath(data: string): ReadonlyMap<string, readonly Place[]> {
  const places = new Map<string, Place[]>();
  walkJson(data, {
    enter: () => true,
    leaf({ kind, path, start, end }) {
      if (kind !== 'string') return;
      const key = path.join('.');
      places.set(key, [...(places.get(key) ?? []), { start, end }]);
    },
  });
  return places;
}

interface ChatChoice {
  readonly index?: number;
  readonly text?: unknown;
  readonly finish_reason?: unknown;
  readonly delta?: {
    readonly content?: unknown;
    readonly refusal?: unknown;
    readonly reasoning_content?: unknown;
    readonly tool_calls?: readonly { readonly index?: number; readonly function?: { readonly arguments?: unknown } }[];
  };
}

const CHAT_TEXTS = ['content', 'refusal', 'reasoning_content'] as const;

/** Chat completions and completions of OpenAI's API, and of those who imitate it. */
export const OPENAI_DELTAS: DeltaAdapter = {
  read(data) {
    const { choices } = JSON.parse(data) as { readonly choices?: readonly ChatChoice[] };
    const places = stringsByPath(data);
    const deltas: Delta[] = [];
    const after: string[] = [];
    const add = (path: string, channels: readonly string[]): void => {
      for (const [nth, place] of (places.get(path) ?? []).entries())
        deltas.push({ channel: channels[nth] ?? path, ...place });
    };
    const each = (choices ?? []).map((choice, at) => ({ choice, name: `${choice.index ?? at}` }));
    for (const text of CHAT_TEXTS) {
      const having = each.filter(({ choice }) => typeof choice.delta?.[text] === 'string');
      add(
        `choices.delta.${text}`,
        having.map(({ name }) => `${name} ${text}`),
      );
    }
    add(
      'choices.text',
      each.filter(({ choice }) => typeof choice.text === 'string').map(({ name }) => `${name} text`),
    );
    const calls = each.flatMap(({ choice, name }) =>
      (choice.delta?.tool_calls ?? [])
        .filter((call) => typeof call.function?.arguments === 'string')
        .map((call, at) => `${name} call ${call.index ?? at}`),
    );
    add('choices.delta.tool_calls.function.arguments', calls);
    for (const { choice, name } of each) if (typeof choice.finish_reason === 'string') after.push(`${name} `);
    return { deltas, before: [], after };
  },
};

/** Messages of Anthropic's API. */
export const ANTHROPIC_DELTAS: DeltaAdapter = {
  read(data) {
    const { type, index = 0 } = JSON.parse(data) as { readonly type?: string; readonly index?: number };
    if (type === 'content_block_stop') return { deltas: [], before: [`${index} `], after: [] };
    if (type !== 'content_block_delta') return { deltas: [], before: [], after: [] };
    const places = stringsByPath(data);
    const deltas = ['text', 'thinking', 'partial_json'].flatMap((name) =>
      (places.get(`delta.${name}`) ?? []).map((place) => ({ channel: `${index} ${name}`, ...place })),
    );
    return { deltas, before: [], after: [] };
  },
};
