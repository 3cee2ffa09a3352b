/** Two users of one agent who make the same call: each waits for people of his own. */

import { afterEach, expect, test } from '@jest/globals';
import { createBehalfReader } from '../../../behalf/behalf.js';
import { behalfConfig } from '../../../behalf/config.js';
import { userTokenOf } from '../../../behalf/user-token.js';
import { decisionOn } from '../../../testing/fake-policy-client.js';
import { createHeldPayments, last, until } from '../../../testing/held-payments.js';

const { start, close } = createHeldPayments();
afterEach(close);

test('an attempt for one user does not take the place of another’s', async () => {
  const behalf = createBehalfReader(behalfConfig.parse({ userToken: { header: 'x-user' } }), {});
  const { client, harness, calls } = await start({}, {}, behalf);
  const agreed = new Set<string>();
  client.behaviour = (request) => {
    const user = userTokenOf(request)?.secret ?? '';
    if (agreed.has(user)) return { kind: 'decision', decision: decisionOn(request) };
    const value = { approval_id: `for-${user}`, role: 'treasurer' };
    const deny = [{ code: 'APPROVAL_REQUIRED' as const, message: 'held', path: '' }];
    const conditions = [{ type: 'require_approval' as const, value }];
    return { kind: 'decision', decision: decisionOn(request, { allow: false, effect: 'hold', deny, conditions }) };
  };
  const params = { name: 'pay', arguments: { to: 'bob' } };
  const pay = (id: number, user: string) =>
    harness.post({ jsonrpc: '2.0', id, method: 'tools/call', params }, ['mcp-session-id', 's-1', 'x-user', user]);
  const first = pay(1, 'a.a.a');
  await until(() => harness.news.waiting === 1);
  const second = pay(2, 'b.b.b');
  await until(() => harness.news.waiting === 2);
  agreed.add('a.a.a').add('b.b.b');
  harness.news.told('pdp-1', 1);
  expect([last(await first).result, last(await second).result]).toEqual([expect.anything(), expect.anything()]);
  expect(calls()).toBe(2);
});
