/** Definitions of tools, behind the stdio wrapper. */

import { afterEach, describe, expect, test } from '@jest/globals';
import { denyOnly, fail } from '../../../testing/fake-policy-client.js';
import { call, createStdioHarness } from '../../../testing/stdio-harness.js';

const { wrap, close } = createStdioHarness();
afterEach(close);

describe('definitions of tools', () => {
  const list = (id: number) => ({ jsonrpc: '2.0', id, method: 'tools/list', params: {} });
  const namesOf = (answer: Record<string, unknown>): unknown =>
    (answer['result'] as { tools: { name: string }[] }).tools.map(({ name }) => name);

  test('are listed before the first call, which is asked with a digest, and the agent sees one answer', async () => {
    const wrapped = await wrap({ definitions: {} });
    wrapped.say(call(1));
    expect(await wrapped.next()).toMatchObject({ id: 1, result: { got: 2 } });
    expect(wrapped.client.asked.map(({ tool }) => [tool?.operation, tool?.definition_digest?.length])).toEqual([
      ['tools/list', undefined],
      ['tools/call', 64],
    ]);
    expect(wrapped.spoken).toHaveLength(1);
  });

  test('decide what is in a list; a changed one is not, nor is it called', async () => {
    const wrapped = await wrap({ definitions: {} });
    wrapped.client.behaviour = denyOnly('tools/list', 'delete');
    wrapped.say(list(1));
    expect(namesOf(await wrapped.next())).toEqual(['read']);
    for (const id of [2, 3]) {
      wrapped.say(call(id));
      await wrapped.next();
    }
    wrapped.say(list(4));
    expect(namesOf(await wrapped.next())).toEqual([]);
    wrapped.say(call(5));
    expect(await wrapped.next()).toMatchObject({
      id: 5,
      error: { data: { code: 'TOOL_QUARANTINED', reason_code: 'TOOL_DEFINITION_CHANGED' } },
    });
  });

  test('that cannot be had make a call fail closed', async () => {
    const wrapped = await wrap({ definitions: {} });
    wrapped.client.behaviour = denyOnly('tools/list');
    wrapped.say(call(1));
    expect(await wrapped.next()).toMatchObject({ error: { data: { reason_code: 'TOOL_DEFINITION_UNSEEN' } } });
    wrapped.client.behaviour = fail('PDP_UNAVAILABLE');
    wrapped.say(call(2));
    expect(await wrapped.next()).toMatchObject({ id: 2, error: { code: -31503, data: { code: 'PDP_UNAVAILABLE' } } });
  });
});
