import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { EXIT } from '../exit-codes.js';
import { type CliRun, runForTest } from '../fake-terminal.js';
import { createDevelopmentPki } from '../pki/development.js';
import { temporaryFolder } from '../temporary-folder.js';

const APPROVAL = {
  id: 'a-1',
  state: 'pending',
  tenant: 'acme',
  agent: 'analyst\u001b[2J',
  request: { server: 'bank', tool: 'pay', user: 'uma', payload: { arguments: { to: 'bob' } }, complete: false },
  needs: [{ hold: 'h', type: 'require_approval', role: 'treasurer', quorum: 2 }],
  votes: [{ person: 'ann', says: 'approve', at: '2026-11-22T00:00:00Z', comment: 'ok' }],
  expires_at: '2026-11-22T01:00:00.000Z',
};
const GRANT = {
  id: 'g-1',
  state: 'active',
  agent: 'analyst',
  target: { server: 'bank', tool: 'pay' },
  used: 1,
  count: 3,
  budget: { argument: 'amount', limit: 50, spent: 10 },
  expires_at: '2026-11-22T01:00:00.000Z',
};

let server: Server;
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let ca = '';
let token = '';
let base = '';
let status = 200;
let answer: unknown;
let asked: { method: string; url: string; authorization: string; body: string }[] = [];

beforeAll(async () => {
  folder = await temporaryFolder();
  const leaves = [{ kind: 'pdp', name: 'pdp-1' } as const];
  const pki = await createDevelopmentPki({ trustDomain: 'example.org', leaves, now: new Date() });
  const [leaf] = pki.leaves;
  server = createServer({ cert: leaf?.certPem ?? '', key: leaf?.keyPem ?? '' }, (request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => {
      body += chunk.toString();
    });
    request.on('end', () => {
      const { method = '', url = '', headers } = request;
      asked.push({ method, url, authorization: String(headers.authorization), body });
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(typeof answer === 'string' ? answer : JSON.stringify(answer));
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  base = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  ca = join(folder.path, 'ca.pem');
  token = join(folder.path, 'token');
  await writeFile(ca, pki.authority.certPem);
  await writeFile(token, 'abc.def.ghi\n');
});
beforeEach(() => {
  status = 200;
  asked = [];
});
afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await folder[Symbol.asyncDispose]();
});

const run = (...words: readonly string[]): Promise<CliRun> =>
  runForTest([...words, '--pdp', base, '--token-file', token, '--tls-ca', ca]);

describe('portcullis approvals', () => {
  test('list prints a table that no agent can colour', async () => {
    answer = { approvals: [APPROVAL] };
    const { code, stdout } = await run('approvals', 'list', '--state', 'all', '--limit', '5');
    expect(code).toBe(EXIT.ok);
    expect(asked).toEqual([
      { method: 'GET', url: '/v1/approvals?state=all&limit=5', authorization: 'Bearer abc.def.ghi', body: '' },
    ]);
    expect(stdout.split('\n')[1]).toMatch(/^a-1 +pending +analyst\ufffd\[2J +bank\/pay +treasurer x2 +2026/);
  });

  test('show says what is asked, by whom, and that something is left out', async () => {
    answer = APPROVAL;
    const { stdout } = await run('approvals', 'show', 'a/1');
    expect(asked[0]?.url).toBe('/v1/approvals/a%2F1');
    expect(stdout).toContain('payload: {"arguments":{"to":"bob"}}');
    expect(stdout).toContain('vote: ann approve 2026-11-22T00:00:00Z ok');
    expect(stdout).toContain('not complete');
  });

  test.each(['approve', 'deny', 'revoke'])('%s sends the comment', async (verb) => {
    answer = APPROVAL;
    const { code, stdout } = await run('approvals', verb, 'a-1', '--comment', 'why', '--json');
    expect([code, JSON.parse(stdout)]).toEqual([EXIT.ok, APPROVAL]);
    expect(asked).toMatchObject([{ method: 'POST', url: `/v1/approvals/a-1/${verb}`, body: '{"comment":"why"}' }]);
  });

  test.each<[number, unknown, number, string]>([
    [403, { code: 'ERR_APPROVAL_FORBIDDEN', detail: 'not yours' }, EXIT.refused, 'not yours (ERR_APPROVAL_FORBIDDEN'],
    [401, { title: 'No' }, EXIT.refused, 'No (no code, HTTP 401)'],
    [503, { code: 'ERR_APPROVAL_STORE' }, EXIT.failure, 'ERR_APPROVAL_STORE'],
    [200, 'nonsense', EXIT.failure, 'ERR_CLI_ANSWER'],
    [200, [], EXIT.failure, 'ERR_CLI_ANSWER'],
  ])('an answer of %d is told', async (given, body, code, said) => {
    status = given;
    answer = body;
    const result = await run('approvals', 'approve', 'a-1');
    expect([result.code, result.stdout]).toEqual([code, '']);
    expect(result.stderr).toContain(said);
  });

  test.each<[string, readonly string[], number]>([
    ['no PDP', ['approvals', 'list', '--token-file', 'x'], EXIT.usage],
    ['a PDP in the clear', ['approvals', 'list', '--token-file', 'x', '--pdp', 'http://127.0.0.1'], EXIT.usage],
    ['a PDP with a path', ['approvals', 'list', '--token-file', 'x', '--pdp', 'https://127.0.0.1/x'], EXIT.usage],
    ['neither a token nor a certificate', ['approvals', 'list', '--pdp', 'https://127.0.0.1:1'], EXIT.usage],
    [
      'a certificate without its key, whatever the token',
      ['approvals', 'list', '--pdp', 'https://127.0.0.1:1', '--token-file', '-', '--tls-cert', 'x'],
      EXIT.usage,
    ],
    [
      'a certificate that is none',
      ['approvals', 'list', '--pdp', 'https://127.0.0.1:1', '--tls-cert', '/dev/null', '--tls-key', '/dev/null'],
      EXIT.usage,
    ],
    [
      'a token that is not there',
      ['approvals', 'list', '--pdp', 'https://127.0.0.1:1', '--token-file', '/nothing'],
      EXIT.usage,
    ],
    [
      'an unknown state',
      ['approvals', 'list', '--pdp', 'https://127.0.0.1:1', '--token-file', '-', '--state', 'x'],
      EXIT.usage,
    ],
    [
      'a PDP that is not there',
      ['approvals', 'list', '--pdp', 'https://127.0.0.1:1', '--token-file', '-'],
      EXIT.failure,
    ],
  ])('%s is a fault', async (_name, argv, code) => {
    expect((await runForTest(argv, { stdin: 'a.b.c' })).code).toBe(code);
  });

  test('does not speak to a server that is no PDP of the trust domain, or of another authority', async () => {
    answer = { approvals: [] };
    expect((await run('approvals', 'list', '--trust-domain', 'example.org')).code).toBe(EXIT.ok);
    asked = [];
    const other = await run('approvals', 'list', '--trust-domain', 'example.com');
    expect([other.code, other.stderr]).toEqual([EXIT.failure, expect.stringContaining('no PDP of example.com')]);
    const stranger = await runForTest(['approvals', 'list', '--pdp', base, '--token-file', token]);
    expect(stranger.code).toBe(EXIT.failure);
    expect(asked).toEqual([]);
  });
});

describe('portcullis grants', () => {
  test('list prints what is used', async () => {
    answer = { grants: [GRANT] };
    const { stdout } = await run('grants', 'list');
    expect(stdout).toMatch(/g-1 +active +analyst +bank\/pay +1 of 3, 10 of 50 +2026/);
  });

  test('create sends the terms', async () => {
    answer = GRANT;
    const terms = [
      '--approval',
      'a-1',
      '--count',
      '3',
      '--expires',
      '12h',
      '--vary',
      'amount',
      '--budget',
      'amount=50.5',
    ];
    expect((await run('grants', 'create', ...terms)).code).toBe(EXIT.ok);
    expect(asked).toMatchObject([{ method: 'POST', url: '/v1/grants' }]);
    expect(JSON.parse(asked[0]?.body ?? '')).toEqual({
      approval: 'a-1',
      count: 3,
      expires_seconds: 43_200,
      vary: ['amount'],
      budget: { argument: 'amount', limit: 50.5 },
      comment: '',
    });
  });

  test('preview says what a grant would have covered, and what is not known', async () => {
    answer = {
      records: { from: '2026-11-19T08:12:00.000Z', complete: false, why: 'earlier records were removed' },
      checked: ['agent', 'target'],
      unchecked: [{ term: 'arguments', why: 'one digest of all' }],
      covered: { held: 3, denied: 0, allowed: 1 },
      beyond_count: 1,
      possible: { held: 5, denied: 2, allowed: 0 },
      days: [
        {
          day: '2026-11-22',
          covered: { held: 3, denied: 0, allowed: 1 },
          possible: { held: 5, denied: 2, allowed: 0 },
        },
      ],
      examples: [{ decision_id: 'd-1\u001b', at: '2026-11-22T11:58:00.000Z', ended: 'held', certain: false }],
    };
    const terms = ['--approval', 'a-1', '--count', '3', '--expires', '1h', '--vary', 'amount'];
    const { code, stdout } = await run('grants', 'preview', ...terms);
    expect([code, asked[0]?.url]).toEqual([EXIT.ok, '/v1/grants/preview']);
    expect(JSON.parse(asked[0]?.body ?? '')).toEqual({
      approval: 'a-1',
      count: 3,
      expires_seconds: 3_600,
      vary: ['amount'],
    });
    const both = '3 held, 0 denied, 1 allowed; perhaps 5 held, 2 denied, 0 allowed more';
    expect(stdout.trimEnd().split('\n')).toEqual([
      `covered: ${both}`,
      'more than its count: 1',
      `2026-11-22: ${both}`,
      'e.g. 2026-11-22T11:58:00.000Z held d-1\ufffd (perhaps)',
      'records of this PDP since: 2026-11-19T08:12:00.000Z (not complete): earlier records were removed',
      'compared: agent, target',
      'not compared: arguments: one digest of all',
    ]);
    expect(JSON.parse((await run('grants', 'preview', ...terms, '--json')).stdout)).toEqual(answer);
  });

  test('revoke', async () => {
    answer = GRANT;
    await run('grants', 'revoke', 'g-1', '--comment', 'over');
    expect(asked).toMatchObject([{ method: 'POST', url: '/v1/grants/g-1/revoke', body: '{"comment":"over"}' }]);
  });

  test.each([
    ['--expires', '12'],
    ['--expires', '0d'],
    ['--budget', 'amount'],
    ['--budget', '=5'],
    ['--budget', 'amount=-5'],
    ['--count', '0'],
  ])('%s %s is a fault of usage', async (flag, value) => {
    const terms = new Map([
      ['--approval', 'a'],
      ['--count', '1'],
      ['--expires', '1h'],
      [flag, value],
    ]);
    expect((await run('grants', 'create', ...[...terms].flat())).code).toBe(EXIT.usage);
  });
});
