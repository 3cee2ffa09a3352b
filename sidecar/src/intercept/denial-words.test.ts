/** What a policy says in a denial, which may be what the agent can do instead, reaches the agent on every surface, as it was written. */

import { afterEach, expect, test } from '@jest/globals';
import { type BadInputSurface, START, SURFACE_NAMES } from '../testing/bad-input-surfaces.js';
import { deny, fakePolicyClient } from '../testing/fake-policy-client.js';

const INSTEAD = 'Deleting is not for agents. Use archive("…") instead, or ask the “records” team.';

let surface: BadInputSurface | undefined;
afterEach(() => surface?.close());

test.each(SURFACE_NAMES)('%s', async (name) => {
  surface = await START[name](fakePolicyClient(deny({ message: INSTEAD })));
  const reached = surface.reached();
  const { line, host, good } = surface;
  const body = name === 'connect' ? '' : good;
  const type = body.startsWith('{')
    ? 'Content-Type: application/json\r\nAccept: application/json, text/event-stream\r\n'
    : '';
  const length = name === 'connect' ? '' : `Content-Length: ${Buffer.byteLength(body)}\r\n`;
  const head = `${line} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n${type}${length}\r\n`;
  const said = await surface.say(name === 'stdio' ? body : head + body);
  const answer = name === 'stdio' ? said : Buffer.from(said, 'latin1').toString();
  // As JSON writes it: bare, and not inside of something that has to be parsed again.
  expect(answer).toContain(JSON.stringify(INSTEAD).slice(1, -1));
  expect(surface.isOwnError(answer)).toBe(true);
  // The question is what an allow of the authorize API would release.
  expect(surface.reached() - reached).toBe(name === 'authorize' ? 1 : 0);
});
