import { afterEach, describe, expect, test } from '@jest/globals';
import { CALL, createA2aHarness } from '../../testing/a2a-harness.js';

const { started, close } = createA2aHarness();
afterEach(close);

describe('the chain of delegation', () => {
  const LINK = { agent: 'acme/planner', decision_id: 'd-1' };
  const chain = (...links: object[]) => JSON.stringify({ version: 1, chain: links });

  test('is read, told to policies, and handed on with this agent and its decision', async () => {
    const { send, policy, posts } = await started();
    await send(CALL, { headers: ['portcullis-delegation', chain(LINK)] });
    expect(policy.asked[0]?.context.delegation).toEqual({
      depth: 1,
      agents: ['acme/planner'],
      chain: [LINK],
      asserted_by: 'agent',
    });
    const sent = JSON.parse(String(posts()[0]?.headers['portcullis-delegation'])) as unknown;
    expect(sent).toEqual({
      version: 1,
      chain: [LINK, { agent: 'acme/agent-7', decision_id: expect.stringContaining('decision-') }],
    });
  });

  test('is not told to a peer that is not to know it', async () => {
    const { send, posts } = await started({ peer: { delegationHeader: false } });
    await send(CALL, { headers: ['portcullis-delegation', chain(LINK)] });
    expect(posts()[0]?.headers).not.toHaveProperty('portcullis-delegation');
  });

  test.each([
    ['goes round in a circle', chain({ agent: 'acme/agent-7', decision_id: 'd' })],
    ['is too long', chain(LINK, LINK, LINK)],
    ['is no JSON', 'acme/planner'],
    ['is of another version', '{"version":2,"chain":[]}'],
    ['has another member', '{"version":1,"chain":[],"depth":0}'],
    ['has a key twice', '{"version":1,"chain":[],"chain":[]}'],
    ['names no agent', chain({ agent: 'planner', decision_id: 'd' })],
    ['names no decision', chain({ agent: 'acme/planner' })],
  ])('that %s is refused unasked', async (_what, header) => {
    const { send, policy, posts } = await started({ depth: 2 });
    const { json } = await send(CALL, { headers: ['portcullis-delegation', header] });
    expect(json.error?.message).toContain('portcullis-delegation');
    expect([policy.asked, posts()]).toEqual([[], []]);
  });
});
