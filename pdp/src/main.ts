#!/usr/bin/env node
/** The PDP's process. */

import { runService } from '@portcullis/runtime';
import { composePdp } from './compose.js';
import { pdpConfig } from './config.js';

await runService({ name: 'pdp', version: '0.1.0', schema: pdpConfig, compose: composePdp });
