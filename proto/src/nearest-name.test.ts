import { describe, expect, test } from '@jest/globals';
import { nearestName } from './nearest-name.js';

const NAMES = ['tenant_id', 'trust_level', 'source', 'mcp_proxy', 'llm_proxy', 'agent'];

describe('nearestName', () => {
  test.each([
    ['another case', 'tenantId', 'tenant_id'],
    ['other separators', 'TENANT-ID', 'tenant_id'],
    ['two letters swapped', 'soruce', 'source'],
    ['a letter missing', 'trust_leve', 'trust_level'],
    ['a beginning', 'mcp', 'mcp_proxy'],
    ['one letter replaced', 'ilm_proxy', 'llm_proxy'],
  ])('guesses through %s', (_name, asked, expected) => {
    expect(nearestName(asked, NAMES)).toBe(expected);
  });

  test.each([
    ['something else', 'colour'],
    ['nothing', ''],
    ['only punctuation', '__'],
    ['a short beginning', 'ag'],
    ['an endless name', 'tenant_id'.repeat(100)],
  ])('does not guess for %s', (_name, asked) => {
    expect(nearestName(asked, NAMES)).toBeUndefined();
  });

  test('has nothing to offer without candidates', () => {
    expect(nearestName('tenant', [])).toBeUndefined();
  });
});
