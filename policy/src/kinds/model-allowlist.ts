import type { z } from 'zod';
import { not, oneOf } from './condition-text.js';
import { strictConfig, wildcardNames } from './config-values.js';
import type { PolicyKind } from './kind.js';

const config = () =>
  strictConfig({
    models: wildcardNames('request.model').describe(
      'The models that may be used, as requests name them; wildcards count.',
    ),
  });

/** Seed 003: which models can be used. */
export const MODEL_ALLOWLIST: PolicyKind<z.output<ReturnType<typeof config>>> = {
  type: 'model_allowlist',
  description: 'Only the listed models may be used; a call that names no model violates.',
  actions: ['deny', 'escalate', 'log_only', 'allow'],
  on: ['inference'],
  config,
  example: {
    name: 'Model Allowlist',
    type: 'model_allowlist',
    action: 'deny',
    priority: 20,
    config: { models: ['gpt-4o', 'claude-3.5-sonnet'] },
    enabled: true,
  },
  compile: ({ models }) => ({
    violation: not(oneOf('request.model', models)),
    denial: { code: 'MODEL_NOT_ALLOWED', message: 'this model is not in the allowlist' },
  }),
};
