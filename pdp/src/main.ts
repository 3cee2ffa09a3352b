#!/usr/bin/env node
/** The PDP's process. */

import { requireNode } from '@portcullis/runtime/node-version';

requireNode();
const { runService } = await import('@portcullis/runtime');
const { composePdp } = await import('./compose.js');
const { pdpConfig } = await import('./config.js');

await runService({ name: 'pdp', version: '0.1.0', schema: pdpConfig, compose: composePdp });
