import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { canonicalHost, matchesHost } from '../dsl/operators/host.js';
import { type Cidr, inCidr, parseCidr, parseIp } from '../dsl/operators/ip.js';
import { addressSamples } from './address-samples.js';
import { hostSamples } from './host-samples.js';
import { instantSamples } from './instant-samples.js';
import { numberSamples } from './number-samples.js';

/** Whatever value there is, one of the samples compares like it. */
describe('samples', () => {
  const small = fc.oneof(fc.integer({ min: -4, max: 4 }), fc.constantFrom(0.5, -0.5, 1e15, -1e15, 1e-9));

  test.each<[string, (value: number) => boolean]>([
    ['all numbers', () => true],
    ['whole numbers', Number.isInteger],
    ['from nought', (value) => value >= 0],
    ['shares', (value) => value >= 0 && value <= 1],
  ])('of %s', (_name, isNumber) => {
    const ask = (given: readonly number[], value: number): string => given.map((one) => Math.sign(value - one)).join();
    fc.assert(
      fc.property(fc.array(small, { maxLength: 4 }), fc.oneof(small, fc.double({ noNaN: true })), (given, value) => {
        const samples = numberSamples(given, isNumber);
        for (const sample of samples) expect(isNumber(sample)).toBe(true);
        fc.pre(isNumber(value) && Number.isFinite(value));
        expect(samples.map((sample) => ask(given, sample))).toContain(ask(given, value));
      }),
      { numRuns: 2000 },
    );
  });

  test('of addresses', () => {
    const ranges = ['10.0.0.0/8', '10.1.0.0/16', '10.1.0.1', '0.0.0.0/0', 'fd00::/8', '::/0', '::1', '255.255.255.255'];
    const octets = fc.tuple(
      fc.constantFrom(0, 10, 255),
      fc.constantFrom(0, 1, 255),
      fc.nat(255),
      fc.constantFrom(0, 1, 255),
    );
    const address = fc.oneof(
      octets.map((parts) => parts.join('.')),
      fc.constantFrom('::', '::1', 'fd00::1', 'fe00::', 'fcff:ffff::', 'ffff::', 'nowhere', '::ffff:10.0.0.1'),
    );
    fc.assert(
      fc.property(fc.subarray(ranges), address, (given, value) => {
        const cidrs = given.map(parseCidr).filter((one): one is Cidr => one !== undefined);
        const ask = (text: string): string => {
          const ip = parseIp(text);
          return ip === undefined ? 'no address' : cidrs.map((cidr) => Number(inCidr(ip, cidr))).join();
        };
        expect(addressSamples(given).map(ask)).toContain(ask(value));
      }),
      { numRuns: 1000 },
    );
  });

  test('of hosts', () => {
    const domains = ['example.com', '*.example.com', 'a.example.com', '*.a.example.com', '*.com', 'x.example', 'com'];
    const label = fc.constantFrom('a', 'x', 'y', 'example', 'com', 'other');
    const host = fc.oneof(
      fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join('.')),
      fc.constantFrom('10.0.0.1', 'A.EXAMPLE.com', 'no host', ''),
    );
    fc.assert(
      fc.property(fc.subarray(domains), host, (given, value) => {
        const patterns = given.map((text) => ({ host: text.replace(/^\*\./, ''), below: text.startsWith('*.') }));
        const ask = (text: string): string => {
          const name = canonicalHost(text);
          return name === undefined ? 'no host' : patterns.map((pattern) => Number(matchesHost(name, pattern))).join();
        };
        expect(hostSamples(given).map(ask)).toContain(ask(value));
      }),
      { numRuns: 1000 },
    );
  });

  test('of times', () => {
    const samples = instantSamples(['2026-01-01T00:00:00Z', '2026-02-01'], [{ dates: { from: '2026-03-01' } }]);
    expect(samples).toContain('2026-01-01T00:00:00Z');
    expect(samples).toContain('2026-02-01T23:59:59.999Z');
    expect(samples).toContain('2026-02-02T00:00:00Z');
    expect(samples.some((text) => text > '2026-01-02' && text < '2026-01-31')).toBe(true);
    expect(samples).toContain('not a time');
    const hours = new Set(samples.map((text) => new Date(text).getUTCHours()).filter((hour) => !Number.isNaN(hour)));
    expect(hours.size).toBe(24);
  });
});
