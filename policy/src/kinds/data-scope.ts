import type { z } from 'zod';
import { absent, all, any, not, oneOf, present } from './condition-text.js';
import { strictConfig, wildcardNames } from './config-values.js';
import type { PolicyKind } from './kind.js';

const config = () =>
  strictConfig({
    allowed_stores: wildcardNames('context.store').describe('The stores that may be accessed; wildcards count.'),
    operations: wildcardNames('tool.operation')
      .describe('Operations (tool.operation or request.action) that access a store, so that one must be named.')
      .default(['retrieve', 'write', 'delete']),
  });

/** Seed 003: which stores can be accessed. */
export const DATA_SCOPE: PolicyKind<z.output<ReturnType<typeof config>>> = {
  type: 'data_scope',
  description: 'Only the listed stores may be accessed; an operation on data that names no store violates.',
  actions: ['deny', 'escalate', 'log_only', 'allow'],
  config,
  example: {
    name: 'Data Scope',
    type: 'data_scope',
    action: 'deny',
    priority: 50,
    config: { allowed_stores: ['default', 'production'] },
    enabled: true,
  },
  compile: ({ allowed_stores, operations }) => {
    const allowed = oneOf('context.store', allowed_stores);
    const onData = any([oneOf('tool.operation', operations), oneOf('request.action', operations)]);
    return {
      violation: any([all([present('context.store'), not(allowed)]), all([absent('context.store'), onData])]),
      // What touches no store complies, but this policy is not what allows it.
      compliance: allowed,
      denial: { code: 'STORE_NOT_ALLOWED', message: 'this data store may not be accessed' },
    };
  },
};
