import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { AttemptRefusedError, createAuthorizer } from './index.js';

const ATTEMPT = { tool: { server: 'files', name: 'read' } };
const ALLOW = { decision: 'allow', decision_id: 'd1', request_digest: 'ab' };

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close().closeAllConnections();
});

interface Told {
  readonly path: string | undefined;
  readonly body: unknown;
}

/** A sidecar that answers by path. */
async function sidecar(answers: Readonly<Record<string, readonly [status: number, body: string]>>) {
  const told: Told[] = [];
  const serve: RequestListener = (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      told.push({ path: request.url, body: JSON.parse(Buffer.concat(chunks).toString()) });
      const answer = answers[request.url ?? ''];
      if (answer === undefined) return;
      response.writeHead(answer[0], { 'content-type': 'application/json' }).end(answer[1]);
    });
  };
  const server = createServer(serve).listen(0, '127.0.0.1');
  servers.push(server);
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  return { told, authorizer: createAuthorizer({ url: `http://127.0.0.1:${port}`, timeoutMs: 300 }) };
}

const json = (value: unknown): string => JSON.stringify(value);

describe('authorize', () => {
  test('an allow is told its outcome', async () => {
    const { told, authorizer } = await sidecar({
      '/v1/authorize': [200, json(ALLOW)],
      '/v1/outcomes': [200, json({ recorded: true })],
    });
    const answer = await authorizer.authorize(ATTEMPT);
    expect(answer).toMatchObject({ allowed: true, decisionId: 'd1', requestDigest: 'ab', mustReport: false });
    if (!answer.allowed) throw new Error('refused');
    expect(await answer.conclude({ outcome: 'forwarded' })).toBe(true);
    expect(told).toEqual([
      { path: '/v1/authorize', body: ATTEMPT },
      { path: '/v1/outcomes', body: { decision_id: 'd1', outcome: 'forwarded' } },
    ]);
  });

  test.each([
    ['deny', 403, 'denied'],
    ['hold', 403, 'held'],
    ['invalid', 400, 'invalid'],
    ['failed_closed', 503, 'failed_closed'],
  ])('%s is a refusal', async (decision, status, outcome) => {
    const hold = { approval_id: 'a1', asked: [] };
    const { authorizer } = await sidecar({
      '/v1/authorize': [status, json({ decision, code: 'C', message: 'm', decision_id: 'd1', hold })],
    });
    expect(await authorizer.authorize(ATTEMPT)).toEqual({
      allowed: false,
      outcome,
      code: 'C',
      message: 'm',
      decisionId: 'd1',
      hold,
    });
  });

  test.each([
    ['an allow without its decision', 200, json({ decision: 'allow' })],
    ['an allow that is no success', 500, json(ALLOW)],
    ['a success that is no allow', 200, json({ decision: 'deny', code: 'C', message: 'm' })],
    ['no JSON', 200, 'allow'],
    ['a list', 200, '[]'],
    ['nothing', 204, ''],
  ])('%s is a refusal', async (_what, status, body) => {
    const { authorizer } = await sidecar({ '/v1/authorize': [status, body] });
    expect(await authorizer.authorize(ATTEMPT)).toMatchObject({ allowed: false, code: 'SIDECAR_REPLY_INVALID' });
  });

  test('silence, and nobody there, are refusals', async () => {
    const { authorizer } = await sidecar({});
    expect(await authorizer.authorize(ATTEMPT)).toMatchObject({ allowed: false, code: 'SIDECAR_UNAVAILABLE' });
    for (const options of [{ url: 'http://127.0.0.1:1' }, { socket: '/nonexistent/socket' }, { url: 'nonsense' }])
      expect(await createAuthorizer(options).authorize(ATTEMPT)).toMatchObject({ outcome: 'failed_closed' });
  });
});

test('what is configured goes with every question', async () => {
  const heard: unknown[] = [];
  const server = createServer((request, response) => {
    heard.push(request.headers['x-user-token']);
    request.resume().on('end', () => response.end('{}'));
  }).listen(0, '127.0.0.1');
  servers.push(server);
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  const authorizer = createAuthorizer({ url: `http://127.0.0.1:${port}`, headers: { 'x-user-token': 'a.b.c' } });
  await authorizer.authorize(ATTEMPT);
  expect(heard).toEqual(['a.b.c']);
});

describe('enforce', () => {
  test('runs nothing that is refused', async () => {
    const { authorizer } = await sidecar({
      '/v1/authorize': [403, json({ decision: 'deny', code: 'C', message: 'm' })],
    });
    let ran = false;
    const attempt = authorizer.enforce(ATTEMPT, async () => {
      ran = true;
      return null;
    });
    await expect(attempt).rejects.toThrow(AttemptRefusedError);
    expect(ran).toBe(false);
  });

  test('tells what came of it, and what was thrown', async () => {
    const { told, authorizer } = await sidecar({
      '/v1/authorize': [200, json(ALLOW)],
      '/v1/outcomes': [200, '{}'],
    });
    expect(await authorizer.enforce(ATTEMPT, async () => ({ rows: 1 }))).toEqual({ rows: 1 });
    const failing = authorizer.enforce(ATTEMPT, async (): Promise<null> => {
      throw new Error('upstream');
    });
    await expect(failing).rejects.toThrow('upstream');
    expect(told.filter(({ path }) => path === '/v1/outcomes').map(({ body }) => body)).toEqual([
      { decision_id: 'd1', outcome: 'forwarded' },
      { decision_id: 'd1', outcome: 'upstream_failed' },
    ]);
  });

  test('tells of what failed before it began', async () => {
    const { told, authorizer } = await sidecar({ '/v1/authorize': [200, json(ALLOW)], '/v1/outcomes': [200, '{}'] });
    const failing = authorizer.enforce(ATTEMPT, (): Promise<null> => {
      throw new Error('at once');
    });
    await expect(failing).rejects.toThrow('at once');
    expect(told.at(-1)?.body).toEqual({ decision_id: 'd1', outcome: 'upstream_failed' });
  });

  test('an outcome that is no JSON cannot be told, and says so', async () => {
    const { authorizer } = await sidecar({ '/v1/authorize': [200, json(ALLOW)], '/v1/outcomes': [200, '{}'] });
    const answer = await authorizer.authorize(ATTEMPT);
    if (!answer.allowed) throw new Error('refused');
    const result = 1n as unknown as number;
    expect(await answer.conclude({ outcome: 'forwarded', result })).toBe(false);
  });

  test('gives a result that had to be recorded once it was', async () => {
    const { told, authorizer } = await sidecar({
      '/v1/authorize': [200, json({ ...ALLOW, report_result: { max_bytes: 64 } })],
      '/v1/outcomes': [200, json({ recorded: true })],
    });
    expect(await authorizer.enforce(ATTEMPT, async () => 'secret')).toBe('secret');
    expect(told.at(-1)?.body).toEqual({ decision_id: 'd1', outcome: 'forwarded', result: 'secret' });
  });

  test('gives nobody a result that had to be recorded and was not', async () => {
    const { told, authorizer } = await sidecar({
      '/v1/authorize': [200, json({ ...ALLOW, report_result: { max_bytes: 64 } })],
      '/v1/outcomes': [503, json({ recorded: false })],
    });
    await expect(authorizer.enforce(ATTEMPT, async () => 'secret')).rejects.toThrow('RESULT_NOT_RECORDED');
    expect(told.at(-1)?.body).toEqual({ decision_id: 'd1', outcome: 'forwarded', result: 'secret' });
  });
});
