/** An analyser over HTTPS: one POST of JSON, one answer of JSON. */

import { readFile } from 'node:fs/promises';
import { Agent, request as httpsRequest, type RequestOptions } from 'node:https';
import { PortcullisError, parseStrictJson, spiffeIdOf, type TlsMaterial } from '@portcullis/runtime';
import type { OutsideTransport } from './analyser.js';

/** How it is reached. */
export interface HttpTransportOptions {
  readonly url: string;
  readonly auth:
    | {
        readonly type: 'mtls';
        readonly material: TlsMaterial;
        /** The SPIFFE identity that the server must have. */
        readonly serverId: string;
      }
    | {
        readonly type: 'bearer';
        /** Read at every question, so that a renewed token is used. */
        readonly tokenFile: string;
        /** Authorities that the server must chain to; those of the system when absent. */
        readonly caFile: string | undefined;
      };
  /** A longer answer is none, in bytes. */
  readonly maxAnswerBytes: number;
}

const TOKEN = /^[A-Za-z0-9._~+/=-]{1,8192}$/;
const MAX_SOCKETS = 64;

/** Makes it; connects when it is asked. */
export function createHttpTransport(options: HttpTransportOptions): OutsideTransport {
  // A resumed session skips the identity check.
  const agent = new Agent({ keepAlive: true, maxSockets: MAX_SOCKETS, maxCachedSessions: 0 });
  return {
    ask: async (subject, timeoutMs) => {
      const signal = AbortSignal.timeout(Math.ceil(timeoutMs));
      const secured = await securityOf(options);
      return post(options, { ...secured, agent, signal }, subject);
    },
    close: () => agent.destroy(),
  };
}

type Security = Omit<RequestOptions, 'headers'> & { readonly headers: Readonly<Record<string, string>> };

async function securityOf({ auth }: HttpTransportOptions): Promise<Security> {
  if (auth.type === 'mtls') {
    const { cert, key, ca } = auth.material.current();
    return {
      headers: {},
      cert,
      key,
      ca,
      minVersion: 'TLSv1.3',
      // The server is who its certificate says, wherever it was found.
      checkServerIdentity: (_host, certificate) =>
        spiffeIdOf(certificate) === auth.serverId ? undefined : failure('the server is somebody else'),
    };
  }
  const [token, ca] = await Promise.all([
    readFile(auth.tokenFile, 'utf8'),
    auth.caFile === undefined ? undefined : readFile(auth.caFile),
  ]);
  const trimmed = token.trim();
  if (!TOKEN.test(trimmed)) throw failure('the token file does not hold a token');
  return {
    headers: { authorization: `Bearer ${trimmed}` },
    minVersion: 'TLSv1.2',
    ...(ca === undefined ? {} : { ca }),
  };
}

function post({ url, maxAnswerBytes }: HttpTransportOptions, secured: Security, subject: Uint8Array): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const headers = {
      ...secured.headers,
      'content-type': 'application/json',
      accept: 'application/json',
      'content-length': subject.byteLength,
    };
    const sent = httpsRequest(url, { ...secured, method: 'POST', headers }, (response) => {
      const { statusCode } = response;
      const chunks: Buffer[] = [];
      let size = 0;
      response.on('data', (chunk: Buffer) => {
        size += chunk.byteLength;
        if (size > maxAnswerBytes) sent.destroy(failure('the answer is too long'));
        else chunks.push(chunk);
      });
      response.on('error', reject);
      response.on('end', () => {
        // A redirect is followed nowhere: the subject is meant for one server.
        if (statusCode !== 200) return reject(failure(`status ${statusCode}`));
        const answer = parseStrictJson(Buffer.concat(chunks), { maxBytes: maxAnswerBytes, maxDepth: 8 });
        if (answer.ok) resolve(answer.value);
        else reject(failure('the answer is not strict JSON'));
      });
    });
    sent.on('error', reject);
    sent.end(subject);
  });
}

function failure(message: string): PortcullisError {
  return new PortcullisError('ERR_RISK_ANALYSER', 'unavailable', message);
}
