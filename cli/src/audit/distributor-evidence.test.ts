import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { Agent } from 'undici';
import { openDistributorEvidence } from './distributor-evidence.js';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function exported(answer: (response: ServerResponse) => void): Promise<{ lines: string[]; failure?: unknown }> {
  const server = createServer((_request, response) => answer(response)).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const dispatcher = new Agent();
  closing.push(
    () => dispatcher.destroy(),
    () => server.closeAllConnections(),
    () => server.close(),
  );
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const evidence = openDistributorEvidence({ baseUrl, dispatcher }, new AbortController().signal);
  const lines: string[] = [];
  try {
    for await (const line of evidence.exportLines('w')) lines.push(line);
    return { lines };
  } catch (failure: unknown) {
    return { lines, failure };
  }
}

describe('the lines of a chain', () => {
  test('come however the bytes are cut', async () => {
    const long = 'x'.repeat(1024 * 1024);
    const text = `{"a":1}\n${long}\n{"b":2}\n`;
    const { lines, failure } = await exported((response) => {
      for (let at = 0; at < text.length; at += 70_001) response.write(text.slice(at, at + 70_001));
      response.end();
    });
    expect([lines.length, lines[0], lines[1] === long, lines[2], failure]).toEqual([
      3,
      '{"a":1}',
      true,
      '{"b":2}',
      undefined,
    ]);
  });

  test('that do not end are not waited for', async () => {
    const { lines, failure } = await exported((response) => {
      response.write('{"a":1}\n');
      response.write('x'.repeat(3 * 1024 * 1024));
    });
    expect(lines).toEqual(['{"a":1}']);
    expect(failure).toMatchObject({ code: 'ERR_CLI_ANSWER' });
  });

  test('that break off are no chain', async () => {
    const { failure } = await exported((response) => {
      response.write('{"a":1}\n{"b"', () => response.destroy());
    });
    expect(failure).toMatchObject({ code: 'ERR_CLI_UNREACHABLE' });
  });
});
