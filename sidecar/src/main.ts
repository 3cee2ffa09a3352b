#!/usr/bin/env node
/** The sidecar process. */

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { requireNode } from '@portcullis/runtime/node-version';

requireNode();
// One sits beside every agent, so idle memory counts more than peak throughput: loading modules would otherwise grow
// V8's young generation to its maximum and leave it there (measured: 11 of 106 MB). Has to be said before they load.
setFlagsFromString('--semi-space-growth-factor=1');

const { runService } = await import('@portcullis/runtime');
const { composeSidecar } = await import('./compose.js');
const { sidecarConfig } = await import('./config.js');

await runService({
  name: 'sidecar',
  version: '0.1.0',
  schema: sidecarConfig,
  modes: ['mcp'],
  protocolOnStdout: ['mcp'],
  async compose(config, context) {
    const service = await composeSidecar(config, context);
    dropWhatStartingLeft();
    // From here on only calls make it grow, and a sidecar that has many pays up to a fifth of its time for a small one.
    setFlagsFromString('--semi-space-growth-factor=2');
    return service;
  },
});

/**
 * Collects once, pages included, before anybody calls: V8 would keep what loading and composing left behind until calls make
 * the heap grow (measured: 5 of 92 MB with all modules loaded, for 0.1 to 0.2 s of the start).
 */
function dropWhatStartingLeft(): void {
  setFlagsFromString('--expose-gc');
  // Only contexts that are made from here on have it; this one is gone with the call.
  const collect: unknown = runInNewContext('globalThis.gc');
  setFlagsFromString('--no-expose-gc');
  if (typeof collect === 'function') collect({ type: 'major', flavor: 'last-resort', execution: 'sync' });
}
