import { describe, expect, test } from '@jest/globals';
import { formatProblem } from '@portcullis/policy/model';
import { readRequests } from './read-requests.js';

const request = (id: string): string =>
  JSON.stringify({
    version: '1.0',
    tenant_id: 't',
    source: 'sdk',
    agent: { id },
    context: { timestamp: '2026-01-01T00:00:00Z', request_id: 'r' },
  });
const idsOf = (text: string): readonly string[] => {
  const requests = readRequests(new TextEncoder().encode(text), 'r.json');
  return requests.ok ? requests.value.map(({ agent }) => agent.id) : requests.problems.map(formatProblem);
};

describe('reading requests', () => {
  test.each<[string, string, readonly string[]]>([
    ['one', request('a'), ['a']],
    ['a list', `[${request('a')}, ${request('b')}]`, ['a', 'b']],
    ['one per line', `${request('a')}\n\n${request('b')}\n`, ['a', 'b']],
    [
      'none',
      '[]',
      [
        'r.json: the file has no requests: expected one as JSON, a JSON list of them, or one per line (ERR_REQUEST_JSON)',
      ],
    ],
  ])('%s', (_name, text, expected) => {
    expect(idsOf(text)).toEqual(expected);
  });

  test.each([
    ['a list with one that is none', `[${request('a')}, {}]`, /^r\.json \[1\]\.version: is required/],
    ['a line that is none', `${request('a')}\n{}\n`, /^r\.json:2 version: is required/],
    ['a line that is no JSON', `${request('a')}\n{\n`, /^r\.json:2: .* of the line \(ERR_REQUEST_JSON\)/],
    ['no JSON', 'hello', /^r\.json: .* at byte \d+ \(ERR_REQUEST_JSON\)/],
    ['nothing', '', /^r\.json: .*\(ERR_REQUEST_JSON\)/],
    ['keys twice', '{"version":"1.0","version":"1.0"}', /^r\.json: .*\(ERR_REQUEST_JSON\)/],
  ])('%s', (_name, text, expected) => {
    expect(idsOf(text)[0]).toMatch(expected);
  });
});
