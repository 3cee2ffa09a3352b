/** What happens to a decision that somebody is stopped after: while it is on its way, and while names are looked for. */

import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createRegistry, systemClock } from '@portcullis/runtime';
import { createSidecarMetrics } from '../metrics.js';
import { redactionConfig } from '../redact/config.js';
import { type OpenedRedactor, openRedactor } from '../redact/open.js';
import {
  allow,
  type Behaviour,
  deny,
  type FakePolicyClient,
  fail,
  fakePolicyClient,
} from '../testing/fake-policy-client.js';
import { type FakePresidio, startFakePresidio } from '../testing/fake-presidio.js';
import { memoryLog } from '../testing/proxy-harness.js';
import { BY_REDACTOR } from './capabilities.js';
import { type Attempt, createGuard, type Guard } from './guard.js';
import { createOpenAttempts, type OpenAttempts } from './open-attempts.js';
import { createRefuser } from './refuse.js';

const ATTEMPT: Attempt = {
  request: {
    version: '1.0',
    tenant_id: 'acme',
    agent: { id: 'a' },
    context: { timestamp: '2026-01-01T00:00:00Z', request_id: 'r' },
  } as Attempt['request'],
  server: 'mail',
  direction: 'client_to_server',
  payload: JSON.stringify({
    jsonrpc: '2.0',
    id: 1,
    method: 'tools/call',
    params: { name: 'x', arguments: { a: 'b' } },
  }),
};
let presidio: FakePresidio;
let redactor: OpenedRedactor;
let client: FakePolicyClient;
let open: OpenAttempts;
let guard: Guard;

beforeEach(async () => {
  presidio = await startFakePresidio();
  const metrics = createSidecarMetrics(createRegistry('portcullis_sidecar'));
  const { log } = memoryLog();
  redactor = await openRedactor(redactionConfig.parse({ ner: { url: presidio.url } }), {
    clock: systemClock,
    observer: metrics,
  });
  client = fakePolicyClient(allow({ conditions: [{ type: 'redact', value: { ner: true } }] }));
  open = createOpenAttempts({ client, log, backstopMs: 500 });
  guard = createGuard({
    client,
    open,
    redactor,
    refuser: createRefuser({ source: 'mcp_proxy', log, observer: metrics, records: client }),
    clock: systemClock,
    backstopMs: 500,
    capabilities: { redact: BY_REDACTOR },
  });
});
afterEach(async () => {
  redactor.close();
  await presidio.close();
});

test('what is stopped while names are looked for is not allowed by the decision of before', async () => {
  presidio.script = () => {
    client.behaviour = deny({ code: 'KILL_SWITCH', message: 'stopped' });
    open.killEpoch('pdp-1', 1);
    return false;
  };
  expect(await guard(ATTEMPT)).toMatchObject({ kind: 'refusal', code: 'KILL_SWITCH' });
  expect(client.settled.map(({ outcome }) => outcome)).toEqual(['refused']);
});

test('a decision that was on its way when somebody was stopped allows nothing', async () => {
  client.behaviour = (request) => {
    const decided = allow()(request);
    client.behaviour = deny({ code: 'KILL_SWITCH', message: 'stopped' });
    open.killEpoch('pdp-1', 1);
    return decided;
  };
  expect(await guard(ATTEMPT)).toMatchObject({ kind: 'refusal', code: 'KILL_SWITCH' });
  expect(client.settled.map(({ outcome }) => outcome)).toEqual(['refused']);
});

describe('when somebody else was stopped meanwhile', () => {
  /** Once, for whatever reason, as people allow it. */
  const onceOnly: Behaviour = (request) => {
    client.behaviour = deny({ code: 'APPROVAL_REFUSED', message: 'used up' });
    open.killEpoch('pdp-1', 1);
    return allow()(request);
  };

  test('what people had agreed to, once, is carried out, and is not asked about anew', async () => {
    client.behaviour = onceOnly;
    expect(await guard(ATTEMPT)).toMatchObject({ request_digest: expect.any(String) });
    expect(client.asked).toHaveLength(1);
    expect(client.settled).toEqual([]);
  });

  test('while names were looked for, the decision of before stands, and keeps what it has drawn', async () => {
    presidio.script = () => {
      open.killEpoch('pdp-1', 1);
      return false;
    };
    expect(await guard(ATTEMPT)).toMatchObject({ request_digest: expect.any(String) });
    expect(client.asked).toHaveLength(1);
    expect(client.settled).toEqual([]);
  });

  test('and nobody can say who, nothing is allowed', async () => {
    presidio.script = () => {
      client.behaviour = fail('PDP_TIMEOUT');
      open.killEpoch('pdp-1', 1);
      return false;
    };
    expect(await guard(ATTEMPT)).toMatchObject({ kind: 'refusal', code: 'PDP_TIMEOUT' });
    expect(client.settled.map(({ outcome }) => outcome)).toEqual(['refused']);
  });
});

test('nobody waits for an end of kills', async () => {
  let epoch = 0;
  client.behaviour = (request) => {
    epoch += 1;
    open.killEpoch('pdp-1', epoch);
    return allow()(request);
  };
  expect(await guard(ATTEMPT)).toMatchObject({ kind: 'refusal', code: 'KILL_SWITCH' });
  expect(client.settled).toHaveLength(client.asked.length);
});

test('a refusal because nobody looked for names says so', async () => {
  presidio.script = (_question, answer) => {
    answer.writeHead(500).end();
    return true;
  };
  expect(await guard(ATTEMPT)).toMatchObject({
    code: 'OBLIGATION_UNSUPPORTED',
    message: expect.stringContaining('names'),
  });
});
