/** What the stdio wrapper redacts, in both directions. */

import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { systemClock } from '@portcullis/runtime';
import { redactionConfig } from '../../../redact/config.js';
import { type OpenedRedactor, openRedactor } from '../../../redact/open.js';
import { allow } from '../../../testing/fake-policy-client.js';
import { type FakePresidio, startFakePresidio } from '../../../testing/fake-presidio.js';
import { call, createStdioHarness } from '../../../testing/stdio-harness.js';

const { wrap, close } = createStdioHarness();
afterEach(close);

test('what a decision orders redacted is, in both directions, and so is all that the server says meanwhile', async () => {
  const wrapped = await wrap();
  wrapped.client.behaviour = allow({
    conditions: [{ type: 'redact', value: { method: 'mask', detectors: ['card'] } }],
  });
  wrapped.say({
    jsonrpc: '2.0',
    id: 1,
    method: 'tools/call',
    params: { name: 'pay', arguments: { note: 'card 4111111111111111' } },
  });
  const answer = JSON.stringify(await wrapped.next());
  expect(answer).toContain('card ************1111');
  expect(answer).not.toContain('4111111111111111');
});

describe('while names are looked for in what the server says', () => {
  let presidio: FakePresidio;
  let redactor: OpenedRedactor;
  const names = allow({ conditions: [{ type: 'redact', value: { ner: true, direction: 'response' } }] });
  beforeEach(async () => {
    presidio = await startFakePresidio();
    redactor = await openRedactor(redactionConfig.parse({ ner: { url: presidio.url } }), {
      clock: systemClock,
      observer: { redacted: () => undefined },
    });
  });
  afterEach(async () => {
    redactor.close();
    await presidio.close();
  });

  test('an answer that cannot be redacted is an error, and holds nothing else back', async () => {
    const wrapped = await wrap({ redactor });
    wrapped.client.behaviour = names;
    presidio.script = (_question, answer) => {
      answer.writeHead(500).end();
      return true;
    };
    wrapped.say(call(1));
    expect(await wrapped.next()).toMatchObject({
      id: 1,
      error: { message: expect.stringContaining('could not be redacted') },
    });
    expect(wrapped.client.settled).toMatchObject([{ outcome: 'upstream_failed' }]);
    wrapped.client.behaviour = allow();
    wrapped.say(call(1));
    expect(await wrapped.next()).toMatchObject({ id: 1, result: { got: 2 } });
  });

  test('an answer to nobody does not answer who takes its id meanwhile', async () => {
    const gone = Promise.withResolvers<void>();
    let sent = 0;
    const wrapped = await wrap({
      redactor,
      forwarded: () => {
        sent += 1;
        if (sent === 2) gone.resolve();
      },
    });
    wrapped.client.behaviour = names;
    presidio.script = async ({ text }) => {
      if (text === 'of another') {
        wrapped.say(call('never asked', { do: 'hang' }));
        await gone.promise;
      }
      return false;
    };
    wrapped.say(call(1, { do: 'wrong id' }));
    expect(await wrapped.next()).toMatchObject({ id: 1 });
  });
});
