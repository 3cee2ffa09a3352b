/** OpenAI: `POST /v1/chat/completions`. */

import type { Json, JsonObject } from '@portcullis/policy/model';
import { definitionsOf, nameOf, type Reading, readAsked, withLimit } from './asked.js';
import { contentOf } from './content.js';
import { createChatStream } from './deltas-openai-chat.js';
import type { Answer, Endpoint, OfferedTool, ProposedCall, Unacceptable } from './endpoint.js';
import { isObject, objectsOf, textOf } from './json-values.js';
import { besideCall, callOf, finishWithoutCalls, isEnd, usageOf } from './openai-values.js';

const READING: Reading = {
  content: ['messages', 'tools', 'functions', 'prediction', 'response_format', 'web_search_options'],
  limits: ['max_tokens', 'max_completion_tokens'],
  required: ['messages'],
  choices: 'n',
  tools: offeredTools,
};

/** The endpoint. */
export const CHAT_COMPLETIONS: Endpoint = {
  api: 'openai',
  operation: 'chat.completions',
  action: 'chat',
  read: (body) => readAsked(body, READING),
  prepared(body, { model, streamUsage }) {
    const prepared = { ...body, model };
    if (body['stream'] !== true || !streamUsage) return prepared;
    const given = body['stream_options'];
    return { ...prepared, stream_options: { ...(isObject(given) ? given : {}), include_usage: true } };
  },
  limited: (body, maxTokens) => withLimit(body, READING, maxTokens, 'max_completion_tokens'),
  said: 'choices',
  answer: readAnswer,
  stream: createChatStream,
};

function offeredTools(body: JsonObject): readonly OfferedTool[] | Unacceptable {
  const tools = definitionsOf(body, 'tools');
  if ('param' in tools) return tools;
  const functions = definitionsOf(body, 'functions');
  if ('param' in functions) return functions;
  const search = body['web_search_options'];
  return [
    ...tools.map((definition): OfferedTool => {
      const type = textOf(definition['type']);
      if (type === 'function' || type === 'custom') return { by: 'agent', name: nameOf(definition, type), definition };
      return { by: 'provider', name: type, definition };
    }),
    ...functions.map((definition): OfferedTool => ({ by: 'agent', name: nameOf(definition), definition })),
    ...(isObject(search) ? [{ by: 'provider', name: 'web_search', definition: search } as const] : []),
  ];
}

interface Choice {
  readonly value: JsonObject;
  readonly message: JsonObject;
  readonly entries: readonly { readonly entry: JsonObject; readonly call: ProposedCall }[];
  readonly legacy: ProposedCall | undefined;
}

function readAnswer(value: JsonObject): Answer | undefined {
  const choices = objectsOf(value['choices'])?.map(readChoice);
  if (choices === undefined || choices.some((choice) => choice === undefined)) return undefined;
  const read = choices as readonly Choice[];
  return {
    text: read.map(wordsOf).join('\n'),
    calls: read.flatMap(({ entries, legacy }) => [
      ...entries.map(({ call }) => call),
      ...(legacy === undefined ? [] : [legacy]),
    ]),
    usage: usageOf(value['usage']),
    replaced: (refused) => ({ ...value, choices: read.map((choice) => withoutCalls(choice, refused)) }),
  };
}

function readChoice(value: JsonObject): Choice | undefined {
  const { message } = value;
  if (!isObject(message)) return undefined;
  const listed = objectsOf(message['tool_calls'] ?? []);
  if (listed === undefined) return undefined;
  const entries = listed.map((entry) => ({ entry, call: callOf(entry) }));
  const { function_call: old } = message;
  const legacy = isObject(old) ? callOf(old) : undefined;
  if (entries.some(({ call }) => call === undefined) || (isObject(old) && legacy === undefined)) return undefined;
  return { value, message, entries: entries as Choice['entries'], legacy };
}

/** Everything that a choice says besides its calls, some of it perhaps beside its message. */
function wordsOf({ value, message: said, entries, legacy }: Choice): string {
  const { tool_calls: _calls, function_call: old, ...message } = said;
  const { message: _message, finish_reason: finish, logprobs: _logprobs, ...beside } = value;
  const calls = [...entries.map(({ entry }) => entry), ...(legacy !== undefined && isObject(old) ? [old] : [])];
  const more = [contentOf(isEnd(finish) ? beside : [beside, finish ?? null]).query, ...calls.map(besideCall)];
  return [contentOf(message).query, ...more.filter((words) => words !== '')].join('\n');
}

function withoutCalls({ value, message, entries, legacy }: Choice, refused: ReadonlyMap<ProposedCall, string>): Json {
  const notices = [...entries.map(({ call }) => call), ...(legacy === undefined ? [] : [legacy])].flatMap((call) => {
    const notice = refused.get(call);
    return notice === undefined ? [] : [notice];
  });
  if (notices.length === 0) return value;
  const { tool_calls: _calls, function_call: _call, ...rest } = message;
  const left = entries.filter(({ call }) => !refused.has(call)).map(({ entry }) => entry);
  const keepsLegacy = legacy !== undefined && !refused.has(legacy);
  const said = textOf(message['content']);
  return {
    ...value,
    message: {
      ...rest,
      content: [...(said === '' ? [] : [said]), ...notices].join('\n'),
      ...(left.length === 0 ? {} : { tool_calls: left }),
      ...(keepsLegacy ? { function_call: message['function_call'] ?? null } : {}),
    },
    finish_reason:
      left.length > 0 || keepsLegacy ? (value['finish_reason'] ?? null) : finishWithoutCalls(value['finish_reason']),
  };
}
