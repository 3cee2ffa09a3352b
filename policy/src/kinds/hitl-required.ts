import type { z } from 'zod';
import { ATTEMPT_KINDS } from '../model/request.js';
import { any, leaf, oneOf } from './condition-text.js';
import { strictConfig, wildcardNames } from './config-values.js';
import type { PolicyKind } from './kind.js';

const config = () =>
  strictConfig({
    operations: wildcardNames('tool.operation').describe(
      'Operations (tool.operation or request.action; wildcards count) or kinds of attempt.',
    ),
  });

/** Seed 003: operations that need a human. */
export const HITL_REQUIRED: PolicyKind<z.output<ReturnType<typeof config>>> = {
  type: 'hitl_required',
  description: 'The listed operations need the approval of a human.',
  actions: ['escalate', 'deny', 'log_only'],
  config,
  example: {
    name: 'Human approval',
    type: 'hitl_required',
    action: 'escalate',
    priority: 15,
    config: { operations: ['delete', 'inference'] },
    enabled: true,
  },
  compile: ({ operations }) => {
    const kinds = ATTEMPT_KINDS.filter((kind) => operations.includes(kind));
    return {
      violation: any([
        oneOf('tool.operation', operations),
        oneOf('request.action', operations),
        ...(kinds.length === 0 ? [] : [leaf('kind', 'in', kinds)]),
      ]),
      denial: { code: 'HUMAN_APPROVAL_REQUIRED', message: 'this operation needs the approval of a human' },
    };
  },
};
