/** Runs a new engine a few times before it is in force, so that no caller pays for its first, uncompiled evaluations. */

import { setImmediate as turn } from 'node:timers/promises';
import type { Engine } from '@portcullis/policy';
import type { CanonicalRequest } from '@portcullis/policy/model';

const ROUNDS = 32;
/** Decisions under the release in force wait no longer, in milliseconds. */
const SLICE_MS = 1;

/** A request that no policy is about; what is said about it is thrown away. */
export const WARM_UP_REQUEST: CanonicalRequest = {
  version: '1.0',
  tenant_id: 'warm-up',
  source: 'mcp_proxy',
  kind: 'tool_call',
  agent: { id: 'warm-up' },
  tool: { server: 'warm-up', name: 'warm-up', operation: 'tools/call', arguments: { path: '/warm-up' } },
  context: { timestamp: '2026-01-01T00:00:00Z', request_id: 'warm-up' },
};

/**
 * As many evaluations in a turn of the event loop as hold no decision up: on a busy machine a turn takes milliseconds, and the
 * new release would wait for each.
 * @throws whatever the engine throws: an engine that cannot evaluate must not be put in force.
 */
export async function warmUp(engine: Engine): Promise<void> {
  let until = performance.now() + SLICE_MS;
  for (let round = 0; round < ROUNDS; round += 1) {
    engine.evaluate(WARM_UP_REQUEST);
    if (performance.now() < until) continue;
    await turn();
    until = performance.now() + SLICE_MS;
  }
}
