/** A way to ask a service: HTTPS with our certificate or a token, one address, no redirects, bounded in time and size. */

import { readFile } from 'node:fs/promises';
import { Agent, type RequestOptions, request } from 'node:https';
import { checkServerIdentity, type PeerCertificate } from 'node:tls';
import { PortcullisError, spiffeIdOf, type TlsMaterial } from '@portcullis/runtime';
import { freshMsOf } from './freshness.js';
import type { Answered, Post } from './http-source.js';
import type { HttpSourceConfig } from './http-source-config.js';

/** What is needed of the configuration. */
export type HttpsPostConfig = Pick<
  HttpSourceConfig,
  'url' | 'auth' | 'timeoutMs' | 'maxAnswerBytes' | 'maxConnections'
>;

const MAX_TOKEN_BYTES = 16 * 1024;
const TOKEN = /^[A-Za-z0-9._~+/-]+=*$/;

/**
 * Opens the way.
 * @throws PortcullisError `invalid` when a file that it needs cannot be read.
 */
export async function openHttpsPost(
  config: HttpsPostConfig,
  material: Pick<TlsMaterial, 'current'>,
): Promise<{ readonly post: Post; readonly close: () => void }> {
  const { auth, timeoutMs, maxAnswerBytes } = config;
  // A resumed session skips the identity check.
  const agent = new Agent({ keepAlive: true, maxSockets: config.maxConnections, maxCachedSessions: 0 });
  const secrets = await secretsOf(auth, material);
  const post: Post = async (body) => {
    const headers = { ...(await secrets.headers()), 'content-type': 'application/json', accept: 'application/json' };
    return send(config.url, { agent, method: 'POST', headers, ...secrets.tls() }, body, { timeoutMs, maxAnswerBytes });
  };
  return { post, close: () => agent.destroy() };
}

interface Secrets {
  readonly headers: () => Promise<Readonly<Record<string, string>>>;
  /** Read at every connection, so that a renewed certificate is used. */
  readonly tls: () => RequestOptions;
}

async function secretsOf(auth: HttpSourceConfig['auth'], material: Pick<TlsMaterial, 'current'>): Promise<Secrets> {
  if (auth.type === 'mtls') {
    const { spiffeId } = auth;
    const check = spiffeId === undefined ? checkServerIdentity : identityCheck(spiffeId);
    return {
      headers: async () => ({}),
      tls: () => {
        const { cert, key, ca } = material.current();
        return { cert, key, ca, minVersion: 'TLSv1.3', checkServerIdentity: check };
      },
    };
  }
  await readToken(auth.tokenFile);
  const ca = auth.caFile === undefined ? undefined : await readAuthorities(auth.caFile);
  return {
    headers: async () => ({ authorization: `Bearer ${await readToken(auth.tokenFile)}` }),
    tls: () => (ca === undefined ? { minVersion: 'TLSv1.2' } : { ca, minVersion: 'TLSv1.2' }),
  };
}

function identityCheck(spiffeId: string): (host: string, certificate: PeerCertificate) => Error | undefined {
  return (_host, certificate) =>
    spiffeIdOf(certificate) === spiffeId
      ? undefined
      : new PortcullisError('ERR_IDENTITY_REJECTED', 'unauthenticated', 'a source of context is somebody else');
}

async function readAuthorities(file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (error) {
    throw new PortcullisError('ERR_CONTEXT_FILE', 'invalid', 'the authorities of a source of context cannot be read', {
      cause: error,
    });
  }
}

async function readToken(file: string): Promise<string> {
  const token = await readFile(file, 'utf8').then(
    (text) => text.trim(),
    (error: unknown) => {
      throw new PortcullisError('ERR_CONTEXT_FILE', 'invalid', 'the token for a source of context cannot be read', {
        cause: error,
      });
    },
  );
  if (token.length <= MAX_TOKEN_BYTES && TOKEN.test(token)) return token;
  throw new PortcullisError('ERR_CONTEXT_FILE', 'invalid', 'the file for a source of context holds no token');
}

interface Bounds {
  readonly timeoutMs: number;
  readonly maxAnswerBytes: number;
}

function send(url: string, options: RequestOptions, body: string, bounds: Bounds): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const fail = (message: string, cause?: unknown): void => {
      clearTimeout(timer);
      reject(new PortcullisError('ERR_CONTEXT_SOURCE', 'unavailable', message, { cause }));
      asked.destroy();
    };
    const asked = request(url, options, (answer) => {
      answer.on('error', (error) => fail('the answer of a source of context broke off', error));
      const type = answer.headers['content-type'] ?? '';
      if (answer.statusCode !== 200 || !/^application\/json\b/i.test(type)) {
        fail(`a source of context answered with status ${answer.statusCode ?? 0}`);
        return;
      }
      const chunks: Buffer[] = [];
      let length = 0;
      answer.on('data', (chunk: Buffer) => {
        length += chunk.length;
        if (length > bounds.maxAnswerBytes) fail('the answer of a source of context is too long');
        else chunks.push(chunk);
      });
      answer.on('end', () => {
        clearTimeout(timer);
        resolve({ body: Buffer.concat(chunks), freshMs: freshMsOf(answer.headers) });
      });
    });
    const timer = setTimeout(() => fail('a source of context took too long'), bounds.timeoutMs);
    asked.on('error', (error) => fail('a source of context cannot be reached', error));
    asked.end(body);
  });
}
