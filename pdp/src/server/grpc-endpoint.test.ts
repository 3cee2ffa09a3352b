/** What holds for every call, and reflection. */

import { type ServiceError, status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { DECISION_SERVICE_NAME, toWireRequest } from '@portcullis/proto';
import { openTestServer, question, type TestServer } from '../fixtures/grpc-server.js';
import { toolCall } from '../fixtures/requests.js';

let server: TestServer;
beforeEach(async () => {
  server = await openTestServer();
});
afterEach(() => server.close());

describe('the endpoint', () => {
  test('the connection of a call is found where grpc-js keeps it', async () => {
    await server.evaluate(question('a'));
    await server.evaluate(question('b'));
    expect(server.connections).toHaveLength(2);
    expect(server.connections[0]).toBeDefined();
    expect(server.connections[1]).toBe(server.connections[0]);
  });

  test('a message over the cap is refused', async () => {
    const big = toolCall('read', { tool: { name: 'read', arguments: { text: 'x'.repeat(300 * 1024) } } });
    await expect(server.evaluate({ request: toWireRequest(big) })).rejects.toMatchObject({
      code: status.RESOURCE_EXHAUSTED,
    });
  });

  test('bytes that are no message are refused, and the next call is served', async () => {
    const path = `/${DECISION_SERVICE_NAME}/Evaluate`;
    const garbage = new Promise((resolve, reject) => {
      server.client.makeUnaryRequest(
        path,
        (bytes: Buffer) => bytes,
        (bytes: Buffer) => bytes,
        Buffer.from([0xff, 0xff, 0xff, 0xff, 0x01]),
        (error) => (error === null ? resolve(undefined) : reject(error)),
      );
    });
    await expect(garbage).rejects.toMatchObject({ code: status.INTERNAL });
    expect((await server.evaluate(question('next'))).decision?.effect).toBe('DECISION_EFFECT_ALLOW');
  });

  test('reflection lists the decision service, and survives garbage', async () => {
    const raw = (bytes: Buffer): Buffer => bytes;
    const path = '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo';
    const ask = (request: Buffer): Promise<string> =>
      new Promise((resolve) => {
        const call = server.client.makeBidiStreamRequest(path, raw, raw);
        call.on('data', (bytes: Buffer) => {
          resolve(bytes.toString('latin1'));
          call.end();
        });
        call.on('error', (error: ServiceError) => resolve(String(error.code)));
        call.write(request);
      });
    // Field 7, `list_services`, of ServerReflectionRequest.
    const listServices = Buffer.from([0x3a, 0x01, 0x2a]);
    await ask(Buffer.from([0xff, 0xff, 0xff]));
    await ask(Buffer.alloc(0));
    expect(await ask(listServices)).toContain(DECISION_SERVICE_NAME);
  });
});
