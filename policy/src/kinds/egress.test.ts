import { describe, expect, test } from '@jest/globals';
import type { Json, JsonObject } from '../model/request.js';
import { EGRESS } from './egress.js';
import {
  createFindings,
  engineOf,
  everyAction,
  type Finding,
  policyOf,
  problemsOf,
  requestOf,
} from './testing/decide-typed.js';

const findingsOf = createFindings();

const EXAMPLE = EGRESS.example['config'] ?? null;
const PUBLIC = ['93.184.215.14'];
const HTTPS = { scheme: 'https', host: 'api.example.com', port: 443, method: 'POST', resolved_ips: PUBLIC };

interface Case {
  readonly name: string;
  readonly config?: Json;
  readonly egress?: Json;
  readonly environment?: string;
  readonly finding: Finding;
}

function expectFinding({ config = EXAMPLE, egress = HTTPS, environment = 'prod', finding }: Case): void {
  const request = requestOf('egress', { egress, context: { environment } });
  expect(findingsOf(policyOf('egress', config), request)).toEqual(everyAction('egress', finding));
}

describe('egress', () => {
  test.each<Case>([
    { name: 'an allowed connection', finding: 'complies' },
    { name: 'the host in another spelling', egress: { ...HTTPS, host: 'API.Example.COM.' }, finding: 'complies' },
    { name: 'a host below a wildcard', egress: { ...HTTPS, host: 'a.b.internal.example.com' }, finding: 'complies' },
    { name: 'the wildcard itself', egress: { ...HTTPS, host: 'internal.example.com' }, finding: 'violates' },
    { name: 'another host', egress: { ...HTTPS, host: 'example.com' }, finding: 'violates' },
    { name: 'a host that only ends alike', egress: { ...HTTPS, host: 'evilapi.example.com' }, finding: 'violates' },
    { name: 'another port', egress: { ...HTTPS, port: 22 }, finding: 'violates' },
    { name: 'another scheme', egress: { ...HTTPS, scheme: 'http' }, finding: 'violates' },
    {
      name: 'a denied host among allowed ones',
      egress: { ...HTTPS, host: 'admin.internal.example.com' },
      finding: 'violates',
    },
    { name: 'no host', egress: { scheme: 'https', port: 443, resolved_ips: PUBLIC }, finding: 'violates' },
    {
      name: 'no port',
      egress: { scheme: 'https', host: 'api.example.com', resolved_ips: PUBLIC },
      finding: 'violates',
    },
    { name: 'nothing at all', egress: {}, finding: 'violates' },
    { name: 'a port that is no number', egress: { ...HTTPS, port: '443' }, finding: 'errs' },
    { name: 'a host that is no text', egress: { ...HTTPS, host: 5 }, finding: 'errs' },
    { name: 'a host that is none', egress: { ...HTTPS, host: 'a b' }, finding: 'violates' },
    { name: 'not in prod', egress: { ...HTTPS, host: 'staging.example.net', method: 'GET' }, finding: 'violates' },
    {
      name: 'but in staging',
      environment: 'staging',
      egress: { ...HTTPS, host: 'staging.example.net', method: 'GET' },
      finding: 'complies',
    },
    {
      name: 'by another method',
      environment: 'staging',
      egress: { ...HTTPS, host: 'staging.example.net', method: 'POST' },
      finding: 'violates',
    },
  ])('$name: $finding', expectFinding);

  test('other attempts are not spoken of', () => {
    expect(engineOf(EGRESS.example).evaluate(requestOf('tool_call')).effect).toBe('allow');
  });
});

describe('egress to public addresses only', () => {
  const config = { allow: 'any' };
  const to = (host: string, resolved_ips?: Json): JsonObject => ({
    host,
    ...(resolved_ips === undefined ? {} : { resolved_ips }),
  });

  test.each<Case>([
    { name: 'a name with a public address', egress: to('example.org', ['8.8.8.8']), finding: 'complies' },
    { name: 'with a public IPv6 address', egress: to('example.org', ['2606:4700::1']), finding: 'complies' },
    {
      name: 'one private address among public ones',
      egress: to('example.org', ['8.8.8.8', '10.0.0.1']),
      finding: 'violates',
    },
    { name: 'not resolved', egress: to('example.org'), finding: 'violates' },
    { name: 'resolved to nothing', egress: to('example.org', []), finding: 'violates' },
    { name: 'resolved to no address', egress: to('example.org', ['example.org']), finding: 'violates' },
    { name: 'resolved to no text', egress: to('example.org', [5]), finding: 'errs' },
    { name: 'resolved to no list', egress: to('example.org', '8.8.8.8'), finding: 'errs' },
    { name: 'a public address itself', egress: to('8.8.8.8'), finding: 'complies' },
    { name: 'with an empty list', egress: to('8.8.8.8', []), finding: 'complies' },
    { name: 'a public IPv6 address itself', egress: to('[2606:4700::1]'), finding: 'complies' },
    { name: 'a private address itself', egress: to('10.1.2.3'), finding: 'violates' },
    { name: 'said to be public', egress: to('10.1.2.3', ['8.8.8.8']), finding: 'violates' },
    { name: 'a short form', egress: to('127.1', ['8.8.8.8']), finding: 'violates' },
    { name: 'a number', egress: to('2130706433', ['8.8.8.8']), finding: 'violates' },
    { name: 'hexadecimal', egress: to('0x7f000001', ['8.8.8.8']), finding: 'violates' },
    { name: 'octal', egress: to('0177.0.0.1', ['8.8.8.8']), finding: 'violates' },
    { name: 'a public address as a number', egress: to('134744072', ['8.8.8.8']), finding: 'violates' },
    { name: 'full-width digits', egress: to('１２７.0.0.1', ['8.8.8.8']), finding: 'violates' },
    { name: 'a mapped address', egress: to('[::ffff:8.8.8.8]'), finding: 'violates' },
    { name: 'the metadata service', egress: to('metadata', ['169.254.169.254']), finding: 'violates' },
    { name: 'no host', egress: { resolved_ips: ['8.8.8.8'] }, finding: 'complies' },
  ])('$name: $finding', ({ name, egress, finding }) => {
    expectFinding({ name, config, egress: egress ?? null, finding });
  });

  test('any address, when the policy says so', () => {
    expectFinding({ name: '', config: { allow: 'any', resolved: 'any' }, egress: to('10.0.0.1'), finding: 'complies' });
    const open = { allow: 'any', deny: [{ domains: ['example.net'] }], resolved: 'any' };
    expectFinding({ name: '', config: open, egress: to('10.0.0.1'), finding: 'complies' });
    expectFinding({ name: '', config: open, egress: to('example.org'), finding: 'complies' });
  });
});

describe('egress by addresses', () => {
  const inside = { allow: [{ cidrs: ['10.0.0.0/8', 'fd00::/8'] }], resolved: 'any' };
  const outside = { allow: 'any', deny: [{ cidrs: ['203.0.113.0/24'], ports: [25] }], resolved: 'any' };
  test.each<Case & { readonly egress: JsonObject }>([
    {
      name: 'within',
      config: inside,
      egress: { host: 'db', resolved_ips: ['10.0.0.1', 'fd00::1'] },
      finding: 'complies',
    },
    {
      name: 'partly outside',
      config: inside,
      egress: { host: 'db', resolved_ips: ['10.0.0.1', '11.0.0.1'] },
      finding: 'violates',
    },
    { name: 'not resolved', config: inside, egress: { host: 'db' }, finding: 'violates' },
    { name: 'an address itself', config: inside, egress: { host: '10.9.9.9' }, finding: 'complies' },
    {
      name: 'resolved elsewhere',
      config: inside,
      egress: { host: '10.9.9.9', resolved_ips: ['8.8.8.8'] },
      finding: 'violates',
    },
    {
      name: 'denied',
      config: outside,
      egress: { host: 'x.example', port: 25, resolved_ips: ['203.0.113.9'] },
      finding: 'violates',
    },
    {
      name: 'another port',
      config: outside,
      egress: { host: 'x.example', port: 26, resolved_ips: ['203.0.113.9'] },
      finding: 'complies',
    },
    {
      name: 'another address',
      config: outside,
      egress: { host: 'x.example', port: 25, resolved_ips: ['8.8.8.8'] },
      finding: 'complies',
    },
    {
      name: 'port unknown',
      config: outside,
      egress: { host: 'x.example', resolved_ips: ['203.0.113.9'] },
      finding: 'violates',
    },
    { name: 'address unknown', config: outside, egress: { host: 'x.example', port: 25 }, finding: 'violates' },
    {
      name: 'address unknown, resolved to nothing',
      config: outside,
      egress: { host: 'x.example', port: 25, resolved_ips: [] },
      finding: 'violates',
    },
    {
      name: 'an unreadable address',
      config: outside,
      egress: { host: 'x.example', port: 25, resolved_ips: ['?'] },
      finding: 'violates',
    },
  ])('$name: $finding', expectFinding);
});

describe('egress refuses', () => {
  test.each<{ config: Json; says: string }>([
    { config: {}, says: 'config.allow' },
    { config: { allow: [] }, says: 'config.allow' },
    { config: { allow: [{}] }, says: 'config.allow[0]: an entry without anything in it would match every connection' },
    { config: { allow: [{ domains: ['*.*.com'] }] }, says: 'config.allow[0].domains[0]: "*.*.com" is not a domain' },
    { config: { allow: [{ domains: ['10.0.0.1'] }] }, says: 'ask for it with cidr_match' },
    { config: { allow: [{ cidrs: ['10.0.0.1/8'] }], resolved: 'any' }, says: 'did you mean "10.0.0.0/8"?' },
    {
      config: { allow: [{ cidrs: ['10.1.0.0/16'] }] },
      says: 'config.allow[0].cidrs[0]: no address of 10.1.0.0/16 is public',
    },
    { config: { allow: [{ domain: ['example.com'] }] }, says: 'unknown key "domain"; did you mean "domains"?' },
    { config: { allow: [{ ports: [0] }] }, says: 'config.allow[0].ports[0]' },
    { config: { allow: [{ methods: ['get'] }] }, says: 'expected a method in upper case' },
    { config: { allow: 'any', resolved: 'public' }, says: 'did you mean "public_only"?' },
  ])('$says', ({ config, says }) => {
    expect(problemsOf(policyOf('egress', config)).join('\n')).toContain(says);
  });
});
