import { describe, expect, test } from '@jest/globals';
import { egressConfig } from './config.js';

test('the smallest configuration is on loopback, without exceptions, and looks into nothing', () => {
  const config = egressConfig.parse({});
  expect(config.listen).toEqual({ host: '127.0.0.1', port: 0 });
  expect(config).toMatchObject({
    specialAddresses: [],
    paths: 'strict',
    tunnels: { plain: [], encryptedClientHello: 'refuse' },
  });
  expect(config.intercept).toBeUndefined();
});

describe('refused', () => {
  test.each<[string, object]>([
    ['an unknown key', { extra: 1 }],
    ['an address that others can reach', { listen: { host: '0.0.0.0' } }],
    ['an exception that is no range', { specialAddresses: [{ cidrs: ['10.0.0.0/33'], ports: [443] }] }],
    ['an exception with bits beyond its prefix', { specialAddresses: [{ cidrs: ['10.0.0.1/8'], ports: [443] }] }],
    ['an exception that is a name', { specialAddresses: [{ cidrs: ['localhost'], ports: [443] }] }],
    ['an exception for every port', { specialAddresses: [{ cidrs: ['10.0.0.1'], ports: [] }] }],
    ['a port that there is not', { tunnels: { plain: [{ host: 'a.test', ports: [0] }] } }],
    ['a host that is not in its usual spelling', { tunnels: { plain: [{ host: 'A.test', ports: [22] }] } }],
    ['a pattern in the middle', { tunnels: { plain: [{ host: 'a.*.test', ports: [22] }] } }],
    ['interception of nothing', { intercept: { hosts: [] } }],
    ['interception of everything', { intercept: { hosts: ['*'] } }],
    ['interception of an address', { intercept: { hosts: ['10.0.0.1'] } }],
    ['an authority without its key', { intercept: { hosts: ['a.test'], ca: { certFile: 'ca.pem' } } }],
    ['more per decision than in all', { limits: { maxUploadBytes: 2048, bytesPerDecision: 4096 } }],
    ['a credential in the configuration itself', { credential: 'agent:secret' }],
  ])('%s', (_name, config) => {
    expect(egressConfig.safeParse(config).success).toBe(false);
  });
});
