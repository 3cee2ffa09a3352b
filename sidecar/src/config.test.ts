import { describe, expect, test } from '@jest/globals';
import { sidecarConfig } from './config.js';

const BASE = {
  trustDomain: 'example.org',
  tls: { certFile: 'c', keyFile: 'k', caFile: 'a' },
  pdp: { endpoints: ['127.0.0.1:1'] },
  mcp: { upstreams: [{ name: 'files', url: 'http://127.0.0.1:2/mcp' }] },
};

test('the smallest configuration listens on loopback and accepts local hosts and origins only', () => {
  const config = sidecarConfig.parse(BASE);
  expect(config.mcp?.listen).toEqual({ host: '127.0.0.1', port: 0 });
  expect(config.mcp?.allowedHosts).toEqual(['localhost', '127.0.0.1', '[::1]']);
  expect(config.pdp.deadlineMs).toBe(50);
});

describe('refused', () => {
  const mcp = (more: object): object => ({ ...BASE, mcp: { ...BASE.mcp, ...more } });
  const upstream = (more: object): object => mcp({ upstreams: [{ ...BASE.mcp.upstreams[0], ...more }] });
  test.each<[string, object]>([
    ['an unknown key', { ...BASE, extra: 1 }],
    ['an unknown key below', mcp({ extra: 1 })],
    ['an address that others can reach', mcp({ listen: { host: '0.0.0.0' } })],
    ['a host name that may be anything', mcp({ listen: { host: 'example.org' } })],
    ['neither mcp nor stdio', { ...BASE, mcp: undefined }],
    ['no upstreams', mcp({ upstreams: [] })],
    ['two of the same name', mcp({ upstreams: [...BASE.mcp.upstreams, ...BASE.mcp.upstreams] })],
    ['a name with a slash', upstream({ name: 'a/b' })],
    ['a name that climbs', upstream({ name: '..' })],
    ['another scheme', upstream({ url: 'file:///etc/passwd' })],
    ['credentials in the URL', upstream({ url: 'http://user:pass@host/' })],
    ['a literal secret', upstream({ headers: { authorization: 'Bearer x' } })],
    ['a header of the protocol', upstream({ headers: { 'mcp-session-id': { env: 'X' } } })],
    ['a framing header', upstream({ headers: { 'Content-Length': { env: 'X' } } })],
    ['an unknown revision', mcp({ minimumVersion: '2027-01-01' })],
    ['no PDP', { ...BASE, pdp: { endpoints: [] } }],
  ])('%s', (_name, config) => {
    expect(sidecarConfig.safeParse(config).success).toBe(false);
  });
});
