#!/usr/bin/env node
/** The sidecar process. */

import { runService } from '@portcullis/runtime';
import { composeSidecar } from './compose.js';
import { sidecarConfig } from './config.js';

await runService({
  name: 'sidecar',
  version: '0.1.0',
  schema: sidecarConfig,
  modes: ['mcp'],
  protocolOnStdout: ['mcp'],
  compose: composeSidecar,
});
