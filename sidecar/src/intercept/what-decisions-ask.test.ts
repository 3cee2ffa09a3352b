/** What a decision says beside yes and no, on every surface: its words reach the agent, and what it asks is carried out or refused. */

import { afterEach, describe, expect, test } from '@jest/globals';
import {
  CONDITION_TYPES,
  type ConditionType,
  DECIDE_OUTPUT,
  type Json,
  RECORDED_OBLIGATIONS,
  REPORT_RESULT,
} from '@portcullis/policy/model';
import { type BadInputSurface, START, SURFACE_NAMES, type SurfaceName } from '../testing/bad-input-surfaces.js';
import { CARRIED_OUT } from '../testing/carried-out.js';
import { allow, type Behaviour, deny, fakePolicyClient } from '../testing/fake-policy-client.js';

let surface: BadInputSurface | undefined;
afterEach(() => surface?.close());

/** A request that is in order, under such a decision: the answer, and whether anything has gone upstream. */
async function under(name: SurfaceName, behaviour: Behaviour): Promise<{ answer: string; passed: boolean }> {
  const started = await START[name](fakePolicyClient(behaviour));
  surface = started;
  const { line, host, good } = started;
  // A tunnel is not asked about its bytes, which follow once it is open.
  const body = name === 'connect' ? '' : good;
  const type = body.startsWith('{')
    ? 'Content-Type: application/json\r\nAccept: application/json, text/event-stream\r\n'
    : '';
  const length = name === 'connect' ? '' : `Content-Length: ${Buffer.byteLength(body)}\r\n`;
  const head = `${line} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n${type}${length}\r\n`;
  const said = await started.say(name === 'stdio' ? good : `${head}${good}`);
  // Of the authorize API nothing is upstream, and its own answer is what passes.
  const passed = name === 'authorize' ? said.startsWith('HTTP/1.1 200') : started.reached() > 0;
  return { answer: name === 'stdio' ? said : Buffer.from(said, 'latin1').toString(), passed };
}

describe('what a policy says in a denial, which may be what the agent can do instead, reaches it as it was written', () => {
  const INSTEAD = 'Deleting is not for agents. Use archive("…") instead, or ask the “records” team.';

  test.each(SURFACE_NAMES)('%s', async (name) => {
    const { answer, passed } = await under(name, deny({ message: INSTEAD }));
    // As JSON writes it: bare, and not inside of something that has to be parsed again.
    expect(answer).toContain(JSON.stringify(INSTEAD).slice(1, -1));
    expect([surface?.isOwnError(answer), passed]).toEqual([true, false]);
  });
});

/** A value of each that is in order. */
const VALUES: Readonly<Record<ConditionType, Json>> = {
  rate_limit: { limit: 1 },
  mask_fields: ['arguments.x'],
  redact: { method: 'mask' },
  require_approval: { role: 'r' },
  require_hitl: { group: 'g' },
  time_window: {},
  audit_level: 'full',
  max_tokens: 5,
};

/** Of obligations that are for whoever enforces. */
const OBLIGATIONS = { [REPORT_RESULT]: { max_bytes: 1_000 }, [DECIDE_OUTPUT]: true } as const;

describe.each(SURFACE_NAMES)('over %s what is asked is carried out, or nothing passes', (name) => {
  async function expectRefused(behaviour: Behaviour): Promise<void> {
    const { answer, passed } = await under(name, behaviour);
    expect(answer).toContain('OBLIGATION_UNSUPPORTED');
    expect([surface?.isOwnError(answer), passed]).toEqual([true, false]);
  }

  test.each(CONDITION_TYPES)('%s', async (type) => {
    const behaviour = allow({ conditions: [{ type, value: VALUES[type] }] });
    if (CARRIED_OUT[name].includes(type)) expect((await under(name, behaviour)).passed).toBe(true);
    else await expectRefused(behaviour);
  });

  test.each([REPORT_RESULT, DECIDE_OUTPUT] as const)('the obligation %s', async (type) => {
    const behaviour = allow({ obligations: [{ type, value: OBLIGATIONS[type] }] });
    if (CARRIED_OUT[name].includes(type)) expect((await under(name, behaviour)).passed).toBe(true);
    else await expectRefused(behaviour);
  });

  test('a condition that nobody knows', () =>
    expectRefused(allow({ conditions: [{ type: 'levitate' as ConditionType, value: true }] })));

  test('an obligation that nobody knows', () =>
    expectRefused(allow({ obligations: [{ type: 'levitate', value: true }] })));

  test.each(RECORDED_OBLIGATIONS)('the obligation %s, which a PDP carries out', async (type) => {
    expect((await under(name, allow({ obligations: [{ type, value: true }] }))).passed).toBe(true);
  });
});
