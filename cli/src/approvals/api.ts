/** Speaks to the approvers' surface of a PDP over HTTPS, with the token or the certificate of a person, or with both. */

import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { parsePeerIdentity } from '@portcullis/proto';
import { type Json, type JsonObject, PortcullisError, parseStrictJson, spiffeIdOf } from '@portcullis/runtime';
import { Agent, request } from 'undici';
import { usageFault } from '../faults.js';
import type { Shell } from '../shell.js';

/** What the connection flags say. */
export interface ApproverFlags {
  readonly pdp: string;
  readonly tokenFile?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly tlsCa?: string;
  readonly trustDomain?: string;
  readonly json: boolean;
}

/** The open way to a PDP. */
export interface ApproverApi {
  /** @throws PortcullisError `ERR_CLI_REFUSED` when it understood and said no, `ERR_CLI_UNREACHABLE` when it cannot be asked. */
  get(path: string): Promise<JsonObject>;
  post(path: string, body: JsonObject): Promise<JsonObject>;
  close(): Promise<void>;
}

const MAX_ANSWER_BYTES = 16 * 1024 * 1024;
const ANSWER_TIMEOUT_MS = 10_000;
const MAX_TOKEN_BYTES = 64 * 1024;

/** @throws PortcullisError `ERR_CLI_USAGE` when a flag cannot be used. */
export async function openApproverApi(shell: Shell, flags: ApproverFlags): Promise<ApproverApi> {
  const base = baseUrl(flags.pdp);
  const own = await readCertificate(flags);
  const token = flags.tokenFile === undefined ? undefined : await readToken(shell, flags.tokenFile);
  if (own === undefined && token === undefined)
    throw usageFault(
      'say who you are: --token-file with your token, or --tls-cert and --tls-key with your certificate',
    );
  const ca = flags.tlsCa === undefined ? undefined : await readText(flags.tlsCa, '--tls-ca');
  const { trustDomain } = flags;
  const agent = new Agent({
    connect: {
      minVersion: 'TLSv1.3',
      ...(ca === undefined ? {} : { ca }),
      ...own,
      // Inside a deployment a PDP is known by its SPIFFE id, elsewhere by the name of its host.
      ...(trustDomain === undefined
        ? {}
        : { checkServerIdentity: (_host, certificate) => pdpOf(certificate, trustDomain) }),
    },
  });
  const call = async (method: 'GET' | 'POST', path: string, body?: JsonObject): Promise<JsonObject> => {
    const what = `${method} ${base}${path}`;
    const answer = await request(`${base}${path}`, {
      method,
      dispatcher: agent,
      signal: shell.signal,
      headersTimeout: ANSWER_TIMEOUT_MS,
      bodyTimeout: ANSWER_TIMEOUT_MS,
      headers: {
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    }).catch((cause: unknown) => {
      throw unreachable(what, cause);
    });
    const json = await readJson(answer.body, what);
    if (answer.statusCode < 300) return json;
    const message = textOf(json['detail']) ?? textOf(json['title']) ?? `HTTP ${answer.statusCode}`;
    const code = textOf(json['code']) ?? 'no code';
    if (answer.statusCode >= 500)
      throw new PortcullisError('ERR_CLI_UNREACHABLE', 'unavailable', `${what}: ${message} (${code})`);
    throw new PortcullisError(
      'ERR_CLI_REFUSED',
      'unauthenticated',
      `the PDP refused: ${message} (${code}, HTTP ${answer.statusCode})`,
    );
  };
  return {
    get: (path) => call('GET', path),
    post: (path, body) => call('POST', path, body),
    close: () => agent.close(),
  };
}

function baseUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== 'https:' || url.pathname !== '/' || url.search !== '' || url.username !== '') {
    throw usageFault('--pdp: expected a URL such as https://pdp.example.com:8443');
  }
  return url.origin;
}

/** Certificate and key go together. @throws PortcullisError `ERR_CLI_USAGE` for one without the other, or that is none */
async function readCertificate({ tlsCert, tlsKey }: ApproverFlags): Promise<{ cert: string; key: string } | undefined> {
  if (tlsCert === undefined && tlsKey === undefined) return undefined;
  if (tlsCert === undefined || tlsKey === undefined) throw usageFault('--tls-cert and --tls-key go together');
  const cert = await readText(tlsCert, '--tls-cert');
  const key = await readText(tlsKey, '--tls-key');
  if (!isPair(cert, key)) {
    throw usageFault(`--tls-cert, --tls-key: ${tlsCert} and ${tlsKey} are not a certificate and its private key`);
  }
  return { cert, key };
}

function isPair(cert: string, key: string): boolean {
  try {
    return new X509Certificate(cert).checkPrivateKey(createPrivateKey(key));
  } catch {
    return false;
  }
}

async function readToken(shell: Shell, file: string): Promise<string> {
  const text =
    file === '-'
      ? Buffer.from(await shell.terminal.input(shell.signal)).toString('utf8')
      : await readText(file, '--token-file');
  const token = text.trim();
  if (token.length > MAX_TOKEN_BYTES || !/^[A-Za-z0-9._~+/-]+=*$/.test(token)) {
    throw usageFault(`--token-file: ${file} does not hold a token`);
  }
  return token;
}

async function readText(file: string, flag: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch {
    throw usageFault(`${flag}: ${file} cannot be read`);
  }
}

function pdpOf(certificate: Parameters<typeof spiffeIdOf>[0], trustDomain: string): Error | undefined {
  const id = spiffeIdOf(certificate);
  if (id !== undefined && parsePeerIdentity(id, trustDomain)?.kind === 'pdp') return undefined;
  return new PortcullisError('ERR_IDENTITY_REJECTED', 'unauthenticated', `the server is no PDP of ${trustDomain}`);
}

async function readJson(body: AsyncIterable<Uint8Array>, what: string): Promise<JsonObject> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of body) {
      size += chunk.byteLength;
      if (size > MAX_ANSWER_BYTES) throw new Error('the answer is too large');
      chunks.push(chunk);
    }
  } catch (cause) {
    throw unreachable(what, cause);
  }
  const json = parseStrictJson(new Uint8Array(Buffer.concat(chunks)), { maxBytes: MAX_ANSWER_BYTES });
  if (json.ok && typeof json.value === 'object' && json.value !== null && !Array.isArray(json.value)) {
    return json.value as JsonObject;
  }
  throw new PortcullisError('ERR_CLI_ANSWER', 'corrupt', `${what}: the answer is not a JSON object`);
}

function unreachable(what: string, cause: unknown): PortcullisError {
  const { message, kind } = PortcullisError.from(cause, 'ERR_CLI_UNREACHABLE');
  return new PortcullisError('ERR_CLI_UNREACHABLE', kind, `${what}: ${message}`, { cause });
}

function textOf(value: Json | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
