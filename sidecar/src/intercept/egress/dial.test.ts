import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer, type Server } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { CanonicalRequest } from '@portcullis/policy/model';
import { requestDigestHex } from '@portcullis/proto';
import { mintPermit } from '../../enforce/permit.js';
import { decisionOn } from '../../testing/fake-policy-client.js';
import type { Passage } from './admission.js';
import { createDial } from './dial.js';

const servers: Server[] = [];
let port = 0;
/** Addresses that were connected to. */
let reached: string[] = [];

async function listen(host: string): Promise<void> {
  const server = createServer((socket) => {
    reached.push(host);
    socket.on('error', () => undefined);
    socket.resume();
  });
  await once(server.listen(port, host), 'listening');
  port = (server.address() as AddressInfo).port;
  servers.push(server);
}

beforeEach(() => {
  reached = [];
  port = 0;
});
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

function passage(addresses: readonly string[], host = 'site.test'): Passage {
  const request: CanonicalRequest = {
    version: '1.0',
    tenant_id: 'acme',
    source: 'egress_proxy',
    agent: { id: 'a' },
    context: { timestamp: '2026-11-22T12:00:00Z', request_id: 'r' },
  };
  const permit = mintPermit(decisionOn(request), {
    request,
    digest: requestDigestHex(request),
    server: `site.test:${port}`,
    direction: 'client_to_server',
    payload: undefined,
  });
  if (permit === undefined) throw new Error('no permit');
  return { permit, request, destination: { scheme: 'tcp', host, port }, addresses, askedAt: 0 };
}

const dial = createDial(300);
const nobody = new AbortController().signal;

describe('dialling', () => {
  test('takes the first address that accepts, and no other', async () => {
    await listen('127.0.0.2');
    await listen('127.0.0.3');
    const socket = await dial(passage(['127.0.0.9', '127.0.0.3', '127.0.0.2']), nobody);
    expect(socket.remoteAddress).toBe('127.0.0.3');
    await new Promise((resolve) => setImmediate(resolve));
    expect(reached).toEqual(['127.0.0.3']);
    socket.destroy();
  });

  test('does not wait long for an address that says nothing', async () => {
    await listen('127.0.0.2');
    // TEST-NET-1 (RFC 5737) is nobody's: nothing comes back, or that there is no way.
    const socket = await dial(passage(['192.0.2.1', '127.0.0.2']), nobody);
    expect(socket.remoteAddress).toBe('127.0.0.2');
    socket.destroy();
  });

  test('fails when no address accepts, when there is none, and when nobody waits any more', async () => {
    await listen('127.0.0.2');
    await expect(dial(passage(['127.0.0.8', '127.0.0.9']), nobody)).rejects.toThrow();
    await expect(dial(passage([]), nobody)).rejects.toThrow();
    await expect(dial(passage(['127.0.0.2']), AbortSignal.abort())).rejects.toThrow();
    expect(reached).toEqual([]);
  });

  test('takes no names', async () => {
    await listen('127.0.0.1');
    await expect(dial(passage(['localhost']), nobody)).rejects.toThrow();
    expect(reached).toEqual([]);
  });

  test('wants a permit that is genuine, and for this destination', async () => {
    await listen('127.0.0.2');
    await expect(dial(passage(['127.0.0.2'], 'other.test'), nobody)).rejects.toThrow('another server');
    const real = passage(['127.0.0.2']);
    await expect(dial({ ...real, permit: { ...real.permit } }, nobody)).rejects.toThrow('not a permit');
    expect(reached).toEqual([]);
  });
});
