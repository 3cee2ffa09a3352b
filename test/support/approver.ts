/** Somebody who may approve: an issuer of tokens for a PDP's `approvals`, and the command line with such a token. */
import { createPrivateKey, generateKeyPairSync, sign } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runCli } from '@portcullis/cli';
import { AGENT, type Stack, TRUST_DOMAIN } from './stack.js';

/** A person with a role. */
export interface Approver {
  /** Goes into a PDP's configuration, beside `http: {}`. */
  readonly approvals: object;
  /** Approves at the first PDP, by the command line. @throws Error with what it said when it was not taken */
  approve(stack: Stack, id: string): Promise<void>;
}

const ISSUER = 'https://login.test';

/** Makes keys, and keeps them in an existing folder. */
export function createApprover(folder: string, person: string, role: string): Approver {
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const key = createPrivateKey(pair.privateKey.export({ type: 'pkcs8', format: 'pem' }));
  const jwksFile = join(folder, 'approvers.jwks');
  writeFileSync(jwksFile, JSON.stringify({ keys: [pair.publicKey.export({ format: 'jwk' })] }));
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const token = (): string => {
    const exp = Math.floor(Date.now() / 1_000) + 300;
    const claims = { iss: ISSUER, aud: 'approvals', exp, sub: person, tenant: AGENT.tenant, roles: [role] };
    const signed = `${part({ alg: 'ES256' })}.${part(claims)}`;
    return `${signed}.${sign('sha256', Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
  };
  return {
    approvals: { approvers: [{ issuer: ISSUER, audience: 'approvals', jwksFile }] },
    async approve(stack, id) {
      const tokenFile = join(folder, 'token');
      writeFileSync(tokenFile, `${token()}\n`);
      const words = [
        ...['approvals', 'approve', id, '--pdp', `https://${stack.pdps[0]?.addresses['https'] ?? ''}`],
        ...['--token-file', tokenFile, '--tls-ca', stack.tls({ kind: 'agent', ...AGENT }).caFile],
        ...['--trust-domain', TRUST_DOMAIN],
      ];
      const said: string[] = [];
      const note = (text: string): void => void said.push(text);
      const terminal = { width: 200, data: note, say: note, input: async () => new Uint8Array() };
      const code = await runCli(words, { signal: new AbortController().signal, terminal });
      if (code !== 0) throw new Error(said.join('\n'));
    },
  };
}
