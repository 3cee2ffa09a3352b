/** The TUF repository as plain files: a second source for PDPs, and what any TUF client can read. */

import { hashesOf, metadataFileName, parseMetadataFileName } from '@portcullis/policy/trust';
import type { FastifyInstance, FastifyReply } from 'fastify';
import type { Publisher } from '../release/publisher.js';
import type { Repository } from '../repository/repository.js';
import type { RepositoryState } from '../repository/state.js';
import { OCTETS } from './bodies.js';
import { notFound } from './problems.js';

const HASHED = /^((?:[A-Za-z0-9_-]+\/)*)([0-9a-f]{64})\.([A-Za-z0-9_-][A-Za-z0-9._-]*)$/;
const READERS = { config: { admits: ['pdp', 'publisher'] as const } };

/** Adds `GET /tuf/metadata/*`, `GET /tuf/targets/*` and `GET /v1/trust/:file`. */
export function addRepositoryRoutes(
  app: FastifyInstance,
  parts: { readonly publisher: Pick<Publisher, 'state'>; readonly repository: Repository },
): void {
  const { publisher, repository } = parts;

  app.get<{ Params: { '*': string } }>('/tuf/metadata/*', READERS, async (request, reply) => {
    const file = request.params['*'];
    const bytes = await readCommitted(repository, publisher.state(), file);
    return sendBytes(reply, bytes, `metadata ${file}`);
  });

  app.get<{ Params: { '*': string } }>('/tuf/targets/*', READERS, async (request, reply) => {
    const [, folder = '', sha256 = '', name = ''] = HASHED.exec(request.params['*']) ?? [];
    const bytes = name === '' || name.includes('..') ? undefined : await repository.readTarget(folder + name, sha256);
    const isWhole = bytes !== undefined && hashesOf(bytes).sha256 === sha256;
    return sendBytes(reply, isWhole ? bytes : undefined, 'such target');
  });

  app.get<{ Params: { file: string } }>('/v1/trust/:file', READERS, async (request, reply) => {
    const { file } = request.params;
    return sendBytes(reply, currentFile(publisher.state(), file), `trust file ${file}`);
  });
}

/** The current bytes of `<role>.json`, or `undefined`. */
function currentFile(state: RepositoryState, file: string): Uint8Array | undefined {
  if (!file.endsWith('.json')) return undefined;
  const role = file.slice(0, -'.json'.length);
  if (role === 'root') return state.roots.at(-1)?.bytes;
  if (role === 'snapshot') return state.snapshot.bytes;
  return role === 'timestamp' ? state.timestamp.bytes : state.roles.get(role)?.bytes;
}

/** Metadata up to the committed version; what a publication has written so far and not committed does not exist. */
async function readCommitted(
  repository: Repository,
  state: RepositoryState,
  file: string,
): Promise<Uint8Array | undefined> {
  const named = parseMetadataFileName(file);
  if (named === undefined) return undefined;
  if (named.role === 'timestamp') return state.timestamp.bytes;
  const current =
    named.role === 'root'
      ? state.roots.at(-1)?.metadata.signed.version
      : named.role === 'snapshot'
        ? state.snapshot.metadata.signed.version
        : state.roles.get(named.role)?.metadata.signed.version;
  if (current === undefined || named.version > current) return undefined;
  return repository.readMetadata(metadataFileName(named.role, named.version));
}

async function sendBytes(reply: FastifyReply, bytes: Uint8Array | undefined, what: string): Promise<FastifyReply> {
  if (bytes === undefined) throw notFound(what);
  return reply.type(OCTETS).header('cache-control', 'no-store').send(Buffer.from(bytes));
}
