/** What an attempt was after, as its record says it, in a few words for people. */

import type { Json, JsonObject } from '@portcullis/policy/model';

/** `server/tool`, the place or model or other agent that it would reach, or the server alone; empty where the record names nothing. */
export function calledText(record: JsonObject): string {
  const { server, name } = object(record['tool']);
  const called = joined('/', server, name);
  const reached = reachedText(object(record['target']));
  // Without a tool the server only says once more what is reached.
  if (reached === '' || called === reached) return called;
  return name === undefined ? reached : `${called} ${reached}`;
}

/** The operation, or the method of a connection; empty where the record names neither. */
export function operationText(record: JsonObject): string {
  return text(object(record['tool'])['operation']) || text(object(record['target'])['method']);
}

/** `risk REVIEW 0.62 burst unknown_destination`; empty where none was assessed. */
export function riskText(record: JsonObject): string {
  if (record['risk'] === undefined) return '';
  const { decision, score, signals } = object(record['risk']);
  const names = Array.isArray(signals) ? (signals as readonly Json[]) : [];
  return joined(' ', 'risk', decision, typeof score === 'number' ? String(score) : undefined, ...names);
}

function reachedText({ host, model, peer, port, provider, scheme, skill }: JsonObject): string {
  const at = typeof port === 'number' ? `${text(host)}:${port}` : text(host);
  const place = text(scheme) === '' ? at : `${text(scheme)}://${at}`;
  return joined(' ', at === '' ? undefined : place, joined('/', provider, model), joined('/', peer, skill));
}

function joined(between: string, ...parts: readonly (Json | undefined)[]): string {
  return parts
    .map(text)
    .filter((part) => part !== '')
    .join(between);
}

function object(value: Json | undefined): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {};
}

function text(value: Json | undefined): string {
  return typeof value === 'string' ? value : '';
}
