/** Evidence: asking for records, taking out whole chains, and having texts erased (ADR-0021). */

import { Readable } from 'node:stream';
import { type Clock, LOG_FIELD, type Logger } from '@portcullis/runtime';
import type { FastifyInstance, FastifyRequest, RouteHandlerMethod } from 'fastify';
import { z } from 'zod';
import type { ErasureOutcome, EvidenceErasure } from '../evidence/erasure.js';
import { daysOf, type EvidenceConfig, isHeld } from '../evidence/evidence-config.js';
import { type EvidenceQuery, type FoundRecord, MAX_PAGE, type TenantScope } from '../evidence/evidence-query.js';
import { exportChain } from '../evidence/export-chain.js';
import type { EvidenceStore } from '../evidence/store.js';
import { forbidden } from './access.js';
import { notFound, parseInput } from './problems.js';

/** What the routes work with. */
export interface AuditRoutes {
  readonly store: EvidenceStore;
  readonly query: EvidenceQuery;
  readonly erasure: EvidenceErasure;
  readonly config: EvidenceConfig;
  readonly clock: Clock;
  readonly log: Logger;
}

/** PostgreSQL takes no zero byte in a text; asked with one, the store would look broken. */
const textOf = (maximum: number) =>
  z
    .string()
    .min(1)
    .max(maximum)
    .refine((value) => !value.includes('\u0000'), 'expected a text without a zero byte');
const text = textOf(512);
/** Of four digits, as the times of records are: PostgreSQL and JavaScript do not agree on what lies outside. */
const instant = z.iso
  .datetime({ offset: true })
  .transform((value) => new Date(value))
  .refine(
    (at) => at.getTime() >= Date.UTC(1970) && at.getTime() < Date.UTC(9999),
    'expected a time of the years 1970 to 9998',
  );
/** A query has texts only. */
const count = (maximum: number, fallback: number) =>
  z
    .string()
    .regex(/^[1-9]\d{0,5}$/, `expected 1 to ${maximum}`)
    .transform(Number)
    .refine((value) => value <= maximum, `expected 1 to ${maximum}`)
    .default(fallback);

const recordsQuery = z.strictObject({
  tenant: text.optional(),
  agent: text.optional(),
  tool: text.optional(),
  host: text.optional(),
  model: text.optional(),
  effect: text.optional(),
  kind: text.optional(),
  decision_id: text.optional(),
  from: instant.optional(),
  to: instant.optional(),
  limit: count(MAX_PAGE, 50),
  after: z.string().min(1).max(64).optional(),
});
const findingsQuery = z.strictObject({ writer: text.optional(), limit: count(1_000, 100) });
const exportQuery = z.strictObject({ writer: text });
const nothing = z.strictObject({});
const idParams = z.strictObject({ id: text });
const erasureBody = z.strictObject({
  tenant: textOf(256),
  agent: text.optional(),
  before: instant.optional(),
  comment: textOf(1_000),
});

const READERS = { admits: ['publisher'] as const };
const JSON_TYPE = 'application/json; charset=utf-8';

/** Adds `/v1/audit/records`, `/records/:id`, `/findings`, `/export`, `/retention` and `/erasures`. */
export function addAuditRoutes(app: FastifyInstance, parts: AuditRoutes): void {
  const { query, erasure, config, clock, log } = parts;
  const read = (url: string, handler: RouteHandlerMethod): void => {
    app.route({ method: 'GET', url, config: READERS, handler });
  };

  read('/v1/audit/records', async (request, reply) => {
    const { tenants } = readerOf(request, config);
    const { limit, after, decision_id: decisionId, ...filter } = parseInput(recordsQuery, request.query);
    const page = await query.records(tenants, { ...filter, decisionId }, { limit, after });
    return reply.type(JSON_TYPE).send(recordsJson(page.records, page.next));
  });

  read('/v1/audit/records/:id', async (request, reply) => {
    const { tenants } = readerOf(request, config);
    parseInput(nothing, request.query);
    const found = await query.byId(tenants, parseInput(idParams, request.params).id);
    if (found.length === 0) throw notFound('such record that you may see');
    return reply.type(JSON_TYPE).send(recordsJson(found));
  });

  read('/v1/audit/findings', async (request) => {
    mustSeeAll(request, config);
    return { findings: await query.findings(parseInput(findingsQuery, request.query)) };
  });

  read('/v1/audit/export', async (request, reply) => {
    mustSeeAll(request, config);
    const { writer } = parseInput(exportQuery, request.query);
    if ((await query.chain(writer)) === undefined) throw notFound('chain of this writer');
    const lines = Readable.from(exportChain(writer, parts));
    lines.once('error', (error) => log.warn({ [LOG_FIELD.error]: error }, 'Export broken off'));
    return reply.type('application/x-ndjson').header('cache-control', 'no-store').send(lines);
  });

  read('/v1/audit/retention', async (request) => {
    const { tenants } = readerOf(request, config);
    parseInput(nothing, request.query);
    const { retention } = config;
    const named = tenants === '*' ? Object.keys(retention.tenants) : tenants;
    const of = (tenant: string | null) => ({
      days: daysOf(retention, tenant) ?? null,
      hold: isHeld(retention, tenant),
    });
    return {
      default: of(null),
      tenants: named.map((tenant) => ({ tenant, ...of(tenant) })),
      erasures: await erasure.erasures(tenants),
    };
  });

  const postErasure = async (request: FastifyRequest): Promise<ErasureOutcome> => {
    const reader = readerOf(request, config);
    const wish = parseInput(erasureBody, request.body);
    const mayTenant = reader.tenants === '*' || reader.tenants.includes(wish.tenant);
    if (!reader.mayErase || !mayTenant) {
      throw forbidden('you may not have texts of this tenant erased: see evidence.readers[].mayErase and tenants');
    }
    const outcome = await erasure.erase({ ...wish, actor: reader.publisher }, new Date(clock.now()));
    log.warn({ [LOG_FIELD.peer]: request.peer, ...outcome }, 'Evidence erased');
    return outcome;
  };
  app.route({ method: 'POST', url: '/v1/audit/erasures', config: READERS, handler: postErasure });
}

interface Reader {
  readonly publisher: string;
  readonly tenants: TenantScope;
  readonly mayErase: boolean;
}

/** What the caller may see. @throws PortcullisError `ERR_ADMIN_FORBIDDEN` for everybody who is not named. */
function readerOf({ peer }: FastifyRequest, { readers }: EvidenceConfig): Reader {
  const name = peer?.kind === 'publisher' ? peer.name : undefined;
  const found = readers.find(({ publisher }) => publisher === name);
  if (found === undefined) throw forbidden('you may read no evidence here: see evidence.readers in the configuration');
  return found;
}

/** Chains hold the records of all tenants. @throws PortcullisError `ERR_ADMIN_FORBIDDEN` for others. */
export function mustSeeAll(request: FastifyRequest, config: EvidenceConfig): void {
  if (readerOf(request, config).tenants !== '*') throw forbidden('chains are for those who may see all tenants');
}

/** The records' own texts stand in it as they are: they are JSON, and nothing writes them anew. */
function recordsJson(records: readonly FoundRecord[], next?: string): string {
  const rows = records.map(
    ({ writer, seq, proven, line }) =>
      `{"writer":${JSON.stringify(writer)},"seq":${seq},"proven":${proven},"record":${line}}`,
  );
  return `{"records":[${rows.join(',')}],"next":${JSON.stringify(next ?? null)}}`;
}
