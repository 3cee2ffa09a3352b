/** Every way to spell an address that must not be connected to, through the whole proxy, with a policy that allows everything. */

import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { canonicalHost } from '@portcullis/policy/network';
import * as fc from 'fast-check';
import {
  type ByteRecorder,
  type EgressHarness,
  onLoopback,
  rawClient,
  startByteRecorder,
  startEgress,
} from '../../testing/egress-harness.js';
import { fakePolicyClient } from '../../testing/fake-policy-client.js';
import { readAuthority, readHost } from './destination.js';
import { createAddressRule } from './special-addresses.js';

const client = fakePolicyClient();
let recorder: ByteRecorder;
let proxy: EgressHarness;
/** What names lead to, one answer after the other. */
let answers: string[][] = [];

beforeAll(async () => {
  recorder = await startByteRecorder();
  proxy = await startEgress({ client, names: async () => answers.shift() ?? [] });
});
beforeEach(() => {
  client.asked.length = 0;
  client.settled.length = 0;
  answers = [];
});
afterAll(async () => {
  await proxy.close();
  await recorder.close();
});

const connect = (authority: string): Promise<string> =>
  rawClient(proxy.port, `CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n\r\n`).all();
const get = (authority: string): Promise<string> =>
  rawClient(proxy.port, `GET http://${authority}/ HTTP/1.1\r\nHost: ${authority}\r\nConnection: close\r\n\r\n`).all();

describe('an address that is not public is not connected to, though the policy allows it', () => {
  test.each([
    // Loopback, in the forms of inet_aton and of the WHATWG URL standard.
    ['127.0.0.1', '127.0.0.1'],
    ['127.1', '127.0.0.1'],
    ['127.0.1', '127.0.0.1'],
    ['2130706433', '127.0.0.1'],
    ['0x7f000001', '127.0.0.1'],
    ['0x7f.1', '127.0.0.1'],
    ['0x7f.0x0.0x0.0x1', '127.0.0.1'],
    ['0177.0.0.1', '127.0.0.1'],
    ['017700000001', '127.0.0.1'],
    ['0177.0x0.0.1', '127.0.0.1'],
    ['127.0.0.1.', '127.0.0.1'],
    ['127.255.255.254', '127.255.255.254'],
    ['127.0.0.0x', '127.0.0.0'],
    ['0', '0.0.0.0'],
    ['0.0.0.0', '0.0.0.0'],
    // Private, link-local, metadata.
    ['10.0.0.1', '10.0.0.1'],
    ['012.1', '10.0.0.1'],
    ['172.16.0.1', '172.16.0.1'],
    ['192.168.0.1', '192.168.0.1'],
    ['169.254.169.254', '169.254.169.254'],
    ['2852039166', '169.254.169.254'],
    ['0xa9fea9fe', '169.254.169.254'],
    ['0xa9.0xfe.0xa9.0xfe', '169.254.169.254'],
    ['0251.0376.0251.0376', '169.254.169.254'],
    ['169.254.43518', '169.254.169.254'],
    ['100.100.100.200', '100.100.100.200'],
    ['168.63.129.16', '168.63.129.16'],
    ['192.0.0.192', '192.0.0.192'],
    ['255.255.255.255', '255.255.255.255'],
    ['224.0.0.1', '224.0.0.1'],
    // IPv6, and IPv4 inside of it.
    ['[::1]', '[::1]'],
    ['[::]', '[::]'],
    ['[0:0:0:0:0:0:0:1]', '[::1]'],
    ['[::ffff:127.0.0.1]', '[::ffff:7f00:1]'],
    ['[::ffff:7f00:1]', '[::ffff:7f00:1]'],
    ['[0:0:0:0:0:ffff:a9fe:a9fe]', '[::ffff:a9fe:a9fe]'],
    ['[::ffff:8.8.8.8]', '[::ffff:808:808]'],
    ['[::127.0.0.1]', '[::7f00:1]'],
    ['[::ffff:0:7f00:1]', '[::ffff:0:7f00:1]'],
    ['[64:ff9b::7f00:1]', '[64:ff9b::7f00:1]'],
    ['[64:ff9b::169.254.169.254]', '[64:ff9b::a9fe:a9fe]'],
    ['[64:ff9b:1::a00:1]', '[64:ff9b:1::a00:1]'],
    ['[2002:7f00:1::]', '[2002:7f00:1::]'],
    ['[2002:a9fe:a9fe::1]', '[2002:a9fe:a9fe::1]'],
    ['[2001:0:0:0::1]', '[2001::1]'],
    ['[fe80::1]', '[fe80::1]'],
    ['[FE80::A]', '[fe80::a]'],
    ['[fec0::1]', '[fec0::1]'],
    ['[fc00::1]', '[fc00::1]'],
    ['[fd00:ec2::254]', '[fd00:ec2::254]'],
    ['[ff02::1]', '[ff02::1]'],
    ['[4000::1]', '[4000::1]'],
  ])('%s', async (written, host) => {
    for (const ask of [connect, get]) {
      const answer = await ask(`${written}:${recorder.port}`);
      expect(answer).toMatch(/^HTTP\/1\.1 403 .*\(EGRESS_SPECIAL_ADDRESS\)/);
    }
    expect(client.asked.map(({ egress }) => egress?.host)).toEqual([host, host]);
    expect(client.settled.map(({ outcome }) => outcome)).toEqual(['refused', 'refused']);
    expect(recorder.connections()).toBe(0);
    expect(proxy.lookedUp).toEqual([]);
  });

  test.each([
    // What the URL standard must fail, and what only some programs would understand.
    '[fe80::1%25eth0]',
    '[fe80::1%eth0]',
    '[::1',
    '::1',
    '[::1]x',
    '[1:2:3:4:5:6:7:8:9]',
    '[::127.0.0.0x1]',
    '[::1.2.3]',
    '256.0.0.1',
    '1.2.3.4.5',
    '0x100000000',
    '4294967296',
    '1.2.3.08',
    '09.0.0.1',
    '127..0.1',
    '0x7f.0.0.0.1',
    'a@127.0.0.1',
    '127.0.0.1%00.example.com',
    'example.com%00',
    'exa%20mple.com',
    'exa%23mple.com',
    'exa%2fmple.com',
    'xn--',
    'xn--a',
    'a.b.c.xn--pokxncvks',
    'a.b.c.XN--pokxncvks',
    'xn--zn7c.com',
    'xn--1ug.example',
    'a..b',
    '..',
    '.',
    'a_b c',
    'a<b',
    'a>b',
    'a^b',
    'a|b',
    '%',
    '%zz',
    'example.com,evil.com',
    '*.example.com',
    `${'a'.repeat(64)}.com`,
  ])('%s is no host, and nobody is asked', async (written) => {
    for (const ask of [connect, get]) {
      expect(await ask(`${written}:${recorder.port}`)).toMatch(/^HTTP\/1\.1 400 /);
    }
    expect(client.asked).toEqual([]);
    expect(proxy.lookedUp).toEqual([]);
  });

  test.each([
    ['a private address', ['10.0.0.7']],
    ['metadata', ['169.254.169.254']],
    ['loopback as IPv6', ['::1']],
    ['a mapped address', ['::ffff:127.0.0.1']],
    ['a mapped public address', ['::ffff:8.8.8.8']],
    ['NAT64', ['64:ff9b::a00:1']],
    ['6to4', ['2002:a00:1::1']],
    ['a public address and a private one', ['93.184.216.34', '10.0.0.7']],
  ])('nor is a name that leads to %s', async (_name, addresses) => {
    answers = [addresses];
    expect(await connect(`inside.example:${recorder.port}`)).toMatch(/^HTTP\/1\.1 403 .*\(EGRESS_SPECIAL_ADDRESS\)/);
    expect(client.asked[0]?.egress?.resolved_ips).toEqual([...addresses].sort());
    expect(recorder.connections()).toBe(0);
    expect(client.settled).toMatchObject([{ outcome: 'refused' }]);
  });
});

test('a name is resolved once: what it leads to later is not connected to', async () => {
  const wanted = await startByteRecorder();
  const rebinding = await startEgress({
    client,
    names: async () => answers.shift() ?? ['127.0.0.1'],
    config: {
      specialAddresses: [{ cidrs: ['127.0.0.2'], ports: [wanted.port] }],
      tunnels: { plain: [{ host: 'flip.example', ports: [wanted.port] }] },
      limits: { bytesPerDecision: 1024 },
    },
  });
  answers = [['127.0.0.2']];
  const authority = `flip.example:${wanted.port}`;
  const text = `CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n\r\n`;
  // Nobody listens on 127.0.0.2: if the name were looked up again, the next answer would be the listener's address.
  expect(await rawClient(rebinding.port, text).all()).toMatch(/^HTTP\/1\.1 502 /);
  expect(rebinding.lookedUp).toEqual(['flip.example']);
  expect(client.asked[0]?.egress?.resolved_ips).toEqual(['127.0.0.2']);
  expect(wanted.connections()).toBe(0);
  // The next attempt is a question of its own, about what the name leads to now.
  expect(await rawClient(rebinding.port, text).all()).toMatch(/^HTTP\/1\.1 403 .*\(EGRESS_SPECIAL_ADDRESS\)/);
  expect(wanted.connections()).toBe(0);
  await rebinding.close();
  await wanted.close();
});

describe('the host that is decided about is the one of the WHATWG URL standard', () => {
  test.each([
    ['EXAMPLE.com', 'example.com'],
    ['example.com.', 'example.com'],
    ['ex%61mple.com', 'example.com'],
    ['b%C3%BCcher.example', 'xn--bcher-kva.example'],
    ['bücher.example', 'xn--bcher-kva.example'],
    ['BÜCHER.example', 'xn--bcher-kva.example'],
    ['faß.example', 'xn--fa-hia.example'],
    ['ｅｘａｍｐｌｅ.com', 'example.com'],
    ['example。com', 'example.com'],
    ['１２７.0.0.1', '127.0.0.1'],
    ['①②⑦.0.0.1', '127.0.0.1'],
    ['127.0.0.1%2eevil.com', '127.0.0.1.evil.com'],
    ['a_b.example', 'a_b.example'],
    ['localhost.', 'localhost'],
    ['ex\u00admple.com', 'exmple.com'],
    ['[2001:DB8::1]', '[2001:db8::1]'],
    ['[1:0::]', '[1::]'],
  ])('%s is %s', (written, host) => {
    expect(readHost(written)).toBe(host);
    expect(readAuthority(`${written}:443`)).toEqual({ host, port: 443 });
  });

  test('or there is none', () => {
    const piece = fc.oneof(
      fc.constantFrom(
        'a',
        'Z',
        '0',
        '9',
        '127',
        '0x7f',
        '017',
        '.',
        '..',
        '-',
        '_',
        '%',
        '%2e',
        '%41',
        '%00',
        ':',
        '[',
        ']',
        '::1',
        '@',
      ),
      fc.constantFrom(
        'ß',
        'İ',
        '。',
        '．',
        'ａ',
        '①',
        '\u200d',
        '\u00ad',
        '\u202e',
        'xn--',
        'xn--bcher-kva',
        '\\',
        '/',
        '?',
        '#',
        ' ',
        '\t',
        '*',
        '~',
        '+',
      ),
      fc.ipV4(),
      fc.ipV6().map((address) => `[${address}]`),
      fc.domain(),
      fc.string({ unit: 'binary', maxLength: 3 }),
    );
    fc.assert(
      fc.property(fc.array(piece, { minLength: 1, maxLength: 6 }), (pieces) => {
        const text = pieces.join('');
        const host = readHost(text);
        if (host === undefined) return;
        const oracle = new URL(`http://${text}/`);
        expect(oracle.hostname.replace(/\.$/, '')).toBe(host);
        // The whole text was the host: nothing of it became another part of the URL.
        expect([oracle.port, oracle.username, oracle.pathname, oracle.search, oracle.hash]).toEqual([
          '',
          '',
          '/',
          '',
          '',
        ]);
        // And the policies read it as the same one, a mapped address as the address that it maps.
        if (!host.startsWith('[::ffff:')) expect(canonicalHost(host)).toBe(host);
        expect(readHost(host)).toBe(host);
      }),
      { numRuns: 5_000 },
    );
  });
});

test('exceptions are for the addresses and ports that they name', () => {
  const rule = createAddressRule([{ cidrs: ['10.1.0.0/16', 'fd00::/8'], ports: [443] }, ...onLoopback(8080)]);
  const judged = (address: string, port: number): boolean => rule(address, port) === undefined;
  expect(judged('10.1.2.3', 443)).toBe(true);
  expect(judged('::ffff:10.1.2.3', 443)).toBe(true);
  expect(judged('fd00::1', 443)).toBe(true);
  expect(judged('127.0.0.1', 8080)).toBe(true);
  expect(judged('10.1.2.3', 80)).toBe(false);
  expect(judged('10.2.0.1', 443)).toBe(false);
  expect(judged('127.0.0.2', 8080)).toBe(false);
  expect(judged('fd00::1%eth0', 443)).toBe(false);
  expect(judged('not an address', 443)).toBe(false);
  expect(judged('93.184.216.34', 1)).toBe(true);
  expect(judged('2606:4700::1111', 1)).toBe(true);
});
