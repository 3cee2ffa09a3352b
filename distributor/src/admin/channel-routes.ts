/** The in-process channel over HTTPS: what PDPs without NATS read, watch and report through. */

import { KILL_SUBJECT, MAX_KILL_LIST_BYTES, NODE_STATUS_SUBJECT, parseNodeStatus } from '@portcullis/policy/trust';
import { PortcullisError } from '@portcullis/runtime';
import { type InProcessChannel, isChannelKey, MAX_SHIPMENT_BYTES } from '@portcullis/runtime/channel';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { MAX_BUNDLE_BYTES } from '../release/accept-bundles.js';
import { forbidden } from './access.js';
import { bytesOf, OCTETS } from './bodies.js';
import { notFound, parseInput } from './problems.js';

const watchQuery = z.strictObject({ after: z.string().max(128).optional() });

/** What the routes work with. */
export interface ChannelRoutes {
  readonly channel: InProcessChannel;
  /** Ends every long poll, so that a drain need not wait for one. */
  readonly signal: AbortSignal;
  /** How long a watch waits for news, in milliseconds. */
  readonly watchMs: number;
}

/** Adds `GET /v1/channel/objects/*`, `GET /v1/channel/watch`, `POST /v1/channel/shipments` and `POST /v1/channel/messages/:subject`. */
export function addChannelRoutes(app: FastifyInstance, { channel, signal, watchMs }: ChannelRoutes): void {
  app.get<{ Params: { '*': string } }>(
    '/v1/channel/objects/*',
    { config: { admits: ['pdp', 'publisher'] } },
    async (request, reply) => {
      const key = request.params['*'];
      const bytes = isChannelKey(key) ? await channel.get(key, { maxBytes: MAX_BUNDLE_BYTES, signal }) : undefined;
      if (bytes === undefined) throw notFound('such object');
      return reply.type(OCTETS).header('cache-control', 'no-store').send(Buffer.from(bytes));
    },
  );

  app.get('/v1/channel/watch', { config: { admits: ['pdp'] } }, async (request, reply) => {
    const { after } = parseInput(watchQuery, request.query);
    const gone = new AbortController();
    reply.raw.once('close', () => gone.abort());
    const cursor = await channel.changed(after, AbortSignal.any([signal, gone.signal, AbortSignal.timeout(watchMs)]));
    return reply.header('cache-control', 'no-store').send({ cursor });
  });

  app.post(
    '/v1/channel/shipments',
    { bodyLimit: MAX_SHIPMENT_BYTES, config: { admits: ['pdp'] } },
    async (request, reply) => {
      const { peer } = request;
      if (peer?.kind !== 'pdp') throw forbidden('a node may ship for itself only');
      const answer = await channel.offer({ bytes: bytesOf(request.body), node: peer.name });
      return reply.type(OCTETS).header('cache-control', 'no-store').send(Buffer.from(answer));
    },
  );

  app.post<{ Params: { subject: string } }>(
    '/v1/channel/messages/:subject',
    { bodyLimit: MAX_KILL_LIST_BYTES, config: { admits: ['pdp'] } },
    async (request, reply) => {
      const { subject } = request.params;
      const message = bytesOf(request.body);
      if (subject === KILL_SUBJECT) {
        // Whoever takes it asks who signed it.
        await channel.send(subject, message, signal);
        return reply.code(204).send();
      }
      if (subject !== NODE_STATUS_SUBJECT) throw notFound('such subject');
      const status = parseNodeStatus(message);
      if (!status.ok) {
        throw new PortcullisError('ERR_ADMIN_INVALID', 'invalid', 'not a node status', {
          details: { problems: status.problems },
        });
      }
      const { peer } = request;
      if (peer?.kind !== 'pdp' || peer.name !== status.value.node) throw forbidden('a node may speak for itself only');
      await channel.send(subject, message, signal);
      return reply.code(204).send();
    },
  );
}
