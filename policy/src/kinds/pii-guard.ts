import type { z } from 'zod';
import { checkedFields, matchesSomewhere, patternTexts } from './checked-texts.js';
import { strictConfig } from './config-values.js';
import type { PolicyKind } from './kind.js';

const config = () =>
  strictConfig({
    patterns: patternTexts().describe('RE2 patterns of personal data; upper and lower case differ.'),
    check_fields: checkedFields()
      .describe('The texts that are searched: query, output, arguments, or the path of any field.')
      .default(['output']),
  });

/** Seed 003: finds personal data in outputs. */
export const PII_GUARD: PolicyKind<z.output<ReturnType<typeof config>>> = {
  type: 'pii_guard',
  description: 'No output may hold personal data that a pattern recognises.',
  actions: ['deny', 'escalate', 'log_only', 'allow'],
  config,
  example: {
    name: 'PII Output Guard',
    type: 'pii_guard',
    action: 'log_only',
    priority: 40,
    config: { patterns: ['\\b\\d{3}-\\d{2}-\\d{4}\\b'] },
    enabled: true,
  },
  compile: ({ patterns, check_fields }) => ({
    violation: matchesSomewhere(check_fields, { patterns }),
    denial: { code: 'PII_DETECTED', message: 'the content holds personal data' },
  }),
};
