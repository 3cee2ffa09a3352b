/** Takes in what PDPs report over a channel. */

import { setTimeout as pause } from 'node:timers/promises';
import { NODE_STATUS_SUBJECT, parseNodeStatus } from '@portcullis/policy/trust';
import type { Logger, Task } from '@portcullis/runtime';
import { LOG_FIELD } from '@portcullis/runtime';
import type { ChannelWriter } from '@portcullis/runtime/channel';
import type { DistributorMetrics } from '../metrics.js';
import type { NodeRegistry } from './registry.js';

/** Before a channel whose messages ended is listened to again, in milliseconds. */
const RETRY_MS = 1_000;

/** Records statuses as they come. What is not a status is counted and dropped. */
export function receiveTask(
  channel: Pick<ChannelWriter, 'transport' | 'receive'>,
  parts: {
    readonly nodes: NodeRegistry;
    readonly metrics: Pick<DistributorMetrics, 'receivedStatus' | 'nodes'>;
    readonly log: Logger;
  },
): Task {
  const { nodes, metrics, log } = parts;
  const record = (message: Uint8Array): void => {
    const status = parseNodeStatus(message);
    metrics.receivedStatus(status.ok);
    if (status.ok) nodes.record(status.value);
    const rows = nodes.rows();
    const live = rows.filter((row) => row.live).length;
    metrics.nodes(live, rows.length - live);
  };
  return {
    name: `statuses over ${channel.transport}`,
    async run(signal) {
      while (!signal.aborted) {
        try {
          for await (const message of channel.receive(NODE_STATUS_SUBJECT, signal)) record(message);
        } catch (error: unknown) {
          log.warn({ [LOG_FIELD.error]: error, [LOG_FIELD.transport]: channel.transport }, 'Statuses not received');
        }
        await pause(RETRY_MS, undefined, { signal }).catch(() => undefined);
      }
    },
  };
}
