/**
 * The host that is decided about is the one that the WHATWG URL standard reads, for every case of web-platform-tests; what
 * the standard refuses is refused without a question. Through the real proxy, and through each reader by itself.
 */

import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { canonicalHost } from '@portcullis/policy/network';
import { type EgressHarness, rawClient, startEgress } from '../../testing/egress-harness.js';
import { deny, fakePolicyClient } from '../../testing/fake-policy-client.js';
import { readAuthority, readHost } from './destination.js';

type Case = readonly [input: string, hostname: string | null];
const CASES = JSON.parse(readFileSync(new URL('wpt/url-hosts.json', import.meta.url), 'utf8')) as readonly Case[];
const FAILURES = CASES.filter(([, hostname]) => hostname === null);

/** As hosts are written down here: without the final dot. */
const undotted = (hostname: string): string => (hostname.endsWith('.') ? hostname.slice(0, -1) : hostname);
/** What stands where the authority should, without a port. */
function authorityOf(input: string): string {
  return /^[a-z]+:\/\/([^/?#]*)/i.exec(input)?.[1] ?? '';
}
const hostOf = (authority: string): string => authority.replace(/:[0-9]*$/, '');

test('the cases are all there', () => {
  expect([CASES.length, FAILURES.length]).toEqual([354, 193]);
});

describe.each(CASES)('%j', (input, hostname) => {
  const expected = hostname === null ? undefined : undotted(hostname);

  test('is read as the standard reads it, or not at all', () => {
    const authority = authorityOf(input);
    const read = readAuthority(authority, 80);
    expect([undefined, expected]).toContain(read?.host);
    // Of a port alone the host is not to blame.
    const isHostAtFault = URL.parse(`http://${hostOf(authority)}/`) === null;
    if (hostname === null && isHostAtFault) {
      expect(readHost(hostOf(authority))).toBeUndefined();
      expect(canonicalHost(hostOf(authority))).toBeUndefined();
    }
  });

  test('has a host that reads as itself, to the proxy and to the policies', () => {
    const host = expected ?? '';
    expect([undefined, host]).toContain(readHost(host));
    // A mapped address is to policies the address that it maps.
    if (!host.startsWith('[')) expect([undefined, host]).toContain(canonicalHost(host));
    expect(readHost(host) === undefined || canonicalHost(host) !== undefined).toBe(true);
  });
});

describe('over the wire', () => {
  const client = fakePolicyClient(deny());
  let proxy: EgressHarness;
  beforeAll(async () => {
    proxy = await startEgress({ client });
  });
  afterAll(() => proxy.close());

  test('a question names the host of the standard, and what it refuses is never asked about', async () => {
    const strays: string[] = [];
    let asked = 0;
    for (const [input, hostname] of CASES) {
      const plain = input.replace(/^(https|wss?):/i, 'http:');
      client.asked.length = 0;
      const host = hostOf(authorityOf(plain));
      await rawClient(proxy.port, `GET ${plain} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`).all();
      for (const { egress } of client.asked) {
        asked += 1;
        if (egress?.host !== (hostname === null ? undefined : undotted(hostname)))
          strays.push(`${input}: ${egress?.host}`);
      }
    }
    expect(strays).toEqual([]);
    // Or nothing was looked at.
    expect(asked).toBeGreaterThan(50);
  }, 60_000);
});
