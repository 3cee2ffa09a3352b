/** A model gateway whose policy allows everything and whose provider says hello, and what is asked of it. */

import type { CanonicalRequest } from '@portcullis/policy/model';
import { allow, type Behaviour, deny, type FakePolicyClient, fakePolicyClient } from './fake-policy-client.js';
import { type LlmHarness, startLlmHarness } from './llm-harness.js';
import { chatCompletion } from './provider-wire.js';
import { answerJson, type RecordingUpstream, recordingUpstream } from './recording-upstream.js';

/** A question in the API of chat completions. */
export const CHAT = { model: 'gpt-4o', messages: [{ role: 'user', content: 'say hello' }], max_tokens: 50 };
/** The same in the API of messages. */
export const MESSAGE = { model: 'claude-sonnet', max_tokens: 50, messages: [{ role: 'user', content: 'say hello' }] };

/** See the file's comment. */
export interface LlmWorld {
  readonly client: FakePolicyClient;
  readonly provider: RecordingUpstream;
  readonly gateway: LlmHarness;
}

/** Starts it. */
export async function startLlmWorld(): Promise<LlmWorld> {
  const client = fakePolicyClient();
  const provider = await recordingUpstream((_request, response) => answerJson(response, chatCompletion('hello')));
  return { client, provider, gateway: await startLlmHarness({ client, url: provider.url }) };
}

/** The one element of a list. @throws Error when there is none, or another */
export function only<T>(list: readonly T[]): T {
  if (list.length !== 1) throw new Error(`${list.length} of what there should be one`);
  return list[0] as T;
}

/** Denies calls of this tool, and allows everything else. */
export function denyTool(name: string): Behaviour {
  return (request: CanonicalRequest) =>
    (request.kind === 'tool_call' && request.tool?.name === name ? deny() : allow())(request);
}
