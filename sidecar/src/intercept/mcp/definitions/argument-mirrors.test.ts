/** Headers that repeat arguments, where the tool's schema says which. */

import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { fakePolicyClient } from '../../../testing/fake-policy-client.js';
import { type Harness, startHarness } from '../../../testing/proxy-harness.js';
import { answerJson, echo, type RecordingUpstream, recordingUpstream } from '../../../testing/recording-upstream.js';
import { differingMirror } from './argument-mirrors.js';

const SCHEMA = {
  type: 'object',
  properties: {
    region: { type: 'string', 'x-mcp-header': 'Region' },
    level: { type: 'integer', 'x-mcp-header': 'Level' },
    dry: { type: 'boolean', 'x-mcp-header': 'Dry' },
    query: { type: 'string' },
    where: { type: 'object', properties: { zone: { type: 'string', 'x-mcp-header': 'Zone' } } },
  },
};
const ARGS = { region: 'eu', level: 42, dry: false, query: 'us', where: { zone: 'b' } };

describe('a header', () => {
  test.each([
    ['mcp-param-region', 'eu'],
    ['mcp-param-region', '=?base64?ZXU=?='],
    ['mcp-param-level', '42'],
    ['mcp-param-level', '42.0'],
    ['mcp-param-dry', 'false'],
    ['mcp-param-zone', 'b'],
    ['mcp-param-unknown', 'us'],
    ['x-other', 'us'],
  ])('%s: %s repeats its argument, or none that is known', (name, value) => {
    expect(differingMirror(SCHEMA, ARGS, { [name]: value })).toBeUndefined();
  });

  test.each([
    ['mcp-param-region', 'us'],
    ['mcp-param-region', '=?base64?dXM=?='],
    ['mcp-param-region', '=?base64?%%%?='],
    ['mcp-param-level', '0x2a'],
    ['mcp-param-level', ''],
    ['mcp-param-dry', 'true'],
    ['mcp-param-zone', 'eu'],
  ])('%s: %s does not', (name, value) => {
    expect(differingMirror(SCHEMA, ARGS, { [name]: value })).toBe(name);
  });

  test.each([[{ region: null }], [{}], [{ where: 'b' }]])('has nothing to repeat in %j', (args) => {
    expect(differingMirror(SCHEMA, args, { 'mcp-param-region': 'null' })).toBe('mcp-param-region');
    expect(differingMirror(SCHEMA, args, { 'mcp-param-zone': 'b' })).toBe('mcp-param-zone');
  });

  test('is of no argument that lies in a list, or is only referred to', () => {
    const odd = { items: { 'x-mcp-header': 'A' }, allOf: [{ properties: { a: { 'x-mcp-header': 'A' } } }] };
    expect(differingMirror({ properties: { list: odd } }, { list: ['x'] }, { 'mcp-param-a': 'x' })).toBeUndefined();
  });
});

describe('a call', () => {
  const client = fakePolicyClient();
  const META = { 'io.modelcontextprotocol/protocolVersion': '2026-07-28' };
  let upstream: RecordingUpstream;
  let harness: Harness;

  beforeEach(async () => {
    upstream = await recordingUpstream((request, response) => {
      const { id, method } = JSON.parse(request.body) as { id: number; method: string };
      if (method !== 'tools/list') return echo(request, response);
      const tools = [{ name: 'ask', inputSchema: SCHEMA }];
      return answerJson(response, { jsonrpc: '2.0', id, result: { resultType: 'complete', tools } });
    });
    harness = await startHarness({ client, upstreamUrl: upstream.url, definitions: { unseen: 'list' } });
  });
  afterEach(async () => {
    await harness.close();
    await upstream.close();
  });

  const call = (region: string) =>
    harness.post(
      { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'ask', arguments: ARGS, _meta: META } },
      [
        ...['mcp-protocol-version', '2026-07-28', 'mcp-method', 'tools/call', 'mcp-name', 'ask'],
        ...['mcp-param-region', region],
      ],
    );
  const calls = () => upstream.requests.filter(({ body }) => body.includes('tools/call'));

  test('whose header has the value of another argument goes nowhere', async () => {
    const refused = await call('us');
    expect([refused.status, refused.json.error?.code]).toEqual([400, -32020]);
    expect(calls()).toEqual([]);
    expect(client.unasked.at(-1)).toMatchObject({ code: 'REQUEST_INVALID', target: { server: 'files', name: 'ask' } });
  });

  test('goes with a header that has its own', async () => {
    expect((await call('eu')).status).toBe(200);
    expect(calls()[0]?.headers['mcp-param-region']).toBe('eu');
  });
});
