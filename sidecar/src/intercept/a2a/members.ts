/**
 * Members of parameters that one reader takes for what another does not: other letter cases, and the snake_case names
 * that protocol buffers' JSON mapping accepts beside camelCase (protobuf.dev, ProtoJSON). A policy reads one spelling, so
 * no other may pass.
 */

import type { Json, JsonObject } from '@portcullis/policy/model';
import { isObject } from '../mcp/message.js';

const MEMBERS = [
  'acceptedOutputModes',
  'authentication',
  'blocking',
  'bytes',
  'configuration',
  'content',
  'contextId',
  'credentials',
  'data',
  'extensions',
  'file',
  'filename',
  'historyLength',
  'id',
  'includeArtifacts',
  'kind',
  'mediaType',
  'message',
  'messageId',
  'metadata',
  'mimeType',
  'name',
  'pageSize',
  'pageToken',
  'parts',
  'pushNotificationConfig',
  'pushNotificationConfigId',
  'raw',
  'referenceTaskIds',
  'returnImmediately',
  'role',
  'scheme',
  'schemes',
  'status',
  'statusTimestampAfter',
  'taskId',
  'taskPushNotificationConfig',
  'tenant',
  'text',
  'token',
  'uri',
  'url',
] as const;
const BY_FOLD: ReadonlyMap<string, string> = new Map(MEMBERS.map((name) => [fold(name), name]));

/** What these hold is the agents' own, and means nothing to the protocol. */
const OPEN: ReadonlySet<string> = new Set(['metadata', 'data']);

/** Why parameters could be read in two ways; nothing when they cannot. */
export function ambiguity(params: JsonObject): string | undefined {
  for (const [key, value] of Object.entries(params)) {
    const meant = BY_FOLD.get(fold(key));
    if (meant !== undefined && meant !== key) return `a member must be written ${meant}, as A2A does`;
    const inner = OPEN.has(key) ? undefined : inside(value);
    if (inner !== undefined) return inner;
  }
  return undefined;
}

function inside(value: Json): string | undefined {
  if (Array.isArray(value)) {
    for (const element of value as readonly Json[]) {
      const found = inside(element);
      if (found !== undefined) return found;
    }
    return undefined;
  }
  return isObject(value) ? ambiguity(value) : undefined;
}

/** Upper before lower, so that long s and Kelvin sign fold to s and k, as they do in Go's encoding/json. */
function fold(name: string): string {
  return name.replaceAll('_', '').toUpperCase().toLowerCase();
}
