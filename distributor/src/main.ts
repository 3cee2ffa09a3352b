#!/usr/bin/env node
/** The distributor's process. */

import { requireNode } from '@portcullis/runtime/node-version';

requireNode();
const { runService } = await import('@portcullis/runtime');
const { composeDistributor } = await import('./compose.js');
const { distributorConfig } = await import('./config.js');

await runService({
  name: 'distributor',
  schema: distributorConfig,
  compose: (config, context) => composeDistributor(config, context),
});
