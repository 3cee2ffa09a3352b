import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createRegistry } from '@portcullis/runtime';
import { fakePolicyClient } from '../../testing/fake-policy-client.js';
import { enforcementParts, memoryLog } from '../../testing/proxy-harness.js';
import { startHttpProxy } from './compose-http.js';
import { mcpConfig } from './config.js';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'portcullis-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

const parts = () => ({
  ...enforcementParts(fakePolicyClient(), createRegistry('portcullis_sidecar'), memoryLog().log),
  env: {},
});

test('a Unix socket is for its owner only, and the Host check holds there too', async () => {
  const socketPath = join(folder, 'mcp.sock');
  const upstreams = [{ name: 'files', url: 'http://127.0.0.1:9/mcp' }];
  const proxy = await startHttpProxy(mcpConfig.parse({ listen: { socket: socketPath }, upstreams }), parts());
  expect(proxy.address).toBe(socketPath);
  expect((await stat(socketPath)).mode & 0o777).toBe(0o600);
  const statuses = await Promise.all(
    ['localhost', 'evil.example'].map(
      (host) =>
        new Promise((resolve, reject) => {
          const options = { socketPath, path: '/mcp/files', method: 'PUT', headers: { host } };
          request(options, (answer) => {
            answer.resume();
            resolve(answer.statusCode);
          })
            .on('error', reject)
            .end();
        }),
    ),
  );
  expect(statuses).toEqual([405, 403]);
  await proxy.close();
  await proxy.disconnect();
});

test('an address that is taken stops the start', async () => {
  const upstreams = [{ name: 'files', url: 'http://127.0.0.1:9/mcp' }];
  const first = await startHttpProxy(mcpConfig.parse({ upstreams }), parts());
  const port = Number(first.address.split(':').pop());
  const second = startHttpProxy(mcpConfig.parse({ upstreams, listen: { port } }), parts());
  await expect(second).rejects.toMatchObject({ code: 'ERR_LISTEN', kind: 'unavailable' });
  await first.close();
  await first.disconnect();
});

describe('what a Unix socket finds at its path', () => {
  const upstreams = [{ name: 'files', url: 'http://127.0.0.1:9/mcp' }];
  const startAt = (socket: string) => startHttpProxy(mcpConfig.parse({ listen: { socket }, upstreams }), parts());

  test('the socket of a process that was killed: is replaced', async () => {
    const socketPath = join(folder, 'stale.sock');
    const killed = spawn(process.execPath, [
      '-e',
      `require('node:net').createServer().listen(${JSON.stringify(socketPath)}, () => process.kill(process.pid, 'SIGKILL'))`,
    ]);
    await once(killed, 'exit');
    expect((await stat(socketPath)).isSocket()).toBe(true);
    const proxy = await startAt(socketPath);
    expect(proxy.address).toBe(socketPath);
    await proxy.close();
    await proxy.disconnect();
  });

  test('the socket of one that lives: stops the start, and is left to it', async () => {
    const socketPath = join(folder, 'live.sock');
    const first = await startAt(socketPath);
    await expect(startAt(socketPath)).rejects.toMatchObject({ code: 'ERR_LISTEN' });
    expect((await stat(socketPath)).isSocket()).toBe(true);
    await first.close();
    await first.disconnect();
  });

  test('something that is no socket: stops the start, and is left alone', async () => {
    const path = join(folder, 'notes.txt');
    await writeFile(path, 'mine');
    await expect(startAt(path)).rejects.toMatchObject({ code: 'ERR_LISTEN' });
    expect(await readFile(path, 'utf8')).toBe('mine');
  });
});
