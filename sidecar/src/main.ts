#!/usr/bin/env node
/** The sidecar process. */

import { setFlagsFromString } from 'node:v8';

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
    // From here on only calls make it grow, and a sidecar that has many pays up to a fifth of its time for a small one.
    setFlagsFromString('--semi-space-growth-factor=2');
    return service;
  },
});
