import { releasesRole } from '@portcullis/policy/trust';
import { PortcullisError, parseStrictJson } from '@portcullis/runtime';
import { request } from 'undici';
import { z } from 'zod';
import { readNodes, readReleases } from './answers.js';
import type { DistributorApi, Refusal } from './api.js';
import type { DistributorConnection } from './connection.js';

/** No answer that we read whole is larger. */
const MAX_ANSWER_BYTES = 16 * 1024 * 1024;
/** Longest wait for an answer, in milliseconds: a release compiles its bundle before it answers. */
const ANSWER_TIMEOUT_MS = 30_000;

const problemSchema = z.object({
  code: z.string().optional(),
  title: z.string().optional(),
  detail: z.string().optional(),
});

interface Answer {
  readonly status: number;
  readonly bytes: Uint8Array;
}

async function readCapped(body: AsyncIterable<Uint8Array>, what: string): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.byteLength;
    if (size > MAX_ANSWER_BYTES)
      throw new PortcullisError('ERR_CLI_ANSWER', 'corrupt', `${what}: the answer is too large`);
    chunks.push(chunk);
  }
  return new Uint8Array(Buffer.concat(chunks));
}

function jsonOf(answer: Answer, what: string): unknown {
  const json = parseStrictJson(answer.bytes, { maxBytes: MAX_ANSWER_BYTES });
  if (json.ok) return json.value;
  throw new PortcullisError(
    'ERR_CLI_ANSWER',
    'corrupt',
    `${what}: the distributor's answer is not JSON: ${json.reason}`,
  );
}

function refusalOf(answer: Answer): Refusal {
  const json = parseStrictJson(answer.bytes);
  const problem = problemSchema.safeParse(json.ok ? json.value : {}).data ?? {};
  return {
    status: answer.status,
    code: problem.code ?? 'ERR_CLI_REFUSED',
    message: problem.detail ?? problem.title ?? `HTTP ${answer.status}`,
  };
}

function refusalFault(what: string, answer: Answer): PortcullisError {
  const { status, code, message } = refusalOf(answer);
  return new PortcullisError(
    'ERR_CLI_REFUSED',
    'unauthenticated',
    `${what}: the distributor refused: ${message} (${code}, HTTP ${status})`,
  );
}

/** Speaks to a distributor over HTTPS with our certificate; see `DistributorApi`. */
export function openDistributorApi(connection: DistributorConnection, signal: AbortSignal): DistributorApi {
  const call = async (
    method: 'GET' | 'PUT' | 'POST',
    path: string,
    body?: { readonly type: string; readonly content: Uint8Array | string },
  ): Promise<Answer> => {
    const what = `${method} ${connection.baseUrl}${path}`;
    try {
      const answer = await request(`${connection.baseUrl}${path}`, {
        method,
        dispatcher: connection.dispatcher,
        signal,
        headersTimeout: ANSWER_TIMEOUT_MS,
        bodyTimeout: ANSWER_TIMEOUT_MS,
        headers: body === undefined ? {} : { 'content-type': body.type },
        ...(body === undefined ? {} : { body: body.content }),
      });
      const read: Answer = { status: answer.statusCode, bytes: await readCapped(answer.body, what) };
      if (read.status >= 500)
        throw new PortcullisError('ERR_CLI_UNREACHABLE', 'unavailable', `${what}: ${refusalOf(read).message}`);
      return read;
    } catch (error) {
      const fault = PortcullisError.from(error, 'ERR_CLI_UNREACHABLE');
      if (fault.code === 'ERR_IDENTITY_REJECTED') {
        const expected = 'expected a distributor of the trust domain that --trust-domain, or the context, names';
        throw new PortcullisError(fault.code, fault.kind, `${what}: ${fault.message}: ${expected}`, { cause: error });
      }
      if (fault.code !== 'ERR_CLI_UNREACHABLE' || fault.message.startsWith(what)) throw fault;
      throw new PortcullisError('ERR_CLI_UNREACHABLE', fault.kind, `${what}: ${fault.message}`, { cause: error });
    }
  };
  const get = async (path: string): Promise<unknown> => {
    const answer = await call('GET', path);
    if (answer.status !== 200) throw refusalFault(path, answer);
    return jsonOf(answer, path);
  };

  return {
    actor: connection.actor,
    // The repository's own files: a channel may lag behind a release that was accepted just now.
    readObject: async (key) => {
      const answer = await call('GET', `/tuf/${key}`);
      if (answer.status === 200) return answer.bytes;
      if (answer.status === 404) return undefined;
      throw refusalFault(key, answer);
    },
    putBundle: async (sha256, bytes) => {
      const answer = await call('PUT', `/v1/bundles/${sha256}`, { type: 'application/gzip', content: bytes });
      return answer.status < 300 ? undefined : refusalOf(answer);
    },
    postRelease: async (upload) => {
      const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
      const content = JSON.stringify({
        env: upload.env,
        channel: upload.channel,
        role_metadata: {
          ...(upload.targets === undefined ? {} : { targets: base64(upload.targets) }),
          [releasesRole(upload.env)]: base64(upload.releases),
        },
        pointer: base64(upload.pointer),
      });
      const answer = await call('POST', '/v1/releases', { type: 'application/json', content });
      return answer.status < 300 ? undefined : refusalOf(answer);
    },
    postRoles: async ({ env, channel, roles }) => {
      const metadata = [...roles].map(([role, bytes]) => [role, Buffer.from(bytes).toString('base64')] as const);
      const content = JSON.stringify({ env, channel, role_metadata: Object.fromEntries(metadata) });
      const answer = await call('POST', '/v1/releases', { type: 'application/json', content });
      return answer.status < 300 ? undefined : refusalOf(answer);
    },
    postRoot: async (root) => {
      const content = JSON.stringify({ root: Buffer.from(root).toString('base64') });
      const answer = await call('POST', '/v1/trust/root', { type: 'application/json', content });
      return answer.status < 300 ? undefined : refusalOf(answer);
    },
    releases: async (env, channel) => {
      const path = `/v1/releases/${env}/${channel}`;
      const answer = await call('GET', path);
      if (answer.status === 404) return { current: undefined, history: [] };
      if (answer.status !== 200) throw refusalFault(path, answer);
      return readReleases(jsonOf(answer, path));
    },
    allNodes: async (env) => readNodes(await get(`/v1/nodes?env=${env}`)),
    nodes: async (env, channel) => readNodes(await get(`/v1/nodes?env=${env}&channel=${channel}`)),
  };
}
