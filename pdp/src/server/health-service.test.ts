import { credentials, makeGenericClientConstructor, type ServiceError, status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { DECISION_SERVICE_NAME } from '@portcullis/proto';
import { service as healthService } from 'grpc-health-check';
import { openTestServer, type TestServer } from '../fixtures/grpc-server.js';

let server: TestServer;
beforeEach(async () => {
  server = await openTestServer();
});
afterEach(() => server.close());

describe('health', () => {
  function check(service: string): Promise<string | number> {
    const Client = makeGenericClientConstructor(healthService, 'health');
    const health = new Client(server.endpoint.address, credentials.createInsecure());
    return new Promise((resolve) => {
      health['check']?.({ service }, (error: ServiceError | null, response: { status: string }) => {
        health.close();
        resolve(error === null ? response.status : error.code);
      });
    });
  }

  test('serves exactly while there is a release to decide with', async () => {
    expect(await check(DECISION_SERVICE_NAME)).toBe('SERVING');
    expect(await check('')).toBe('SERVING');
    server.release({ ok: false });
    expect(await check('')).toBe('NOT_SERVING');
    server.release({ ok: true });
    expect(await check('')).toBe('SERVING');
    expect(await check('other')).toBe(status.NOT_FOUND);
  });
});
