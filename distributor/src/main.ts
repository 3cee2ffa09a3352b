#!/usr/bin/env node
/** The distributor's process. */

import { runService } from '@portcullis/runtime';
import { composeDistributor } from './compose.js';
import { distributorConfig } from './config.js';

await runService({
  name: 'distributor',
  schema: distributorConfig,
  compose: (config, context) => composeDistributor(config, context),
});
