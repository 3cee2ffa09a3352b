/** Results that have to be reported before the agent of a stdio wrapper gets them. */

import { afterEach, describe, expect, test } from '@jest/globals';
import { allow } from '../../../testing/fake-policy-client.js';
import { call, createStdioHarness } from '../../../testing/stdio-harness.js';

const { wrap, close } = createStdioHarness();
afterEach(close);

describe('a result that is to be reported', () => {
  const CALL = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'read_file', arguments: { do: '' } } };

  test('is given to the agent once a PDP took it, and to nobody when none did', async () => {
    const wrapped = await wrap();
    wrapped.client.behaviour = allow({ obligations: [{ type: 'report_result', value: { max_bytes: 10_000 } }] });
    wrapped.say(CALL);
    expect(await wrapped.next()).toMatchObject({ id: 1, result: { got: 1 } });
    expect(wrapped.client.reported).toMatchObject([
      { outcome: 'forwarded', result: { value: { got: 1 }, truncated: false, session_id: 'run-1' } },
    ]);
    expect(wrapped.client.settled).toEqual([]);
    wrapped.client.taking = async () => false;
    wrapped.say({ ...CALL, id: 2 });
    expect(await wrapped.next()).toMatchObject({ id: 2, error: { message: expect.stringContaining('recorded') } });
    expect(wrapped.client.settled).toMatchObject([{ outcome: 'upstream_failed' }]);
    expect(wrapped.spoken).toHaveLength(2);
  });
});

test('a notification whose result was to be reported has none, and is settled', async () => {
  const wrapped = await wrap();
  const order = { type: 'report_result', value: { max_bytes: 1000 } } as const;
  wrapped.client.behaviour = allow({ obligations: [order] });
  wrapped.say({ jsonrpc: '2.0', method: 'notifications/initialized' });
  wrapped.say(call(1));
  expect(await wrapped.next()).toMatchObject({ id: 1 });
  expect(wrapped.client.reported).toHaveLength(1);
  expect(wrapped.client.settled).toMatchObject([{ outcome: 'forwarded' }]);
});
