import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { PortcullisError } from '@portcullis/runtime';
import { approvalsConfig } from '../approvals/approvals-config.js';
import { type ApproverConnection, createCertifiedApprovers } from '../approvals/approver-certificates.js';
import type { ApproverReader } from '../approvals/approver-token.js';
import { createDesk } from '../approvals/desk.js';
import { createShowing } from '../approvals/shown.js';
import { heldRequest } from '../approvals/store-contract.js';
import { pdpConfig } from '../config.js';
import { createTestBook, type TestBook } from '../fixtures/approvals.js';
import { createFakeClock, type FakeClock } from '../fixtures/fake-clock.js';
import { createTestHttpApp, type TestHttpApp } from '../fixtures/http-app.js';

const PEOPLE = [
  { tenant: 'acme', name: 'vera', person: 'Vera', email: 'vera@acme.test', roles: ['admin'] },
  { tenant: 'acme', name: 'uma', person: 'uma', roles: ['admin'] },
  { tenant: 'acme', name: 'olaf', person: 'olaf', groups: ['admin'] },
  { tenant: 'globex', name: 'vera', person: 'gina', roles: ['admin'] },
];
const VERA = 'spiffe://portcullis.test/tenant/acme/approver/vera';
const ADMIN = { hold: 'platform/s/pay', type: 'require_approval', who: 'admin', quorum: 1 } as const;

/** A token is the id of an admin of acme. */
const tokens: ApproverReader = {
  personOf: async (token) => {
    if (token === 'bad') throw new PortcullisError('ERR_IDENTITY_REJECTED', 'unauthenticated', 'no');
    return { id: token, tenant: 'acme', email: undefined, roles: ['admin'], groups: [] };
  },
};

let http: TestHttpApp;
let book: TestBook;
let clock: FakeClock;
let connection: ApproverConnection;

beforeEach(() => {
  clock = createFakeClock(Date.parse('2026-11-21T12:00:00Z'));
  book = createTestBook(clock);
  http = surface(tokens);
});
afterEach(() => http.app.close());

function surface(approvers: ApproverReader | undefined): TestHttpApp {
  const { certificates } = approvalsConfig.parse({ certificates: PEOPLE });
  const reader = createCertifiedApprovers({ configured: certificates, trustDomain: 'portcullis.test', clock });
  return createTestHttpApp(undefined, {
    approvals: {
      desk: createDesk(book, 3_600),
      approvers,
      // Requests of this test come without a socket; which certificate it has is the test's to say.
      certified: { personOf: () => reader.personOf(connection) },
      waiting: book.store,
      reveal: createShowing('summary', undefined).reveal,
    },
  });
}

function present(id: string | undefined, authorized = true): void {
  const certificate = {
    subjectaltname: `URI:${id ?? ''}`,
    valid_from: 'Nov 21 11:00:00 2026 GMT',
    valid_to: 'Nov 21 13:00:00 2026 GMT',
  };
  connection = {
    authorized: id !== undefined && authorized,
    getPeerCertificate: () => (id === undefined ? {} : certificate) as never,
  };
}

async function held(changes: Parameters<typeof heldRequest>[0] = {}): Promise<string> {
  const presentation = await book.store.present(heldRequest({ needs: [ADMIN], about: { user: 'uma' }, ...changes }));
  if (presentation.outcome !== 'pending') throw new Error(presentation.outcome);
  return presentation.approval.id;
}

/** Status, and the state or the code. */
async function approve(id: string, token?: string): Promise<[number, unknown]> {
  const answer = await http.app.inject({
    method: 'POST',
    url: `/v1/approvals/${id}/approve`,
    headers: {
      'content-type': 'application/json',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    payload: '{}',
  });
  const { state, code } = answer.json<{ state?: string; code?: string }>();
  return [answer.statusCode, state ?? code];
}

describe('an approver with a certificate', () => {
  test('agrees as the person that the configuration names', async () => {
    present(VERA);
    const id = await held();
    expect(await approve(id)).toEqual([200, 'approved']);
    expect(book.records.map(({ event, by }) => [event, by])).toEqual([['approve', 'Vera']]);
  });

  test('sees their own tenant alone', async () => {
    present('spiffe://portcullis.test/tenant/globex/approver/vera');
    expect(await approve(await held())).toEqual([404, 'ERR_APPROVAL_UNKNOWN']);
  });

  test('answers for the roles that they have, and no others', async () => {
    present('spiffe://portcullis.test/tenant/acme/approver/olaf');
    expect(await approve(await held())).toEqual([403, 'ERR_APPROVAL_FORBIDDEN']);
  });

  test('does not answer their own request, whichever way they come, and however it is written', async () => {
    present('spiffe://portcullis.test/tenant/acme/approver/uma');
    expect(await approve(await held())).toEqual([403, 'ERR_APPROVAL_FORBIDDEN']);
    expect(await approve(await held(), 'UMA')).toEqual([403, 'ERR_APPROVAL_FORBIDDEN']);
    present(undefined);
    expect(await approve(await held(), 'uma')).toEqual([403, 'ERR_APPROVAL_FORBIDDEN']);
    present(VERA);
    const byMail = await held({ binding: 'mail', about: { user_email: 'VERA@acme.test' } });
    expect(await approve(byMail)).toEqual([403, 'ERR_APPROVAL_FORBIDDEN']);
  });

  test('counts once, by token, by certificate, or in other letters', async () => {
    const id = await held({ needs: [{ ...ADMIN, quorum: 2 }] });
    present(VERA);
    expect(await approve(id)).toEqual([200, 'pending']);
    expect(await approve(id)).toEqual([409, 'ERR_APPROVAL_CLOSED']);
    present(undefined);
    expect(await approve(id, 'vera')).toEqual([409, 'ERR_APPROVAL_CLOSED']);
    expect(await approve(id, 'VERA')).toEqual([409, 'ERR_APPROVAL_CLOSED']);
    expect(await approve(id, 'ann')).toEqual([200, 'approved']);
  });

  test('with a token, too, is one person or nobody', async () => {
    present(VERA);
    expect(await approve(await held(), 'ann')).toEqual([401, 'ERR_IDENTITY_REJECTED']);
    expect(await approve(await held(), 'bad')).toEqual([401, 'ERR_IDENTITY_REJECTED']);
    expect(await approve(await held(), 'vera')).toEqual([200, 'approved']);
  });

  test.each<[string, string, boolean]>([
    ['nobody configured', 'spiffe://portcullis.test/tenant/acme/approver/nobody', true],
    ['of an authority that is not trusted', VERA, false],
    ['of another trust domain', 'spiffe://other.test/tenant/acme/approver/vera', true],
    ['an agent', 'spiffe://portcullis.test/tenant/acme/agent/vera', true],
    ['a gateway', 'spiffe://portcullis.test/gateway/vera', true],
    ['a name with more behind it', `${VERA}/x`, true],
  ])('%s is not one', async (_name, id, authorized) => {
    present(id, authorized);
    expect(await approve(await held())).toEqual([401, 'ERR_IDENTITY_REJECTED']);
  });

  test('whose certificate has run out is not one', async () => {
    present(VERA);
    clock.advance(3_600_001);
    expect(await approve(await held())).toEqual([401, 'ERR_IDENTITY_REJECTED']);
  });

  test('needs no tokens to be accepted; tokens then are not', async () => {
    await http.app.close();
    http = surface(undefined);
    present(undefined);
    expect(await approve(await held(), 'ann')).toEqual([401, 'ERR_IDENTITY_REJECTED']);
    present(VERA);
    expect(await approve(await held())).toEqual([200, 'approved']);
  });
});

describe('the configuration', () => {
  const [vera] = PEOPLE;

  test('names each certificate once', () => {
    expect(approvalsConfig.safeParse({ certificates: [vera, { ...vera, person: 'x' }] }).success).toBe(false);
    expect(approvalsConfig.safeParse({ certificates: [{ ...vera, person: undefined }] }).success).toBe(false);
  });

  test('needs client certificates to be asked for', () => {
    const issuesOf = (http?: object): string[] => {
      const parsed = pdpConfig.safeParse({
        approvals: { certificates: [vera] },
        ...BASE,
        ...(http === undefined ? {} : { http }),
      });
      return parsed.success ? [] : parsed.error.issues.map(({ path }) => path.join('.'));
    };
    expect(issuesOf({})).toEqual([]);
    expect(issuesOf()).toEqual(['approvals.certificates']);
    const jwt = { issuer: 'i', audience: 'a', jwksFile: 'f' };
    expect(issuesOf({ auth: { mtls: false, jwt } })).toEqual(['approvals.certificates']);
  });
});

const BASE = {
  node: 'pdp-1',
  trustDomain: 'portcullis.test',
  env: 'dev',
  channel: 'stable',
  tls: { certFile: 'c', keyFile: 'k', caFile: 'a' },
  admin: {},
  log: {},
  dataDir: 'd',
  bundles: { rootFile: 'r', sources: [{ type: 'http', url: 'https://d.test' }] },
};
