/** Which parts of an A2A message are content (specification v1.0.0, 4.1; v0.3.0, 6). */

import type { MessageLayout } from './message-layout.js';

/** Set by the protocol's machinery: handles, kinds, states, and where and how somebody is to be notified. */
const MACHINERY: ReadonlySet<string> = new Set([
  'acceptedOutputModes',
  'artifactId',
  'configuration',
  'contextId',
  'extensions',
  'historyLength',
  'id',
  'kind',
  'mediaType',
  'messageId',
  'mimeType',
  'nextPageToken',
  'pageToken',
  'pushNotificationConfig',
  'pushNotificationConfigId',
  'referenceTaskIds',
  'role',
  'state',
  'statusTimestampAfter',
  'taskId',
  'taskPushNotificationConfig',
  'tenant',
  'timestamp',
]);
/** What these hold is the agents' own: nothing in it is machinery. */
const OPEN: ReadonlySet<string> = new Set(['metadata', 'data']);

/** Messages of A2A as JSON-RPC. */
export const A2A_LAYOUT: MessageLayout = {
  name: 'a2a',
  isContent(path) {
    const [part = ''] = path;
    if (part === 'error') return path[1] !== 'code';
    if (part !== 'params' && part !== 'result') return false;
    for (const member of path.slice(1)) {
      if (OPEN.has(member)) return true;
      if (MACHINERY.has(member)) return false;
    }
    return true;
  },
  isRouting: () => false,
  roots: { 'tool.arguments': [['params']], arguments: [['params']], output: [['result']], result: [['result']] },
};
