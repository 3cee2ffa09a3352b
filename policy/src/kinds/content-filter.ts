import { z } from 'zod';
import { checkedFields, matchesSomewhere, patternTexts } from './checked-texts.js';
import { strictConfig } from './config-values.js';
import type { PolicyKind } from './kind.js';

const config = () =>
  strictConfig({
    patterns: patternTexts().describe('RE2 patterns; one that matches anywhere in a text violates.'),
    check_fields: checkedFields()
      .describe('The texts that are searched: query, output, arguments, or the path of any field.')
      .default(['query', 'output', 'arguments']),
    case_sensitive: z.boolean().describe('Whether upper and lower case differ.').default(false),
  });

/** Seed 003: blocks texts that match patterns. */
export const CONTENT_FILTER: PolicyKind<z.output<ReturnType<typeof config>>> = {
  type: 'content_filter',
  description: 'No searched text may match a pattern.',
  actions: ['deny', 'escalate', 'log_only', 'allow'],
  config,
  example: {
    name: 'Content Filter',
    type: 'content_filter',
    action: 'deny',
    priority: 30,
    config: { patterns: ['password', 'secret'], check_fields: ['query', 'output'] },
    enabled: true,
  },
  compile: ({ patterns, check_fields, case_sensitive }) => ({
    violation: matchesSomewhere(check_fields, { patterns, case_insensitive: !case_sensitive }),
    denial: { code: 'CONTENT_FILTERED', message: 'the content matches a pattern that is not allowed' },
  }),
};
