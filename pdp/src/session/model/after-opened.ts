import type { CanonicalRequest, Json } from '@portcullis/policy/model';
import type { DeclaredTask, Opened } from './events.js';
import { intentsOf } from './intents.js';
import { leavesOf } from './leaves.js';
import { withText } from './memory.js';
import { SESSION_CAPS, type SessionState } from './state.js';
import type { WordCodes } from './words.js';

/** The user and the task that a request comes with; worked out once for as long as they stay the same. */
export function withTaskOf(state: SessionState, { user, context }: CanonicalRequest, codes: WordCodes): SessionState {
  if (user === undefined && context.task === undefined) return state;
  const { prompt, tools, user: seen } = context.task ?? {};
  const task = codes.digest(JSON.stringify([user ?? null, context.task ?? null]));
  if (task === state.task) return state;
  const known = { user: [{ ...user } as unknown as Json, seen ?? null] };
  const said = typeof prompt === 'string' ? { prompt } : {};
  const scope = tools === undefined ? {} : { task: { tools: isTexts(tools) ? tools : [] } };
  return { ...afterOpened(state, { type: 'opened', ...known, ...said, ...scope }, codes), task };
}

function isTexts(value: Json): value is readonly string[] {
  return Array.isArray(value) && value.every((one) => typeof one === 'string');
}

/** The state once the user has spoken. */
export function afterOpened(state: SessionState, { prompt, user, task }: Opened, codes: WordCodes): SessionState {
  let next = state;
  if (prompt !== undefined) {
    const intents = [...new Set([...state.intents, ...intentsOf(prompt)])];
    next = {
      ...next,
      user: withText(next.user, prompt, codes),
      named: withText(next.named, namesIn(prompt), codes),
      intents,
    };
  }
  for (const { text } of user === undefined ? [] : leavesOf(user)) {
    next = { ...next, user: withText(next.user, text, codes), self: withText(next.self, text, codes) };
  }
  const scope = narrowed(state.scope, task);
  return scope === undefined ? next : { ...next, scope };
}

function narrowed(scope: readonly string[] | undefined, task: DeclaredTask | undefined): readonly string[] | undefined {
  if (task?.tools === undefined) return scope;
  const declared = [...new Set(task.tools)];
  if (declared.length > SESSION_CAPS.scopeTools) return [];
  return scope === undefined ? declared : scope.filter((tool) => declared.includes(tool));
}

/** Words with a capital that begin sentences, and name nobody. */
const NO_NAMES =
  /^(?:please|can|could|would|will|should|the|this|that|these|those|what|when|where|who|which|how|why|are|did|does|has|have|had|was|were|may|might|and|but|for|from|with|also|then|after|before|once|there|their|them|they|you|your|our|its|his|her|any|all|not|now|let|get|use|see|thanks|hello|dear|look|check|find|read|show|tell|give|take|summarize|summarise)$/iu;
const CAPITALISED = /(?<![\p{L}\p{N}])\p{Lu}[\p{L}'’-]{2,}/gu;

/** Whom the user may be speaking of: words with a capital that are neither of the kinds of action nor mere grammar. */
function namesIn(prompt: string): string {
  const words = [...prompt.matchAll(CAPITALISED)].map(([word]) => word);
  return words.filter((word) => !NO_NAMES.test(word) && intentsOf(word).length === 0).join(' ');
}
