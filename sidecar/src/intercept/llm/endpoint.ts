/** What is known of one endpoint of an API: how to read what is asked, what is answered, and what is streamed. */

import type { Json, JsonObject } from '@portcullis/policy/model';
import type { SseEvent } from '../http/sse.js';
import type { Api } from './config.js';
import type { AnswerFilter } from './content-filters.js';
import type { Operation } from './routes.js';

/** A tool that a request offers to the model. */
export interface OfferedTool {
  /** Who carries it out: the agent, or the provider while it answers (a search, a connection to an MCP server). */
  readonly by: 'agent' | 'provider';
  readonly name: string;
  readonly definition: JsonObject;
}

/** A request as it was read. */
export interface Asked {
  readonly model: string;
  readonly stream: boolean;
  /** Tokens that all answers together may have; nothing when the request does not say. */
  readonly maxTokens: number | undefined;
  readonly tools: readonly OfferedTool[];
  /** The members that say something to the model. */
  readonly content: JsonObject;
  /** The other ones, without model, stream and limits. */
  readonly params: JsonObject;
}

/** Why a request is not acceptable. */
export interface Unacceptable {
  readonly message: string;
  readonly param: string;
}

/** Tokens, as the provider counts them. */
export interface Usage {
  readonly input: number;
  readonly output: number;
}

/** A call that a model proposes; the agent would carry it out. */
export interface ProposedCall {
  readonly id: string;
  readonly name: string;
  /** JSON as text, or an object. */
  readonly arguments: Json;
  /** Whether it is none of the kinds that are known here: its arguments are then all that it says. */
  readonly isOfOtherKind?: boolean;
}

/** An answer that came whole. */
export interface Answer {
  /** Everything that it says in words. */
  readonly text: string;
  readonly calls: readonly ProposedCall[];
  readonly usage: Usage | undefined;
  /** The answer with these calls replaced by texts. */
  replaced(refused: ReadonlyMap<ProposedCall, string>): JsonObject;
}

/** What a stream is read with. */
export interface StreamTools extends AnswerFilter {
  /** The same as `whole`, for what is decided as a call: it is no part of what the answer says. */
  readonly ofCall: AnswerFilter['whole'];
  /** Told of words that go on with a call, and are not decided as such; they have been changed already. */
  beside(text: string): void;
  /** Nothing when the agent may have the call; otherwise what it is told instead. */
  decide(call: ProposedCall): Promise<string | undefined>;
}

/** Reads one stream. */
export interface StreamReader {
  /**
   * Takes the next event, and gives the bytes that go on.
   * @throws StreamFault when it is none of this API
   */
  push(event: SseEvent): Promise<readonly Buffer[]>;
  /** What the provider has counted so far. */
  readonly usage: Partial<Usage>;
  /** Whether the answer is whole. */
  readonly ended: boolean;
  /** Ends the answer here, as though its limit of tokens were reached. */
  cut(): readonly Buffer[];
}

/** A stream that breaks its protocol. The message says nothing of its content. */
export class StreamFault extends Error {}

/** An endpoint. */
export interface Endpoint {
  readonly api: Api;
  readonly operation: Operation;
  /** `request.action`. */
  readonly action: 'chat' | 'embed' | 'count_tokens';
  read(body: JsonObject): Asked | Unacceptable;
  /** The request as it is forwarded: with the provider's name of the model, and usage asked for where that is wanted. */
  prepared(body: JsonObject, options: { readonly model: string; readonly streamUsage: boolean }): JsonObject;
  /** The same request with a lower limit; nothing when it cannot be lowered to that. */
  limited(body: JsonObject, maxTokens: number): JsonObject | undefined;
  /** Nothing when it is no answer of this API. */
  answer(value: JsonObject): Answer | undefined;
  /** The member of an answer that has what the model said. */
  readonly said: string;
  /** Absent where nothing is streamed. */
  stream?(options: { readonly tools: StreamTools; readonly wantsUsage: boolean }): StreamReader;
}

/** Whether the request could be read. */
export function isAsked(read: Asked | Unacceptable): read is Asked {
  return 'model' in read;
}
