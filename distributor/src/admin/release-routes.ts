/** Bundles and releases. */

import { isReleaseName, isSha256Hex } from '@portcullis/policy/trust';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { hasConverged, type NodeRegistry } from '../nodes/registry.js';
import { MAX_BUNDLE_BYTES } from '../release/accept-bundles.js';
import { readPointers } from '../release/channel-pointers.js';
import type { Publisher } from '../release/publisher.js';
import { releaseBody, toUpload } from '../release/upload.js';
import type { Incoming } from '../repository/incoming.js';
import type { Repository } from '../repository/repository.js';
import { bytesOf, MAX_RELEASE_BODY_BYTES } from './bodies.js';
import { notFound, parseInput } from './problems.js';

/** What the routes work with. */
export interface ReleaseRoutes {
  readonly publisher: Publisher;
  readonly repository: Repository;
  readonly incoming: Incoming;
  readonly nodes: NodeRegistry;
}

const name = z.string().refine(isReleaseName, 'expected 1 to 63 lower-case letters, digits and inner hyphens');
const channelParams = z.strictObject({ env: name, channel: name });
const bundleParams = z.strictObject({ sha256: z.string().refine(isSha256Hex, 'expected 64 lower-case hex digits') });
const nodeQuery = z.strictObject({ env: name.optional(), channel: name.optional() });
const rootBody = z.strictObject({
  root: z
    .base64()
    .max(1_000_000)
    .transform((text) => new Uint8Array(Buffer.from(text, 'base64')))
    .describe('Base64 of the exact bytes of root N+1.'),
});
const MAX_ROOT_BODY_BYTES = 1_100_000;

/** How many past releases an answer names. */
const MAX_HISTORY = 50;

/** Adds the routes. */
export function addReleaseRoutes(app: FastifyInstance, parts: ReleaseRoutes): void {
  const { publisher, repository, incoming, nodes } = parts;

  app.route({
    method: 'PUT',
    url: '/v1/bundles/:sha256',
    bodyLimit: MAX_BUNDLE_BYTES,
    config: { admits: ['publisher'] },
    handler: async (request, reply) => {
      const { sha256 } = parseInput(bundleParams, request.params);
      const bytes = bytesOf(request.body);
      await incoming.put(sha256, bytes);
      return reply.code(201).send({ sha256, length: bytes.byteLength });
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/releases',
    bodyLimit: MAX_RELEASE_BODY_BYTES,
    config: { admits: ['publisher'] },
    handler: (request) => publisher.publish(toUpload(parseInput(releaseBody, request.body))),
  });

  app.route({
    method: 'POST',
    url: '/v1/trust/root',
    bodyLimit: MAX_ROOT_BODY_BYTES,
    config: { admits: ['publisher'] },
    handler: (request) => publisher.rotate(parseInput(rootBody, request.body).root),
  });

  app.route({
    method: 'GET',
    url: '/v1/releases/:env/:channel',
    config: { admits: ['publisher', 'pdp'] },
    handler: async (request) => {
      const of = parseInput(channelParams, request.params);
      const { release, abort, current } = await readPointers(repository, publisher.state(), of.env, of.channel);
      if (current === undefined) throw notFound(`release of ${of.env}/${of.channel}`);
      const past = await repository.history({ ...of, seq: current.seq });
      const rows = nodes.rows(of);
      return {
        ...of,
        pointer: current,
        release: release ?? null,
        abort: abort ?? null,
        history: past.slice(0, MAX_HISTORY).map((pointer) => ({ pointer })),
        nodes: rows,
        converged: hasConverged(current, rows),
      };
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/nodes',
    config: { admits: ['publisher'] },
    handler: async (request) => {
      const { env, channel } = parseInput(nodeQuery, request.query);
      const rows = nodes.rows();
      return { nodes: rows.filter((row) => (env ?? row.env) === row.env && (channel ?? row.channel) === row.channel) };
    },
  });
}
