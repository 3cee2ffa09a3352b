import { beforeAll, describe, expect, test } from '@jest/globals';
import { signStatement, verifyStatement } from './statement.js';
import { createTestAuthority, type PemPair, type TestAuthority } from './test-authority.js';

const ID = 'spiffe://portcullis.test/pdp/pdp-1';
const STATEMENT = 'portcullis/test-statement/1: what somebody with a certificate says about a thing\n';
let authority: TestAuthority;
let leaf: PemPair;

const material = ({ cert, key }: PemPair): { readonly cert: Buffer; readonly key: Buffer } => ({
  cert: Buffer.from(cert),
  key: Buffer.from(key),
});
const ca = (one: TestAuthority): Buffer => Buffer.from(one.cert);

beforeAll(async () => {
  authority = await createTestAuthority('root');
  leaf = await authority.issue({ uris: [ID] });
});

describe('a statement', () => {
  test('is by whom the certificate names', () => {
    const signed = signStatement(material(leaf), STATEMENT);
    expect(verifyStatement(STATEMENT, signed, ca(authority), Date.now())).toBe(ID);
  });

  test('is nobody’s when it says something else', () => {
    const signed = signStatement(material(leaf), STATEMENT);
    expect(verifyStatement(`${STATEMENT} `, signed, ca(authority), Date.now())).toBeUndefined();
  });

  test('is nobody’s with a certificate of another authority, of the same name', async () => {
    const other = await createTestAuthority('root');
    const signed = signStatement(material(await other.issue({ uris: [ID] })), STATEMENT);
    expect(verifyStatement(STATEMENT, signed, ca(authority), Date.now())).toBeUndefined();
    expect(verifyStatement(STATEMENT, signed, ca(other), Date.now())).toBe(ID);
  });

  test('is nobody’s with somebody else’s certificate', async () => {
    const mine = await authority.issue({ uris: ['spiffe://portcullis.test/tenant/t/agent/a'] });
    const signed = { ...signStatement(material(mine), STATEMENT), certificate: leaf.cert };
    expect(verifyStatement(STATEMENT, signed, ca(authority), Date.now())).toBeUndefined();
  });

  test('is nobody’s when the certificate has expired, or is an authority itself', async () => {
    const signed = signStatement(material(leaf), STATEMENT);
    expect(verifyStatement(STATEMENT, signed, ca(authority), Date.now() + 2 * 3_600_000)).toBeUndefined();
    // It says who it is, and its own key made the signature.
    const between = await authority.issue({ uris: [ID], isAuthority: true });
    expect(
      verifyStatement(STATEMENT, signStatement(material(between), STATEMENT), ca(authority), Date.now()),
    ).toBeUndefined();
  });

  test.each(['', 'no certificate', `-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n`])(
    'is nobody’s with %j for a certificate',
    (certificate) => {
      const signed = { ...signStatement(material(leaf), STATEMENT), certificate };
      expect(verifyStatement(STATEMENT, signed, ca(authority), Date.now())).toBeUndefined();
    },
  );

  test('is not signed when a peer could have chosen all of it', () => {
    expect(() => signStatement(material(leaf), 'short')).toThrow(TypeError);
  });
});
